"""`lime`'s own tests, read from the installed package, with only the import swapped."""

from __future__ import annotations

import sys
import types
import unittest
import warnings
from pathlib import Path

import lime.tests
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

FILES = sorted(Path(lime.tests.__file__).parent.glob("test_*.py"))
OUT_OF_REACH = {
    "test_indexed_string_regex": "compares lists of several lengths by NumPy's old rules",
    "test_indexed_string_callable": "compares lists of several lengths by NumPy's old rules",
    "test_instanciate_segmentation_algorithm": "calls scikit-image by an argument it has dropped",
}


def swapped(path: Path) -> types.ModuleType:
    """A test file with `lime_jax.compat` in place of `lime`, and nothing else changed."""
    source = path.read_text(encoding="utf-8").replace("from lime.", "from lime_jax.compat.")
    module = types.ModuleType(f"swapped_{path.stem}")
    module.__dict__["__file__"] = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def cases() -> list[unittest.TestCase]:
    found = []
    for path in FILES:
        suite = unittest.defaultTestLoader.loadTestsFromModule(swapped(path))
        found += [case for cases in suite for case in cases]
    return found


CASES = {case.id().rpartition(".")[2]: case for case in cases()}


def posts(subset, categories):
    """A stand-in for a data set that would be downloaded: 90 made-up letters."""
    random = np.random.default_rng(len(subset))
    words = [f"word{k}" for k in range(60)]
    target = np.arange(90) % 2
    data = [" ".join(random.choice(words[10 * y : 50 + 10 * y], 40)) for y in target]
    return types.SimpleNamespace(data=data, target=target, target_names=categories)


def forest(n_estimators, **settings):
    """A tenth of the trees, most of the time of these tests."""
    return RandomForestClassifier(n_estimators // 10, **settings)


def test_there_are_all_of_them():
    assert len(CASES) == 31
    assert set(OUT_OF_REACH) <= set(CASES)


@pytest.mark.parametrize("name", sorted(set(CASES) - set(OUT_OF_REACH)))
def test_of_lime_passes(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "lime", None)  # nothing of it is used
    case = CASES[name]
    names = getattr(case, name).__func__.__globals__
    if "fetch_20newsgroups" in names:
        monkeypatch.setitem(names, "fetch_20newsgroups", posts)
    if "RandomForestClassifier" in names:
        monkeypatch.setitem(names, "RandomForestClassifier", forest)
    with warnings.catch_warnings(action="ignore"):
        case.debug()
