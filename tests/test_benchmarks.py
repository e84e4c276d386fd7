"""The benchmarks run: their numbers are looked at by people, never here."""

from __future__ import annotations

import importlib
import json

import pytest

pytest.importorskip("lime")
benchmarks = pytest.importorskip("benchmarks.__main__", reason="not part of an installed package")
record = importlib.import_module("benchmarks.record")
speed = importlib.import_module("benchmarks.speed")


@pytest.mark.filterwarnings("ignore")  # lime's own
def test_a_measurement_gives_a_finite_record():
    found = speed.one_row(repeats=1, trees=2)
    assert found.ours > 0
    assert found.peer > 0
    assert found.ratio == found.ours / found.peer
    assert found.met is (found.ratio <= found.at_most)


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
    }
    page = (tmp_path / "results.md").read_text()
    assert "| fast | 2 rows/s | 1 rows/s | 2 | ≥ 1.5 | yes |" in page
    assert str(tmp_path.parent) not in page


def test_unknown_groups_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        benchmarks.main(["speeed"])
    assert "unknown group 'speeed'" in capsys.readouterr().err
