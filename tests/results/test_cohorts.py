"""What is true of many explanations: groups, contrasts, stability, and their figures."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from scipy import stats

import lime_jax
from lime_jax.results.arrow import rows_table
from lime_jax.results.importance import Importance
from lime_jax.results.parts import MANIFEST, StoredExplanations

RNG = np.random.default_rng(3)
ROWS = 160
TABLE = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, ROWS).astype(float),
        "debt": RNG.exponential(2, ROWS),
        "job": RNG.choice(["clerk", "nurse", "smith"], ROWS),
    }
)
TABLE.loc[::20, "debt"] = np.nan


def score(table):
    sign = np.where(table["job"] == "nurse", -1.0, 1.0)
    said = sign * table["debt"].fillna(2) + table["age"] / 30
    return np.column_stack([said, -said])


@pytest.fixture(scope="module")
def explainer():
    return lime_jax.TabularExplainer(mode="regression").fit(TABLE)


@pytest.fixture(scope="module")
def explanations(explainer):
    return explainer.explain(TABLE, score, labels=[0], num_samples=512)


@pytest.fixture(scope="module")
def shapley():
    explainer = lime_jax.TabularExplainer("kernel_shap", mode="regression").fit(TABLE[:20])
    return explainer.explain(TABLE, score, labels=[0])


def weights_of(explanations):
    return explanations.coef[:, 0].astype(float)


def test_means_and_intervals_are_those_of_a_sample_of_rows(shapley):
    """Of exact weights; SciPy has the interval."""
    assert (shapley.std_error == 0).all()
    cohorts = shapley.cohorts("job")
    assert cohorts.names == ("job = clerk", "job = nurse", "job = smith")
    low, high = cohorts.weights.interval
    for k, job in enumerate(["clerk", "nurse", "smith"]):
        own = weights_of(shapley)[(TABLE["job"] == job).to_numpy()]
        assert cohorts.counts[k] == len(own)
        np.testing.assert_allclose(cohorts.weights.value[k], own.mean(0))
        expected = stats.t.interval(0.95, len(own) - 1, own.mean(0), stats.sem(own))
        np.testing.assert_allclose((low[k], high[k]), expected)
        importance = cohorts.importance()[cohorts.names[k]]
        np.testing.assert_allclose(importance.size, np.abs(own).mean(0))
        np.testing.assert_allclose(importance.std_error, stats.sem(np.abs(own)))


def test_a_contrast_is_welchs(shapley):
    nurse = (TABLE["job"] == "nurse").to_numpy()
    contrast = shapley.cohorts(nurse).contrast("inside", "outside")
    inside, outside = weights_of(shapley)[nurse], weights_of(shapley)[~nurse]
    test = stats.ttest_ind(inside, outside, equal_var=False)
    np.testing.assert_allclose(contrast.value, inside.mean(0) - outside.mean(0))
    np.testing.assert_allclose(contrast.value / contrast.std_error, test.statistic)
    np.testing.assert_allclose(contrast.degrees_of_freedom, test.df.min())
    table = contrast.to_pandas()
    assert table["feature"][0] == contrast.feature_names[np.abs(contrast.value).argmax()]
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()


def test_noise_that_rows_share_does_not_average_out(explanations, shapley):
    cohorts = explanations.cohorts("job")
    errors = explanations.std_error[:, 0]
    for k in range(3):
        own = cohorts.groups == k
        of_rows = stats.sem(weights_of(explanations)[own])
        expected = np.hypot(of_rows, errors[own].mean(0))
        np.testing.assert_allclose(cohorts.weights.std_error[k], expected, rtol=1e-6)


def test_the_interval_of_a_group_holds_what_more_samples_say(explainer, explanations):
    """Groups of the same rows: what differs is the noise of their samples."""
    much = explainer.explain(TABLE, score, labels=[0], num_samples=2**14)
    cohorts = explanations.cohorts("job")
    away = np.abs(cohorts.weights.value - much.cohorts("job").weights.value)
    assert (away < 3 * cohorts.weights.std_error).all()


def test_columns_are_cut_into_bins_levels_or_quarters(explanations, shapley):
    bins = explanations.cohorts("age")
    assert bins.names == tuple(c for c in explanations.conditions if "age" in c)
    found = shapley.cohorts("debt")
    quarters = TABLE["debt"].quantile([0.25, 0.5, 0.75]).to_numpy()
    assert found.names[0] == f"debt <= {quarters[0]:.2f}"
    assert found.names[-2:] == (f"{quarters[2]:.2f} < debt", "debt missing")
    assert found.counts[-1] == TABLE["debt"].isna().sum()
    expected = np.where(TABLE["debt"].isna(), 4, np.searchsorted(quarters, TABLE["debt"]))
    np.testing.assert_array_equal(found.groups, expected)
    names = np.where(TABLE["age"] > 50, "old", "young")
    assert shapley.cohorts(names).names == ("old", "young")


def test_rows_are_put_together_by_the_predicted_class(explainer):
    def chances(table):
        chance = 1 / (1 + np.exp(-score(table)[:, 0]))
        return np.column_stack([1 - chance, chance])

    of_classes = lime_jax.TabularExplainer(class_names=["no", "yes"]).fit(TABLE)
    found = of_classes.explain(TABLE, chances, num_samples=512).cohorts("prediction", "yes")
    assert found.names == ("no", "yes")
    np.testing.assert_array_equal(found.groups, chances(TABLE).argmax(1))


def test_a_tree_finds_groups_by_half_of_the_rows(shapley):
    cohorts = shapley.cohorts("tree", max_depth=3, min_rows=8)
    assert any("job in {nurse}" in name for name in cohorts.names)
    assert cohorts.counts.sum() == ROWS // 2
    for k in range(len(cohorts.names)):
        jobs = set(TABLE["job"][cohorts.groups == k])
        assert jobs <= {"nurse"} or "nurse" not in jobs
    halves = np.argsort(shapley.key_ids, kind="stable")[1::2]
    own = halves[cohorts.groups[halves] == 0]
    np.testing.assert_allclose(cohorts.weights.value[0], weights_of(shapley)[own].mean(0))
    with pytest.raises(ValueError, match="`by`: 'tree' needs 400 rows"):
        shapley.cohorts("tree", min_rows=100)


def test_stability_is_what_other_seeds_show():
    """Of rows with slopes and samples of their own, on average."""
    X = np.random.default_rng(1).normal(size=(60, 5))

    def waves(rows):
        return np.sin(2 * rows + np.arange(5)).sum(1) + rows[:, 0] * rows[:, 1] / 2

    settings = {"discretizer": None, "sample_around_instance": True, "mode": "regression"}
    said, top = [], []
    for seed in range(6):
        explainer = lime_jax.TabularExplainer(seed=seed, **settings).fit(X)
        found = explainer.explain(X, waves, num_samples=64)
        said.append(found.stability(2).same)
        top.append(np.sort(np.argsort(-np.abs(found.coef[:, 0]), axis=1)[:, :2], axis=1))
    happens = np.mean(
        [(top[i] == top[j]).all(1) for i, j in itertools.combinations(range(6), 2)], axis=0
    )
    away = np.mean(said, axis=0) - happens
    assert 0.2 < happens.mean() < 0.6
    assert abs(away.mean()) < 3 * away.std() / np.sqrt(60)


def test_what_is_exact_is_stable(shapley):
    found = shapley.stability(2)
    assert (found.same == 1).all()
    assert repr(found).startswith("Stability(top 2: all the same in 100% of other seeds")
    assert (shapley.stability(99).overlap == 1).all()


def test_importance_has_intervals(explanations):
    found = explanations.importance()
    size, error = found
    assert isinstance(found, Importance)
    np.testing.assert_allclose(size, np.abs(weights_of(explanations)).mean(0))
    low, high = found.interval
    np.testing.assert_allclose(high - size, 1.96 * error)
    assert (low >= 0).all()


class TestFigures:
    def test_a_swarm_has_a_dot_for_each_row_and_feature(self, explanations):
        figure = explanations.beeswarm_figure()
        names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
        order = np.argsort(-explanations.importance().size, kind="stable")
        assert names == [explanations.feature_names[k] for k in order]
        dots = np.concatenate([part.get_offsets() for part in figure.axes[0].collections])
        assert len(dots) == ROWS * 3
        for place, feature in enumerate(order.tolist()):
            x = dots[np.abs(dots[:, 1] - place) < 0.5, 0]
            expected = np.sort(weights_of(explanations)[:, feature])
            np.testing.assert_allclose(np.sort(x), expected, atol=1e-6)
        assert names[0] in figure.get_label()

    def test_bars_of_groups_have_their_intervals(self, explanations):
        cohorts = explanations.cohorts("job")
        axes = cohorts.figure().axes[0]
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        assert legend == [f"{n} ({c})" for n, c in zip(cohorts.names, cohorts.counts, strict=True)]
        lengths = {round(bar.get_width(), 6) for bar in axes.patches}
        assert lengths == set(cohorts.weights.value.round(6).reshape(-1))
        segments = np.concatenate([part.get_segments() for part in axes.collections])
        low, _ = cohorts.weights.interval
        np.testing.assert_allclose(np.sort(segments[:, 0, 0]), np.sort(low.reshape(-1)), atol=1e-6)

    def test_a_waterfall_leads_from_the_base_to_the_output(self, shapley, explanations):
        figure = shapley[0].waterfall_figure(num_features=2)
        bars = figure.axes[0].patches
        assert len(bars) == 3
        assert bars[0].get_x() + bars[0].get_width() == pytest.approx(score(TABLE)[0, 0], abs=1e-4)
        assert bars[-1].get_x() == pytest.approx(shapley.intercept[0, 0], abs=1e-4)
        assert figure.get_label().startswith("From ")
        with pytest.raises(ValueError, match=r"expected Shapley values.*got weights of LIME"):
            explanations[0].waterfall_figure()

    def test_weights_lie_over_their_values(self, shapley):
        figure = shapley.scatter_figure("age")
        dots = figure.axes[0].collections[-1].get_offsets()
        np.testing.assert_allclose(
            np.asarray(dots), np.column_stack([TABLE["age"], weights_of(shapley)[:, 0]])
        )
        of_levels = shapley.scatter_figure(2).axes[0]
        names = [text.get_text() for text in of_levels.get_xticklabels()]
        assert names == ["clerk", "nurse", "smith"]
        with pytest.raises(ValueError, match="`feature`: expected names or numbers of the"):
            shapley.scatter_figure("agee")

    def test_lines_add_up(self, shapley):
        lines = shapley[:5].decision_figure(max_features=2).axes[0].lines[:5]
        for line, row in zip(lines, range(5), strict=True):
            path = line.get_xdata()
            assert path[0] == pytest.approx(shapley.intercept[row, 0], abs=1e-4)
            assert path[-1] == pytest.approx(score(TABLE)[row, 0], abs=1e-4)
            assert len(path) == 4

    def test_a_page_has_figures_with_words(self, explanations):
        figures = [
            explanations.beeswarm_figure(),
            explanations.cohorts("job").figure(),
            explanations.scatter_figure("debt"),
            explanations.decision_figure(),
        ]
        page = explanations.as_html(rows=[0], figures=figures)
        alternatives = re.findall('<img [^>]*alt="([^"]*)"', page)
        assert len(alternatives) == len(set(alternatives)) == 4
        starts = ("Weights in 160", "Mean weights by group", "Weights of debt", "A line for each")
        for words, start, figure in zip(alternatives, starts, figures, strict=True):
            assert words.startswith(start)
            assert figure.get_label()[:40] == words[:40]
        assert "A chosen row" in page


@pytest.fixture(scope="module", params=["explanations", "shapley"])
def both(request, tmp_path_factory):
    """The same rows in memory, and in the parts of a job."""
    whole, size = request.getfixturevalue(request.param), 37
    folder = tmp_path_factory.mktemp("parts")
    starts = range(0, ROWS, size)
    for number, start in enumerate(starts):
        table = rows_table(whole[start : start + size])
        path = folder / f"part-{number:05d}.parquet"
        pyarrow.parquet.write_table(table, path, write_page_checksum=True)
    manifest = {"num_rows": ROWS, "rows_per_part": size, "num_parts": len(starts)}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return whole, lime_jax.load(folder)


class TestOfAJob:
    @pytest.fixture
    def by_parts(self, monkeypatch):
        def refuse(self):
            raise AssertionError("all rows were taken into memory")

        monkeypatch.setattr(StoredExplanations, "_arrays", refuse)

    @pytest.mark.parametrize(
        "by", ["age", "job", "debt", (TABLE["age"] > 50).to_numpy(), TABLE["job"].to_list()]
    )
    def test_cohorts_are_those_in_memory(self, both, by, by_parts):
        wanted, found = (one.cohorts(by, label=0) for one in both)
        assert found.names == wanted.names
        np.testing.assert_array_equal(found.counts, wanted.counts)
        np.testing.assert_array_equal(found.groups, wanted.groups)
        for one, other in ((found.weights, wanted.weights), (found.sizes, wanted.sizes)):
            for name in ("value", "std_error"):
                np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)
        contrast, expected = (one.contrast(0, 1) for one in (found, wanted))
        for name in ("value", "std_error", "degrees_of_freedom"):
            np.testing.assert_allclose(getattr(contrast, name), getattr(expected, name), rtol=1e-9)
        for name, one in found.importance().items():
            np.testing.assert_allclose(one.size, wanted.importance()[name].size, rtol=1e-9)

    def test_a_row_is_as_stable_wherever_it_lies(self, both, by_parts):
        wanted, found = (one.stability(1) for one in both)
        for name in ("same", "overlap"):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
        np.testing.assert_array_equal(both[0][50:60].stability(1).same, wanted.same[50:60])

    def test_importance_is_that_of_all_rows(self, both, by_parts):
        wanted, found = (one.importance(0) for one in both)
        np.testing.assert_allclose(found.size, wanted.size, rtol=1e-6)

    def test_a_tree_takes_all_rows(self, both):
        wanted, found = (one.cohorts("tree", label=0, min_rows=10) for one in both)
        assert found.names == wanted.names
        np.testing.assert_allclose(found.weights.value, wanted.weights.value)

    @pytest.mark.parametrize("by", ["jobs", [True], np.arange(ROWS)])
    def test_what_cannot_be_answered_is_refused_in_the_same_words(self, both, by):
        messages = []
        for one in both:
            with pytest.raises(ValueError, match="`by`") as error:
                one.cohorts(by)
            messages.append(str(error.value))
        assert messages[0] == messages[1]


BAD = [
    (lambda e: e.cohorts("jobs"), "`by`: expected the name of a column, 'prediction', 'tree'"),
    (lambda e: e.cohorts([True]), r"`by`: expected one entry for each of 160 rows, got shape \(1"),
    (lambda e: e.cohorts("prediction"), "'prediction' is for models of classes"),
    (lambda e: e.cohorts(np.arange(ROWS)), "expected at most 50 groups, got 160"),
    (lambda e: e.cohorts("job", max_depth=0), "`max_depth`: expected a whole number"),
    (lambda e: e.cohorts("job").contrast("job = clerk", 3), "`b`: expected a group.*got 3"),
    (lambda e: e.stability(0), "`k`: expected a whole number, at least 1, got 0"),
    (lambda e: e[:0].cohorts("job"), "`cohorts`: expected rows to look at, got none"),
    (lambda e: e[:0].stability(), "`stability`: expected rows"),
]


@pytest.mark.parametrize(("ask", "message"), BAD)
def test_what_cannot_be_answered_is_refused_by_name(explanations, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(explanations)
