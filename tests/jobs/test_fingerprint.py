"""Hashes tell apart what gives other numbers, and nothing else, in any process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import jax
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from xgboost import XGBRegressor

from lime_jax.distributed.worker import ModelFactory
from lime_jax.jobs.fingerprint import content_hash, in_words, model_hash, versions
from lime_jax.tabular.frames import learn_schema


def plus(amount):
    return lambda x: x + amount


def power(amount):
    return lambda x, by=amount: x**by


def word_only(amount, *, by=2):
    return amount * by


class Holder:
    def __init__(self, value):
        self.value = value
        self.owner = self  # a cycle
        self.words = {"a", "b", "c", str(value)}

    def predict(self, X):
        return X * self.value


def forest(seed):
    X = np.random.default_rng(0).normal(size=(30, 3))
    return RandomForestClassifier(3, random_state=seed).fit(X, X[:, 0] > 0)


def inner(amount):
    """A function in whose code the number is two levels down."""
    source = (
        f"def f(x):\n    def g(y):\n        return y in {{'a', 'b', {amount}}}\n    return g(x)"
    )
    found = {}
    exec(source, found)
    return found["f"]


MAKE = {
    "code": lambda k: [lambda d, w: np.exp(-d), lambda d, w: np.exp(-9 * d)][k],
    "names in the code": lambda k: [lambda d: np.exp(d), lambda d: np.sin(d)][k],
    "code in the code": inner,
    "closures": plus,
    "defaults": power,
    "partials": lambda k: partial(word_only, k),
    "partials by name": lambda k: partial(word_only, by=k),
    "compiled": lambda k: jax.jit(plus(k)),
    "methods": lambda k: Holder(k).predict,
    "objects": Holder,
    "forests": forest,
    "functions in a pipeline": lambda k: make_pipeline(FunctionTransformer(plus(k))),
    "ufuncs": lambda k: [np.exp, np.sin][k],
    "frames": lambda k: pd.DataFrame({"a": ["x", None, str(k)], "b": pd.Categorical(["u"] * 3)}),
    "arrays of objects": lambda k: np.array(["a", None, k], object),
    "shapes": lambda k: np.zeros((2, 3) if k else (3, 2)),
    "borders": lambda k: [["ab", "c"], ["a", "bc"]][k],
    "depths": lambda k: [[[1], 2], [[1, 2]]][k],
}


@pytest.mark.parametrize("case", MAKE)
def test_the_same_is_the_same_and_another_is_another(case):
    make = MAKE[case]
    assert content_hash(make(1)) == content_hash(make(1))
    assert content_hash(make(1)) != content_hash(make(0))


def test_a_model_that_was_stored_is_the_same(tmp_path):
    joblib.dump(forest(1), tmp_path / "m.joblib")
    assert model_hash(joblib.load(tmp_path / "m.joblib")) == model_hash(forest(1))


def test_what_cannot_be_pickled_goes_by_its_name():
    assert content_hash(threading.Lock()) == content_hash(threading.Lock())
    assert content_hash([threading.Lock(), 1]) != content_hash([threading.Lock(), 2])


def test_an_option_that_is_a_function_has_its_name():
    found = in_words({"kernel": plus(1), "set": {"b", "a"}})
    assert found["kernel"].endswith("test_fingerprint.plus.<locals>.<lambda>")
    assert found["kernel"] != in_words(plus(2))
    assert found["set"] == ["a", "b"]


def test_processes_agree_whatever_their_seed():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_fingerprint as t; "
        "print(*[t.content_hash(make(1)) for make in t.MAKE.values()])"
    )
    here = " ".join(content_hash(make(1)) for make in MAKE.values())
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == here.split()


def test_a_factory_is_known_by_what_its_files_hold(tmp_path):
    for name, content in {"a": b"one", "b": b"one", "c": b"two"}.items():
        (tmp_path / name).write_bytes(content)
    by_path = {name: model_hash(ModelFactory(joblib.load, f"{tmp_path}/{name}")) for name in "abc"}
    assert by_path["a"] == by_path["b"] != by_path["c"]
    by_word = {name: model_hash(ModelFactory(dict, at=tmp_path / name)) for name in "abc"}
    assert by_word["a"] == by_word["b"] != by_word["c"]
    assert model_hash(ModelFactory(dict, "none")) != model_hash(ModelFactory(dict, "nothing"))


ARRAY, FRAME = np.zeros((2, 1)), pd.DataFrame({"a": [0.0, 1.0]})


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (LinearRegression(), set()),
        (XGBRegressor(), {"xgboost-cpu"}),
        (XGBRegressor().predict, {"xgboost-cpu"}),
        (make_pipeline(StandardScaler(), XGBRegressor()), {"xgboost-cpu"}),
        (make_pipeline(FunctionTransformer(pd.isna), LinearRegression()), {"pandas"}),
        (ModelFactory(joblib.load, "m.joblib"), {"joblib"}),
    ],
)
def test_versions_are_those_of_all_parts_of_a_model(model, more):
    known = versions(LinearRegression(), learn_schema(ARRAY))
    assert versions(model, learn_schema(ARRAY)).keys() - known.keys() == more


def test_versions_are_those_of_the_library_of_rows():
    known = versions(LinearRegression(), learn_schema(ARRAY))
    found = versions(LinearRegression(), learn_schema(FRAME))
    assert found.keys() - known.keys() == {"narwhals", "pandas"}
