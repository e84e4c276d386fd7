"""`import lime_jax` costs little more than `import jax`: nothing heavy loads before its use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lime_jax

HEAVY = {
    *("sklearn", "scipy", "pandas", "polars", "narwhals", "pyarrow"),
    *("matplotlib", "rich", "skops", "lime", "IPython"),
}


def heavy_modules_after(statement: str) -> set[str]:
    """Which heavy libraries a fresh interpreter has loaded after the statement."""
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout)} & HEAVY


def test_importing_the_package_loads_nothing_heavy():
    assert heavy_modules_after("import lime_jax") == set()


def test_the_check_sees_a_heavy_import():
    assert {"lime", "scipy"} <= heavy_modules_after("import lime_jax, scipy.special, lime")


def test_a_heavy_library_is_loaded_once_it_is_used():
    assert "sklearn" in heavy_modules_after("import lime_jax; lime_jax.TabularExplainer")


@pytest.mark.parametrize("name", lime_jax.__all__)
def test_every_public_name_resolves(name):
    assert getattr(lime_jax, name) is not None


def test_public_names_are_listed_once_and_shown_by_dir():
    assert len(set(lime_jax.__all__)) == len(lime_jax.__all__)
    assert set(lime_jax.__all__) <= set(dir(lime_jax))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lime_jax.no_such_name


def test_the_package_ships_its_types():
    from importlib.resources import files

    assert files("lime_jax").joinpath("py.typed").is_file()
