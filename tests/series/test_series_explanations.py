"""What comes out for series: names, pictures, pages, tables and files; jobs take them as well."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import lime_jax
from lime_jax import SeriesExplainer
from lime_jax.distributed.blocks import Blocks
from lime_jax.distributed.worker import ChunkSpec, explain_chunk
from lime_jax.jobs import explain_file
from lime_jax.results.arrow import explanations_of, rows_table

RNG = np.random.default_rng(2)
SERIES = [RNG.normal(size=(12, 2)), RNG.normal(size=(7, 2)), RNG.normal(size=(12, 2))]
LABELS = ["late", "all"]
NAMES = ["pulse", "flow of <blood>"]


def late(batch):
    return np.column_stack([batch[:, 6:, 1].sum(1), batch.mean((1, 2))])


@pytest.fixture(scope="module")
def explainer():
    return SeriesExplainer(segments=9, feature_names=NAMES, class_names=LABELS)


@pytest.fixture(scope="module")
def explanations(explainer):
    return explainer.explain(SERIES, late, LABELS, num_samples=256)


def assert_same(found, expected, atol=0.0):
    assert type(found) is type(expected)
    assert found.channels == expected.channels
    for name in ("series", "segments", "times"):
        for one, other in zip(getattr(found, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
    for name in ("coef", "std_error", "values", "prediction", "labels", "key_ids"):
        one, other = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(one, other, rtol=0, atol=atol, err_msg=name)


def test_segments_are_named_by_what_they_cover():
    labels = np.array([[0, 1]] * 4 + [[2, 1]] * 2 + [[0, 1]] * 6)
    found = SeriesExplainer(segments=labels, feature_names=NAMES).explain(SERIES[:1], late)
    assert [found.condition(0, k) for k in range(3)] == [
        "pulse, steps 0 to 3, 6 to 11",
        "flow of <blood>",
        "pulse, steps 4 to 5",
    ]
    steps = SeriesExplainer(segments="step").explain([np.arange(5.0)], lambda b: b.sum(1))
    assert [steps.condition(0, k) for k in (0, 4)] == ["step 0", "step 4"]
    assert repr(steps).startswith("SeriesExplanations(1 series, 1 labels, 5 segments")
    one = SeriesExplainer(segments=1).explain([np.arange(5.0)], lambda b: b.sum(1))
    assert one.condition(0, 0) == "the whole series"


def test_a_row_has_the_views_of_all_kinds(explanations):
    row = explanations[0]
    assert row.row_name == "series 0"
    assert row.available_labels() == [0, 1]
    position = explanations.position(0, "late")
    np.testing.assert_array_equal(
        row.heatmap("late"), explanations.coef[0, position].astype(float)[row.segments]
    )
    table = explanations.to_pandas()
    assert set(table["feature"]) <= {name for own in explanations.names_of_segments for name in own}
    assert len(table) == 2 * explanations.present.sum() == 2 * (9 + 7 + 9)


def test_the_page_shades_the_series_and_says_so_in_words(explanations):
    page = explanations.as_html(rows=[0], title="Pulses")
    figure = re.search(r'<figure class="se">.*?</figure>', page, re.DOTALL)[0]
    words = re.search('aria-label="([^"]*)"', figure)[1]
    strongest = explanations[0].as_list(1)[0][0]
    assert words.startswith("series 0, 12 steps, 2 channels, shaded by the weights for late")
    assert f"Strongest: {strongest}" in words
    assert figure.count("<svg") == figure.count('class="ln"') == 2
    assert "flow of &lt;blood&gt;" in figure
    weights = explanations.coef[0, explanations.shown[0]]
    assert figure.count("<rect") == 2 * int((weights != 0).sum())
    assert "k0" in figure
    assert "Explanations of series" in page
    assert "framed where the 95 % interval holds 0" in figure


def test_the_figure_has_a_panel_for_each_channel(explanations):
    figure = explanations[0].plot("late")
    panels, scale = figure.axes[:-1], figure.axes[-1]
    assert [panel.get_ylabel() for panel in panels] == NAMES
    assert "hatched" in scale.get_ylabel()
    for panel, channel in zip(panels, SERIES[0].T, strict=True):
        np.testing.assert_array_equal(panel.lines[0].get_ydata(), channel)
    colors = {patch.get_facecolor()[:3] for patch in panels[0].patches if not patch.get_hatch()}
    assert len(colors) == len(set(np.sign(explanations[0].heatmap("late")[:, 0])) - {0.0})


def test_files_tables_and_parts_give_them_back(explanations, explainer, tmp_path):
    explanations.save(tmp_path / "series.npz")
    assert_same(lime_jax.load(tmp_path / "series.npz"), explanations)
    assert_same(explanations_of(rows_table(explanations)), explanations)
    assert_same(lime_jax.concatenate([explanations[:1], explanations[1:]]), explanations)
    short = explainer.explain(SERIES[1:2], late, LABELS, num_samples=256)
    assert short.coef.shape[2] == 7
    assert_same(lime_jax.concatenate([short, explanations[2:]]), explanations[1:], atol=1e-6)


def test_moments_of_a_frame_are_kept(tmp_path):
    days = np.arange("2024-01-01", "2024-01-07", dtype="datetime64[D]")
    lines = pa.table(
        {
            "day": pa.array(days.astype("datetime64[ms]")),
            "sold": np.arange(6.0),
        }
    )
    explainer = SeriesExplainer(segments=2, time_column="day")
    found = explainer.explain(lines, lambda batch: batch.sum((1, 2)))
    found.save(tmp_path / "days.npz")
    for again in (lime_jax.load(tmp_path / "days.npz"), explanations_of(rows_table(found))):
        assert again.times[0].dtype == found.times[0].dtype
        assert again.condition(0, 1) == "2024-01-04 to 2024-01-06"
    zoned = lines.set_column(0, "day", lines["day"].cast(pa.timestamp("ms", "Europe/Berlin")))
    found = explainer.explain(zoned, lambda batch: batch.sum((1, 2)))
    assert found.times[0].dtype.kind == "M"


def test_series_can_be_compared_where_they_are_cut_alike(explanations):
    size, _ = explanations[[0, 2]].importance("late")
    expected = np.abs(explanations.coef[[0, 2], 0]).mean(0)
    np.testing.assert_allclose(size, expected, atol=1e-7)
    with pytest.raises(ValueError, match="these series are not cut alike"):
        explanations.importance()


def test_blocks_of_a_frame_are_named_by_its_series():
    lines = {"id": [7, 7, 5, 5], "t": [0, 1, 0, 1], "x": [1.0, 2, 3, 4]}
    explainer = SeriesExplainer(segments=2, time_column="t", series_column="id")
    blocks = Blocks(explainer, pd.DataFrame(lines))
    assert len(blocks) == 2
    rows, ids = blocks.cut(1, 2)
    assert ids is None
    spec = ChunkSpec(explainer, lambda batch: batch.sum((1, 2)))
    found = explanations_of(explain_chunk(spec, rows))
    assert found.row_ids.tolist() == [5]
    assert blocks.name(found, 1, 2).row_names == ("id",)
    with pytest.raises(ValueError, match="labels of each series do not travel"):
        SeriesExplainer(segments=[np.arange(4), np.arange(4)]).rows(np.zeros((2, 4)))


def test_a_job_explains_a_file(explanations, explainer, tmp_path):
    pa.parquet.write_table(
        pa.table({"series": [one.tolist() for one in SERIES]}), tmp_path / "s.parquet"
    )
    out = tmp_path / "out"
    options = {"labels": LABELS, "num_samples": 256, "rows_per_part": 2}
    stored = explain_file(explainer, tmp_path / "s.parquet", late, out, **options)
    assert_same(stored[:], explanations, atol=1e-6)


def test_what_does_not_fit_is_refused(explanations):
    with pytest.raises(ValueError, match="`series`: expected one for each of 3 series, got 2"):
        dataclasses.replace(explanations, series=explanations.series[:2])
    cut = explanations.segments
    with pytest.raises(ValueError, match=r"`segments`: expected one number for each of \(12, 2\)"):
        dataclasses.replace(explanations, segments=cut[1:] + cut[:1])
