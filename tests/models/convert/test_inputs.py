"""Given rows decide every test as the library does, to the last digit, in either precision."""

import jax
import jax.numpy as jnp
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from lime_jax import as_predict_fn
from lime_jax.models.convert.columns import LevelColumn, NumberColumn, PointColumn
from lime_jax.models.convert.features import Features, RawTable
from lime_jax.models.convert.inputs import DeviceTable, HostColumns, Spikes

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
CENTS = np.round(RNG.normal(60, 5, size=(400, 3)), 2)
Y = CENTS[:, 0] + 10 * (CENTS[:, 1] > 60.1) * (CENTS[:, 2] < 61.3)
OPTIONS = dict(max_depth=4, random_state=0)
FINALS = {
    "forest": RandomForestRegressor(5, **OPTIONS),
    "extra trees": ExtraTreesRegressor(5, **OPTIONS),
    "boosting": GradientBoostingRegressor(n_estimators=5, **OPTIONS),
    "histograms": HistGradientBoostingRegressor(max_iter=5),
    "xgboost": xgboost.XGBRegressor(n_estimators=5, max_depth=4),
    "lightgbm": lightgbm.LGBMRegressor(n_estimators=5, min_child_samples=5, verbose=-1),
    "votes": VotingRegressor([("t", HistGradientBoostingRegressor(max_iter=3)), ("l", Ridge())]),
}
STEPS = {
    "nothing": None,
    "standard": StandardScaler(),
    "0 to 1": MinMaxScaler(),
    "several": make_pipeline(RobustScaler(), MinMaxScaler((-1, 3)), StandardScaler()),
    "logarithm": FunctionTransformer(np.log),
    "cube root, scaled": make_pipeline(FunctionTransformer(np.cbrt), StandardScaler()),
    "scaled, logarithm, filled": make_pipeline(
        StandardScaler(), FunctionTransformer(np.log1p), SimpleImputer(fill_value=0.5,
        strategy="constant")),
    "by column": ColumnTransformer([("a", StandardScaler(), [0]), ("b", "passthrough", [1, 2])]),
}  # fmt: skip


def piled(step, final):
    return final if step is None else make_pipeline(step, final)


def on_the_thresholds(model, rows):
    """Rows, and rows with each column in turn on a threshold, one step above and one below."""
    found = [rows]
    for column, thresholds in model.on_columns.columns.thresholds().items():
        for at in (thresholds, np.nextafter(thresholds, 1e9), np.nextafter(thresholds, -1e9)):
            some = rows[np.arange(len(at)) % len(rows)].copy()
            some[:, column] = np.clip(at, 1e-3, 1e6)
            found.append(some)
    return np.concatenate(found)


@pytest.mark.filterwarnings("ignore:invalid value encountered", "ignore:X does not have valid")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("final", FINALS)
def test_a_model_says_of_given_rows_what_the_library_says(step, final):
    model = piled(STEPS[step], FINALS[final]).fit(CENTS, Y)
    converted = as_predict_fn(model)
    assert converted.path == "jax", converted.reason
    rows = on_the_thresholds(converted, CENTS)
    theirs = model.predict(rows)
    np.testing.assert_allclose(np.asarray(converted(rows))[:, 0], theirs, rtol=3e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", ["standard", "0 to 1", "several", "logarithm"])
def test_a_float32_table_stays_one_from_step_to_step(step, dtype):
    table = RawTable(None, (None,) * 3, single=dtype == np.float32)
    rows = CENTS.astype(dtype)
    model = make_pipeline(STEPS[step], HistGradientBoostingRegressor(max_iter=5)).fit(rows, Y)
    ours = np.asarray(as_predict_fn(model, table=table)(rows))[:, 0]
    np.testing.assert_allclose(ours, model.predict(rows), rtol=3e-6)


@pytest.mark.filterwarnings("ignore:X does not have valid")
def test_trees_that_are_no_sum_decide_the_same():
    target = TransformedTargetRegressor(
        HistGradientBoostingRegressor(max_iter=5), func=np.log, inverse_func=np.exp
    )
    for model in (target, AdaBoostRegressor(n_estimators=3, random_state=0)):
        fitted = make_pipeline(StandardScaler(), model).fit(CENTS, Y)
        ours = np.asarray(as_predict_fn(fitted)(CENTS))[:, 0]
        np.testing.assert_allclose(ours, fitted.predict(CENTS), rtol=3e-6)


def test_what_mixes_columns_before_trees_stays_on_the_host():
    mixing = FunctionTransformer(jax.jit(lambda rows: rows - rows[:, :1]))
    model = as_predict_fn(make_pipeline(mixing, FINALS["forest"]).fit(CENTS, Y))
    assert model.path == "host"
    assert "mixes columns" in model.reason


def test_what_does_not_increase_before_trees_stays_on_the_host_and_before_a_line_does_not():
    squares = FunctionTransformer(np.square)
    assert as_predict_fn(make_pipeline(squares, FINALS["forest"]).fit(CENTS, Y)).path == "host"
    ridge = make_pipeline(squares, Ridge()).fit(CENTS, Y)
    ours = as_predict_fn(ridge)
    assert ours.path == "jax"
    np.testing.assert_allclose(np.asarray(ours(CENTS))[:, 0], ridge.predict(CENTS), rtol=1e-5)


def test_an_increasing_function_of_a_column_keeps_the_sum_over_trees():
    pipeline = make_pipeline(FunctionTransformer(np.cbrt), FINALS["histograms"]).fit(CENTS, Y)
    assert as_predict_fn(pipeline).structure is not None
    pipeline = make_pipeline(FunctionTransformer(np.log), FINALS["histograms"]).fit(CENTS, Y)
    assert "missing to the model" in as_predict_fn(pipeline).why_not_exact


def test_numbers_without_a_logarithm_are_missing_to_trees():
    rows = np.where(RNG.random(CENTS.shape) < 0.2, -CENTS, CENTS)
    with np.errstate(invalid="ignore"):
        model = make_pipeline(FunctionTransformer(np.log), FINALS["histograms"]).fit(rows, Y)
        theirs = model.predict(rows)
    converted = as_predict_fn(model)
    np.testing.assert_allclose(np.asarray(converted(rows))[:, 0], theirs, rtol=3e-6)
    drawn = converted.predict(jnp.asarray(rows))  # as samples are
    assert np.mean(np.abs(np.asarray(drawn)[:, 0] - theirs) > 1e-3) < 0.05


def test_isolation_forests_too():
    model = IsolationForest(n_estimators=5, random_state=0).fit(CENTS)
    ours = as_predict_fn(model.decision_function)
    if ours.path == "jax":
        theirs = model.decision_function(CENTS)
        np.testing.assert_allclose(np.asarray(ours(CENTS))[:, 0], theirs, atol=1e-6)


COLUMNS = (
    NumberColumn(0).then("subtract", 1.0).then("divide", 3.0),
    NumberColumn(0, (), 7.0),
    LevelColumn(1, np.array([7.0, 8.0, 9.0])),
    PointColumn(0, np.array([5.0, np.nan, 0.1]), np.array([10.0, 20.0, 30.0]), -1.0),
)


def test_the_host_makes_the_columns_that_the_device_makes():
    rows = np.array([[0.1, 0], [5.0, 2], [np.nan, 1], [3.0, -1]])
    features = Features(COLUMNS, num_raw=2)
    columns = HostColumns(2)
    take = features.matrix(columns)
    expected = features.matrix(DeviceTable())(rows)
    np.testing.assert_allclose(take(columns(rows)), expected, rtol=1e-6)
    assert columns.raw.tolist() == [0, 0, 1, 0]


def test_a_point_is_hit_by_its_very_number_only():
    columns = HostColumns(2)
    take = Features(COLUMNS[3:], num_raw=2).matrix(columns)
    rows = np.array([[0.1, 0], [np.nextafter(0.1, 1), 0], [np.float64(np.float32(0.1)), 0]])
    assert np.asarray(take(columns(rows)))[:, 0].tolist() == [30, -1, -1]


def test_spikes_lie_on_their_side_of_a_threshold_on_the_device():
    model = HistGradientBoostingRegressor(max_iter=5).fit(CENTS, Y)
    converted = as_predict_fn(model)
    values = np.unique(CENTS[:, 0])
    rows = np.tile(CENTS[:1], (len(values), 1))
    rows[:, 0] = values
    single = values.astype(jnp.result_type(float))
    drawn = jnp.asarray(rows, single.dtype)
    at_spikes = converted.on_samples((Spikes(values, single), None, None))(drawn)
    np.testing.assert_allclose(np.asarray(at_spikes)[:, 0], model.predict(rows), rtol=3e-6)


def test_spikes_that_are_one_number_on_the_device_are_refused_if_a_threshold_parts_them():
    values = np.array([1.0, 1.0 + 1e-12])
    X = np.repeat(values, 50)[:, None]
    model = HistGradientBoostingRegressor(max_iter=2).fit(X, np.repeat([0.0, 1.0], 50))
    converted = as_predict_fn(model)
    with pytest.raises(ValueError, match="both sides of a threshold are one"):
        converted.on_samples((Spikes(values, values.astype(np.float32)),))


def test_trees_are_put_on_the_device_when_they_are_called_be_it_within_a_trace():
    X = np.linspace(0, 1, 40).reshape(20, 2)
    model = DecisionTreeRegressor(random_state=0).fit(X, X[:, 0])
    opened = as_predict_fn(model)
    assert "made" not in vars(opened.predict.fn)
    traced = jax.jit(lambda rows: opened(rows))(X.astype(np.float32))
    np.testing.assert_allclose(traced[:, 0], model.predict(X), rtol=1e-6)
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(opened.predict))
    np.testing.assert_array_equal(opened(X.astype(np.float32)), traced)
