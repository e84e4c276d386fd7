"""imbalanced-learn's pipelines and forests: what samples rows is for training alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lime_jax.models.opening import as_predict_fn
from lime_jax.models.structure import Additive, TreeSum
from tests.models.trees.tree_oracle import agree

imblearn = pytest.importorskip("imblearn")
pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32).astype(float)
RARE = (X[:, 0] + X[:, 1] > 1.3).astype(int)


def test_a_pipeline_with_a_sampler():
    sampler = imblearn.over_sampling.RandomOverSampler(random_state=0)
    steps = (StandardScaler(), sampler, LogisticRegression())
    model = imblearn.pipeline.make_pipeline(*steps).fit(X, RARE)
    margin = as_predict_fn(model, "margin")
    assert isinstance(margin.structure, Additive)
    agree(margin(X), model.decision_function(X))
    agree(as_predict_fn(model)(X), model.predict_proba(X))


def test_a_balanced_forest_is_exact():
    kind = imblearn.ensemble.BalancedRandomForestClassifier
    model = kind(n_estimators=3, max_depth=3, random_state=0).fit(X, RARE)
    ours = as_predict_fn(model)
    assert isinstance(ours.structure, TreeSum)
    agree(ours(X), model.predict_proba(X))
