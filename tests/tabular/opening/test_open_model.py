"""The last model is recognized, a changed one is not, and a wrong conversion does not survive."""

import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from lime_jax import TabularExplainer, fit_tabular
from lime_jax.models.convert.compose import apply
from lime_jax.models.registry import register_converter
from lime_jax.tabular.frames import learn_schema
from lime_jax.tabular.opening import open_model as opening
from lime_jax.tabular.opening.open_model import RecentModels, open_model
from lime_jax.tabular.opening.sample_facts import SampleFacts, sample_facts

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] + (X[:, 1] > 0)
SCHEMA = learn_schema(X)
NEVER = SampleFacts(np.zeros(3, bool))


def opened(model, output=None, schema=SCHEMA, values=X):
    return open_model(model, output, schema, values, NEVER)


@pytest.fixture
def recognizes():
    """Whether a model, opened right after another one, is taken for the same."""

    def check(first, then, schemas=(SCHEMA, SCHEMA), output=None):
        values = X[:, : len(schemas[0].columns)]
        recent, facts = RecentModels(), SampleFacts(np.zeros(values.shape[1], bool))
        tables = recent.open(first, None, schemas[0], values, facts).tables
        return recent.open(then, output, schemas[1], values, facts).tables is tables

    return check


@pytest.fixture
def tree():
    return DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, Y)


def test_the_same_model_is_recognized(tree, recognizes):
    assert opened(tree.predict).model.path == "jax"
    assert recognizes(tree.predict, tree.predict)


def test_an_equal_copy_is_as_good(tree, recognizes):
    assert recognizes(tree, DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, Y))


def test_another_output_is_another_model(tree, recognizes):
    assert not recognizes(tree, tree, output="value")


def test_a_model_that_was_fitted_again_is_another_one(tree, recognizes):
    again = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, -Y)
    assert not recognizes(tree, again)


def test_a_table_with_fewer_levels_is_no_reason_to_open_again(recognizes):
    few, more = (learn_schema(np.arange(n)[:, None] % n, [0]) for n in (2, 3))
    model = DecisionTreeRegressor().fit(X[:, :1], Y)
    assert recognizes(model, model, (more, few))
    assert not recognizes(model, model, (few, more))


def test_views_of_a_model_share_its_tables_but_not_its_calls(tree):
    model = opened(tree)
    model.predict_rows(X, X, None)
    view = model.view()
    assert view.tables is model.tables
    assert (model.num_outputs, view.num_outputs) == (1, None)


def test_recent_models_do_not_travel(tree):
    recent = RecentModels()
    recent.open(tree, None, SCHEMA, X, NEVER)
    assert recent.opened
    assert pickle.loads(pickle.dumps(recent)).opened == ()


def test_several_models_in_turn_are_each_opened_once():
    trees = [DecisionTreeRegressor(max_depth=1).fit(X, k * Y) for k in (1, 2, 3, 4, 5)]
    recent = RecentModels()

    def tables(model):
        return recent.open(model, None, SCHEMA, X, NEVER).tables

    first = [tables(model) for model in trees]  # the first one has made room
    assert [tables(model) is known for model, known in zip(trees[1:], first[1:], strict=True)] == [
        True
    ] * 4
    assert tables(trees[0]) is not first[0]


def test_a_model_that_went_on_learning_in_place_is_another_one():
    model = SGDRegressor(random_state=0).fit(X, Y)
    explainer = TabularExplainer().fit(X)
    before = explainer.explain(X[:2], model)
    for _ in range(5):
        model.partial_fit(X, -3 * Y)
    after = explainer.explain(X[:2], model)
    fresh = TabularExplainer().fit(X).explain(X[:2], model)
    assert np.abs(after.coef - before.coef).max() > 0.1
    np.testing.assert_array_equal(after.coef, fresh.coef)


def test_a_function_is_never_recognized(recognizes):
    assert not recognizes(len, len)


def test_a_model_that_cannot_be_pickled_is_opened_each_time(tree, recognizes):
    model = make_pipeline(FunctionTransformer(lambda batch: batch), tree).fit(X, Y)
    assert not recognizes(model, model)
    assert opened(model).model.path == "host"


class Wrong:
    """A model whose converter is wrong."""

    def fit(self, X, y=None):
        return self

    def predict(self, batch):
        return 2 * np.asarray(batch)[:, 0]


@register_converter(Wrong, methods=("predict",))
def convert_wrong(model, method, features):
    return apply(lambda inputs: 3 * inputs[:, :1], features)


def test_a_wrong_conversion_runs_on_the_host_and_says_so():
    model = opened(Wrong()).model
    assert model.path == "host"
    assert re.search(r"Wrong.predict on the host: in JAX it predicts \S+ in place of", model.reason)
    explanations = TabularExplainer().fit(X).explain(X[:3], Wrong())
    np.testing.assert_array_equal(explanations.prediction[:, 0], 2 * X[:3, 0])


def test_a_model_of_another_table_says_so_itself(tree):
    explainer = TabularExplainer().fit(X[:, :2])
    with pytest.raises(ValueError, match="3 features"):
        explainer.explain(X[:2, :2], tree)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = DecisionTreeRegressor(random_state=0).fit(frame, Y)
    other = frame.rename(columns={"c": "d"})
    with pytest.raises(ValueError, match="feature names should match"):
        TabularExplainer().fit(other).explain(other[:2], model)


def test_a_converted_model_takes_missing_values_only_where_it_did_before():
    model = LinearRegression().fit(X, Y)
    row = X[:1].copy()
    row[0, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        TabularExplainer().fit(X).explain(row, model)


def test_rows_between_a_threshold_and_its_32_bit_neighbor_are_predicted_by_the_model_itself():
    rng = np.random.default_rng(1)
    stamps = 1.6e9 + np.arange(400.0)[:, None]
    model = HistGradientBoostingRegressor(max_iter=5).fit(stamps, rng.normal(size=400))
    explanations = TabularExplainer().fit(stamps).explain(stamps[:50], model)
    np.testing.assert_allclose(explanations.prediction[:, 0], model.predict(stamps[:50]), rtol=1e-6)
    assert len(np.unique(jnp.asarray(stamps[:50], jnp.float32))) < 5


def test_the_check_never_lets_the_model_raise_about_rows_that_nobody_gave():
    strict = make_pipeline(
        OrdinalEncoder(categories=[[0.0, 1.0, 2.0]] * 3), HistGradientBoostingRegressor(max_iter=3)
    )
    whole = np.tile(np.arange(3.0), (3, 20)).T
    model = strict.fit(whole, whole[:, 0])
    assert opened(model, schema=learn_schema(whole), values=whole).model.path == "jax"


def test_a_column_that_the_precision_does_not_hold_is_drawn_for_the_model_on_the_host():
    stamps = 1.7e9 + np.arange(60.0)[:, None]
    schema = learn_schema(stamps)
    model = DecisionTreeRegressor(max_depth=3, random_state=0).fit(stamps - 1.7e9, Y)
    shifted = make_pipeline(StandardScaler(with_std=False).fit(stamps), model)
    kept = open_model(shifted, None, schema, stamps, sample_facts(fit_tabular(stamps))).model
    wide = jax.config.jax_enable_x64
    assert kept.path == ("jax" if wide else "host")
    assert wide or "does not hold the spread of column '0'" in kept.reason
    assert kept.structure is not None  # exact forms are made of the numbers themselves


def test_a_wide_table_is_checked_on_few_rows():
    wide = RNG.normal(size=(60, 400))
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=5).fit(wide, wide.sum(1))
    thresholds = opened(model, schema=learn_schema(wide), values=wide).model.on_columns.columns
    rows = opening._on_thresholds(thresholds.thresholds(), wide[:8])
    assert 0 < len(rows) <= 256
    assert ((rows != wide[np.arange(len(rows)) % 8]).sum(axis=1) <= 1).all()
