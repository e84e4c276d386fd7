"""What is not converted says why, and is explained all the same."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lime_jax import TabularExplainer, as_predict_fn

pytestmark = pytest.mark.precision

X = np.round(np.random.default_rng(0).normal(size=(80, 3)), 1)  # with neighbors equally far


def test_nearest_neighbors_are_decided_by_their_own_distances():
    for model in (
        KNeighborsRegressor(4).fit(X, X[:, 0]),
        make_pipeline(StandardScaler(), KNeighborsClassifier(4)).fit(X, X[:, 0] > 0),
    ):
        opened = as_predict_fn(model)
        assert opened.path == "host"
        assert "the last digits of its own distances" in opened.reason
        values = TabularExplainer("kernel_shap").fit(X[:9]).explain(X[:5], model)
        ends = values.intercept + values.coef.sum(axis=2)
        np.testing.assert_allclose(ends, values.prediction, atol=1e-6)
