"""Bad input: a clear error that names the argument, and odd but valid input that simply works."""

import json
import subprocess
import sys
import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xgboost
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import KernelPCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from lime_jax import TabularExplainer, fit_tabular, host_predict, jax_predict
from lime_jax.typing import Support
from tests.house import X
from tests.house import softmax_on_host as model

FITTED = TabularExplainer().fit(X)
TEXT = pd.DataFrame({"color": ["red", "blue", "red", "green"], "size": [1.0, 2.0, 3.0, 4.0]})


def never(batch):
    raise AssertionError("the model must not be called")


SETTINGS = [
    (
        "algorithm",
        "kernel",
        r"`algorithm`: expected one of lime, kernel_shap, tree_path, got 'kernel'",
    ),
    ("mode", "ranking", r"`mode`: expected one of classification, regression, None, got 'ranking'"),
    ("discretizer", "deciles", r"`discretizer`.*quartile.*decile.*entropy.*got 'deciles'"),
    ("encoding", "hot", r"`encoding`: expected one of same_bin, one_hot, standardized, got 'hot'"),
    ("distance_space", "far", r"`distance_space`: expected one of encoded, standardized, got"),
    ("distance", "hamming", r"`distance`: expected one of euclidean, cosine, manhattan, got"),
    ("feature_selection", "best", r"none.*highest_weights.*forward_selection.*lasso_path.*'best'"),
    ("design", "halton", r"`design`.*iid.*latin_hypercube.*sobol.*got 'halton'"),
    ("kernel_width", 0.0, r"`kernel_width`: expected a positive number, got 0"),
    ("alpha", -1.0, r"`alpha`: expected a positive number, got -1"),
    ("features", [4], r"`features`: expected names or numbers of the 4 columns, got 4"),
    ("features", ["z"], r"`features`: expected names or numbers of the 4 columns, got 'z'"),
    ("features", [], r"`features`: .* got no columns"),
    ("feature_names", ["a", "b"], r"`feature_names` must name all 4 columns.*got 2"),
    ("feature_names", ["a", "b", "b", "c"], r"`feature_names`.*differ.*b"),
    (
        "categorical_features",
        [9],
        r"`categorical_features`: .*got 9",
    ),
    ("categorical_names", {0: ["a"]}, r"`categorical_names` names the levels of '0', .*numeric"),
    ("seed", -1, r"`seed`: expected a whole number from 0 to 4294967295, got -1"),
    ("seed", 2**32, r"`seed`: .* got 4294967296"),
    ("seed", True, r"`seed`: .* got True"),
    ("discretizer", [[0.0]], r"`discretizer`: expected edges for each of 4 columns"),
    ("discretizer", {"z": [0.0]}, r"`discretizer`: .*4 columns, got 'z'"),
]


@pytest.mark.parametrize(("name", "value", "message"), SETTINGS)
def test_a_setting_that_is_not_known_is_refused_in_fit(name, value, message):
    with pytest.raises(ValueError, match=message):
        TabularExplainer(**{name: value}).fit(X)


def test_settings_that_do_not_go_together_are_refused_in_fit():
    with pytest.raises(ValueError, match=r"`encoding`: 'one_hot' needs bins, but `discretizer`"):
        TabularExplainer(discretizer=None, encoding="one_hot").fit(X)
    with pytest.raises(ValueError, match=r"`y`: entropy bins need the class of each of 200 rows"):
        TabularExplainer(discretizer="entropy").fit(X)


TRAINING = {
    "no rows": (X[:0], {}, r"`X` must have at least one row.*\(0, 4\)"),
    "one axis": (X[0], {}, r"`X` must have shape \(rows, features\), got \(4,\)"),
    "infinity": (np.full((3, 2), np.inf), {}, r"infinit|finite"),
    "ragged": ([[1, 2], [3]], {}, r"`X`.*rows of one length"),
    "lists in cells": (pd.DataFrame({"a": [[1], [2]]}), {}, r"`X`.*'a'"),
    "short weights": (X, {"sample_weight": np.ones(3)}, r"`sample_weight`: expected 200 non-neg"),
    "negative weights": (X, {"sample_weight": -np.ones(200)}, r"`sample_weight`"),
    "zero weights": (X, {"sample_weight": np.zeros(200)}, r"`sample_weight`.*not all 0"),
}


@pytest.mark.parametrize("name", TRAINING)
def test_a_table_that_cannot_be_learned_is_refused(name):
    table, options, message = TRAINING[name]
    with pytest.raises(ValueError, match=message):
        TabularExplainer().fit(table, **options)


ARGUMENTS = {
    "labels": ([3], r"`labels`: expected numbers from 0 to 2 or names among 0, 1, 2, got 3"),
    "labels negative": ([-1], r"`labels`: .* got -1"),
    "labels by name": (["dog"], r"`labels`: .* got 'dog'"),
    "top_labels": (4, r"`top_labels`: expected at most 3 outputs, got 4"),
    "top_labels zero": (0, r"`top_labels`: expected a whole number, at least 1, got 0"),
    "num_features": (0, r"`num_features`: expected a whole number, at least 1, got 0"),
    "num_features negative": (-2, r"`num_features`: .* got -2"),
    "num_samples": (1, r"`num_samples`: expected a whole number, at least 2, or 'auto', got 1"),
    "num_samples negative": (-5, r"`num_samples`: .* got -5"),
    "batch_size": (0, r"`batch_size`: expected a whole number, at least 1, got 0"),
    "method": ("fast", r"`method`: expected one of auto, sampled, exact, got 'fast'"),
    "method exact": (
        "exact",
        r"`method`: there is no closed form .* its inside is not known; use 'sampled'",
    ),
    "row_ids": (
        [1, 2],
        r"`row_ids` must have one id per row of `X`, shape \(5,\), got shape \(2,\)",
    ),
    "row_ids of two axes": (np.zeros((5, 1)), r"`row_ids`.*shape \(5,\), got shape \(5, 1\)"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_out_of_range_is_refused(name):
    value, message = ARGUMENTS[name]
    with pytest.raises(ValueError, match=message):
        FITTED.explain(X[:5], model, **{name.split()[0]: value})


def test_labels_and_top_labels_exclude_each_other():
    with pytest.raises(ValueError, match=r"`top_labels`: expected either `labels` or `top_labels`"):
        FITTED.explain(X[:5], never, labels=[0], top_labels=1)


ROWS = {
    "too few columns": (X[:5, :3], r"`X` must have shape \(rows, 4\), as in `fit`, got \(5, 3\)"),
    "too many columns": (np.zeros((5, 5)), r"shape \(rows, 4\).*got \(5, 5\)"),
    "part of a row": (X[0, :3], r"`X` must have shape \(rows, 4\).*or be one row of 4.*got \(3,\)"),
    "infinity": (np.full((1, 4), -np.inf), r"`X` must be finite or missing; column '0'"),
    "text": (np.array([["a", 1, 2, 3]], object), r"`X`: column '0' must hold numbers.*'a'"),
    "sparse": (scipy.sparse.csr_matrix(X[:5]), r"`X` is sparse.*dense table"),
    "a frame of other columns": (pd.DataFrame({"a": [1.0]}), r"`X` lacks the columns"),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_do_not_fit_are_refused_before_the_model_is_called(name):
    rows, message = ROWS[name]
    with pytest.raises(ValueError, match=message):
        FITTED.explain(rows, never)


def test_nothing_is_explained_before_fit():
    with pytest.raises(NotFittedError):
        TabularExplainer().explain(X, never)


NEEDS_NUMBERS = [dict(discretizer=None), dict(sample_around_instance=True)]
NEEDS_NUMBERS += [dict(distance_space="standardized")]


@pytest.mark.parametrize("settings", NEEDS_NUMBERS, ids=str)
def test_missing_values_are_refused_where_there_are_no_bins_for_them(settings):
    rows = X[:5].copy()
    rows[2, 1] = np.nan
    explainer = TabularExplainer(feature_names=["a", "b", "c", "d"], **settings)
    with pytest.raises(ValueError, match=r"`X`: column 'b' has missing values in `X`"):
        explainer.fit(X).explain(rows, never)
    with pytest.raises(ValueError, match=r"`X`: column 'b' has missing values in the training"):
        explainer.fit(rows).explain(X[:5], never)


class TestNoRows:
    @pytest.mark.parametrize("settings", [{}, dict(sample_around_instance=True)], ids=str)
    @pytest.mark.parametrize("names", [None, ["a", "b", "c"]])
    def test_the_result_is_empty_and_complete(self, settings, names):
        explainer = TabularExplainer(class_names=names, **settings).fit(X)
        none = explainer.explain(X[:0], never)
        outputs = len(names) if names else 1
        assert len(none) == 0
        assert none.coef.shape == none.std_error.shape == (0, outputs, 4)
        assert none.labels.shape == none.intercept.shape == none.score.shape == (0, outputs)
        assert none.prediction.shape == (0, outputs)
        assert none.values.shape == none.bins.shape == none.support.shape == (0, 4)
        assert none.row_ids.shape == none.effective_samples.shape == (0,)
        assert list(none) == []
        assert len(none.to_pandas()) == 0
        assert "<svg" in none.as_html() or "0" in none.as_html()
        with pytest.raises(ValueError, match="`importance`: expected rows"):
            none.importance()

    def test_an_empty_frame_too(self):
        none = TabularExplainer().fit(TEXT).explain(TEXT[:0], never)
        assert none.coef.shape == (0, 1, 2)

    def test_a_jax_model_too(self):
        assert FITTED.explain(X[:0], jax_predict(lambda batch: never(batch))).coef.shape == (
            0,
            1,
            4,
        )


@pytest.fixture(scope="module")
def odd():
    """A constant, a spiked and a categorical column, and a number; the second row is new."""
    rng = np.random.default_rng(4)
    spiked = np.where(rng.random(300) < 0.9, 0.1, rng.normal(5, 1, 300))
    level = rng.integers(0, 3, 300).astype(float)
    train = np.stack([np.full(300, 0.3), spiked, level, rng.normal(size=300)], axis=1)
    rows = train[:3].copy()
    rows[0, 1] = 0.1
    rows[1, 2] = 99.0
    batches = []

    def spy(batch):
        batches.append(batch)
        return batch[:, 0] + batch[:, 1] + batch[:, 2] + batch[:, 3]

    explainer = TabularExplainer(categorical_features=[2]).fit(train)
    return rows, explainer.explain(rows, spy, num_samples=256), batches


class TestOddColumns:
    def test_constant_and_spiked_columns_keep_exactly_their_value(self, odd):
        _, _, (_, samples) = odd
        assert (samples[:, 0] == 0.3).all()
        assert np.mean(samples[:, 1] == 0.1) == pytest.approx(0.9, abs=0.08)
        rest = samples[samples[:, 1] != 0.1, 1]
        assert rest.min() > 1

    def test_all_numbers_are_finite(self, odd):
        _, explanations, _ = odd
        for name in ("coef", "intercept", "score", "local_pred", "effective_samples"):
            assert np.isfinite(getattr(explanations, name)).all(), name
        assert (explanations.coef[:, :, 0] == 0).all()  # nothing to compare a constant with

    def test_an_unknown_category_is_a_level_of_its_own(self, odd):
        rows, explanations, (seen, samples) = odd
        np.testing.assert_array_equal(seen, rows)  # the model is asked about the row itself
        assert np.isin(samples[:, 2], [0, 1, 2]).all()
        assert explanations.support[:, 2].tolist() == [Support.FULL, Support.NONE, Support.FULL]
        assert explanations.coef[1, 0, 2] == 0
        assert explanations.coef[0, 0, 2] != 0
        assert explanations.condition(1, 2).endswith(" (never in the training rows)")
        assert "its weight is not known" in explanations[1].as_html()

    def test_held_fixed_an_unknown_category_cannot_be_kept(self):
        table = pd.DataFrame({"color": ["red", "blue"] * 5, "size": np.arange(10.0)})
        explainer = TabularExplainer(features=["size"]).fit(table)
        new = table[:2].assign(color=["red", "green"])
        with pytest.raises(ValueError, match=r"`features`: row 1 of `X` holds a level of 'color'"):
            explainer.explain(new, never)


def test_one_training_row_leaves_nothing_to_explain():
    explanations = TabularExplainer().fit(X[:1]).explain(X[:3], model, num_samples=256)
    assert (explanations.coef == 0).all()
    assert np.isfinite(explanations.intercept).all()
    np.testing.assert_allclose(explanations.intercept[0], model(X[:1])[0], atol=1e-5)


def softmax_with(value):
    """A model whose outputs on samples (not on the five rows) hold a value."""

    def broken(batch):
        outputs = model(np.asarray(batch))
        if len(batch) > 5:
            outputs[len(batch) // 2] = value
        return outputs

    return broken


MODELS = {
    "one too few": (lambda batch: np.zeros(len(batch) - 1), r"`model`: .*5 inputs, got \(4,\)"),
    "a number": (lambda batch: 0.5, r"`model`: expected outputs of shape \(5,\) or"),
    "three axes": (lambda batch: np.zeros((len(batch), 2, 2)), r"`model`: .* got \(5, 2, 2\)"),
    "nothing": (lambda batch: None, r"`model`"),
    "text": (lambda batch: ["cat"] * len(batch), r"`model`: .*'cat'.*`predict_proba`"),
    "NaN": (lambda batch: np.full(len(batch), np.nan), r"`model`: expected finite outputs"),
    "NaN on samples": (softmax_with(np.nan), r"`model`: expected finite outputs.*1 of 256 inputs"),
    "infinity on samples": (softmax_with(np.inf), r"`model`: expected finite outputs"),
    "other outputs on samples": (
        lambda batch: np.zeros((len(batch), 2 if len(batch) > 5 else 3)),
        r"`model`: expected 3 outputs as in its first call, got 2",
    ),
    "not a function": (3, r"`model`: expected a function of a batch or a fitted estimator"),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_returns_is_checked(name):
    broken, message = MODELS[name]
    with pytest.raises(ValueError, match=message):
        FITTED.explain(X[:5], broken, num_samples=256)


def test_nan_of_a_jax_model_on_samples_names_the_row():
    @jax_predict
    def broken(batch):
        row = batch[:, :3] == X[0, :3].astype(batch.dtype)
        return jnp.where(row, 0.5, jnp.nan)

    with pytest.raises(ValueError, match=r"`model`: its outputs on the samples of row 0 are not"):
        FITTED.explain(X[:1], broken, num_samples=256)


def test_probabilities_that_do_not_sum_to_1_are_warned_about():
    class Sloppy(BaseEstimator):
        classes_ = np.array(["a", "b", "c"])

        def fit(self):
            return self

        def predict(self, batch):
            return self.predict_proba(batch)

        def predict_proba(self, batch):
            return 2 * model(batch)

    with pytest.warns(UserWarning, match=r"outputs should be probabilities.*row 0 sum to 2"):
        explanations = FITTED.explain(X[:5], Sloppy(), num_samples=256)
    assert np.isfinite(explanations.coef).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TabularExplainer(mode="regression").fit(X).explain(X[:5], Sloppy(), num_samples=256)


class TestAModelThatRaises:
    def test_on_the_rows(self):
        def fail(batch):
            if (batch[:, 0] == X[3, 0]).any():
                raise ZeroDivisionError("my own words")
            return np.zeros(len(batch))

        with pytest.raises(ZeroDivisionError, match="my own words") as caught:
            FITTED.explain(X[:5], fail, batch_size=2)
        assert str(caught.value) == "my own words"
        assert caught.value.__notes__ == ["raised by the model on rows 2 to 3 of `X`"]

    @pytest.mark.parametrize(
        ("settings", "note"),
        [({}, "neighborhood that all rows share"), (dict(features=[0]), "rows 0 to 4")],
        ids=["shared", "per row"],
    )
    def test_on_samples(self, settings, note):
        def fail(batch):
            if len(batch) > 5:
                raise ZeroDivisionError("my own words")
            return np.zeros(len(batch))

        with pytest.raises(ZeroDivisionError, match="my own words") as caught:
            TabularExplainer(**settings).fit(X).explain(X[:5], fail, num_samples=256)
        assert str(caught.value) == "my own words"
        assert note in " ".join(caught.value.__notes__)

    def test_text_that_it_does_not_take(self):
        explainer = TabularExplainer().fit(TEXT)
        with pytest.raises(ValueError, match="could not convert string to float") as caught:
            explainer.explain(TEXT, lambda table: np.asarray(table, np.float64).sum(1))
        assert "rows 0 to 3" in " ".join(caught.value.__notes__)

    def test_a_jax_model_takes_no_text_at_all(self):
        with pytest.raises(ValueError, match=r"`model`: a JAX model.*'color' is text.*encodes"):
            TabularExplainer().fit(TEXT).explain(TEXT, jax_predict(lambda batch: batch[:, 0]))

    def test_behind_host_predict(self):
        def fail(batch):
            raise ZeroDivisionError("my own words")

        with pytest.raises(ValueError, match=r"`model`: expected finite outputs") as caught:
            FITTED.explain(X[:5], host_predict(fail))
        assert str(caught.value.__cause__) == "my own words"

    def test_behind_host_predict_on_samples(self):
        def fail(batch):
            if len(batch) > 8:  # the rows come padded to a power of two
                raise ZeroDivisionError("my own words")
            return np.zeros(len(batch))

        with pytest.raises(ValueError, match="samples of row 0") as caught:
            FITTED.explain(X[:5], host_predict(fail), num_samples=256)
        assert str(caught.value.__cause__) == "my own words"


@pytest.mark.parametrize("settings", [{}, dict(features=[0, 1, 2])], ids=["shared", "per row"])
def test_a_kernel_so_narrow_that_all_weights_vanish_is_warned_about(settings):
    explainer = TabularExplainer(kernel_width=1e-3, **settings).fit(X)
    with pytest.warns(UserWarning, match=r"effective sample size.*`kernel_width`"):
        explanations = explainer.explain(X[:5], model, num_samples=256)
    for name in ("coef", "intercept", "local_pred", "score", "effective_samples"):
        assert np.isfinite(getattr(explanations, name)).all(), name


UNFITTED = {
    "forest": RandomForestClassifier,
    "pipeline": lambda: make_pipeline(StandardScaler(), RandomForestClassifier()),
    "xgboost": xgboost.XGBClassifier,
}


@pytest.mark.parametrize("method", ["auto", "sampled", "exact"])
@pytest.mark.parametrize("name", UNFITTED)
def test_a_model_that_was_not_fitted_says_so(name, method):
    with pytest.raises(NotFittedError, match="fit"):
        FITTED.explain(X[:5], UNFITTED[name](), method=method)


NAMED = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
CLASS = (X[:, 0] > 0).astype(int)
OTHER_COLUMNS = {
    "fewer": (X[:, :2], "expecting 2 features", "fitted on 2 columns and gets 3"),
    "in another order": (
        NAMED[["c", "b", "a"]],
        "must be in the same order",
        "columns of other names or another order",
    ),
    "of another name": (NAMED.rename(columns={"a": "z"}), "seen at fit time, yet now missing", ""),
}


@pytest.mark.parametrize("name", OTHER_COLUMNS)
def test_a_model_of_other_columns_says_so_itself_unless_exact_was_asked_for(name):
    table, own_words, reason = OTHER_COLUMNS[name]
    rows = X[:, :3] if name == "fewer" else NAMED
    other = DecisionTreeClassifier(max_depth=2).fit(table, CLASS)
    explainer = TabularExplainer().fit(rows)
    with pytest.raises(ValueError, match=own_words):
        explainer.explain(rows[:5], other)
    with pytest.raises(ValueError, match=rf"`method`: there is no closed form.*{reason}"):
        explainer.explain(rows[:5], other, method="exact")


def test_a_pipeline_that_misses_a_column_names_it_and_the_step():
    columns = ColumnTransformer([("scale", StandardScaler(), ["a", "b"])])
    other = make_pipeline(columns, DecisionTreeClassifier(max_depth=2)).fit(NAMED, CLASS)
    table = NAMED[["a", "c"]]
    explainer = TabularExplainer().fit(table)
    with pytest.raises(ValueError, match=r"columns are missing: \{'b'\}"):
        explainer.explain(table[:5], other)
    with pytest.raises(ValueError, match=r"step 'columntransformer__scale'.*\['b'\].* not here"):
        explainer.explain(table[:5], other, method="exact")
    more = TabularExplainer().fit(NAMED).explain(NAMED[:5], other)
    assert more.method == "exact"
    assert (more.coef[:, :, 2] == 0).all()


def test_an_unsupported_step_is_named_and_the_host_path_is_taken_unless_exact_was_asked_for():
    odd_one = make_pipeline(KernelPCA(2), DecisionTreeClassifier(max_depth=2))
    odd_one.fit(X, CLASS)
    reason = r"step 'kernelpca' \(KernelPCA\): has no JAX form here"
    explanations = FITTED.explain(X[:5], odd_one, num_samples=256)
    assert explanations.method == "sampled"
    with pytest.raises(ValueError, match=rf"`method`: .*{reason}"):
        FITTED.explain(X[:5], odd_one, method="exact")
    assert "host: Pipeline.predict_proba on the host: step 'kernelpca" in explanations.model_path


@pytest.mark.parametrize("last", [DecisionTreeClassifier, LogisticRegression])
@pytest.mark.parametrize("method", ["auto", "sampled"])
def test_a_level_of_the_table_that_the_model_refuses_is_refused_in_its_own_words(last, method):
    columns = ColumnTransformer([("levels", OneHotEncoder(), ["color"])], remainder="passthrough")
    refuses = make_pipeline(columns, last()).fit(TEXT, [0, 1, 0, 1])
    table = pd.concat([TEXT, TEXT.assign(color="pink")], ignore_index=True)
    with pytest.raises(ValueError, match=r"Found unknown categories \['pink'\]"):
        TabularExplainer().fit(table).explain(TEXT, refuses, num_samples=256, method=method)


OF_LIME = dict(
    discretizer="decile",
    sample_around_instance=True,
    encoding="one_hot",
    distance_space="standardized",
    distance="cosine",
    kernel=lambda distances, width: distances,
    kernel_width=1.0,
    alpha=0.5,
    feature_selection="none",
    design="iid",
)
OF_KERNEL_SHAP = dict(link="logit", groups=[[0, 1]], summarize=5)


class TestKernelShap:
    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls):
        return TabularExplainer("kernel_shap").fit(X[:5])

    @pytest.mark.parametrize(("name", "value"), OF_LIME.items())
    def test_settings_of_lime_are_refused(self, name, value):
        with pytest.raises(ValueError, match=rf"`{name}`: is no setting of .*'kernel_shap', got"):
            TabularExplainer("kernel_shap", **{name: value}).fit(X)

    @pytest.mark.parametrize(("name", "value"), OF_KERNEL_SHAP.items())
    def test_its_settings_are_refused_by_lime(self, name, value):
        with pytest.raises(ValueError, match=rf"`{name}`: is no setting of .*'lime', got"):
            TabularExplainer(**{name: value}).fit(X)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (dict(link="log"), r"`link`: expected one of identity, logit, got 'log'"),
            (dict(groups=[[0, 1], [1]]), r"`groups`: column '1' is in '0 & 1' and in '1'"),
            (dict(groups={"g": [7]}), r"`groups`: expected names or numbers .*got 7"),
            (dict(groups=[[]]), r"`groups`: expected at least one column"),
            (dict(groups=[[0, 1]], features=[0]), r"`features`: expected all or no columns of"),
            (dict(features=[]), r"`features`: .*got no columns"),
            (dict(summarize=201), r"`summarize`: expected a whole number from 1 to 200, got 201"),
            (dict(summarize=0), r"`summarize`: .*got 0"),
            (dict(seed=-1), r"`seed`: "),
            (
                dict(categorical_features=[9]),
                r"`categorical_features`: .*got 9",
            ),
        ],
    )
    def test_a_setting_that_is_not_usable_is_refused_in_fit(self, settings, message):
        with pytest.raises(ValueError, match=message):
            TabularExplainer("kernel_shap", **settings).fit(X)

    @pytest.mark.parametrize(
        ("table", "options", "message"),
        [
            (X[:0], {}, r"`X`: expected at least one background row, got none"),
            (TEXT[:0], {}, r"`X`: expected at least one background row, got none"),
            (fit_tabular(X), {}, r"`X`: KernelSHAP needs the rows .*not `TabularStats`"),
            (X[0], {}, r"`X` must have shape \(rows, features\), got \(4,\)"),
            (np.full((3, 2), np.inf), {}, r"infinit|finite"),
            (X, dict(sample_weight=-np.ones(200)), r"`sample_weight`: .*none negative"),
            (X, dict(sample_weight=np.zeros(200)), r"`sample_weight`: .*not all 0"),
            (X, dict(sample_weight=np.ones(3)), r"`sample_weight`: expected 200 finite"),
            (X, dict(y=np.zeros(200)), r"`y`: KernelSHAP needs no classes"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_background_that_is_not_usable_is_refused(self, table, options, message):
        with pytest.raises(ValueError, match=message):
            TabularExplainer("kernel_shap").fit(table, **options)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (dict(num_features=3), r"`num_features`: belongs to LIME; .*features"),
            (dict(num_samples="auto", tolerance=0.1), r"`tolerance`: belongs to LIME"),
            (dict(effective_num_samples=100), r"`effective_num_samples`: belongs to LIME"),
            (dict(num_samples=8), r"`num_samples` must be .*at least 14 for 4 players, got 8"),
            (dict(num_samples=1), r"`num_samples`: expected a whole number, at least 2"),
            (dict(num_samples="many"), r"`num_samples`: .*got 'many'"),
            (dict(method="exact"), r"`method`: there is no closed form .*; use 'sampled' or"),
            (dict(method="fast"), r"`method`: expected one of auto, sampled, exact"),
            (dict(labels=[3]), r"`labels`: expected numbers from 0 to 2"),
            (dict(top_labels=4), r"`top_labels`: expected at most 3 outputs, got 4"),
            (dict(row_ids=[1]), r"`row_ids` must have one id per row"),
        ],
        ids=str,
    )
    def test_an_argument_that_is_not_usable_is_refused(self, fitted, options, message):
        with pytest.raises(ValueError, match=message):
            fitted.explain(X[:3], model, **options)

    def test_there_are_no_widths_to_sweep(self, fitted):
        with pytest.raises(ValueError, match=r"`kernel_width`: KernelSHAP's kernel has no width"):
            fitted.sweep(X[:3], never, [0.5, 1.0])

    @pytest.mark.parametrize("name", ["NaN", "text", "nothing", "three axes"])
    def test_what_a_model_returns_is_checked(self, fitted, name):
        with pytest.raises(ValueError, match="`model`"):
            fitted.explain(X[:3], MODELS[name][0])

    def test_nan_on_some_samples_says_which(self, fitted):
        def broken(batch):
            mixed = (batch[:, 0] == X[7, 0]) & (batch[:, 1] != X[7, 1])
            return np.where(mixed, np.nan, batch[:, 0])

        with pytest.raises(ValueError, match=r"`model`: expected finite outputs, got \[nan\]"):
            fitted.explain(X[7:8], broken)
        in_jax = jax_predict(
            lambda b: jnp.where(b[:, 1] == X[0, 1].astype(b.dtype), b[:, 0], jnp.nan)
        )
        with pytest.raises(ValueError, match=r"`model`: its outputs on the samples of row 0 are"):
            fitted.explain(X[:1], in_jax)

    def test_a_logit_needs_probabilities(self):
        explainer = TabularExplainer("kernel_shap", link="logit").fit(X[:5])
        with pytest.raises(ValueError, match=r"`link`: 'logit' is for probabilities"):
            explainer.explain(X[:3], lambda batch: 3 * batch[:, 0])


LARGE = """
import json
import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor
from lime_jax import TabularExplainer

rng = np.random.default_rng(0)
steps = np.arange(3001.0)[:, None]
chain = DecisionTreeRegressor(random_state=0)
chain.fit(steps, np.arange(3001) % 2, sample_weight=0.99 ** np.arange(3001))
X = rng.normal(size=(3000, 6))
wide = RandomForestRegressor(32, random_state=0).fit(X, X[:, 0] * X[:, 1] + rng.normal(size=3000))
leaves = sum(tree.get_n_leaves() for tree in wide.estimators_)
found = {"depth": int(chain.get_depth()), "leaves": int(leaves)}
for name, model, table in (("chain", chain, steps), ("wide", wide, X)):
    explainer = TabularExplainer(alpha=0.0).fit(table)
    exact = explainer.explain(table[::500], model, method="exact", score=False)
    assert exact.model_path[:3] == "jax"
    np.testing.assert_allclose(exact.prediction[:, 0], model.predict(table[::500]), rtol=1e-5)
    assert np.isfinite(exact.coef).all() and np.abs(exact.coef).min() > 0
    if name == "chain":
        sampled = explainer.explain(table[::500], model, method="sampled", num_samples=2048)
        z = (sampled.coef - exact.coef) / sampled.std_error
        found["z"] = float(np.sqrt((z**2).mean()))
status = open("/proc/self/status").read()  # getrusage would count the parent too
found["peak"] = 1024 * int(status.split("VmHWM:")[1].split()[0])
print(json.dumps(found))
"""


def test_very_deep_and_very_large_trees_are_explained_within_memory():
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["depth"] == 3000
    assert found["leaves"] > 55_000
    assert found["z"] < 2
    assert found["peak"] < 1.5e9
