"""NGBoost in JAX: the mean of a distribution as a sum of trees, and probabilities."""

import numpy as np
import pytest

from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.structure import TreeSum
from tests.models.trees.tree_oracle import agree, at_thresholds, thresholds_of, walk

ngboost = pytest.importorskip("ngboost")
pytestmark = pytest.mark.precision

RNG = np.random.default_rng(2)
X = RNG.normal(size=(120, 3)).astype(np.float32).astype(float)
TARGET = X[:, 0] + X[:, 1] * X[:, 2] + RNG.normal(size=120) / 4
TABLE = RawTable.of_numbers(3)
SMALL = {"n_estimators": 5, "verbose": False, "random_state": 0, "col_sample": 0.7}


def at_splits(model):
    columns, thresholds = [], []
    for members, own in zip(model.base_models, model.col_idxs, strict=True):
        some = [m for m in members if m.tree_.node_count > 1]
        if some:
            tested, at = thresholds_of(some)
            columns.append(np.asarray(own)[tested])
            thresholds.append(at)
    rows = at_thresholds(np.concatenate(columns), np.concatenate(thresholds), X, np.float32)
    return rows.astype(float)


def test_the_mean_of_a_normal_distribution_is_exact():
    model = ngboost.NGBRegressor(**SMALL).fit(X, TARGET)
    ours, rows = as_predict_fn(model, table=TABLE), at_splits(model)
    assert isinstance(ours.structure, TreeSum)
    agree(walk(ours.structure, rows)[0], model.predict(rows), rtol=1e-12)
    agree(ours(rows), model.predict(rows))


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities(classes):
    y = np.digitize(TARGET, [0.0] if classes == 2 else [-0.7, 0.7])
    dist = ngboost.distns.k_categorical(classes)
    model = ngboost.NGBClassifier(Dist=dist, **SMALL).fit(X, y)
    ours, rows = as_predict_fn(model, table=TABLE), at_splits(model)
    assert (ours.path, ours.structure) == ("jax", None)
    agree(ours(rows), model.predict_proba(rows))


def test_another_distribution_stays_on_the_host():
    model = ngboost.NGBRegressor(Dist=ngboost.distns.LogNormal, **SMALL).fit(X, np.exp(TARGET))
    ours = as_predict_fn(model, table=TABLE)
    assert "NGBRegressor: the mean of its" in ours.reason
    np.testing.assert_array_equal(ours(X), model.predict(X))
