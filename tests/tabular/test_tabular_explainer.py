"""`TabularExplainer`: the same row, the same answer; the manners of scikit-learn; any table in."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression

from lime_jax import CategoricalColumn, NumericColumn, TabularExplainer, TabularStats, fit_tabular
from tests import house
from tests.house import SLOPES, X
from tests.house import softmax_on_host as model

RNG = np.random.default_rng(11)
ROWS = X[:9]
SAMPLES = 256


def explain(rows=ROWS, model=model, explainer=None, train=X, **options):
    explainer = TabularExplainer().fit(train) if explainer is None else explainer
    return explainer.explain(rows, model, **dict(num_samples=SAMPLES) | options)


@pytest.fixture(scope="module")
def fitted():
    return TabularExplainer().fit(X)


@pytest.fixture(scope="module")
def plain(fitted):
    return explain(explainer=fitted)


def assert_same(ours, expected, tolerance=1e-5):
    equal = ("bins", "key_ids", "labels", "values", "prediction", "support")
    house.assert_same(ours, expected, equal=equal, tolerance=tolerance)


START = 1.6e9


def long_table():
    """A number, timestamps 20 s apart, 4,000 levels, and a flag."""
    rng, rows = np.random.default_rng(5), np.arange(8000)
    numbers, flags = rng.normal(size=8000), rng.integers(0, 2, 8000)
    return np.stack([numbers, START + 20.0 * (rows % 12), rows % 4000, flags], axis=1)


@pytest.fixture(scope="module", params=["shared", "per row"])
def long_case(request):
    train, batches = long_table(), []
    shared = request.param == "shared"
    explainer = TabularExplainer(sample_around_instance=not shared, categorical_features=[2])
    explainer.fit(train)
    rows = train[[3, 11, 27, 35, 48, 52, 66, 74, 89]]

    def spy(batch):
        batches.append(batch.copy())
        time, level = (batch[:, 1] - START) / 100, batch[:, 2] % 7 / 7
        return 1 / (1 + np.exp(time - batch[:, 0] - batch[:, 3] + level))

    def run(rows, **options):
        """The explanations, and each row's samples as the model saw them."""
        batches.clear()
        explanations = explain(rows, spy, explainer, **options)
        samples = np.concatenate(batches)[len(rows) :]
        samples = samples.reshape(1 if shared else len(rows), SAMPLES, 4)
        return explanations, np.broadcast_to(samples, (len(rows), SAMPLES, 4))

    return run, rows, *run(rows)


@pytest.mark.parametrize(
    "index",
    [[5], slice(2, 7), [8, 0, 3, 4, 1, 7, 2, 6, 5], [4, 4, 4]],
    ids=["one", "slice", "permuted", "repeated"],
)
def test_a_row_is_the_same_whatever_is_around_it(long_case, index):
    run, rows, all_, all_samples = long_case
    some, samples = run(rows[index])
    np.testing.assert_array_equal(samples, all_samples[index])
    assert_same(some, all_[index])


@pytest.mark.parametrize("batch_size", [1, 100, 1000])
def test_the_batch_size_is_nobodys_business(long_case, batch_size):
    run, rows, all_, all_samples = long_case
    one, samples = run(rows[5:6], batch_size=batch_size)
    np.testing.assert_array_equal(samples, all_samples[5:6])
    assert_same(one, all_[5:6])


def test_timestamps_keep_their_seconds(long_case):
    _, rows, all_, samples = long_case
    edges = np.percentile(long_table()[:, 1], [25, 50, 75])
    position = np.searchsorted(edges, rows[:, 1])
    np.testing.assert_array_equal(all_.bins[:, 1] - all_.bins[0, 1], position - position[0])
    assert all_.bins[0, 1] >= 0
    assert len({all_.condition(row, 1) for row in range(9)}) == len(set(position.tolist())) == 4
    assert len(np.unique(samples[0, :, 1])) > 100
    assert np.ptp(samples[0, :, 1]) > 60


def test_levels_that_no_sample_hits_do_not_break_the_fit(long_case):
    _, _, all_, samples = long_case
    assert np.isfinite(all_.coef).all()
    assert len(np.unique(samples[0, :, 2])) > 200
    assert np.isin(samples[:, :, 2], np.arange(4000)).all()


@pytest.mark.parametrize(
    "explainer",
    [TabularExplainer(), TabularExplainer(sample_around_instance=True)],
    ids=["shared", "around"],
)
def test_a_model_may_write_into_the_samples_it_is_called_with(explainer):
    def writes(batch):
        outputs = model(batch)
        if len(batch) != len(ROWS):  # the rows themselves are the user's
            batch[:] = 0
        return outputs

    explainer.fit(X)
    for _ in range(2):  # the second time the neighborhood was kept
        assert_same(explain(model=writes, explainer=explainer), explain(explainer=explainer), 0)


def test_given_ids_decide_the_neighborhood_of_a_row():
    explainer = TabularExplainer(sample_around_instance=True).fit(X)
    rows = np.repeat(X[:1], 6, axis=0)
    ids = [1, 2**32 + 1, 1, "customer-1", "customer-2", "customer-1"]
    coef = explain(rows, explainer=explainer, row_ids=ids).coef
    np.testing.assert_allclose(coef[2], coef[0], atol=1e-6)
    np.testing.assert_allclose(coef[5], coef[3], atol=1e-6)
    different = coef[[0, 1, 3, 4]]
    for i in range(4):
        for j in range(i):
            assert np.abs(different[i] - different[j]).max() > 1e-4
    alone = explain(rows[:1], explainer=explainer, row_ids=[2**32 + 1])
    np.testing.assert_allclose(alone.coef[0], coef[1], atol=1e-5)


class TestManners:
    """What scikit-learn expects of an estimator."""

    def test_parameters_come_and_go(self):
        explainer = TabularExplainer(discretizer="decile", seed=3)
        assert explainer.get_params()["discretizer"] == "decile"
        assert explainer.set_params(seed=4, alpha=0.5) is explainer
        assert (explainer.seed, explainer.alpha) == (4, 0.5)
        with pytest.raises(ValueError, match="no_such_thing"):
            explainer.set_params(no_such_thing=1)

    def test_a_clone_is_unfitted_and_explains_the_same(self, fitted, plain):
        other = clone(fitted)
        assert other.get_params() == fitted.get_params()
        with pytest.raises(NotFittedError):
            other.explain(ROWS, model)
        assert_same(explain(explainer=other.fit(X)), plain, 0)

    def test_fit_returns_self_and_says_what_it_saw(self):
        explainer = TabularExplainer(feature_names=["a", "b", "c", "d"])
        assert explainer.fit(X) is explainer
        assert explainer.n_features_in_ == 4
        assert explainer.feature_names_in_.tolist() == ["a", "b", "c", "d"]

    def test_explaining_changes_no_parameter(self, fitted, plain):
        before = fitted.get_params()
        explain(explainer=fitted)
        assert fitted.get_params() == before
        assert_same(explain(explainer=fitted), plain, 0)

    def test_settings_count_when_they_are_used(self, plain):
        explainer = TabularExplainer(seed=1).fit(X)
        other = explain(explainer=explainer)
        assert np.abs(other.coef - plain.coef).max() > 1e-4
        assert_same(explain(explainer=explainer.set_params(seed=0)), plain, 0)
        wide = explain(explainer=explainer.set_params(kernel_width=10.0))
        assert wide.effective_samples.min() > plain.effective_samples.max()

    def test_a_pickle_holds_no_rows_and_no_samples(self, fitted):
        rows = np.random.default_rng(0).normal(size=(20_000, 4))
        explainer = TabularExplainer().fit(rows)
        size = len(pickle.dumps(explainer))
        assert size < 20_000
        before = len(pickle.dumps(clone(fitted).fit(X)))
        assert len(pickle.dumps(fitted)) == before

    def test_it_works_after_unpickling_in_another_process(self, fitted, tmp_path):
        classifier = LogisticRegression().fit(X, X[:, 0] > 0)
        ours = explain(model=classifier, explainer=fitted)
        (tmp_path / "in").write_bytes(pickle.dumps((fitted, classifier, ROWS, SAMPLES)))
        code = (
            "import pickle, sys, numpy as np, pathlib; folder = pathlib.Path(sys.argv[1])\n"
            "explainer, model, rows, n = pickle.loads((folder / 'in').read_bytes())\n"
            "explainer.explain(rows, model, num_samples=n).save(folder / 'out.npz')\n"
        )
        subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path)], check=True)
        from lime_jax import load

        assert_same(load(tmp_path / "out.npz"), ours)


class TestStatisticsAlone:
    def test_statistics_replace_the_rows(self, plain):
        assert_same(explain(explainer=TabularExplainer().fit(fit_tabular(X))), plain, 1e-6)

    def test_statistics_from_numbers(self, plain):
        columns = []
        for values in X.T:
            edges = np.percentile(values, [25, 50, 75])
            parts = [values[np.searchsorted(edges, values) == b] for b in range(4)]
            columns.append(
                NumericColumn(
                    edges=edges,
                    frequencies=[len(p) / len(values) for p in parts],
                    means=[p.mean() for p in parts],
                    stds=[p.std() for p in parts],
                    lower=[values.min(), *edges],
                    upper=[*edges, values.max()],
                    mean=values.mean(),
                    std=values.std(),
                )
            )
        explainer = TabularExplainer().fit(TabularStats.from_columns(columns))
        assert_same(explain(explainer=explainer), plain, 1e-4)

    def test_levels_are_numbers_and_names_may_be_given(self):
        stats = TabularStats.from_columns(
            [CategoricalColumn([3, 7], [0.5, 0.5]), CategoricalColumn([0, 1], [0.5, 0.5])]
        )
        explainer = TabularExplainer(feature_names=["kind", "flag"]).fit(stats)
        assert explainer.feature_names_in_.tolist() == ["kind", "flag"]
        empty = explainer.explain(np.zeros((0, 2)), lambda batch: batch[:, 0])
        assert empty.conditions == ("kind = 3", "kind = 7", "flag = 0", "flag = 1")
        assert empty.names.categorical == (True, True)

    def test_names_must_fit(self):
        with pytest.raises(ValueError, match="`feature_names`: expected 4 names, got 1"):
            TabularExplainer(feature_names=["a"]).fit(fit_tabular(X))


def mixed_columns():
    rng = np.random.default_rng(8)
    size = rng.normal(size=200)
    size[::7] = np.nan
    return {
        "size": size,
        "height": rng.normal(size=200).astype(np.float32),
        "color": np.array(["blue", "green", "red", None], object)[rng.integers(0, 4, 200)],
        "sure": rng.integers(0, 2, 200).astype(bool),
    }


def pandas_frame(color):
    return lambda columns: pd.DataFrame(columns | {"color": color(columns["color"])})


def polars_frame(dtype):
    def make(columns):
        color = pl.Series(list(columns["color"]), dtype=dtype)
        return pl.DataFrame(columns | {"color": color}, nan_to_null=True)

    return make


FRAMES = {
    "pandas text": pandas_frame(lambda color: pd.array(color, "string")),
    "pandas objects": pandas_frame(lambda color: pd.Series(color, dtype=object)),
    "pandas categories": pandas_frame(pd.Categorical),
    "polars text": polars_frame(pl.String),
    "polars categories": polars_frame(pl.Categorical),
}


def explain_frame(name):
    frame = FRAMES[name](mixed_columns())
    dtypes = dict(zip(frame.columns, frame.dtypes, strict=True))

    def model(given):
        assert type(given) is type(frame)
        assert dict(zip(given.columns, given.dtypes, strict=True)) == dtypes
        size = np.nan_to_num(np.asarray(given["size"].to_numpy(), np.float64), nan=-1.0)
        color = [c if isinstance(c, str) else None for c in given["color"].to_list()]
        worth = np.array([{"red": 2.0, None: 3.0}.get(c, 0.0) for c in color])
        return size + worth + 0.5 * given["height"].to_numpy() + given["sure"].to_numpy()

    return explain(frame[:9], model, train=frame)


@pytest.fixture(scope="module")
def of_text():
    return explain_frame("pandas text")


@pytest.mark.parametrize("name", [name for name in FRAMES if name != "pandas text"])
def test_every_kind_of_frame_gives_the_same(of_text, name):
    ours = explain_frame(name)
    assert ours.names.categorical == (False, False, True, True)
    assert ours.conditions == of_text.conditions
    assert_same(ours, of_text, 1e-6)


def test_weights_of_levels_and_of_missing_values_are_the_models(of_text):
    table = of_text.to_pandas().groupby("condition")["weight"].mean()
    assert table["size is missing"] < -0.5
    assert table["color = missing"] > 1.5
    assert table["sure = True"] > 0.5 > -0.5 > table["sure = False"]
    assert {"color = blue", "color = green", "color = red"} & set(table.index)


def test_columns_of_a_frame_are_found_by_name():
    frame = FRAMES["pandas categories"](mixed_columns())
    seen = []

    def model(given):
        seen.append(tuple(given.columns))
        return np.zeros(len(given))

    shuffled = frame[["sure", "color", "height", "size"]].assign(extra=0)[:2]
    explain(shuffled, model, train=frame)
    assert set(seen) == {("size", "height", "color", "sure")}


def test_weights_of_zero_leave_rows_out(plain):
    more = np.concatenate([X, RNG.normal(5, 9, size=(50, 4))])
    weight = np.repeat([1.0, 0.0], [200, 50])
    explainer = TabularExplainer().fit(more, sample_weight=weight)
    assert_same(explain(explainer=explainer), plain, 1e-4)


def test_whole_weights_are_repetitions():
    edges = [[-0.7, 0.0, 0.7]] * 4
    weight = RNG.integers(1, 4, size=200)
    ours = TabularExplainer(discretizer=edges).fit(X, sample_weight=weight)
    repeated = TabularExplainer(discretizer=edges).fit(np.repeat(X, weight, axis=0))
    assert_same(explain(explainer=ours), explain(explainer=repeated), 1e-4)


def test_bins_by_entropy_need_and_use_the_classes():
    explainer = TabularExplainer(discretizer="entropy")
    with pytest.raises(ValueError, match=r"`y`: entropy bins need the class of each of 200 rows"):
        explainer.fit(X)
    edges = [explainer.fit(X, X[:, 0] > cut).stats_ for cut in (0.3, -0.3)]
    found = [stats.upper_edge[0] + stats.center[0] for stats in edges]
    assert found == pytest.approx([0.3, -0.3], abs=0.1)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_names_are_shown_whatever_holds_them(kind):
    explainer = TabularExplainer(
        feature_names=kind(["a", "b", "c", "flag"]),
        categorical_features=kind([3]),
        categorical_names={3: kind(["off", "on"])},
        class_names=kind(["cat", "dog", "eel"]),
    ).fit(np.column_stack([X[:, :3], X[:, 3] > 0]))
    explanations = explain(X[:0], explainer=explainer)
    assert explanations.output_names == ("cat", "dog", "eel")
    assert explanations.feature_names == ("a", "b", "c", "flag")
    assert explanations.conditions[-2:] == ("flag = off", "flag = on")


FAR = np.array([0, 0, 1.6e9 / 3, 0.1])


@pytest.fixture(scope="module")
def held():
    rows, batches = X[:5] + FAR, []

    def spy(batch):
        batches.append(batch)
        return model(batch - FAR)

    explainer = TabularExplainer(features=[1, 0]).fit(X + FAR)
    return rows, explain(rows, spy, explainer), np.concatenate(batches[1:])


def test_the_model_sees_the_exact_values_of_columns_that_are_held_fixed(held):
    rows, _, samples = held
    samples = samples.reshape(5, SAMPLES, 4)
    np.testing.assert_array_equal(samples[:, :, 2:], np.repeat(rows[:, None, 2:], SAMPLES, 1))
    for row in range(5):
        for column in (0, 1):
            assert len(np.unique(samples[row, :, column])) > SAMPLES // 2


def test_columns_that_are_held_fixed_have_no_weight(held):
    _, explanations, _ = held
    assert (explanations.coef[:, :, 2:] == 0).all()
    assert np.isnan(explanations.std_error[:, :, 2:]).all()
    assert (explanations.coef[:, :, :2] != 0).any()
    assert set(explanations.to_pandas()["feature"]) == {"0", "1"}


def test_columns_to_perturb_have_names_too(held):
    rows, explanations, _ = held
    named = TabularExplainer(features=["a", "b"], feature_names=["a", "b", "c", "d"]).fit(X + FAR)
    ours = explain(rows, lambda batch: model(batch - FAR), named)
    assert_same(ours, explanations, 1e-6)


@pytest.fixture(scope="module")
def classifier():
    return LogisticRegression().fit(X, np.where(X[:, 0] > 0, "yes", "no"))


class TestWhatIsExplained:
    def test_an_estimator_is_explained_by_its_probabilities(self, classifier, fitted):
        ours = explain(model=classifier, explainer=fitted)
        assert (ours.output_kind, ours.output_names) == ("probability", ("no", "yes"))
        np.testing.assert_allclose(ours.prediction, classifier.predict_proba(ROWS), rtol=1e-6)
        np.testing.assert_allclose(ours.coef[:, 0], -ours.coef[:, 1], atol=1e-5)
        assert ours.model_path == "jax: LogisticRegression.predict_proba converted to JAX"

    def test_a_bound_method_is_what_it_returns(self, classifier, fitted):
        ours = explain(model=classifier.decision_function, explainer=fitted)
        assert (ours.output_kind, ours.output_names) == ("margin", ("yes",))
        margin = classifier.decision_function(ROWS)
        np.testing.assert_allclose(ours.prediction[:, 0], margin, rtol=1e-6)
        proba = explain(model=classifier.predict_proba, explainer=fitted)
        assert_same(proba, explain(model=classifier, explainer=fitted), 0)

    def test_output_chooses_the_method(self, classifier, fitted):
        other = TabularExplainer(output="margin").fit(X)
        expected = explain(model=classifier.decision_function, explainer=fitted)
        for asked in (classifier, classifier.predict_proba):
            ours = explain(model=asked, explainer=other)
            assert ours.output_kind == "margin"
            assert_same(ours, expected, 0)

    def test_class_names_of_a_single_output_name_the_second_class(self, classifier):
        explainer = TabularExplainer(class_names=["bad", "good"]).fit(X)
        ours = explain(model=classifier.decision_function, explainer=explainer)
        assert ours.output_names == ("good",)

    @pytest.mark.parametrize("outputs", [1, 3])
    def test_regression(self, fitted, outputs):
        y = X @ SLOPES if outputs == 3 else X @ SLOPES[:, 0]
        regressor = LinearRegression().fit(X, y)
        ours = explain(model=regressor.predict, explainer=fitted)
        assert ours.output_kind == "value"
        assert ours.coef.shape == (9, outputs, 4)
        assert ours.output_names == (("prediction",) if outputs == 1 else ("0", "1", "2"))
        np.testing.assert_allclose(ours.prediction, (ROWS @ SLOPES)[:, :outputs], atol=1e-9)
        assert ours[2].predicted_value == ours.prediction[2, 0]
        slope = SLOPES[0, 0] * ours.coef[:, 0, 0]
        side = ROWS[:, 0] > np.percentile(X[:, 0], 75)
        assert (slope[side] > 0).all()

    def test_mode_overrules_the_looks_of_the_numbers(self, plain):
        explainer = TabularExplainer(mode="regression").fit(X)
        ours = explain(explainer=explainer)
        assert (plain.output_kind, ours.output_kind) == ("probability", "value")
        assert_same(ours, plain, 0)
        assert ours[0].label_name() == "0"  # a regression has no predicted class


class TestWhichAndHowMany:
    def test_labels_by_name_and_number(self, plain):
        explainer = TabularExplainer(class_names=["a", "b", "c"]).fit(X)
        ours = explain(explainer=explainer, labels=["c", 0])
        assert ours.labels.tolist() == [[2, 0]] * 9
        np.testing.assert_allclose(ours.coef, plain.coef[:, [2, 0]], atol=1e-6)
        np.testing.assert_array_equal(ours.prediction, plain.prediction)

    def test_top_labels_differ_by_row(self, plain, fitted):
        ours = explain(explainer=fitted, top_labels=2)
        np.testing.assert_array_equal(ours.labels, np.argsort(-plain.prediction, 1)[:, :2])
        assert len(np.unique(ours.labels[:, 0])) > 1
        expected = np.take_along_axis(plain.coef, ours.labels[:, :, None], axis=1)
        np.testing.assert_allclose(ours.coef, expected, atol=1e-6)
        assert [e.label_name() for e in ours] == [e.label_name() for e in plain]

    @pytest.mark.parametrize("selection", ["auto", "lasso_path"])
    def test_some_features_are_kept_and_the_others_are_zero(self, plain, selection):
        explainer = TabularExplainer(feature_selection=selection).fit(X)
        ours = explain(explainer=explainer, num_features=2)
        kept = ~np.isnan(ours.std_error)
        assert (kept.sum(axis=2) == 2).all()
        assert (ours.coef[~kept] == 0).all()
        np.testing.assert_allclose(ours.coef[kept], plain.coef[kept], atol=1e-6)
        strongest = np.sort(np.abs(plain.coef), axis=2)[:, :, 2:].sum(axis=2)
        assert np.abs(ours.coef).sum(axis=2) == pytest.approx(strongest, rel=0.3)

    def test_none_keeps_all(self, plain):
        explainer = TabularExplainer(feature_selection="none").fit(X)
        assert_same(explain(explainer=explainer, num_features=2), plain, 1e-6)


def test_method_is_sampled_and_says_so(plain, fitted):
    for method in ("auto", "sampled"):
        ours = explain(explainer=fitted, method=method)
        assert ours.method == "sampled"
        assert_same(ours, plain, 0)
