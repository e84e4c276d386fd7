"""What comes out for texts: lists, places, pages, tables, files; jobs and Ray take them as well."""

import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import lime_jax
from lime_jax import TextExplainer
from lime_jax.distributed.worker import ChunkSpec, explain_chunk
from lime_jax.jobs import explain_file
from lime_jax.results.arrow import explanations_of, rows_table

with warnings.catch_warnings(action="ignore"):
    import shap

TEXTS = [
    "good, bad & good",
    None,
    "",
    "<script>alert('bad')</script>",
    "good " + " ".join(f"w{k}" for k in range(16)),
    "फिल्म good",
]
FIELDS = ("coef", "std_error", "values", "prediction", "intercept", "labels", "key_ids", "row_ids")


def stars(texts):
    return [[text.count("good") - text.count("bad"), len(text) / 100] for text in texts]


@pytest.fixture(scope="module")
def explanations():
    return TextExplainer(class_names=["stars", "length"]).explain(TEXTS, stars, num_samples=256)


def assert_same(found, expected, close=False):
    assert type(found) is type(expected)
    assert found.documents == expected.documents
    assert found.problems == expected.problems
    for ours, theirs in zip(found.spans, expected.spans, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in FIELDS[:-1] if close else FIELDS:
        one, other = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 if close else 0, err_msg=name)


class TestOneText:
    def test_lists_and_maps_are_of_its_words(self, explanations):
        first = explanations[0]
        assert [word for word, _ in first.as_list()] == ["good", "bad"]
        np.testing.assert_allclose([weight for _, weight in first.as_list()], [2, -1], atol=1e-6)
        assert [feature for feature, _ in first.as_map()[0]] == [0, 1]
        assert first.available_labels() == [0, 1] or first.available_labels() == ["stars", "length"]
        assert explanations[1].as_list() == explanations[2].as_list() == []
        assert (first.row_name, first.text) == ("text 0", TEXTS[0])
        assert repr(explanations).startswith("TextExplanations(6 texts, 2 labels, 0 to 17 words")

    def test_places_have_weights_and_errors(self, explanations):
        spans = explanations[0].spans("stars")
        assert [(s.start, s.end, s.word) for s in spans] == [
            *((0, 4, "good"), (6, 9, "bad"), (12, 16, "good")),
        ]
        np.testing.assert_allclose([s.weight for s in spans], [2, -1, 2], atol=1e-6)
        assert {s.std_error for s in spans} == {0.0}
        heat = explanations[0].heatmap("stars")
        assert heat.shape == (len(TEXTS[0]),)
        np.testing.assert_allclose(heat[[0, 3, 4, 6, 15]], [2, 2, 0, -1, 2], atol=1e-6)
        assert all(s.std_error > 0 for s in explanations[4].spans("length"))

    def test_methods_and_notes_say_what_is_known(self, explanations):
        assert [one.method for one in explanations] == [*["exact"] * 4, "sampled", "exact"]
        notes = [one.report().notes for one in explanations]
        assert "All 4 texts with some of its 2 parts hidden were asked." in notes[0][0]
        assert "There is no explanation: texts: the text is missing (None)." in notes[1][0]
        assert "no word in this text" in notes[2][0]
        assert explanations[0].report().degrees_of_freedom is None
        assert explanations[4].report().degrees_of_freedom > 3

    def test_words_that_are_noise_are_counted(self):
        texts = [" ".join(f"w{k}" for k in range(20))]
        found = TextExplainer().explain(texts, lambda texts: [len(t) % 7 for t in texts])
        unclear = int((np.abs(found.coef) < 2 * found.std_error).sum())
        assert unclear > 0
        assert f"{unclear} of 20 words weigh less than twice" in found[0].report().notes[0]

    def test_tokens_for_shap_add_up(self, explanations):
        ours = explanations[0].to_shap("stars")
        assert "".join(ours.data) == TEXTS[0]
        np.testing.assert_allclose(ours.values, [1, -1, 1], atol=1e-6)
        assert ours.base_values + ours.values.sum() == pytest.approx(1)
        every = explanations.to_shap("stars")
        assert every.shape == (6,) or len(every) == 6
        for text, data in zip(explanations.documents, every.data, strict=True):
            assert "".join(data) == text
        assert explanations[3].to_shap("stars").data[0] == "<"

    def test_shap_draws_them(self, explanations):
        page = shap.plots.text(explanations[0].to_shap("stars"), display=False)
        assert "good" in page


class TestPages:
    def test_a_page_is_static_and_escaped(self, explanations):
        page = explanations[3].as_html(label="stars")
        assert page.startswith("<!doctype html>")
        assert "<script" not in page
        assert "&lt;" in page
        assert ">bad</mark>" in page

    def test_words_are_marked_by_sign_and_strength(self, explanations):
        page = explanations[0].as_html(label="stars")
        good = '<mark class="p" style="--s:100%" title="+2.00">good</mark>'
        assert page.count(good) == 2
        assert '<mark class="n" style="--s:50%" title="\u22121.00">bad</mark>' in page
        assert 'dir="auto"' in page

    def test_errors_are_shown(self, explanations):
        page = explanations[4].as_html(label="length")
        assert " ± " in page
        assert "95 % interval" in page

    def test_a_text_without_words_has_a_page(self, explanations):
        assert "Nothing in this text can be hidden" in explanations[2].as_html()
        assert "the text is missing" in explanations[1].as_html()
        assert "<mark" not in explanations[1].as_html()

    def test_a_page_of_all(self, explanations):
        page = explanations.as_html(rows=range(6), title="Stars")
        assert page.count("<details") == 6
        assert "Explanations of texts" in page
        with pytest.raises(ValueError, match="each of these texts has features of its own"):
            explanations.importance()

    def test_figures(self, explanations, tmp_path):
        figure = explanations[0].plot("stars")
        shown = [text.get_text() for text in figure.axes[0].get_yticklabels()]
        assert sorted(shown) == ["bad", "good"]
        explanations[4].as_pyplot_figure(3).savefig(tmp_path / "text.png")

    def test_long_sentences_are_cut_in_tables(self):
        text = "word " * 40 + ". Second."
        found = TextExplainer(players="sentences").explain(
            text, lambda texts: [len(t) for t in texts]
        )
        assert len(found[0].report().conditions[0]) == 90
        assert len(found[0].as_list()[0][0]) > 190


class TestTables:
    def test_tidy_columns_are_words_and_places(self, explanations):
        table = explanations.to_pandas()
        wanted = ["row_id", "label", "feature", "start", "end", "weight", "std_error", "times"]
        assert table.columns.tolist() == wanted
        stars = table[(table.row_id == 0) & (table.label == "stars")]
        assert stars.feature.tolist() == ["good", "bad"]
        assert stars.start.tolist() == [0, 6]
        assert stars.end.tolist() == [4, 9]
        assert stars.times.tolist() == [2, 1]
        assert set(table.row_id) == {0, 3, 4, 5}

    def test_arrow_tables_call_features_by_their_words(self, explanations):
        table = explanations.to_arrow().to_pylist()
        first = [line for line in table if line["row_id"] == 0 and line["label"] == "stars"]
        assert [line["feature"] for line in first] == ["good", "bad"]
        assert [line["condition"] for line in first] == ["good", "bad"]
        assert [line["value"] for line in first] == ["2", "1"]

    def test_rows_as_arrow_and_back(self, explanations):
        rows = rows_table(explanations)
        assert rows["text"].to_pylist() == ["" if text is None else text for text in TEXTS]
        assert rows["feature"].to_pylist()[0] == ["good", "bad"]
        assert rows["condition"].to_pylist()[0] == ["good", "bad"]
        assert rows["spans"].to_pylist()[0] == [[0, 6, 12], [4, 9, 16], [0, 1, 0]]
        assert_same(explanations_of(rows), explanations)
        assert_same(explanations_of(rows[2:4]), explanations[2:4])

    def test_files_are_read_back(self, explanations, tmp_path):
        explanations.save(tmp_path / "texts.npz")
        assert_same(lime_jax.load(tmp_path / "texts.npz"), explanations)

    def test_parts_are_joined(self, explanations):
        assert_same(lime_jax.concatenate([explanations[:2], explanations[2:]]), explanations)
        apart = [
            TextExplainer(class_names=["stars", "length"]).explain(
                texts, stars, num_samples=256, row_ids=ids
            )
            for texts, ids in ((TEXTS[:3], [0, 1, 2]), (TEXTS[3:], [3, 4, 5]))
        ]
        whole = TextExplainer(class_names=["stars", "length"]).explain(
            TEXTS, stars, num_samples=256, row_ids=range(6)
        )
        assert apart[0].coef.shape[2] < whole.coef.shape[2]
        assert_same(lime_jax.concatenate(apart), whole, close=True)

    def test_a_series_names_its_rows(self):
        import pandas

        series = pandas.Series(["good day", "bad day"], index=["a", "b"], name="review")
        found = TextExplainer().explain(series, stars)
        assert found.row_ids.tolist() == ["a", "b"]
        assert found[1].row_name == "text b"


class TestEngines:
    @pytest.fixture
    def data(self, tmp_path):
        table = pa.table({"review": TEXTS, "id": list(range(6))})
        pyarrow.parquet.write_table(table, tmp_path / "texts.parquet")
        return tmp_path / "texts.parquet"

    def test_a_job_explains_a_file(self, explanations, data, tmp_path):
        explainer = TextExplainer(class_names=["stars", "length"])
        out = tmp_path / "out"
        options = {"columns": ["review"], "rows_per_part": 2, "num_samples": 256}
        stored = explain_file(explainer, data, stars, out, **options)
        assert_same(stored[:], explanations, close=True)
        assert "text 4" in stored.as_html(rows=[4])

    def test_a_worker_explains_a_chunk_of_missing_texts(self):
        spec = ChunkSpec(TextExplainer(), stars, {"num_samples": 256})
        found = explanations_of(explain_chunk(spec, [None, None], ["a", "b"]))
        assert found.row_ids.tolist() == ["a", "b"]
        assert all("missing" in problem for problem in found.problems)
        with pytest.raises(ValueError, match="`texts`: no option"):
            ChunkSpec(TextExplainer(), stars, {"texts": []})
