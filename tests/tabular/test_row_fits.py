"""A converted model explains as the same model does as a function, rows on its thresholds too."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lime_jax import TabularExplainer

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
RATE = np.where(RNG.random(600) < 0.5, 0.1, np.round(RNG.uniform(0.11, 1, 600), 2))
X = np.column_stack([RATE, np.round(RNG.normal(60, 2, (600, 2)), 2)])
Y = ((RATE > 0.1) & (X[:, 1] > 60.1)) | (X[:, 2] < 58.7)
MODEL = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=8).fit(X, Y)
SCALED = make_pipeline(StandardScaler(), MODEL.__class__(max_iter=4, max_leaf_nodes=8)).fit(X, Y)
SETTINGS = {
    "spikes": {},
    "held columns": dict(features=[0, 2]),
    "around the row, held": dict(features=[2], sample_around_instance=True),
}


@pytest.mark.parametrize("model", [MODEL, SCALED], ids=["plain", "scaled"])
@pytest.mark.parametrize("name", SETTINGS)
def test_samples_fall_on_the_same_side_of_every_threshold(name, model):
    explainer = TabularExplainer(**SETTINGS[name]).fit(X)
    options = dict(num_samples=512, labels=[True])
    ours = explainer.explain(X[:40], model, **options)
    assert ours.model_path.startswith("jax")
    theirs = explainer.explain(X[:40], lambda rows: model.predict_proba(rows), num_samples=512)
    np.testing.assert_allclose(ours.prediction, theirs.prediction, atol=1e-6)
    np.testing.assert_allclose(ours.coef[:, 0], theirs.coef[:, 1], atol=1e-5)
    np.testing.assert_allclose(ours.intercept[:, 0], theirs.intercept[:, 1], atol=1e-5)


def test_exact_explanations_of_held_columns_decide_by_their_very_numbers():
    explainer = TabularExplainer(features=[2]).fit(X)
    exact = explainer.explain(X[:40], MODEL.decision_function)
    assert exact.method == "exact"
    sampled = explainer.explain(X[:40], MODEL.decision_function, method="sampled")
    weights = np.abs(exact.coef[..., 2])
    assert weights.max() > 1  # where the held columns let the third one count
    np.testing.assert_allclose(sampled.coef, exact.coef, atol=0.01)
