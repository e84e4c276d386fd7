"""YDF's models are called as they are, with columns by name, and explained."""

import numpy as np
import pandas as pd
import pytest

from lime_jax import TabularExplainer
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn

ydf = pytest.importorskip("ydf")

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(150, 2)), columns=["b", "a"])
X["level"] = np.where(RNG.random(150) < 0.5, "x", "y")
SMALL = {"num_trees": 3, "random_seed": 1}


def trained(target, **options):
    ydf.verbose(0)
    return ydf.RandomForestLearner(label="target", **SMALL, **options).train(
        X.assign(target=target)
    )


@pytest.mark.parametrize("bounds", [[0.0], [-0.5, 0.5]])
def test_a_classifier_has_a_probability_for_each_class(bounds):
    model = trained(np.digitize(X["a"], bounds).astype(str))
    ours = as_predict_fn(model)
    assert (ours.path, ours.output_kind) == ("host", "probability")
    explained = TabularExplainer("kernel_shap").fit(X[:20]).explain(X[:4], model)
    own = model.predict(X[:4])
    own = np.stack([1 - own, own], axis=1) if own.ndim == 1 else own
    np.testing.assert_allclose(explained.prediction, own, atol=1e-6)
    ends = explained.intercept + explained.coef.sum(axis=2)
    np.testing.assert_allclose(ends, own, atol=1e-5)


def test_a_regression_of_an_array():
    numbers = X[["b", "a"]]
    learner = ydf.GradientBoostedTreesLearner(label="target", task=ydf.Task.REGRESSION, **SMALL)
    model = learner.train(numbers.assign(target=X["a"]))
    names = model.input_feature_names()
    ours = as_predict_fn(model, table=RawTable.of_numbers(2))
    assert "its trees are not read here" in ours.reason
    np.testing.assert_allclose(ours(numbers[names].to_numpy()), model.predict(numbers), atol=1e-6)
