"""Each step alone: its columns on the device are scikit-learn's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from lime_jax.models.convert.columns import (
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.features import RawTable, raw_features
from lime_jax.models.convert.inputs import DeviceTable
from lime_jax.models.registry import transform_on

pytestmark = pytest.mark.precision

NAN = np.nan
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)) * [1, 100, 0.01] + [0, 1e3, 5]
NEW = np.concatenate([X[:10], X[:10] * 3 - 1])
HOLES = np.where(RNG.random((50, 3)) < 0.3, NAN, X)
EMPTY = np.column_stack([HOLES[:, 0], np.full(50, NAN), X[:, 2]])
MARKED = np.where(np.isnan(HOLES), -999.0, HOLES)
WHOLE = np.round(RNG.integers(0, 5, size=(50, 3)) * 1.0)


def dense(array):
    return np.asarray(array.todense() if hasattr(array, "todense") else array, np.float64)


def columns_of(step, table, codes):
    features = transform_on(step, raw_features(table))
    return features, np.asarray(features.matrix(DeviceTable())(codes))


def halved(x):
    return x / 2


NUMBERS = {
    "StandardScaler": (StandardScaler(), X, NEW),
    "StandardScaler, no mean": (StandardScaler(with_mean=False), X, NEW),
    "StandardScaler, no std": (StandardScaler(with_std=False), X, NEW),
    "StandardScaler, neither": (StandardScaler(with_mean=False, with_std=False), X, NEW),
    "StandardScaler, missing": (StandardScaler(), HOLES, HOLES),
    "StandardScaler, constant": (StandardScaler(), np.ones((5, 3)), NEW),
    "MinMaxScaler": (MinMaxScaler((-2, 3)), X, NEW),
    "MinMaxScaler, clip": (MinMaxScaler((-2, 3), clip=True), X, NEW),
    "MaxAbsScaler": (MaxAbsScaler(), X, NEW),
    "RobustScaler": (RobustScaler(unit_variance=True), X, NEW),
    "RobustScaler, no center": (RobustScaler(with_centering=False), X, NEW),
    "RobustScaler, no scale": (RobustScaler(with_scaling=False), X, NEW),
    "mean": (SimpleImputer(), HOLES, HOLES),
    "constant": (SimpleImputer(strategy="constant", fill_value=-3.0), HOLES, HOLES),
    "indicator": (SimpleImputer(strategy="median", add_indicator=True), HOLES, HOLES),
    "scaled, then filled": (
        make_pipeline(StandardScaler(), SimpleImputer(add_indicator=True), MinMaxScaler()),
        HOLES,
        HOLES,
    ),
    "keeps empty": (SimpleImputer(keep_empty_features=True), EMPTY, EMPTY),
    "a number is missing": (SimpleImputer(missing_values=-999.0), MARKED, MARKED),
    "the same, indicator": (
        SimpleImputer(missing_values=-999.0, add_indicator=True, strategy="most_frequent"),
        MARKED,
        MARKED,
    ),
    "MissingIndicator": (MissingIndicator(), HOLES, HOLES),
    "selector": (VarianceThreshold(0.5), X, NEW),
    "PCA": (PCA(2), X, NEW),
    "whitened": (make_pipeline(PCA(2, whiten=True), MinMaxScaler()), X, NEW),
    "IncrementalPCA": (IncrementalPCA(2), X, NEW),
    "TruncatedSVD": (make_pipeline(StandardScaler(), TruncatedSVD(2)), X, NEW),
    "identity": (FunctionTransformer(), X, NEW),
    "numpy": (FunctionTransformer(np.tanh), X, NEW),
    "jitted": (FunctionTransformer(jax.jit(jnp.arctan)), X, NEW),
    "jitted, options": (
        FunctionTransformer(jax.jit(jnp.clip), kw_args=dict(min=0.5, max=90.0)),
        X,
        NEW,
    ),
    "one-hot of numbers": (OneHotEncoder(handle_unknown="ignore"), WHOLE, WHOLE * 2),
    "ordinal of numbers": (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-5),
        WHOLE * 0.1,
        WHOLE * 0.2,
    ),
    "ordinal, scaled, one-hot": (
        make_pipeline(OrdinalEncoder(), OneHotEncoder(sparse_output=False), StandardScaler()),
        WHOLE,
        WHOLE,
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_step_on_numbers(name):
    step, old, new = NUMBERS[name]
    theirs = dense(step.fit(old).transform(new))
    _, ours = columns_of(step, RawTable.of_numbers(3), new)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=3e-5)


@pytest.mark.filterwarnings("ignore:Skipping features")
def test_columns_without_values_are_dropped():
    imputer = SimpleImputer(add_indicator=True).fit(EMPTY)
    _, ours = columns_of(imputer, RawTable.of_numbers(3), EMPTY)
    np.testing.assert_allclose(ours, imputer.transform(EMPTY), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_scaler_refuses_what_it_can_not_say():
    scaler = StandardScaler().fit(EMPTY)
    with pytest.raises(NotConvertibleError, match="not with finite numbers"):
        transform_on(scaler, raw_features(RawTable.of_numbers(3)))


# Levels by code; the last one of `UNSEEN` was in no training data.
LETTERS = ("b", "c", None, "a", "rare")
UNSEEN = (*LETTERS, "new")
TRAIN = np.array([*"aabbbccab", None, None, "rare"], object)[:, None]
TRAIN = np.where(TRAIN == None, NAN, TRAIN)  # noqa: E711
NO_HOLES = TRAIN[[not isinstance(v, float) for v in TRAIN[:, 0]]]

ENCODERS = {
    "one-hot": (OneHotEncoder(), TRAIN),
    "dense": (OneHotEncoder(sparse_output=False, dtype=np.float32), TRAIN),
    "ignore": (OneHotEncoder(handle_unknown="ignore"), TRAIN),
    "missing unseen": (OneHotEncoder(handle_unknown="ignore"), NO_HOLES),
    "drop first": (OneHotEncoder(drop="first"), TRAIN),
    "drop binary": (OneHotEncoder(drop="if_binary"), TRAIN),
    "drop one": (OneHotEncoder(drop=["b"]), TRAIN),
    "given": (OneHotEncoder(categories=[["c", "a", "b", "rare", NAN]]), TRAIN),
    "infrequent": (OneHotEncoder(min_frequency=3), TRAIN),
    "infrequent, drop": (OneHotEncoder(min_frequency=3, drop="first"), TRAIN),
    "most": (OneHotEncoder(max_categories=3, handle_unknown="infrequent_if_exist"), TRAIN),
    "warn": (OneHotEncoder(max_categories=3, handle_unknown="warn"), TRAIN),
    "no infrequent": (OneHotEncoder(handle_unknown="infrequent_if_exist"), NO_HOLES),
    "ignore infrequent": (OneHotEncoder(max_categories=3, handle_unknown="ignore"), TRAIN),
    "ordinal": (OrdinalEncoder(), TRAIN),
    "ordinal, missing": (OrdinalEncoder(encoded_missing_value=-2), TRAIN),
    "ordinal, unknown": (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=99),
        NO_HOLES,
    ),
    "ordinal, infrequent": (OrdinalEncoder(min_frequency=3, encoded_missing_value=-1), TRAIN),
    "ordinal, most": (
        OrdinalEncoder(max_categories=2, handle_unknown="use_encoded_value", unknown_value=NAN),
        TRAIN,
    ),
    "filled, then one-hot": (
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
        TRAIN,
    ),
    "filled by a constant": (
        make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OrdinalEncoder()),
        TRAIN,
    ),
    "a text is missing": (
        make_pipeline(
            SimpleImputer(strategy="constant", fill_value="?"),
            SimpleImputer(missing_values="?", strategy="most_frequent", add_indicator=False),
            OneHotEncoder(),
        ),
        TRAIN,
    ),
    "scaled": (make_pipeline(OneHotEncoder(sparse_output=False), StandardScaler()), TRAIN),
}


def knows_new(step):
    last = step[-1] if hasattr(step, "steps") else step
    return getattr(last, "handle_unknown", "error") != "error"


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_an_encoder_is_a_table_over_levels(name):
    step, train = ENCODERS[name]
    step.fit(train)
    levels = UNSEEN if knows_new(step) else LETTERS
    values = np.array([NAN if v is None else v for v in levels], object)[:, None]
    codes = np.arange(len(levels))[:, None]
    features, ours = columns_of(step, RawTable(None, (levels,)), codes)
    np.testing.assert_allclose(ours, dense(step.transform(values)), rtol=1e-5, atol=1e-6)
    assert all(isinstance(c, LevelColumn) for c in features.columns)


@pytest.mark.parametrize("step", [OneHotEncoder(), OrdinalEncoder()])
def test_what_an_encoder_would_refuse_is_missing(step):
    step.fit(NO_HOLES)
    _, ours = columns_of(step, RawTable(None, (UNSEEN,)), np.arange(6)[:, None])
    refused = np.array([v is None or v == "new" for v in UNSEEN])
    assert (np.isnan(ours) == refused[:, None]).all()


def test_numbers_known_as_levels():
    levels = (2.0, None, 0.0, 7.0)
    step = make_pipeline(SimpleImputer(add_indicator=True), MinMaxScaler())
    values = np.array([[2.0], [NAN], [0.0], [7.0]])
    _, ours = columns_of(step.fit(values), RawTable(None, (levels,)), np.arange(4)[:, None])
    np.testing.assert_allclose(ours, step.transform(values), rtol=1e-6)


def test_true_and_false_are_numbers_and_categories():
    levels = (False, True)
    values = np.array([[False], [True]])
    table, codes = RawTable(None, (levels,)), np.arange(2)[:, None]
    for step in (OneHotEncoder(), OrdinalEncoder(), StandardScaler()):
        _, ours = columns_of(step.fit(values), table, codes)
        np.testing.assert_allclose(ours, dense(step.transform(values)), rtol=1e-6)


def test_kinds_of_columns():
    table = raw_features(RawTable.of_numbers(3))
    kinds = {
        NumberColumn: [StandardScaler().fit(X), SimpleImputer(add_indicator=True).fit(HOLES)],
        PointColumn: [OneHotEncoder().fit(WHOLE), OrdinalEncoder().fit(WHOLE)],
    }
    for kind, steps in kinds.items():
        for step in steps:
            features = transform_on(step, table)
            assert features.base is None
            assert all(isinstance(c, kind) for c in features.columns)


REFUSED = {
    "text among numbers": (OneHotEncoder().fit(TRAIN), 1, "has categories such as 'a'"),
    "scaled before": (
        make_pipeline(StandardScaler(), OneHotEncoder(handle_unknown="ignore")).fit(WHOLE),
        3,
        "step 'onehotencoder' .OneHotEncoder.: column 0 is scaled before it is read by level",
    ),
    "two functions": (FunctionTransformer(halved).fit(X), 3, "the function halved is no JAX"),
    "fitted on others": (
        ColumnTransformer([("a", StandardScaler(), [0])]).fit(X),
        2,
        "was fitted on 3 columns and gets 2",
    ),
    "scaler of others": (StandardScaler().fit(X), 2, "was fitted on 3 columns and gets 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    step, count, reason = REFUSED[name]
    with pytest.raises(NotConvertibleError, match=reason):
        transform_on(step, raw_features(RawTable.of_numbers(count)))


def test_columns_of_other_names_are_refused():
    scaler = StandardScaler().fit(pd.DataFrame(X, columns=["a", "b", "c"]))
    with pytest.raises(NotConvertibleError, match="other names"):
        transform_on(scaler, raw_features(RawTable.of_numbers(3, ["a", "c", "b"])))


MIXED = {
    "lengths": Normalizer(),
    "sums": Normalizer("l1"),
    "largest": Normalizer("max"),
    "products": PolynomialFeatures(3),
    "products of columns": PolynomialFeatures(2, interaction_only=True, include_bias=False),
    "only a constant": PolynomialFeatures((0, 0)),
}


@pytest.mark.parametrize("name", MIXED)
def test_steps_that_mix_columns(name):
    inputs = RNG.normal(size=(20, 3))
    inputs[3] = 0
    step = MIXED[name].fit(inputs)
    found = transform_on(step, raw_features(RawTable.of_numbers(3)))
    ours = found.matrix(DeviceTable())(jnp.asarray(inputs))
    np.testing.assert_allclose(ours, step.transform(inputs), rtol=2e-6, atol=2e-6)
    assert found.mixed_by == type(step).__name__


@pytest.mark.parametrize("classes", [2, 3])
def test_levels_by_the_mean_of_their_target(classes):
    levels = np.array(["a", "b", "c", None], object)
    rows = levels[RNG.integers(0, 4, 200)][:, None]
    step = TargetEncoder(random_state=0).fit(rows, RNG.integers(0, classes, 200))
    table = RawTable(("x",), ((*levels, "new"),))
    found = transform_on(step, raw_features(table))
    expected = step.transform(np.array([*levels, "new"], object)[:, None])
    np.testing.assert_array_equal(np.stack([c.values for c in found.columns], 1), expected)
