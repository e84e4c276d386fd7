"""Models moved and scaled: the same functions, near 0."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

import lime_jax
from lime_jax.models.convert.additive import scale_additive
from lime_jax.models.convert.additive_predict import additive_predict
from lime_jax.models.convert.features import RawTable
from lime_jax.models.convert.tree_sums import scale_trees
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.structure import Additive
from lime_jax.models.trees import tree_predict
from lime_jax.tabular.exact import is_far, relative_outputs

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = np.column_stack([RNG.normal(size=(200, 2)), RNG.integers(0, 3, 200)])
Y = 50 * X[:, 0] + 10 * X[:, 0] * X[:, 1] + np.array([0.0, 30.0, -20.0])[X[:, 2].astype(int)]
LEVELS = (None, None, (0.0, 1.0, 2.0))


def linear():
    codes = ColumnTransformer([("codes", OneHotEncoder(), [2])], remainder="passthrough")
    return make_pipeline(codes, LinearRegression())


def predict(structure, rows):
    of = additive_predict if isinstance(structure, Additive) else tree_predict
    return np.asarray(of(structure)(rows), np.float64)


MODELS = {
    "tree": lambda: DecisionTreeRegressor(max_depth=4),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=5, random_state=0),
    "linear": linear,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("factor", "constant"), [(1, 1.7e9), (1e-24, 0), (1e36, 0), (1e36, 1e38)])
def test_they_are_the_same_function(name, factor, constant):
    model = MODELS[name]().fit(X, Y)
    structure = as_predict_fn(model, table=RawTable(None, LEVELS)).structure
    assert structure is not None
    assert not is_far(*relative_outputs(structure, X.mean(0), X.std(0)))
    scaled = rescaled(structure, factor, constant)
    near, scale = relative_outputs(scaled, X.mean(0), X.std(0))
    assert is_far(near, scale)
    found = (scale.origin - constant + scale.unit * predict(near, X)) / factor
    np.testing.assert_allclose(found[:, 0], model.predict(X), atol=1e-3 if constant else 1e-4)


def rescaled(structure, factor, constant):
    rescale = scale_additive if isinstance(structure, Additive) else scale_trees
    return rescale(structure, np.array([float(factor)]), np.array([float(constant)]))


def test_probabilities_still_add_up():
    forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, X[:, 2])
    structure = as_predict_fn(forest).structure
    assert structure is not None
    near, scale = relative_outputs(structure, X.mean(0), X.std(0))
    np.testing.assert_allclose(scale.origin.sum() + predict(near, X).sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("how", ["lime", "kernel_shap", "coalitions"])
def test_weights_do_not_depend_on_a_constant(name, how):
    """The model of targets that are further away is that of the others, to rounding."""
    near, far = (MODELS[name]().fit(X, Y + constant) for constant in (0, 2.0**20))
    explainer = lime_jax.TabularExplainer("lime" if how == "lime" else "kernel_shap")
    explainer.set_params(categorical_features=[2]).fit(X[:40])
    method = "sampled" if how == "coalitions" and name != "linear" else "exact"
    ours, expected = (explainer.explain(X[:3], m, method=method) for m in (far, near))
    if name != "linear":  # the same splits
        np.testing.assert_allclose(far.predict(X) - 2.0**20, near.predict(X), atol=1e-4)
    np.testing.assert_allclose(ours.coef, expected.coef, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(ours.intercept - 2.0**20, expected.intercept, atol=1e-3)
    np.testing.assert_allclose(ours.local_pred - 2.0**20, expected.local_pred, atol=1e-3)
    np.testing.assert_allclose(ours.score, expected.score, atol=1e-4)
    assert ours.intercept.dtype == np.float64
