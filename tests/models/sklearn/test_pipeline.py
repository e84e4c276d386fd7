"""Whole pipelines on tables with text and missing values: scikit-learn's own numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA, KernelPCA
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, RANSACRegressor, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

import lime_jax
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.structure import Additive, TreeSum

pytestmark = pytest.mark.precision

COLORS, SIZES = ("blue", "green", None, "red"), ("L", "M", "S")
NUMBERS, TEXTS = ["age", "height", "income"], ["color", "size"]
NAMES = ("age", "color", "height", "size", "income")
TABLE = RawTable(NAMES, (None, COLORS, None, SIZES, None))


@lime_jax.jax_predict
def doubled(inputs):
    return jnp.concatenate([inputs, 2 * inputs], axis=1)


def codes_and_frame(rows, seed, missing=True):
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(rows, 5)) * [10, 0, 0.1, 0, 3e4] + [40, 0, 1.7, 0, 5e4]
    if missing:
        codes[:, [0, 4]] = np.where(rng.random((rows, 2)) < 0.2, np.nan, codes[:, [0, 4]])
    codes = codes.astype(np.float32).astype(np.float64)
    codes[:, 1] = rng.integers(4, size=rows)
    codes[:, 3] = rng.integers(3, size=rows)
    return codes, decoded(codes)


def decoded(codes):
    frame = pd.DataFrame(codes, columns=list(NAMES))
    for name, levels in (("color", COLORS), ("size", SIZES)):
        values = np.array([np.nan if v is None else v for v in levels], object)
        frame[name] = pd.Series(values[codes[:, NAMES.index(name)].astype(int)], dtype=object)
    return frame


CODES, FRAME = codes_and_frame(120, seed=1)
NEW_CODES, NEW_FRAME = codes_and_frame(60, seed=2)
Y = np.nan_to_num(CODES[:, 0]) / 10 + CODES[:, 1] + CODES[:, 2] * (CODES[:, 3] == 1)

numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
texts = make_pipeline(
    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
)
by_name = ColumnTransformer([("num", numbers, NUMBERS), ("cat", texts, TEXTS)])
by_position = ColumnTransformer([("num", numbers, [0, -3, 4]), ("cat", texts, slice(1, 4, 2))])
by_mask = ColumnTransformer([("cat", texts, [False, True, False, True, False])])
by_type = ColumnTransformer(
    [("cat", texts, make_column_selector(dtype_include=object))], remainder=numbers
)
rest = ColumnTransformer(
    [("cat", OneHotEncoder(drop="if_binary"), ["size"]), ("gone", "drop", ["color"])],
    remainder=SimpleImputer(),
)
twice = ColumnTransformer(
    [
        ("scaled", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "height"]),
        (
            "other",
            make_pipeline(SimpleImputer(strategy="constant", fill_value=1), RobustScaler()),
            ["age", "income"],
        ),
        ("codes", OrdinalEncoder(encoded_missing_value=-3), TEXTS),
        ("flags", OneHotEncoder(drop="first", sparse_output=False), TEXTS),
    ],
    transformer_weights={"scaled": 0.5, "flags": 3.0},
)
nested = make_pipeline(
    ColumnTransformer(
        [("left", "passthrough", ["size", "height"]), ("right", "passthrough", ["age"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas"),
    ColumnTransformer([("cat", OrdinalEncoder(), ["size"]), ("num", SimpleImputer(), ["age"])]),
)
union = make_pipeline(
    ColumnTransformer([("num", SimpleImputer(), NUMBERS)]),
    FeatureUnion([("a", MinMaxScaler()), ("b", "passthrough"), ("c", "drop")]),
    VarianceThreshold(),
    SelectKBest(f_regression, k=4),
)
mixing = make_pipeline(
    ColumnTransformer(
        [
            (
                "num",
                make_pipeline(
                    SimpleImputer(), StandardScaler(), PCA(2, whiten=True), MinMaxScaler()
                ),
                NUMBERS,
            ),
            ("cat", texts, TEXTS),
            ("same", FunctionTransformer(), ["height"]),
            ("fn", make_pipeline(SimpleImputer(), FunctionTransformer(doubled)), ["height"]),
            ("log", make_pipeline(SimpleImputer(), FunctionTransformer(np.cbrt)), ["income"]),
        ]
    ),
)
STEPS = {
    "by name": (by_name, True),
    "by position": (by_position, True),
    "by mask": (by_mask, True),
    "by type": (by_type, True),
    "remainder": (rest, True),
    "one raw column in several": (twice, True),
    "nested frames": (nested, True),
    "union and selectors": (union, True),
    "mixing": (mixing, False),
}  # and whether models behind them have a structure


def expected(pipeline, method):
    return np.asarray(getattr(pipeline, method)(NEW_FRAME)).reshape(len(NEW_FRAME), -1)


def evaluated(structure, inputs):
    """A structure in float64, as its docstring says."""
    if isinstance(structure, Additive):
        first, total = structure.level_offsets, np.tile(structure.intercept, (len(inputs), 1))
        for k, value in enumerate(inputs.T):
            if first[k + 1] > first[k]:
                total += structure.level_value[first[k] + value.astype(int)]
            else:
                line = (value - structure.shift[k])[:, None] * structure.slope[k]
                total += np.where(np.isnan(value)[:, None], structure.missing[k], line)
        return total
    total = np.tile(structure.base, (len(inputs), 1))
    for x, row in zip(inputs, total, strict=True):
        for root, first in zip(structure.roots, structure.output, strict=True):
            node = root
            while (k := structure.column[node]) >= 0:
                if (number := structure.level_set[node]) >= 0:
                    left = structure.level_sets[number][int(x[k])]
                elif np.isnan(x[k]):
                    left = structure.missing_left[node]
                else:
                    left = x[k] <= structure.threshold[node]
                node = (structure.left if left else structure.right)[node]
            row[first : first + structure.value.shape[1]] += structure.value[node]
    return total


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("kind", [TreeSum, Additive], ids=["trees", "linear"])
def test_a_pipeline_predicts_as_scikit_learn(name, kind):
    steps, has_structure = STEPS[name]
    final = RandomForestRegressor(4, random_state=0) if kind is TreeSum else Ridge(0.1)
    pipeline = make_pipeline(clone(steps), final).fit(FRAME, Y)
    model = as_predict_fn(pipeline, table=TABLE)
    if kind is TreeSum and not has_structure:  # float32 sums would cross the trees' thresholds
        assert model.path == "host"
        assert "PCA mixes columns" in model.reason
        return
    assert model.path == "jax", model.reason
    theirs = expected(pipeline, "predict")
    np.testing.assert_allclose(
        model(NEW_CODES), theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max()
    )
    assert isinstance(model.structure, kind) == has_structure, model.why_not_exact
    if has_structure:
        np.testing.assert_allclose(evaluated(model.structure, NEW_CODES), theirs, rtol=1e-9)
    else:
        assert "PCA mixes columns" in model.why_not_exact


def test_trees_reach_the_same_leaves_at_thresholds_behind_scalers():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4)).astype(np.float32) * 100
    X = X.astype(np.float64)
    steps = make_pipeline(MinMaxScaler((-1, 3)), StandardScaler(), RobustScaler())
    pipeline = make_pipeline(steps, RandomForestClassifier(5, random_state=0))
    pipeline.fit(X, rng.integers(3, size=300))
    model = as_predict_fn(pipeline)
    structure = model.structure
    for k in range(4):
        limit = structure.threshold[structure.column == k][:40]
        for at in (limit, np.nextafter(limit, np.inf), np.nextafter(limit, -np.inf)):
            rows = X[: len(at)].copy()
            rows[:, k] = at
            np.testing.assert_allclose(
                evaluated(structure, rows), pipeline.predict_proba(rows), rtol=0, atol=1e-12
            )


def test_columns_in_another_order_are_found_by_name():
    order = [3, 0, 4, 1, 2]
    table = RawTable(tuple(NAMES[k] for k in order), tuple(TABLE.levels[k] for k in order))
    pipeline = make_pipeline(clone(by_name), LinearRegression()).fit(FRAME, Y)
    model = as_predict_fn(pipeline, table=table)
    np.testing.assert_allclose(
        model(NEW_CODES[:, order])[:, 0], pipeline.predict(NEW_FRAME), rtol=1e-4
    )
    without = RawTable(("age",), (None,))
    assert "step 'columntransformer__num' (Pipeline): was fitted on the columns" in (
        as_predict_fn(pipeline, table=without).reason
    )


def squared(x):
    return x**2


REFUSED = {
    "no form": (KernelPCA(2), "(KernelPCA): has no JAX form here"),
    "a Python function": (FunctionTransformer(squared), "the function squared is no JAX"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_step_without_a_jax_form_is_named(name):
    step, reason = REFUSED[name]
    forest = RandomForestRegressor(1, random_state=0)
    num = Pipeline([("fill", SimpleImputer()), ("odd", step)])
    pipeline = Pipeline([("prep", ColumnTransformer([("num", num, NUMBERS)])), ("last", forest)])
    model = as_predict_fn(pipeline.fit(FRAME, Y), table=TABLE)
    assert model.path == "host"
    assert "step 'prep__num__odd'" in model.reason
    assert reason in model.reason


def test_a_last_step_without_a_jax_form_is_named():
    pipeline = Pipeline([("prep", clone(by_name)), ("robust", RANSACRegressor(random_state=0))])
    reason = as_predict_fn(pipeline.fit(FRAME, Y), table=TABLE).reason
    assert "step 'robust' (RANSACRegressor): has no JAX form here" in reason


jitted_exp = jax.jit(jnp.exp)
TARGETS = {
    "nothing": ({}, True),
    "StandardScaler": (dict(transformer=StandardScaler()), True),
    "MinMaxScaler": (dict(transformer=MinMaxScaler((-1, 1), clip=True)), True),
    "RobustScaler": (dict(transformer=RobustScaler()), True),
    "numpy": (dict(func=np.log1p, inverse_func=np.expm1), False),
    "jitted": (dict(func=np.log, inverse_func=jitted_exp), False),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "final", [RandomForestRegressor(3, random_state=0), Ridge()], ids=["trees", "linear"]
)
def test_a_transformed_target_is_transformed_back(name, final):
    options, has_structure = TARGETS[name]
    inner = make_pipeline(clone(by_name), final)
    target = 1.5 + np.abs(Y)
    outer = TransformedTargetRegressor(inner, check_inverse=False, **options).fit(FRAME, target)
    model = as_predict_fn(outer, table=TABLE)
    theirs = expected(outer, "predict")
    np.testing.assert_allclose(model(NEW_CODES), theirs, rtol=2e-5)
    assert (model.structure is not None) == has_structure
    if has_structure:
        np.testing.assert_allclose(evaluated(model.structure, NEW_CODES), theirs, rtol=1e-9)


def test_a_target_that_only_python_transforms_back_is_refused():
    outer = TransformedTargetRegressor(
        Ridge(), func=squared, inverse_func=squared, check_inverse=False
    )
    model = as_predict_fn(outer.fit(CODES[:, 1:3], np.abs(Y)))
    assert (
        "step 'transformer' (FunctionTransformer): the function squared is no JAX" in model.reason
    )


def test_a_search_is_its_best_model():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 10.0]}, cv=2)
    search.fit(X, X[:, 0] > 0)
    found = as_predict_fn(search)
    assert found.path == "jax"
    np.testing.assert_allclose(found(X), search.predict_proba(X), rtol=1e-4)
    assert as_predict_fn(search, "margin").structure is not None


@pytest.mark.parametrize(
    ("function", "lowest"),
    [(np.sqrt, 0), (np.log, 0), (np.log2, 0), (np.log1p, -1), (np.arccosh, 1)],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_the_lowest_number_of_a_function_is_not_missing(function, lowest):
    rng = np.random.default_rng(0)
    rows = np.stack([lowest + rng.integers(-2, 4, 300), rng.integers(0, 3, 300)], 1).astype(float)
    with np.errstate(all="ignore"):
        y = (rows[:, 0] == lowest) + rows[:, 1]
        boosted = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=2)
        pipeline = make_pipeline(FunctionTransformer(function), boosted).fit(rows, y)
        expected = pipeline.predict(rows)
    ours = as_predict_fn(pipeline)
    assert ours.path == "jax", ours.reason
    on_device = np.asarray(ours.predict(jnp.asarray(rows, jnp.result_type(float))))[:, 0]
    np.testing.assert_allclose(on_device, expected, rtol=1e-5)
