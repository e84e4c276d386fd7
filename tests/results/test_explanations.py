"""`Explanations` of a data set and the `Explanation` of one row: numbers, tables, files, pages."""

import dataclasses
import html.parser
import math
import sys
import types

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from lime.lime_tabular import LimeTabularExplainer

import lime_jax
from lime_jax import Explanation, TabularExplainer
from lime_jax.results.arrow import rows_table
from lime_jax.results.names import FeatureNames
from tests import house

X = 10 + 3 * house.X
ROWS = X[:9]
HOSTILE = "</script><img src=x onerror=alert(1)>"
NAMES = ["age", "income per head", "b < c", HOSTILE]


def model(batch):
    return house.softmax_on_host((batch - 10) / 3)


def make(num_features=None, num_samples=256, **options):
    explainer = TabularExplainer(
        feature_names=NAMES, class_names=["cat", "dog", "eel"], **options
    ).fit(X)
    return explainer.explain(ROWS, model, num_features=num_features, num_samples=num_samples)


@pytest.fixture(scope="module")
def explanations():
    return make()


@pytest.fixture(scope="module")
def selected():
    """Two features each."""
    return make(num_features=2, feature_selection="highest_weights")


@pytest.fixture(scope="module")
def undiscretized():
    return make(discretizer=None)


FIELDS = [
    ("coef", (9, 3, 4), "f"),
    ("std_error", (9, 3, 4), "f"),
    ("labels", (9, 3), "i"),
    ("intercept", (9, 3), "f"),
    ("score", (9, 3), "f"),
    ("local_pred", (9, 3), "f"),
    ("prediction", (9, 3), "f"),
    ("effective_samples", (9,), "f"),
    ("key_ids", (9,), "u"),
    ("row_ids", (9,), "i"),
    ("support", (9, 4), "i"),
    ("values", (9, 4), "f"),
    ("bins", (9, 4), "i"),
    ("variables", (9, 4), "f"),
]


class TestNumbers:
    @pytest.mark.parametrize(("name", "shape", "kind"), FIELDS)
    def test_shapes(self, explanations, name, shape, kind):
        array = getattr(explanations, name)
        assert type(array) is np.ndarray
        assert (array.shape, array.dtype.kind) == (shape, kind)
        assert np.isfinite(array).all()

    def test_facts(self, explanations):
        assert len(explanations) == 9
        assert explanations.method == "sampled"
        assert explanations.output_kind == "probability"
        assert (explanations.num_samples, explanations.num_replicates) == (256, 8)
        assert explanations.feature_names == tuple(NAMES)
        assert explanations.output_names == ("cat", "dog", "eel")
        assert repr(explanations).startswith("Explanations(9 rows, 3 labels, 4 features, sampled")

    def test_what_is_not_selected_has_no_weight_and_no_error(self, explanations, selected):
        kept = ~np.isnan(selected.std_error)
        assert (kept.sum(axis=2) == 2).all()
        assert (selected.coef[~kept] == 0).all()
        assert (selected.std_error[kept] > 0).all()
        strongest = np.sort(np.abs(explanations.coef), axis=2)[:, :, 2:]
        np.testing.assert_allclose(
            np.abs(selected.coef).sum(axis=2), strongest.sum(axis=2), atol=1e-6
        )

    @pytest.mark.parametrize("which", ["explanations", "selected", "undiscretized"])
    def test_contributions_add_up_to_the_local_prediction(self, which, request):
        e = request.getfixturevalue(which)
        total = e.intercept + (e.coef * e.variables[:, None]).sum(axis=2)
        np.testing.assert_allclose(total, e.local_pred, atol=1e-5)

    @pytest.mark.parametrize("which", ["explanations", "selected", "undiscretized"])
    def test_the_score_is_at_most_1(self, which, request):
        score = request.getfixturevalue(which).score
        assert (score <= 1 + 1e-6).all()
        assert (score > 0).all()  # these models are nearly linear

    def test_probabilities_have_weights_that_sum_to_0_over_the_classes(self, explanations):
        np.testing.assert_allclose(explanations.coef.sum(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(explanations.intercept.sum(axis=1), 1, atol=1e-5)

    def test_a_long_run_lies_within_five_standard_errors(self, explanations):
        long = make(num_samples=16384)
        assert long.num_samples == 16384
        assert long.std_error.mean() < explanations.std_error.mean() / 4
        z = (explanations.coef - long.coef) / np.hypot(explanations.std_error, long.std_error)
        assert np.abs(z).max() < 8  # 108 of Student's t with 7 degrees of freedom
        assert np.mean(np.abs(z) < 5) > 0.98
        assert 0.3 < np.median(np.abs(z)) < 1.5

    def test_importance_is_the_mean_size_over_the_rows(self, explanations):
        size, error = explanations.importance(label=1)
        weights = np.abs(explanations.coef[:, 1]).astype(np.float64)
        np.testing.assert_allclose(size, weights.mean(0))
        np.testing.assert_allclose(error, weights.std(0) / 3)
        shown = np.abs(explanations.coef[np.arange(9), explanations.shown])
        np.testing.assert_allclose(explanations.importance()[0], shown.mean(0), rtol=1e-6)
        with pytest.raises(ValueError, match="`label`: expected numbers from 0 to 2"):
            explanations.importance(label=3)


class TestAsASequence:
    def test_rows_come_in_order(self, explanations):
        assert [e.row for e in explanations] == list(range(9))
        assert all(isinstance(e, Explanation) for e in explanations)
        assert explanations[-1].row == 8
        assert explanations[np.int64(3)].row == 3
        with pytest.raises(IndexError):
            explanations[9]

    @pytest.mark.parametrize(
        "index",
        [slice(2, 5), slice(None, None, -2), [4, 4, 1], np.arange(9) > 6, slice(0, 0)],
        ids=["slice", "steps", "list", "mask", "nothing"],
    )
    def test_parts_keep_all_that_belongs_to_a_row(self, explanations, index):
        part = explanations[index]
        for name, _, _ in FIELDS:
            np.testing.assert_array_equal(
                getattr(part, name), getattr(explanations, name)[index], strict=True
            )
        assert part.conditions == explanations.conditions
        rows = np.arange(9)[index]
        assert [e.as_list() for e in part] == [explanations[r].as_list() for r in rows]


COLUMNS = ["row_id", "label", "feature", "condition", "value", "weight", "std_error"]
COLUMNS += ["intercept", "score", "local_pred", "prediction"]


class TestTables:
    def test_one_line_per_row_label_and_feature(self, explanations):
        table = explanations.to_pandas()
        assert list(table.columns) == COLUMNS
        assert len(table) == 9 * 3 * 4
        line = table[(table.row_id == 5) & (table.label == "dog") & (table.feature == "age")].iloc[
            0
        ]
        assert line.condition == explanations.condition(5, 0)
        assert line.value == f"{ROWS[5, 0]:.2f}"
        assert line.weight == explanations.coef[5, 1, 0]
        assert line.std_error == explanations.std_error[5, 1, 0]

    def test_only_selected_features(self, selected):
        table = selected.to_pandas()
        assert len(table) == 9 * 3 * 2
        assert table["std_error"].notna().all()

    @pytest.mark.parametrize("which", ["explanations", "selected", "undiscretized"])
    def test_every_condition_and_value_is_that_of_its_row(self, which, request):
        e = request.getfixturevalue(which)
        table = e.to_pandas()
        feature = [NAMES.index(name) for name in table["feature"]]
        pairs = list(zip(table["row_id"], feature, strict=True))
        assert table["condition"].tolist() == [e.condition(r, k) for r, k in pairs]
        assert table["value"].tolist() == [e.value(r, k) for r, k in pairs]

    def test_arrow_says_the_same(self, explanations):
        table = explanations.to_arrow()
        assert table.column_names == COLUMNS
        assert [str(table.schema.field(name).type) for name in COLUMNS[1:5]] == ["string"] * 4
        pd.testing.assert_frame_equal(
            table.to_pandas(), explanations.to_pandas(), check_dtype=False
        )

    def test_nothing_explained_is_an_empty_table(self, explanations):
        none = explanations[:0]
        assert list(none.to_pandas().columns) == COLUMNS
        assert len(none.to_pandas()) == 0
        assert none.to_arrow().num_rows == 0
        assert none.to_arrow().schema == explanations.to_arrow().schema

    def test_without_pyarrow_the_extra_is_named(self, explanations, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ImportError, match=r'pip install "lime_jax\[cli\]"'):
            explanations.to_arrow()


class TestFiles:
    @pytest.mark.parametrize("which", ["explanations", "selected", "undiscretized"])
    def test_what_is_saved_comes_back(self, which, request, tmp_path):
        saved = request.getfixturevalue(which)
        saved.save(tmp_path / "e.npz")
        back = lime_jax.load(tmp_path / "e.npz")
        for name, _, _ in FIELDS:
            np.testing.assert_array_equal(getattr(back, name), getattr(saved, name), strict=True)
        for name in ("output_names", "conditions", "method", "model_path", "output_kind"):
            assert getattr(back, name) == getattr(saved, name)
        assert (back.num_samples, back.num_replicates) == (256, 8)
        assert back.names == saved.names
        pd.testing.assert_frame_equal(back.to_pandas(), saved.to_pandas())
        assert back[3].as_html() == saved[3].as_html()

    def test_nothing_comes_back_as_nothing(self, explanations, tmp_path):
        explanations[:0].save(str(tmp_path / "none.npz"))
        assert len(lime_jax.load(str(tmp_path / "none.npz"))) == 0

    def test_levels_and_dates_keep_their_names(self, tmp_path):
        frame = pd.DataFrame(
            {"day": pd.date_range("2024-01-01", periods=8), "color": list("rgbrgbrg")}
        )
        frame.loc[3, "color"] = None
        empty = TabularExplainer().fit(frame).explain(frame[:0], lambda t: np.zeros(len(t)))
        empty.save(tmp_path / "e.npz")
        assert lime_jax.load(tmp_path / "e.npz").names == empty.names
        assert "color = missing" in lime_jax.load(tmp_path / "e.npz").conditions

    def test_no_pickle_and_nothing_left_over(self, explanations, tmp_path):
        explanations.save(tmp_path / "e.npz")
        assert [path.name for path in tmp_path.iterdir()] == ["e.npz"]
        with np.load(tmp_path / "e.npz", allow_pickle=False) as file:
            assert all(file[name].dtype != object for name in file.files)

    def test_a_parquet_file_is_one_and_holds_as_much(self, explanations, tmp_path):
        explanations.save(tmp_path / "e.parquet")
        assert [path.name for path in tmp_path.iterdir()] == ["e.parquet"]
        assert pd.read_parquet(tmp_path / "e.parquet").row_id.tolist() == list(range(9))
        explanations.save(tmp_path / "e.npz")
        by_rows, whole = (lime_jax.load(tmp_path / f"e.{kind}") for kind in ("parquet", "npz"))
        for field in dataclasses.fields(whole):
            ours, theirs = getattr(by_rows, field.name), getattr(whole, field.name)
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)

    def test_the_name_is_the_given_one(self, explanations, tmp_path):
        explanations.save(tmp_path / "no suffix")
        assert len(lime_jax.load(tmp_path / "no suffix")) == 9

    def test_a_failed_save_leaves_the_old_file(self, explanations, tmp_path, monkeypatch):
        path = tmp_path / "e.npz"
        path.write_bytes(b"old")

        def fail(file, **arrays):
            file.write(b"half")
            raise OSError("disk full")

        monkeypatch.setattr(np, "savez_compressed", fail)
        with pytest.raises(OSError, match="disk full"):
            explanations.save(path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_pickled_objects_are_never_read(self, explanations, tmp_path):
        explanations.save(tmp_path / "e.npz")
        with np.load(tmp_path / "e.npz") as file:
            arrays = dict(file) | {"coef": np.array([{"a": 1}], object)}
        np.savez(tmp_path / "other.npz", **arrays)
        with pytest.raises(ValueError, match=r"`path`: expected .*other\.npz holds something else"):
            lime_jax.load(tmp_path / "other.npz")

    @pytest.mark.parametrize("facts", ["{", "[]", '{"kind": "os.system"}', '{"kind": "table"}'])
    def test_other_metadata_are_refused(self, explanations, tmp_path, facts):
        table = rows_table(explanations).replace_schema_metadata({"lime_jax": facts})
        pyarrow.parquet.write_table(table, tmp_path / "e.parquet")
        with pytest.raises(ValueError, match="its metadata are not those of `rows_table`"):
            lime_jax.load(tmp_path / "e.parquet")
        explanations.save(tmp_path / "e.npz")
        with np.load(tmp_path / "e.npz") as file:
            np.savez(tmp_path / "other.npz", **(dict(file) | {"meta": np.array(facts)}))
        with pytest.raises(ValueError, match=r"`path`: expected a file of `Explanations\.save`"):
            lime_jax.load(tmp_path / "other.npz")

    def test_another_file_is_refused(self, tmp_path):
        np.savez(tmp_path / "other.npz", a=np.zeros(3))
        with pytest.raises(ValueError, match=r"`path`: expected a file of `Explanations.save`"):
            lime_jax.load(tmp_path / "other.npz")


class TestOneRow:
    def test_conditions_read_as_in_lime(self, explanations):
        lime = LimeTabularExplainer(
            X, feature_names=NAMES, class_names=["cat", "dog", "eel"], random_state=0
        )
        for row in range(9):
            theirs = lime.explain_instance(ROWS[row], model, labels=(1,), num_samples=500)
            ours = dict(explanations[row].as_list(label=1))
            assert set(ours) == {condition for condition, _ in theirs.as_list(label=1)}

    def test_the_strongest_come_first_of_the_predicted_class(self, explanations):
        for row, e in enumerate(explanations):
            label = int(np.argmax(explanations.prediction[row]))
            assert e.label_name() == ["cat", "dog", "eel"][label]
            assert e.as_list() == e.as_list(label=label)
            weights = [weight for _, weight in e.as_list()]
            assert weights == sorted(weights, key=abs, reverse=True)
            assert sorted(weights) == sorted(explanations.coef[row, label].tolist())
            assert e.as_list(2) == e.as_list()[:2]
            assert e.as_list(None) == e.as_list()

    def test_the_map_has_every_label(self, explanations):
        e = explanations[4]
        assert e.available_labels() == [0, 1, 2]
        assert list(e.as_map()) == [0, 1, 2]
        for label, pairs in e.as_map().items():
            named = [(explanations.condition(4, k), weight) for k, weight in pairs]
            assert named == e.as_list(label=label)
        assert [len(pairs) for pairs in e.as_map(1).values()] == [1, 1, 1]

    def test_the_numbers_of_the_fit(self, explanations):
        e = explanations[4]
        for name in ("intercept", "score", "local_pred"):
            expected = dict(enumerate(getattr(explanations, name)[4].tolist()))
            assert getattr(e, name) == expected
        np.testing.assert_allclose(e.predict_proba, model(ROWS)[4], rtol=1e-12)
        assert e.predicted_value == explanations.prediction[4, 0]

    def test_only_selected_features_are_listed(self, selected):
        assert all(len(e.as_list()) == 2 for e in selected)
        assert all(len(pairs) == 2 for pairs in selected[0].as_map().values())

    def test_without_bins_a_feature_is_its_name(self, undiscretized):
        assert {condition for condition, _ in undiscretized[0].as_list()} == set(NAMES)

    def test_an_unknown_label_is_refused(self, explanations):
        with pytest.raises(
            ValueError, match=r"`label`: expected numbers from 0 to 2 or names among cat"
        ):
            explanations[2].as_list(label=7)

    def test_it_prints_its_conditions(self, explanations):
        lines = repr(explanations[0]).splitlines()
        assert lines[0].startswith("Explanation of row 0, ")
        condition, weight = explanations[0].as_list()[0]
        assert lines[1] == f"{weight:+.4f}  {condition}"


class Elements(html.parser.HTMLParser):
    """Fails on what is not closed; keeps tags and text."""

    VOID = frozenset(["meta", "link", "br", "hr", "img", "input", "path", "line", "rect", "circle"])

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


class TestPages:
    def test_a_row_is_one_small_static_page(self, explanations):
        page = explanations[0].as_html()
        elements = Elements(page)
        assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
        assert "svg" in elements.tags
        assert not {"script", "img", "iframe", "link"} & set(elements.tags)
        assert len(page.encode()) < 60_000
        for condition, _ in explanations[0].as_list():
            assert condition in elements.text

    def test_hostile_names_show_as_text(self, explanations):
        for page in (explanations[0].as_html(), explanations.as_html()):
            assert HOSTILE not in page
            assert HOSTILE in Elements(page).text
        assert HOSTILE not in explanations[0]._repr_html_()

    def test_labels_and_sizes_can_be_chosen(self, explanations):
        page = Elements(explanations[0].as_html(num_features=1, label=2)).text
        (condition, _), (second, _) = explanations[0].as_list(2, label=2)
        assert condition in page
        assert second not in page

    def test_a_file_holds_the_page(self, explanations, tmp_path):
        explanations[0].save_to_file(tmp_path / "row.html", num_features=2)
        text = (tmp_path / "row.html").read_text(encoding="utf-8")
        assert text == explanations[0].as_html(num_features=2)

    def test_a_data_set_has_a_ranking_and_some_rows(self, explanations):
        page = Elements(explanations.as_html(rows=(1, 7), title="My rows"))
        assert "My rows" in page.text
        assert "row 1" in page.text
        assert "row 7" in page.text
        assert "row 2" not in page.text

    def test_a_data_set_without_rows_is_a_page_too(self, explanations):
        page = Elements(explanations[:0].as_html(title="Nothing"))
        assert "Nothing" in page.text
        assert "rows0" in page.text.replace(" ", "")
        assert "Chosen rows" not in page.text
        assert "matter most" not in page.text

    def test_a_notebook_shows_a_fragment(self, explanations, monkeypatch):
        shown = []
        fake = types.ModuleType("IPython.display")
        fake.HTML = lambda text: ("html", text)
        fake.display = shown.append
        monkeypatch.setitem(sys.modules, "IPython.display", fake)
        explanations[0].show_in_notebook()
        explanations[0].show_in_notebook(num_features=1)
        assert shown[0] == ("html", explanations[0]._repr_html_())
        assert len(shown[1][1]) < len(shown[0][1])
        Elements(shown[0][1])
        assert "<html" not in shown[0][1]

    def test_a_flat_kernel_is_noted(self, explanations):
        wide, narrow = make(kernel_width=1e3), make(kernel_width=1.0)
        assert "nearly flat" in " ".join(wide[0].report().notes)
        assert "nearly flat" not in " ".join(narrow[0].report().notes)


class TestPictures:
    def test_bars_of_a_row(self, explanations):
        figure = explanations[0].as_pyplot_figure(num_features=3)
        [axes] = figure.axes
        bars = sorted(patch.get_width() for patch in axes.patches)
        weights = sorted(weight for _, weight in explanations[0].as_list(3))
        np.testing.assert_allclose(bars, weights, rtol=1e-6)
        assert axes.get_title("left") == f"row 0: {explanations[0].label_name()}"

    def test_given_axes(self, explanations):
        from matplotlib.figure import Figure

        figure = Figure()
        axes = figure.add_subplot()
        assert explanations[0].as_pyplot_figure(ax=axes) is figure
        assert len(axes.patches) == 4

    def test_pictures_of_a_data_set(self, explanations):
        for view in (explanations.summary_figure, explanations.heat_map_figure):
            figure = view(max_features=2)
            figure.canvas.draw()
            assert figure.axes

    def test_pictures_of_no_rows(self, explanations):
        figure = explanations[:0].heat_map_figure()
        figure.canvas.draw()
        assert figure.axes
        with pytest.raises(ValueError, match="expected rows"):
            explanations[:0].summary_figure()


class TestShap:
    @pytest.fixture
    def recorded(self, monkeypatch):
        """`shap` is no dependency: an object that keeps what it is given stands in for it."""

        class Recorded:
            def __init__(self, **given):
                self.given = given

            def __getitem__(self, row):
                return Recorded(row=row, **self.given)

        fake = types.ModuleType("shap")
        fake.Explanation = Recorded
        monkeypatch.setitem(sys.modules, "shap", fake)

    @pytest.mark.parametrize("which", ["explanations", "undiscretized"])
    def test_contributions_add_up(self, recorded, which, request):
        e = request.getfixturevalue(which)
        given = e.to_shap().given
        assert given["values"].shape == (9, 4, 3)
        np.testing.assert_allclose(
            given["values"].sum(1) + given["base_values"], e.local_pred, atol=1e-5
        )
        np.testing.assert_array_equal(given["data"], ROWS)
        assert given["feature_names"] == NAMES
        of_one = e[2].to_shap().given
        np.testing.assert_array_equal(of_one["data"][of_one["row"]], ROWS[2])


def test_errors_are_plausible_numbers(explanations):
    assert math.isclose(explanations.effective_samples.max(), 256, rel_tol=0.5)
    assert (explanations.std_error < 0.1).all()


@pytest.mark.parametrize(
    ("names", "values"),
    {
        "numbers": (
            FeatureNames(("a",)),
            [0.0, -0.0, 0.1, 0.0999, 1e-5, -3.14159, 1e14, 1e15, 2.5e20, np.nan, 1234.5],
        ),
        "levels": (FeatureNames(("a",), levels=(("x", "y", "missing"),)), [0, 1, 2, -1]),
        "moments": (
            FeatureNames(("a",), times=("datetime",)),
            [0.0, 86400.0, np.nan],
        ),
        "lengths of time": (
            FeatureNames(("a",), times=("duration",)),
            [0.0, 90.5],
        ),
    }.values(),
)
def test_many_values_read_as_one_does(names, values):
    values = np.array(values, np.float64)
    assert names.display_values(0, values) == [names.display_value(0, v) for v in values]
