"""Exact explanations of an explainer: per raw column, whatever stands in front of the model."""

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import lime_jax
from lime_jax import TabularExplainer
from lime_jax.tabular.exact.lime import block_passes, tree_chunks
from lime_jax.typing import Support
from tests.house import ALL_BUT_SCORES, assert_same

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(5)
ROWS = 240
FRAME = pd.DataFrame(
    {
        "age": RNG.normal(50, 12, ROWS).round(1),
        "income": np.where(RNG.random(ROWS) < 0.12, np.nan, RNG.gamma(3.0, 9.0, ROWS)),
        "color": RNG.choice(["red", "green", "blue", "gray"], ROWS, p=[0.4, 0.3, 0.2, 0.1]),
        "grade": pd.Categorical(RNG.choice(["low", "mid", "high"], ROWS)),
        "member": RNG.random(ROWS) < 0.4,
    }
)
SCORE = (
    0.05 * (FRAME["age"].to_numpy() - 50)
    + 0.04 * np.nan_to_num(FRAME["income"].to_numpy(), nan=60.0)
    + (FRAME["color"] == "red").to_numpy() * (1 + FRAME["member"].to_numpy())
    - 0.7 * (FRAME["grade"] == "low").to_numpy()
    - 1.5
)
LABEL = np.where(SCORE + RNG.normal(size=ROWS) > 0, "yes", "no")
SOME = FRAME.iloc[:5]

NUMBERS = ["age", "income"]
TEXTS = ["color", "grade"]


def encoded(scaler=None, hot=True):
    """Encoders of every kind of column, to be fitted on `FRAME`."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), scaler or "passthrough")
    unknown = dict(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = OneHotEncoder(handle_unknown="ignore") if hot else OrdinalEncoder(**unknown)
    steps = [("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)]
    return ColumnTransformer([*steps, ("rest", OrdinalEncoder(), ["member"])])


def codes(imputed=False):
    """Levels as codes; numbers come as they are, missing ones too."""
    unknown = dict(handle_unknown="use_encoded_value", unknown_value=-1)
    steps = [("levels", OrdinalEncoder(**unknown), [*TEXTS, "member"])]
    return ColumnTransformer(steps, remainder=SimpleImputer() if imputed else "passthrough")


# The output that is a sum, and the model.
PIPELINES = {
    "forest behind one-hot columns": (
        None,
        make_pipeline(encoded(), RandomForestClassifier(8, max_depth=5, random_state=0)),
    ),
    "tree with missing values": (
        None,
        make_pipeline(codes(), DecisionTreeClassifier(max_depth=6, random_state=0)),
    ),
    "boosted margin": (
        "margin",
        make_pipeline(encoded(), GradientBoostingClassifier(n_estimators=12, random_state=0)),
    ),
    "histograms with categories": (
        None,
        make_pipeline(
            codes(),
            HistGradientBoostingRegressor(
                max_iter=8, categorical_features=[0, 1], random_state=0, min_samples_leaf=10
            ),
        ),
    ),
    "XGBoost's margin": (
        "margin",
        make_pipeline(
            codes(), xgboost.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1, random_state=0)
        ),
    ),
    "linear": (None, make_pipeline(encoded(StandardScaler()), Ridge())),
    "logistic margin": ("margin", make_pipeline(encoded(StandardScaler()), LogisticRegression())),
}
SCORED = ("tree with missing values", "boosted margin", "linear", "logistic margin")


def fitted(name):
    output, model = PIPELINES[name]
    classifies = hasattr(type(model[-1]), "predict_proba")
    target = LABEL if classifies else SCORE
    if "XGBoost" in name:
        target = (LABEL == "yes").astype(int)
    return output, model.fit(FRAME, target)


def own_method(model, output):
    if output == "margin":
        margin = dict(output_margin=True) if isinstance(model[-1], xgboost.XGBModel) else None
        if margin:
            return lambda frame: model[-1].predict(model[:-1].transform(frame), **margin)
        return model.decision_function
    return getattr(model, "predict_proba", model.predict)


def assert_within_errors(exact, runs):
    """The mean of runs with other seeds is within 4.5 standard errors of the exact weights."""
    assert exact.method == "exact"
    assert {run.method for run in runs} == {"sampled"}
    mean = np.mean([run.coef for run in runs], axis=0)
    error = np.sqrt(np.mean([run.std_error**2 for run in runs], axis=0) / len(runs))
    z = (mean - exact.coef) / np.hypot(error, 1e-6 * np.abs(exact.coef).max())
    assert np.nanmax(np.abs(z)) < 4.5
    assert np.sqrt(np.nanmean(z**2)) < 1.6


@pytest.mark.parametrize("name", PIPELINES)
def test_samples_of_the_pipeline_on_the_host_scatter_around_the_exact_weights(name):
    output, model = fitted(name)
    explainer = TabularExplainer(output=output, alpha=0.0).fit(FRAME)
    exact = explainer.explain(SOME, model, score=name in SCORED)
    assert exact.method == "exact"
    assert exact.model_path.startswith("jax: Pipeline.")
    assert exact.coef.shape[2] == FRAME.shape[1]
    assert (exact.std_error == 0).all()
    call = own_method(model, output)
    runs = []
    for seed in (1, 2, 3):
        on_host = TabularExplainer(alpha=0.0, class_names=exact.output_names, seed=seed).fit(FRAME)
        runs.append(on_host.explain(SOME, lambda frame: call(frame), num_samples=2**13))
        assert runs[-1].model_path.startswith("host")
    assert_within_errors(exact, runs)
    scale = np.ptp(runs[0].prediction)
    np.testing.assert_allclose(exact.prediction, runs[0].prediction, rtol=1e-5, atol=1e-5 * scale)
    np.testing.assert_allclose(exact.intercept, runs[0].intercept, atol=0.05 * scale)
    np.testing.assert_allclose(exact.local_pred, runs[0].local_pred, atol=0.05 * scale)
    if name in SCORED:
        np.testing.assert_allclose(exact.score, runs[0].score, atol=0.05)


@pytest.fixture(scope="module")
def forest():
    return fitted("forest behind one-hot columns")[1]


@pytest.fixture(scope="module")
def explainer():
    return TabularExplainer().fit(FRAME)


@pytest.fixture(scope="module")
def plain(explainer, forest):
    return explainer.explain(FRAME[:40], forest)


def same(ours, theirs):
    numbers = ("coef", "intercept", "score", "local_pred", "effective_samples")
    assert_same(ours, theirs, numbers, tolerance=2e-6)


class TestARow:
    @pytest.mark.parametrize("index", [[7], [3, 1, 2], list(range(39, -1, -1))], ids=len)
    def test_is_the_same_alone_and_among_others(self, explainer, forest, plain, index):
        same(explainer.explain(FRAME.iloc[index], forest), plain[np.array(index)])

    def test_does_not_depend_on_the_seed_but_in_its_score(self, forest, plain):
        other = TabularExplainer(seed=99).fit(FRAME).explain(FRAME[:40], forest)
        np.testing.assert_array_equal(other.coef, plain.coef)
        np.testing.assert_array_equal(other.intercept, plain.intercept)
        np.testing.assert_array_equal(other.row_ids, plain.row_ids)
        assert 0 < np.abs(other.score - plain.score).max() < 0.1

    def test_there_may_be_none(self, explainer, forest):
        none = explainer.explain(FRAME[:0], forest)
        assert none.method == "exact"
        assert none.coef.shape == (0, 2, 5)
        assert len(none.to_pandas()) == 0

    def test_of_a_level_that_fit_did_not_see_has_no_weight_for_it(self, explainer, forest, plain):
        new = FRAME[:2].assign(color=["violet", "red"])
        found = explainer.explain(new, forest)
        assert (found.coef[0, :, 2] == 0).all()
        assert found.support[0, 2] == Support.NONE
        assert found.condition(0, 2) == "color = violet (never in the training rows)"
        assert np.isfinite(found.coef).all()
        np.testing.assert_allclose(found.prediction, forest.predict_proba(new), rtol=1e-5)

    def test_with_a_missing_number_has_a_weight_for_that(self, explainer, forest):
        rows = FRAME[FRAME["income"].isna()][:2]
        found = explainer.explain(rows, forest)
        assert (found.bins[:, 1] >= 0).all()
        assert np.abs(found.coef[:, :, 1]).min() > 0
        assert found.condition(0, 1) == "income is missing"


@pytest.fixture(scope="module")
def large():
    """About 10,000 splits: two rows are few."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 2))
    return X, ExtraTreesRegressor(5, random_state=0).fit(X, rng.normal(size=len(X)))


class TestFewRowsAndMany:
    """Few rows of large trees are explained one by one, many in blocks."""

    def test_have_the_same_explanations(self, large):
        X, trees = large
        explainer = TabularExplainer().fit(X)
        many, few = explainer.explain(X[:40], trees), explainer.explain(X[7:9], trees)
        assert_same(few, many[7:9], (*ALL_BUT_SCORES, "score"), tolerance=1e-5)

    def test_say_which_way_they_took_and_why(self, large):
        X, trees = large
        explainer = TabularExplainer().fit(X)
        few, many = (explainer.explain(X[:rows], trees).model_path for rows in (2, 3))
        assert "row by row over" in few
        assert "in blocks of rows over" in many
        assert all(path.endswith("pay for more than 2 rows") for path in (few, many))

    def test_in_blocks_have_the_same_bits_in_every_batch(self, large, monkeypatch):
        X, trees = large
        explainer = TabularExplainer().fit(X)
        many, others = explainer.explain(X[:100], trees), explainer.explain(X[37:60], trees)
        np.testing.assert_array_equal(others.coef, many.coef[37:60])
        monkeypatch.setattr(block_passes, "_MOST_ROWS", 32)
        np.testing.assert_array_equal(explainer.explain(X[:100], trees).coef, many.coef)

    def test_have_the_same_explanations_however_trees_are_put_together(self, large, monkeypatch):
        X, trees = large
        whole = TabularExplainer().fit(X).explain(X[:20], trees)
        monkeypatch.setattr(tree_chunks, "_SPLITS_AT_ONCE", 1)
        each = TabularExplainer().fit(X).explain(X[:20], trees)
        assert_same(each, whole, (*ALL_BUT_SCORES, "score"), tolerance=1e-6)

    @pytest.mark.parametrize("labels", [None, [0, 2], [1]])
    def test_have_the_same_explanations_of_classes(self, labels):
        rng = np.random.default_rng(0)
        X = np.stack([rng.normal(size=1_500), rng.integers(0, 9, 1_500)], axis=1)
        trees = ExtraTreesClassifier(9, random_state=0).fit(X, rng.integers(0, 3, len(X)))
        explainer = TabularExplainer(categorical_features=[1]).fit(X)
        many, few = (explainer.explain(X[:n], trees, labels=labels) for n in (30, 2))
        assert "in blocks of rows over" in many.model_path
        assert "row by row over" in few.model_path
        assert_same(few, many[:2], (*ALL_BUT_SCORES, "score"), tolerance=1e-6)

    def test_have_the_same_bits_where_trees_are_small(self, explainer, forest):
        many, few = explainer.explain(FRAME[:40], forest), explainer.explain(FRAME[7:9], forest)
        np.testing.assert_array_equal(few.coef, many.coef[7:9])
        assert few.model_path == many.model_path
        assert "splits" not in few.model_path


class TestFacts:
    def test_there_is_no_noise_and_there_are_no_samples(self, plain):
        assert plain.method == "exact"
        assert plain.model_path.startswith("jax: Pipeline.predict_proba converted to JAX")
        assert plain.output_kind == "probability"
        assert plain.output_names == ("no", "yes")
        assert (plain.std_error == 0).all()
        assert (plain.samples_used == 0).all()
        assert plain.num_replicates == 0
        assert plain.replicates_of(0) == 0
        assert plain.kernel_width == pytest.approx(0.75 * 5**0.5)
        assert (plain.effective_samples > 0).all()
        assert (plain.effective_samples <= plain.num_samples).all()

    def test_the_outputs_of_probabilities_mirror_each_other(self, plain):
        np.testing.assert_allclose(plain.coef[:, 0], -plain.coef[:, 1], atol=1e-6)
        np.testing.assert_allclose(plain.intercept.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(plain.local_pred, plain.intercept + plain.coef.sum(2), atol=1e-5)

    def test_effective_samples_are_those_of_a_sampled_run(self, explainer, forest, plain):
        sampled = explainer.explain(FRAME[:40], forest, method="sampled", num_samples=1024)
        shares = [each.effective_samples / each.num_samples for each in (plain, sampled)]
        np.testing.assert_allclose(*shares, rtol=0.03)
        np.testing.assert_allclose(plain.score, sampled.score, atol=0.1)

    def test_there_is_a_held_out_score(self, plain):
        np.testing.assert_array_equal(plain.held_out_score, plain.score)


@pytest.fixture(scope="module")
def bare(explainer, forest):
    return explainer.explain(FRAME[:40], forest, score=False)


class TestWithoutScore:
    def test_it_is_not_a_number_and_all_else_is_the_same(self, bare, plain):
        assert np.isnan(bare.score).all()
        assert np.isnan(bare.held_out_score).all()
        np.testing.assert_array_equal(bare.coef, plain.coef)
        np.testing.assert_array_equal(bare.local_pred, plain.local_pred)

    def test_it_is_shown_in_every_way(self, bare, tmp_path):
        pytest.importorskip("matplotlib")
        assert len(bare[0].as_list()) == 5
        for page in (bare[0].as_html(), bare.as_html()):
            assert "<html" in page
            assert "nan" not in page.lower().replace("nance", "")
        bare[0].save_to_file(tmp_path / "row.html")
        assert len(bare.to_pandas()) == 40 * 2 * 5
        assert (bare.to_pandas()["std_error"] == 0).all()
        for figure in (bare[0].as_pyplot_figure(), bare.summary_figure(), bare.heat_map_figure()):
            assert figure.axes

    def test_it_is_saved_and_loaded(self, bare, tmp_path):
        bare.save(tmp_path / "e.npz")
        again = lime_jax.load(tmp_path / "e.npz")
        same(again, bare)
        assert again.method == "exact"
        assert again[3].as_list() == bare[3].as_list()


class TestOptions:
    def test_labels_are_a_part_of_all(self, explainer, forest, plain):
        for labels, place in ((["yes"], [1]), (["no"], [0]), (["yes", "no"], [1, 0])):
            found = explainer.explain(FRAME[:40], forest, labels=labels)
            np.testing.assert_allclose(found.coef, plain.coef[:, place], atol=1e-6)
            np.testing.assert_allclose(found.score, plain.score[:, place], atol=1e-5)

    def test_top_labels_are_each_rows_own(self, explainer, forest, plain):
        found = explainer.explain(FRAME[:40], forest, top_labels=1)
        np.testing.assert_array_equal(found.labels[:, 0], plain.prediction.argmax(1))
        expected = np.take_along_axis(plain.coef, found.labels[:, :, None], axis=1)
        np.testing.assert_allclose(found.coef, expected, atol=1e-6)
        assert len(np.unique(found.labels)) == 2

    @pytest.mark.parametrize(
        "selection", ["auto", "none", "highest_weights", "forward_selection", "lasso_path"]
    )
    def test_the_best_features_keep_their_weights(self, forest, plain, selection):
        chooser = TabularExplainer(feature_selection=selection).fit(FRAME)
        found = chooser.explain(FRAME[:40], forest, num_features=2, score=False)
        kept = ~np.isnan(found.std_error)
        assert (kept.sum(2) == (5 if selection == "none" else 2)).all()
        np.testing.assert_array_equal(found.coef[kept], plain.coef[kept])
        assert (found.coef[~kept] == 0).all()
        assert (found.std_error[kept] == 0).all()
        np.testing.assert_allclose(found.local_pred, found.intercept + found.coef.sum(2), atol=1e-5)
        if selection == "highest_weights":
            strongest = np.sort(np.abs(plain.coef), axis=2)[:, :, -2:].sum(2)
            np.testing.assert_allclose(np.abs(found.coef).sum(2), strongest, rtol=1e-6)
        if selection != "none":
            assert len(found[0].as_list()) == 2

    def test_a_finite_run_shrinks_by_alpha(self, forest):
        rows, ask = FRAME[:40], dict(num_samples=1024, method="sampled")
        loose, tight = (TabularExplainer(alpha=alpha).fit(FRAME) for alpha in (0.0, 80.0))
        whole = loose.explain(rows, forest)
        shrunk = tight.explain(rows, forest, effective_num_samples=1024)
        sampled = [each.explain(rows, forest, **ask).coef for each in (loose, tight)]
        np.testing.assert_allclose(shrunk.coef / whole.coef, sampled[1] / sampled[0], atol=0.08)
        assert (np.abs(shrunk.coef) < 0.8 * np.abs(whole.coef)).all()
        same_limit = tight.explain(rows, forest)
        np.testing.assert_array_equal(same_limit.coef, whole.coef)
        nearly = tight.explain(rows, forest, effective_num_samples=10**7)
        np.testing.assert_allclose(nearly.coef, whole.coef, rtol=1e-3)

    def test_options_of_sampling_change_nothing(self, explainer, forest, plain):
        for more in (dict(num_samples=64), dict(num_samples="auto"), dict(batch_size=3)):
            found = explainer.explain(FRAME[:40], forest, **more)
            np.testing.assert_array_equal(found.coef, plain.coef)
            assert (found.samples_used == 0).all()

    def test_columns_that_are_held_fixed_have_no_weight(self, forest):
        held = TabularExplainer(features=["age", "color"]).fit(FRAME)
        exact = held.explain(SOME, forest, score=False)
        assert (exact.coef[:, :, [1, 3, 4]] == 0).all()
        assert (np.isnan(exact.std_error) == [False, True, False, True, True]).all()
        # A column that the model does not see may be held or not: the weights are of the others.
        fewer = make_pipeline(
            ColumnTransformer(
                [("seen", OneHotEncoder(), ["color"]), ("same", "passthrough", ["age"])]
            ),
            DecisionTreeRegressor(max_depth=4, random_state=0),
        ).fit(FRAME, SCORE)
        free = TabularExplainer(kernel_width=1.5).fit(FRAME).explain(SOME, fewer, score=False)
        held = TabularExplainer(kernel_width=1.5, features=["age", "color"]).fit(FRAME)
        np.testing.assert_allclose(
            held.explain(SOME, fewer, score=False).coef, free.coef, rtol=1e-5, atol=1e-7
        )


NUMERIC = RNG.normal(size=(200, 4)) * [1, 10, 0.1, 1] + [0, 100, 0, 3]
NUMERIC[:, 3] = RNG.integers(0, 4, 200)
TARGET = np.digitize(NUMERIC[:, 0] + 0.1 * (NUMERIC[:, 1] - 100) + (NUMERIC[:, 3] == 2), [-0.5, 1])


@pytest.fixture(scope="module")
def classes():
    return RandomForestClassifier(8, max_depth=4, random_state=0).fit(NUMERIC, TARGET)


def test_an_array_with_levels_that_is_not_discretized(classes):
    settings = dict(categorical_features=[3], alpha=0.0, discretizer=None)
    settings["sample_around_instance"] = True
    rows = NUMERIC[:6]
    exact = TabularExplainer(**settings).fit(NUMERIC).explain(rows, classes)
    assert exact.coef.shape == (6, 3, 4)
    runs = [
        TabularExplainer(**settings, seed=seed)
        .fit(NUMERIC)
        .explain(rows, classes, method="sampled", num_samples=2**13)
        for seed in (1, 2)
    ]
    assert_within_errors(exact, runs)
    np.testing.assert_allclose(exact.score, runs[0].score, atol=0.06)
    np.testing.assert_allclose(exact.local_pred, runs[0].local_pred, atol=0.05)


NO_FORM = {
    "one-hot": (dict(encoding="one_hot"), "variables of a column are not independent"),
    "kernel": (dict(kernel=lambda d, width: 1 / (1 + d)), "a kernel of your own"),
    "cosine": (dict(distance="cosine"), "cosine distance is not a product over columns"),
    "standardized": (dict(encoding="standardized"), "no closed form yet"),
}


@pytest.mark.parametrize("name", NO_FORM)
def test_settings_without_a_closed_form_are_sampled_and_say_why(name, classes):
    settings, reason = NO_FORM[name]
    explainer = TabularExplainer(categorical_features=[3], **settings).fit(NUMERIC)
    if name == "one-hot":
        assert explainer.explain(NUMERIC[:2], classes, num_samples=256).method == "sampled"
    with pytest.raises(ValueError, match=rf"`method`: there is no closed form .*{reason}"):
        explainer.explain(NUMERIC[:2], classes, method="exact")


BOOSTED = {
    "xgboost": lambda: xgboost.XGBClassifier(n_estimators=5, n_jobs=1),
    "logistic": lambda: LogisticRegression(max_iter=2000),
}


@pytest.mark.parametrize("name", BOOSTED)
def test_a_probability_is_sampled_and_its_margin_is_exact(name):
    model = BOOSTED[name]().fit(NUMERIC, TARGET > 1)
    explainer = TabularExplainer(class_names=["low", "high"]).fit(NUMERIC)
    by_default = explainer.explain(NUMERIC[:3], model, num_samples=256)
    assert (by_default.method, by_default.output_kind) == ("sampled", "probability")
    np.testing.assert_allclose(by_default.prediction, model.predict_proba(NUMERIC[:3]), rtol=1e-4)
    with pytest.raises(ValueError, match=r"`method`: there is no closed form.*output='margin'"):
        explainer.explain(NUMERIC[:3], model, method="exact")
    margins = TabularExplainer(output="margin").fit(NUMERIC)
    exact = margins.explain(NUMERIC[:3], model, method="exact", score=False)
    assert (exact.method, exact.output_kind) == ("exact", "margin")
    assert len(exact.output_names) == 1
    raw = np.log(by_default.prediction[:, 1] / by_default.prediction[:, 0])
    np.testing.assert_allclose(exact.prediction[:, 0], raw, rtol=1e-3, atol=1e-4)


def test_regression_has_one_output():
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(NUMERIC, NUMERIC[:, 1])
    found = TabularExplainer().fit(NUMERIC).explain(NUMERIC[:2], model.predict)
    assert (found.method, found.output_kind) == ("exact", "value")
    assert found.coef.shape == (2, 1, 4)
