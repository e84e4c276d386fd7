"""Bins, powers, quantiles and splines: scikit-learn's own columns, and sums of bins are exact."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

from lime_jax import TabularExplainer
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable, raw_features
from lime_jax.models.convert.inputs import DeviceTable, HostColumns
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import transform_on
from lime_jax.models.structure import TreeSum
from tests.house import shapley_of_model
from tests.models.trees.tree_oracle import agree, at_thresholds, device_float, walk

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(4)
X = np.exp(RNG.normal(size=(90, 3))).astype(np.float32).astype(float)
X[:30, 1] = 1.0  # quantiles that are one
FAR = np.concatenate([X[:20], X[:20] * 4, X[:20] / 9, X.max(0)[None], X.min(0)[None]])
SIGNED = np.concatenate([FAR, -FAR])
HOLES = np.where(RNG.random(X.shape) < 0.2, np.nan, X)


def bins(encode, count=4, strategy="quantile"):
    options = {"strategy": strategy, "encode": encode, "quantile_method": "averaged_inverted_cdf"}
    return KBinsDiscretizer(count, **options)


def splines(extrapolation="constant", **options):
    return SplineTransformer(4, extrapolation=extrapolation, **options)


STEPS = {  # step, rows it is fitted on, rows
    "numbers of bins": (bins("ordinal", 5, "uniform"), X, SIGNED),
    "flags of bins": (bins("onehot", 3, "uniform"), X, SIGNED),
    "flags of quantiles": (bins("onehot-dense"), X, SIGNED),
    "Yeo and Johnson": (PowerTransformer(), HOLES, np.concatenate([SIGNED, HOLES])),
    "Box and Cox": (PowerTransformer("box-cox", standardize=False), X, FAR),
    "shares": (QuantileTransformer(n_quantiles=20), X, SIGNED),
    "shares, missing": (QuantileTransformer(n_quantiles=20), HOLES, HOLES),
    "normal": (QuantileTransformer(n_quantiles=20, output_distribution="normal"), X, SIGNED),
    "splines": (splines(), X, SIGNED),
    "lines beyond": (splines("linear", degree=2), X, SIGNED),
    "curves that go on": (splines("continue", include_bias=False), X, SIGNED),
    "around again": (splines("periodic", degree=2), X, SIGNED),
    "between the knots only": (splines("error", knots="quantile"), X, X),
    "0 where missing": (splines(handle_missing="zeros"), HOLES, HOLES),
    "scaled before": (
        make_pipeline(StandardScaler(), bins("onehot-dense", 4, "uniform"), MinMaxScaler()),
        X,
        SIGNED,
    ),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.filterwarnings("ignore:Bins whose width:UserWarning")
def test_columns_are_scikit_learn_s(name):
    step, old, rows = STEPS[name]
    theirs = step.fit(old).transform(rows)
    theirs = theirs.toarray() if hasattr(theirs, "toarray") else theirs
    features = transform_on(step, raw_features(RawTable.of_numbers(3)))
    assert features.base is None
    on_device = features.matrix(DeviceTable())(jnp.asarray(rows, device_float()))
    np.testing.assert_allclose(on_device, theirs, rtol=2e-5, atol=2e-5)
    host = HostColumns(3)
    features.matrix(host)
    np.testing.assert_allclose(host(rows), theirs, rtol=1e-12, atol=1e-12)


def at_edges(discretizer, scaler, rows):
    """Rows with a number at an edge between two bins, and one step of a float32 to both sides."""
    inner = [edges[1:-1] for edges in discretizer.bin_edges_]
    columns = np.repeat(np.arange(len(inner)), [len(edges) for edges in inner])
    edges = np.concatenate(inner) * scaler.scale_[columns] + scaler.mean_[columns]
    return at_thresholds(columns, edges, rows, np.float32).astype(float)


def test_scorecards_are_exact():
    """A linear model of bins is a sum of trees: LIME and Shapley values without samples."""
    model = make_pipeline(StandardScaler(), bins("onehot"), LogisticRegression())
    margin = model.fit(X, X[:, 0] * X[:, 1] > 1).decision_function
    ours = as_predict_fn(margin)
    assert isinstance(ours.structure, TreeSum)
    rows = at_edges(model[1], model[0], X)
    agree(walk(ours.structure, rows)[0], margin(rows), rtol=1e-12)
    agree(ours(rows), margin(rows))
    for algorithm in ("lime", "kernel_shap"):
        explained = TabularExplainer(algorithm).fit(X[:8]).explain(rows[:3], margin)
        assert explained.method == "exact"
    expected, _ = shapley_of_model(margin, rows[:3], X[:8])
    np.testing.assert_allclose(explained.coef, expected, atol=2e-5)


def test_numbers_of_bins_filled_and_beside_levels():
    """Of several targets, with levels, and with missing numbers that a step before fills in."""
    letters = np.array(list("abcd"), object)[RNG.integers(0, 4, 90)]
    table = pd.DataFrame({"x": HOLES[:, 0], "level": letters, "y": X[:, 2]})
    before = ColumnTransformer(
        [
            ("filled", make_pipeline(SimpleImputer(), bins("ordinal")), ["x"]),
            ("flags", OneHotEncoder(), ["level"]),
            ("bins", bins("onehot-dense", 3), ["y"]),
        ]
    )
    target = np.stack([X[:, 0], X[:, 2] * (letters == "a")], axis=1)
    model = make_pipeline(before, LinearRegression()).fit(table, target)
    ours = as_predict_fn(
        model, table=RawTable(tuple(table), (None, tuple("abcd"), None), backend="pandas")
    )
    assert isinstance(ours.structure, TreeSum)
    codes = table.assign(level=[ord(c) - ord("a") for c in letters]).to_numpy(float)
    agree(walk(ours.structure, codes)[0], model.predict(table), rtol=1e-9)


TREES = {  # of steps before them; whether they are exact
    "powers": (PowerTransformer(), True),
    "normal": (QuantileTransformer(n_quantiles=30, output_distribution="normal"), True),
    "bins": (bins("ordinal"), True),
    "flags": (bins("onehot-dense"), False),
    "splines": (splines(), False),
}


@pytest.mark.parametrize("name", TREES)
def test_trees_behind_them(name):
    step, exact = TREES[name]
    forest = RandomForestRegressor(n_estimators=2, max_depth=3, random_state=0)
    model = make_pipeline(step, forest).fit(X, X[:, 0] * X[:, 1])
    ours = as_predict_fn(model)
    assert ours.path == "jax"
    assert (ours.structure is not None) is exact
    assert exact or "does not only increase" in ours.why_not_exact
    agree(ours(SIGNED), model.predict(SIGNED))


REFUSED = {
    "steps": (splines(degree=0), "its splines have steps"),
    "lines of two columns": (splines("linear", degree=1), "from the second column on"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    step, reason = REFUSED[name]
    with pytest.raises(NotConvertibleError, match=reason):
        transform_on(step.fit(X), raw_features(RawTable.of_numbers(3)))


def test_a_column_that_is_always_the_same_has_no_splines():
    step = splines().fit(np.column_stack([X[:, 0], np.ones(90)]))
    with pytest.raises(NotConvertibleError, match="was the same in all training rows"):
        transform_on(step, raw_features(RawTable.of_numbers(2)))
