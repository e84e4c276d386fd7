"""`SubmodularPick` on explainers of tables and texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from lime_jax.compat.lime_tabular import LimeTabularExplainer
from lime_jax.compat.lime_text import LimeTextExplainer
from lime_jax.compat.submodular_pick import SubmodularPick


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(40, 3))


def model(rows):
    share = 1 / (1 + np.exp(-rows[:, 0] - rows[:, 1] * rows[:, 2]))
    return np.stack([1 - share, share], axis=1)


def explainer_of(X):
    return LimeTabularExplainer(X, random_state=0)


def test_weights_of_two_classes_do_not_cancel(X):
    pick = SubmodularPick(explainer_of(X), X, model, method="full", top_labels=2)
    assert pick.W.shape == (40, 12)
    assert pick.W.to_numpy().max() > 0.1
    assert [pick.explanations[k] for k in pick.V] == pick.sp_explanations
    assert (np.diff(pick.gains) <= 0).all()


def test_a_frame_and_a_sample_keep_their_rows(X):
    frame = pd.DataFrame(X, columns=list("abc"))
    pick = SubmodularPick(explainer_of(frame), frame, model, sample_size=10, num_exps_desired=2)
    assert len(set(pick.row_ids)) == len(pick.explanations) == 10
    for row, one in zip(pick.row_ids, pick.explanations, strict=True):
        np.testing.assert_allclose(one.predict_proba, model(X[row][None])[0])
    assert pick.W.index.tolist() == pick.row_ids
    table = pd.DataFrame([dict(one.as_list(one.top_labels[0])) for one in pick.explanations])
    assert set(table.columns) == set(pick.W.columns)


@pytest.mark.filterwarnings("ignore:.*rows show everything")
def test_sparse_rows_are_picked():
    rows = scipy.sparse.random(12, 6, 0.5, format="csr", random_state=0)
    explainer = LimeTabularExplainer(rows, mode="regression", random_state=0)
    pick = SubmodularPick(explainer, rows, lambda batch: batch @ np.arange(6.0), "full")
    assert 1 <= len(pick.sp_explanations) <= 5


@pytest.mark.filterwarnings("ignore:.*rows show everything")
def test_texts_are_picked():
    texts = ["good day for all", "bad day for all", "good day for none"]

    def share(texts):
        good = [0.5 + 0.3 * ("good" in text) - 0.3 * ("bad" in text) for text in texts]
        return np.array([[1 - one, one] for one in good])

    explainer = LimeTextExplainer(random_state=0)
    pick = SubmodularPick(explainer, texts, share, "full", num_exps_desired=3, labels=(1,))
    assert sorted(pick.V[:2]) in ([0, 1], [1, 2])
    words = {one.as_list()[0][0] for one in pick.sp_explanations}
    assert {"good", "bad"} <= words


def test_an_explainer_of_ones_own_is_asked_row_by_row(X):
    class Plain:
        def __init__(self):
            self.inner = explainer_of(X)

        def explain_instance(self, *arguments, **options):
            return self.inner.explain_instance(*arguments, **options)

    pick = SubmodularPick(Plain(), X[:4], model, method="full", num_exps_desired=1, labels=(1,))
    assert len(pick.explanations) == 4


def test_too_many_are_all(X):
    with pytest.warns(UserWarning, match="`sample_size`"):
        pick = SubmodularPick(explainer_of(X), X[:3], model, sample_size=9, num_exps_desired=1)
    assert len(pick.explanations) == 3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"method": "all"}, "`method`"),
        ({"num_exps_desired": None}, "`num_exps_desired`"),
        ({"data": []}, "`data`"),
    ],
)
def test_bad_picks_are_named(X, options, named):
    with pytest.raises(ValueError, match=named):
        SubmodularPick(explainer_of(X), **{"data": X, "predict_fn": model, **options})
