"""Boosted trees of scikit-learn: sums, links, and categories as sets of levels."""

import functools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert
from tests.models.trees.tree_oracle import (
    agree,
    at_thresholds,
    device_float,
    thresholds_of,
    walk,
)

pytestmark = pytest.mark.precision

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 4))
X[:, 1] = rng.integers(0, 5, 150) / 10
GAPS = np.where(rng.random(X.shape) < 0.15, np.nan, X)
two = np.array(["no", "yes"])[(X[:, 0] * X[:, 2] + X[:, 1] > 0.2).astype(int)]
three = np.digitize(X[:, 0] + X[:, 1], [-0.3, 0.5])
number = X[:, 0] * X[:, 1] + np.abs(X[:, 2])
weight = rng.integers(1, 4, 150).astype(float)
few = {"n_estimators": 3, "random_state": 0}
short = {"max_iter": 2, "min_samples_leaf": 5, "max_leaf_nodes": 6}
prior = DummyClassifier(strategy="most_frequent")
stumps = DecisionTreeClassifier(max_depth=2)

MARGIN, PROBABILITY, VALUE = "decision_function", "predict_proba", "predict"
SUMS = {  # the output is a sum over trees
    "two classes": (GradientBoostingClassifier(**few), X, two, MARGIN),
    "three classes": (GradientBoostingClassifier(**few), X, three, MARGIN),
    "exponential": (GradientBoostingClassifier(**few, loss="exponential"), X, two, MARGIN),
    "from zero": (GradientBoostingClassifier(**few, init="zero"), X, three, MARGIN),
    "from the largest class": (GradientBoostingClassifier(**few, init=prior), X, two, MARGIN),
    "regression": (GradientBoostingRegressor(**few), X, number, VALUE),
    "huber": (GradientBoostingRegressor(**few, loss="huber", subsample=0.5), X, number, VALUE),
    "quantile": (GradientBoostingRegressor(**few, loss="quantile"), X, number, VALUE),
    "regression from zero": (GradientBoostingRegressor(**few, init="zero"), X, number, VALUE),
    "votes": (AdaBoostClassifier(stumps, **few), X, two, MARGIN),
    "votes for three": (AdaBoostClassifier(**few), X, three, MARGIN),
    "histogram": (HistGradientBoostingClassifier(**short), GAPS, two, MARGIN),
    "histogram, three classes": (HistGradientBoostingClassifier(**short), GAPS, three, MARGIN),
    "histogram, regression": (HistGradientBoostingRegressor(**short), GAPS, number, VALUE),
    "histogram, absolute error": (
        HistGradientBoostingRegressor(**short, loss="absolute_error"),
        *(X, number, VALUE),
    ),
    "histogram, quantile": (
        HistGradientBoostingRegressor(**short, loss="quantile", quantile=0.8),
        *(X, number, VALUE),
    ),
}
LINKED = {  # it is not
    "two classes": (GradientBoostingClassifier(**few), X, two, PROBABILITY),
    "three classes": (GradientBoostingClassifier(**few), X, three, PROBABILITY),
    "exponential": (GradientBoostingClassifier(**few, loss="exponential"), X, two, PROBABILITY),
    "votes": (AdaBoostClassifier(stumps, **few), X, two, PROBABILITY),
    "votes for three": (AdaBoostClassifier(**few), X, three, PROBABILITY),
    "median": (AdaBoostRegressor(n_estimators=9, random_state=0), X, number, VALUE),
    "histogram": (HistGradientBoostingClassifier(**short), GAPS, two, PROBABILITY),
    "histogram, three classes": (
        HistGradientBoostingClassifier(**short, class_weight="balanced"),
        *(GAPS, three, PROBABILITY),
    ),
    "poisson": (HistGradientBoostingRegressor(**short, loss="poisson"), GAPS, number + 2, VALUE),
    "gamma": (HistGradientBoostingRegressor(**short, loss="gamma"), X, number + 2, VALUE),
}
MODELS = {("sum", k): v for k, v in SUMS.items()} | {("link", k): v for k, v in LINKED.items()}


@functools.cache
def fitted(kind, name):
    model, inputs, target, method = MODELS[kind, name]
    model.fit(inputs, target, sample_weight=weight)
    return model, getattr(model, method)


def edges_of(model):
    if not hasattr(model, "_predictors"):
        return thresholds_of(np.ravel(model.estimators_))
    nodes = np.concatenate([tree.nodes for trees in model._predictors for tree in trees])
    nodes = nodes[(nodes["is_leaf"] == 0) & np.isfinite(nodes["num_threshold"])]
    return nodes["feature_idx"], nodes["num_threshold"]


def inputs_for(kind, name, dtype):
    model, _ = fitted(kind, name)
    columns, thresholds = edges_of(model)
    fresh = np.random.default_rng(1).normal(size=(200, 4)) * [1, 0.3, 1, 1]
    edges = at_thresholds(columns[:60], thresholds[:60], fresh, dtype)
    inputs = np.resize(np.concatenate([edges, fresh.astype(dtype)]), (560, 4))
    if np.isnan(MODELS[kind, name][1]).any():
        inputs[np.random.default_rng(2).random(inputs.shape) < 0.1] = np.nan
    return inputs


ON_DEVICE = [("sum", "exponential")]
ON_DEVICE += [("link", name) for name in LINKED if name not in ("histogram", "gamma")]


@pytest.mark.parametrize(("kind", "name"), ON_DEVICE)
def test_predictions_are_the_models_own(kind, name):
    _, own = fitted(kind, name)
    inputs = inputs_for(kind, name, device_float())
    ours = as_predict_fn(own)
    assert ours.path == "jax", ours.reason
    agree(ours(inputs), own(inputs))


@pytest.mark.parametrize("name", SUMS)
def test_structure_says_the_same_in_float64(name):
    _, own = fitted("sum", name)
    inputs = inputs_for("sum", name, np.float64)
    agree(walk(as_predict_fn(own).structure, inputs)[0], own(inputs), rtol=1e-12)


@pytest.mark.parametrize("name", LINKED)
def test_what_is_not_a_sum_has_no_structure_and_says_why(name):
    model, own = fitted("link", name)
    ours = as_predict_fn(own)
    assert ours.structure is None
    if hasattr(model, "decision_function"):
        assert "its margin is: output='margin' or decision_function" in ours.why_not_exact
    else:
        assert "weighted median" in ours.why_not_exact or "exponential" in ours.why_not_exact


# Categories: text, numbers and missing ones; some that the model has never seen.
COLORS = ("blue", "green", "red", "teal", None)
UNSEEN = (*COLORS, "zebra")
SIZES = (1.0, 2.0, 4.0, 8.0)
color = np.array(COLORS, object)[rng.integers(0, 5, 150)]
size = np.array(SIZES)[rng.integers(0, 4, 150)]
size[::9] = np.nan
frame = pd.DataFrame({"a": X[:, 0], "color": pd.Categorical(color), "b": GAPS[:, 2], "size": size})
response = X[:, 0] + np.isin(color, ["green", "teal"]) * 2 + np.nan_to_num(size) % 3
CATEGORIES = {
    "from dtype": "from_dtype",
    "by name": ["color", "size"],
    "by mask": [False, True] * 2,
}


@functools.cache
def of_categories(name):
    options = {**short, "max_iter": 5, "categorical_features": CATEGORIES[name]}
    model = HistGradientBoostingRegressor(**options)
    return model.fit(frame, response)


def coded(frame, columns):
    """The frame as numbers: level codes in `columns`, (levels by name)."""
    matrix = np.zeros(frame.shape)
    for k, name in enumerate(frame):
        values = frame[name].tolist()
        if name in columns:
            known = {v: i for i, v in enumerate(columns[name]) if v is not None}
            values = [known.get(v, columns[name].index(None)) for v in values]
        matrix[:, k] = values
    return matrix


def new_frame():
    rng = np.random.default_rng(5)
    color = np.array(UNSEEN, object)[rng.integers(0, 6, 300)]
    size = np.array([*SIZES, np.nan, 3.0, -1.0])[rng.integers(0, 7, 300)]
    a, b = rng.normal(size=(2, 300)).astype(np.float32)
    b[::5] = np.nan
    return pd.DataFrame({"a": a, "color": pd.Categorical(color), "b": b, "size": size})


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_are_sets_of_levels(name):
    model, new = of_categories(name), new_frame()
    levels = {"color": ("zebra", *COLORS), "size": (8.0, -1.0, 3.0, None, 4.0, 2.0, 1.0)}
    table = RawTable(tuple(new), tuple(levels.get(column) for column in new))
    ours = as_predict_fn(model, table=table)
    assert ours.path == "jax", ours.reason
    inputs = coded(new, levels)
    if name == "from dtype":
        agree(ours(inputs), model.predict(new))
    agree(walk(ours.structure, inputs)[0], model.predict(new), rtol=1e-12)


def test_a_null_of_polars_is_a_category_and_nan_of_pandas_is_missing():
    level, gone = rng.choice(["u", "v", "w"], 150), rng.random(150) < 0.2
    levels = np.where(gone, None, level)
    y = X[:, 0] + (level == "u") + 3 * gone
    table = RawTable(("number", "level"), (None, ("u", "v", "w", None)))
    codes = np.where(gone, 3, np.searchsorted(["u", "v", "w"], level))
    rows = np.stack([X[:, 0].astype(np.float32), codes], axis=1).astype(np.float64)
    frames = {
        "polars": pl.DataFrame(
            {"number": rows[:, 0], "level": pl.Series(levels.tolist(), dtype=pl.Categorical)}
        ),
        "pandas": pd.DataFrame({"number": rows[:, 0], "level": pd.Categorical(levels)}),
    }
    for name, frame in frames.items():
        model = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5).fit(frame, y)
        (categories,) = model._preprocessor.named_transformers_["encoder"].categories_
        assert (None in categories.tolist()) == (name == "polars")
        opened = as_predict_fn(model, table=table)
        assert opened.structure is not None
        np.testing.assert_allclose(opened(rows)[:, 0], model.predict(frame), rtol=1e-5, atol=1e-6)


def test_missing_values_of_another_library_are_not_guessed():
    level = np.where(rng.random(150) < 0.2, None, rng.choice(["u", "v"], 150)).tolist()
    frame = pl.DataFrame({"level": pl.Series(level, dtype=pl.Categorical)})
    of_polars = HistGradientBoostingRegressor(max_iter=2).fit(frame, number)
    of_pandas = HistGradientBoostingRegressor(max_iter=2).fit(frame.to_pandas(), number)
    levels = (("u", "v", None),)
    for model, backend, reason in (
        (of_polars, "pandas", "column 0 has a null for a category, as in a table of polars"),
        (of_polars, "pyarrow", "column 0 has nulls of pyarrow"),
        (of_pandas, "pyarrow", "column 0 has nulls of pyarrow"),
        (of_pandas, "polars", None),
        (of_polars, "polars", None),
        (of_pandas, "pandas", None),
    ):
        opened = as_predict_fn(model, table=RawTable(("level",), levels, backend=backend))
        assert opened.path == ("jax" if reason is None else "host")
        assert reason is None or reason in opened.reason
    known = RawTable(("level",), (("u", "v"),), backend="pandas")
    assert as_predict_fn(of_polars, table=known).path == "jax"


def test_categories_of_a_numeric_column_are_points():
    model, new = of_categories("by mask"), new_frame()
    levels = {"color": UNSEEN}
    table = RawTable(tuple(new), tuple(levels.get(column) for column in new))
    ours = as_predict_fn(model, table=table)
    assert ours.structure is None
    assert "is encoded by level" in ours.why_not_exact
    agree(ours(coded(new, levels)), model.predict(new))


FIRST = {
    "a line": (GradientBoostingRegressor(**few, init=LinearRegression()), number, VALUE),
    "a margin": (GradientBoostingClassifier(**few, init=LogisticRegression()), two, MARGIN),
    "margins": (GradientBoostingClassifier(**few, init=LogisticRegression()), three, PROBABILITY),
    "half a margin": (
        GradientBoostingClassifier(**few, init=LogisticRegression(), loss="exponential"),
        *(two, PROBABILITY),
    ),
}


@pytest.mark.parametrize("name", FIRST)
def test_trees_after_another_model(name):
    model, target, method = FIRST[name]
    own = getattr(model.fit(X, target), method)
    ours = as_predict_fn(own)
    assert ours.path == "jax", ours.reason
    inputs = X.astype(np.float32)
    agree(ours(inputs), own(inputs))


REFUSED = {
    "members that are no trees": (
        AdaBoostClassifier(LogisticRegression(), **few).fit(X, two),
        *(MARGIN, "AdaBoostClassifier: its members are LogisticRegression"),
    ),
    "regressors that are no trees": (
        AdaBoostRegressor(LinearRegression(), **few).fit(X, number),
        *(VALUE, "AdaBoostRegressor: its members are LinearRegression"),
    ),
    "class names": (
        HistGradientBoostingClassifier(max_iter=1).fit(X, two),
        *(VALUE, "HistGradientBoostingClassifier.predict"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_is_refused_by_name(name):
    model, method, message = REFUSED[name]
    with pytest.raises(NotConvertibleError, match=message):
        convert(model, method, RawTable.of_numbers(4))


@pytest.mark.parametrize(
    "model", [HistGradientBoostingRegressor(max_iter=3), DecisionTreeRegressor()], ids=repr
)
def test_trees_that_have_nothing_to_split_are_one_leaf(model):
    same = np.ones((40, 2))
    model.fit(same, np.arange(40.0))
    np.testing.assert_allclose(as_predict_fn(model)(same), np.full((40, 1), 19.5), rtol=1e-6)


def test_text_categories_need_a_table_that_has_levels():
    with pytest.raises(NotConvertibleError, match="has categories such as 'blue'"):
        convert(of_categories("by mask"), VALUE, RawTable.of_numbers(4))


def test_the_median_of_even_weights_is_the_models_own():
    """Halves of the weight are met exactly where members weigh the same."""
    model = AdaBoostRegressor(DecisionTreeRegressor(max_depth=2), n_estimators=6, random_state=0)
    model.fit(X, number)
    model.estimator_weights_[:] = 1 / 4
    inputs = X.astype(device_float())
    agree(as_predict_fn(model)(inputs), model.predict(inputs))
