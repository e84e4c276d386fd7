"""Rows of the same bins have the same numbers, worked out once."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from lime_jax import TabularExplainer
from lime_jax.tabular.alike import alike
from tests.house import assert_same

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(3)
X = RNG.normal(size=(200, 4))
MODEL = RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)
COPIES = X[:3][[0, 1, 0, 2, 0, 1, 1, 0]] * (1 + 1e-9 * RNG.random((8, 1)))


def test_kinds_are_those_of_numpy():
    codes = RNG.integers(-1, 2, (50, 3)).astype(np.int32)
    found = alike(codes[:, :2], codes[:, 2:])
    assert found is not None
    some, kind = found
    assert len(some) == len(np.unique(codes, axis=0))
    np.testing.assert_array_equal(codes[some][kind], codes)


def test_codes_whose_sums_agree_are_told_apart():
    factors = np.random.default_rng(0).integers(2**63, size=2, dtype=np.uint64)
    ours = 2 * factors + np.uint64(1)
    other = int(ours[0]) * pow(int(ours[1]), -1, 2**64) % 2**64  # (1, 0) and (0, other) agree
    codes = np.array([[1, 0], [0, other], [1, 0], [1, 0]], np.uint64).view(np.int64)
    assert alike(codes) is None


def test_rows_that_hardly_agree_are_left_as_they_are():
    assert alike(np.arange(8)[:, None]) is None


@pytest.mark.parametrize("method", ["exact", "sampled"])
def test_rows_have_the_same_bits_as_by_themselves(method):
    explainer = TabularExplainer().fit(X)
    options: dict[str, Any] = dict(method=method, num_samples=512, top_labels=1)
    together = explainer.explain(COPIES, MODEL, **options)
    for row in (1, 4):
        alone = explainer.explain(COPIES[[row]], MODEL, **options)
        names = ("coef", "std_error", "intercept", "score", "local_pred", "labels")
        assert_same(alone, together[[row]], names, tolerance=0)


def test_rows_with_neighborhoods_of_their_own_differ():
    explainer = TabularExplainer(features=[0, 1]).fit(X)
    found = explainer.explain(COPIES, MODEL, method="sampled", num_samples=64)
    assert len(np.unique(found.coef[:, 0, 0])) == len(COPIES)
