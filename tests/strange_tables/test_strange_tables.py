"""A few tables of every library; `python -m tests.strange_tables 10000` runs many more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import lime_jax
from lime_jax.tabular.frames import learn_schema
from tests.strange_tables.case import model, run


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_tables_are_explained_or_refused_by_the_name_of_their_argument(first):
    found = [run(seed) for seed in range(first, first + 10)]
    assert not [one for one in found if one.kind == "WRONG"]


# What such tables have found.


@pytest.mark.parametrize("discretizer", ["quartile", "entropy"])
def test_numbers_as_large_and_as_far_apart_as_there_are(discretizer):
    X = np.array([[-1e308], [5e-324], [1e308], [3.0]])
    with np.errstate(over="ignore"):
        explainer = lime_jax.TabularExplainer(discretizer=discretizer).fit(X, [0, 1, 0, 1])
        found = explainer.explain(X, model, num_samples=64)
    assert np.isfinite(found.coef).all()
    assert len(found[0].as_list()[0][0]) < 60


def test_entropy_edges_of_numbers_beyond_float32_are_those_of_smaller_ones():
    x, y = np.random.default_rng(0).normal(size=(2, 200))
    small, large = (lime_jax.stages.entropy_edges(scale * x, y > 0) for scale in (1.0, 2.0**900))
    np.testing.assert_allclose(large, 2.0**900 * small, rtol=1e-6)


def test_a_tuple_among_numpys_numbers_is_a_level_of_its_own():
    levels = [(1, 2), np.float32(2), np.float32(3)]
    frame = pd.DataFrame({"a": pd.Series(levels, dtype=object)})
    assert set(learn_schema(frame).levels[0] or ()) == set(levels)


@pytest.mark.parametrize(
    "new",
    [
        np.array([["a"]]),
        *(np.array([[value]], object) for value in (b"x", 1j, 1e300)),
        np.fromiter([(1, 2), (3, 4)], object, 2)[:, None],
        *(pa.table({"a": [value]}) for value in ("a", b"x", 1e300)),
    ],
)
def test_a_level_that_its_column_cannot_hold_is_missing_there(new):
    flags = [True, False]
    fitted = pa.table({"a": flags}) if isinstance(new, pa.Table) else np.array([flags]).T
    explainer = lime_jax.TabularExplainer().fit(fitted)
    assert np.isfinite(explainer.explain(new, model, num_samples=64).coef).all()


def test_among_texts_a_tuple_is_what_it_prints():
    seen = []

    def length(batch):
        seen.append(batch)
        return np.char.str_len(batch[:, 0])

    pairs = np.fromiter([(1, 2), (3, 4)], object, 2)[:, None]
    explainer = lime_jax.TabularExplainer("kernel_shap").fit(np.array([["NA"], ["a"]]))
    explanations = explainer.explain(pairs, length)
    assert "(1, 2)" in np.concatenate(seen)
    np.testing.assert_allclose(explanations.coef[:, 0, 0], 6 - 1.5, rtol=1e-6)
