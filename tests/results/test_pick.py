"""SP-LIME against its definition, by brute force."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import scipy.sparse

import lime_jax
from lime_jax.results.pick import greedy


@pytest.fixture(scope="module")
def explanations():
    X = np.random.default_rng(1).normal(size=(24, 4))
    model = lambda rows: rows[:, 0] * rows[:, 1] + rows[:, 2]  # noqa: E731
    explainer = lime_jax.TabularExplainer().fit(X)
    return explainer.explain(X, model, num_samples=256, method="sampled")


def by_definition(W, count):
    """The greedy algorithm of the paper, sum for sum."""
    matters = np.sqrt(W.sum(0))

    def coverage(rows):
        return matters[(W[rows] > 0).any(0)].sum()

    rows = []
    for _ in range(count):
        left = [row for row in range(len(W)) if row not in rows]
        gains = [coverage([*rows, row]) - coverage(rows) for row in left]
        if max(gains) < 1e-9:
            break
        best = [row for row, gain in zip(left, gains, strict=True) if gain > max(gains) - 1e-9]
        rows.append(max(best, key=lambda row: W[row].sum()))
    return rows


def matrix_of(explanations, num_features):
    weights = explanations.coef[:, 0].astype(float)
    weights = np.where(np.abs(weights) > 2 * explanations.std_error[:, 0], np.abs(weights), 0)
    for row in weights:
        row[np.argsort(-row)[num_features:]] = 0
    W = np.zeros((len(weights), len(explanations.conditions)))
    np.put_along_axis(W, explanations.bins, weights, axis=1)
    return W


@pytest.mark.parametrize("num_features", [2, 10])
def test_rows_are_those_of_the_paper(explanations, num_features):
    picked = explanations.pick(6, num_features)
    W = matrix_of(explanations, num_features)
    assert picked.rows.tolist() == by_definition(W, 6)
    covered = (W[picked.rows] > 0).any(0)
    matters = np.sqrt(W.sum(0))
    assert picked.coverage == pytest.approx(matters[covered].sum() / matters.sum())


def test_greedy_is_within_its_bound(rng):
    """63 % of what the best set of rows covers, which is tried."""
    W = rng.random((8, 10)) * (rng.random((8, 10)) < 0.3)
    matters = np.sqrt(W.sum(0))
    best = max(
        matters[(W[list(rows)] > 0).any(0)].sum() for rows in itertools.combinations(range(8), 3)
    )
    found = greedy(scipy.sparse.csr_matrix(W), 3)
    assert found.coverage * matters.sum() >= (1 - 1 / np.e) * best


def test_it_stops_where_nothing_is_gained_and_says_so(explanations):
    picked = explanations.pick(24, by="feature")
    assert len(picked.rows) < 24
    assert "24 were asked for" in picked.note
    assert picked.coverage == pytest.approx(1)
    assert "clear of its noise" in explanations.pick(threshold=1e9).note


def test_ties_go_to_the_stronger_row_then_to_the_first():
    W = scipy.sparse.csr_matrix([[1.0, 1], [2, 2], [2, 2]])
    assert greedy(W, 1).rows.tolist() == [1]


def test_labels_do_not_cancel(explanations):
    both = dataclasses.replace(
        explanations,
        coef=np.concatenate([explanations.coef, -explanations.coef], axis=1),
        **{
            name: np.repeat(getattr(explanations, name), 2, axis=1)
            for name in ("std_error", "intercept", "score", "local_pred", "held_out_score")
        },
        labels=np.tile([0, 1], (len(explanations), 1)),
        prediction=np.repeat(explanations.prediction, 2, axis=1),
        output_names=("one", "other"),
    )
    assert both.pick(4).rows.tolist() == explanations.pick(4).rows.tolist()
    assert both.pick(4, label="other").rows.tolist() == explanations.pick(4).rows.tolist()


def test_words_are_what_texts_are_compared_by():
    texts = ["good day", "good wine day", "day of rain", "bad day"]

    def model(texts):
        return [1.0 * ("good" in t) - 2 * ("bad" in t) + 0.5 * ("rain" in t) for t in texts]

    picked = lime_jax.TextExplainer().explain(texts, model).pick(4)
    assert picked.rows.tolist() == [3, 0, 2]


def test_a_stored_job_is_picked_from_part_by_part(explanations, tmp_path):
    import pyarrow.parquet

    from lime_jax.results.arrow import rows_table

    for number, start in enumerate(range(0, 24, 10)):
        rows = range(start, min(start + 10, 24))
        path = tmp_path / f"part-{number:05d}.parquet"
        table = rows_table(explanations[list(rows)], rows)
        pyarrow.parquet.write_table(table, path, write_page_checksum=True)
    manifest = {"num_rows": 24, "rows_per_part": 10, "num_parts": 3}
    (tmp_path / "_manifest.json").write_text(json.dumps(manifest))
    stored = lime_jax.load(tmp_path)
    assert stored.pick(6).rows.tolist() == explanations.pick(6).rows.tolist()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"count": 0}, "`count`"),
        ({"num_features": 0}, "`num_features`"),
        ({"by": "bin"}, "`by`"),
        ({"threshold": "sure"}, "`threshold`"),
        ({"threshold": -1.0}, "`threshold`"),
    ],
)
def test_bad_arguments_of_pick_are_named(explanations, options, named):
    with pytest.raises(ValueError, match=named):
        explanations.pick(**options)


def test_nothing_is_picked_of_nothing(explanations):
    with pytest.raises(ValueError, match="`pick`"):
        explanations[:0].pick()
