"""The benchmarks run: their numbers are looked at by people, never here."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest

pytest.importorskip("lime")
benchmarks = pytest.importorskip("benchmarks.__main__", reason="not part of an installed package")
record = importlib.import_module("benchmarks.record")
speed = importlib.import_module("benchmarks.speed")
images = importlib.import_module("benchmarks.images")
shapley = importlib.import_module("benchmarks.shapley")


@pytest.mark.filterwarnings("ignore")  # the peers' own
@pytest.mark.parametrize(
    "measure",
    [
        lambda: [speed.one_row(repeats=1, trees=2)],
        lambda: images.against_lime(side=16, samples=16, repeats=1),
        lambda: [shapley.error(seeds=2, rows=1, trees=2)],
    ],
    ids=["speed", "images", "shapley"],
)
def test_a_measurement_gives_finite_records(measure):
    pytest.importorskip("shap")
    for found in measure():
        assert found.ours > 0
        assert found.peer > 0
        assert found.ratio == found.ours / found.peer
        assert found.met is not None


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


def test_unknown_groups_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        benchmarks.main(["speeed"])
    assert "unknown group 'speeed'" in capsys.readouterr().err
