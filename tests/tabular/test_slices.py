"""Rows of exact LIME go through in slices, and say the same as all at once."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from lime_jax import TabularExplainer
from lime_jax.tabular import lime
from lime_jax.tabular.slices import joined, slices
from tests.house import assert_same

RNG = np.random.default_rng(4)
X = RNG.normal(size=(150, 4))
MODEL = RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)


def test_slices_are_all_rows_and_hold_few_numbers():
    for rows, row_size in ((1, 5), (5000, 200), (3_000_000, 30)):
        found = list(slices(rows, row_size))
        assert [part.start for part in found[1:]] == [part.stop for part in found[:-1]]
        assert (found[0].start, found[-1].stop) == (0, rows)
        assert all((part.stop - part.start) * row_size <= 2**18 for part in found)


def test_parts_are_joined_in_their_order():
    whole = {"a": RNG.normal(size=(7, 2)), "b": np.arange(7), "none": None}
    parts = [{"a": whole["a"][i], "b": whole["b"][i], "none": None} for i in slices_of_three(7)]
    found = joined(iter(parts), 7)
    assert found["none"] is None
    for name in "ab":
        np.testing.assert_array_equal(found[name], whole[name])


@pytest.mark.parametrize("encoding", ["same_bin", "standardized"])
def test_explanations_have_the_same_bits_in_slices(monkeypatch, encoding):
    explainer = TabularExplainer(discretizer="quartile" if encoding == "same_bin" else None)
    explainer.fit(X)
    whole = explainer.explain(X[:8], MODEL, method="exact", top_labels=1)
    assert whole.method == "exact"
    monkeypatch.setattr(lime, "slices", lambda rows, _: slices_of_three(rows))
    names = ("coef", "intercept", "score", "local_pred", "labels", "bins", "values")
    seen = explainer.explain(X[:8], MODEL, method="exact", top_labels=1)
    assert_same(whole, seen, names, tolerance=0)


def slices_of_three(rows: int) -> list[slice]:
    return [slice(start, min(start + 3, rows)) for start in range(0, rows, 3)]
