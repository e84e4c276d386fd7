"""What a model returned becomes float64 (rows, outputs), or an error that says what is wrong."""

import warnings
from decimal import Decimal

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from lime_jax.models.outputs import (
    as_outputs,
    looks_like_probabilities,
    output_columns,
    output_kind,
    warn_unless_probabilities,
)

pytestmark = pytest.mark.precision

GOOD = {
    "a list": ([1, 2, 3], [[1], [2], [3]]),
    "one output": (np.array([1.5, 2, 3], np.float32), [[1.5], [2], [3]]),
    "a column": (np.array([[1.0], [2], [3]]), [[1], [2], [3]]),
    "several outputs": (np.arange(6).reshape(3, 2), [[0, 1], [2, 3], [4, 5]]),
    "yes and no": (np.array([True, False, True]), [[1], [0], [1]]),
    "a JAX array": (jnp.arange(3), [[0], [1], [2]]),
    "numbers as objects": (np.array([1, 2.5, 3], object), [[1], [2.5], [3]]),
    "a pandas frame": (pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}), [[1, 4], [2, 5], [3, 6]]),
    "a pandas series": (pd.Series([1, 2, 3], index=[7, 8, 9]), [[1], [2], [3]]),
    "a polars frame": (pl.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}), [[1, 4], [2, 5], [3, 6]]),
    "a polars series": (pl.Series("a", [1, 2, 3]), [[1], [2], [3]]),
    "an Arrow table": (pa.table({"a": [1, 2, 3], "b": [4, 5, 6]}), [[1, 4], [2, 5], [3, 6]]),
    "half precision": (np.array([0.5, 1, 2], np.float16), [[0.5], [1], [2]]),
    "nothing masked": (np.ma.array([1.0, 2, 3]), [[1], [2], [3]]),
    "decimals": (np.array([Decimal("0.5"), Decimal(1), 2], object), [[0.5], [1], [2]]),
    "a sparse matrix": (csr_matrix([[1, 0], [0, 2], [3, 0]]), [[1, 0], [0, 2], [3, 0]]),
    "several targets": ([np.ones((3, 2)), np.zeros((3, 1))], [[1, 1, 0]] * 3),
    "a tuple of one": ((np.ones((3, 2)),), [[1, 1]] * 3),
    "outputs by name": ({"a": np.ones(3), "b": np.zeros((3, 2))}, [[1, 0, 0]] * 3),
}


@pytest.mark.parametrize("name", GOOD)
def test_outputs_become_rows_of_float64(name):
    raw, expected = GOOD[name]
    outputs = as_outputs(raw, 3)
    assert outputs.dtype == np.float64
    np.testing.assert_array_equal(outputs, expected)


BAD = {
    "a number": (np.float64(1), None, r"shape \(3,\) or \(3, outputs\) for 3 inputs, got \(\)"),
    "too few rows": (np.ones(2), None, r"for 3 inputs, got \(2,\)"),
    "outputs first": (np.ones((2, 3)), None, r"got \(2, 3\)"),
    "three axes": (np.ones((3, 2, 1)), None, r"got \(3, 2, 1\)"),
    "no outputs": (np.ones((3, 0)), None, r"got \(3, 0\)"),
    "nothing": (None, None, r"`model`"),
    "class names": (np.array(["cat", "dog", "cat"]), None, r"'cat'.*`predict_proba`"),
    "class names as objects": (np.array(["cat", 1, 2], object), None, r"'cat'.*`predict_proba`"),
    "numbers as text": (np.array(["0", "1", "0"]), None, r"'0'.*`predict_proba`"),
    "dates": (
        np.array(["2020", "2021", "2022"], "M8[D]"),
        None,
        r"expected numbers, got datetime64",
    ),
    "complex numbers": (np.array([1, 2, 3j]), None, r"expected numbers, got complex128"),
    "missing objects": (np.array([1, pd.NA, 3], object), None, r"expected numbers, got object"),
    "a mean and its error": ((np.ones(3), np.ones(3)), None, r"a tuple of 2 arrays of .*\(3,\), "),
    "no one length": ([[1, 2], [1], [1, 2]], None, r"got a list of 3 parts of different"),
    "masked": (np.ma.array([1, 2, 3], mask=[0, 1, 0]), None, r"\[nan\] for input 1 and 1 of 3"),
    "NaN": ([0.5, np.nan, np.nan], None, r"finite outputs, got \[nan\] for input 1 and 2 of 3"),
    "infinity": ([[0, 1], [2, 3], [4, np.inf]], None, r"for input 2 and 1 of 3"),
    "fewer than before": (np.ones((3, 2)), 4, r"4 outputs as in its first call, got 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said(name):
    raw, before, message = BAD[name]
    with pytest.raises(ValueError, match=message) as caught:
        as_outputs(raw, 3, before)
    assert "`model`" in str(caught.value)


def test_an_output_that_is_not_finite_is_that_of_a_row():
    with pytest.raises(ValueError, match=r"got \[nan\] for row 7 of `X` and 1 of 3"):
        as_outputs([0.5, np.nan, 1], 3, first_row=6)


PROBABILITIES = {
    "two": ([[0.25, 0.75]], True),
    "rounded": ([[0.3333, 0.3333, 0.3333]], True),
    "float32 noise": ([[-1e-7, 1.0000001]], True),
    "one output": ([[1.0], [1.0]], False),
    "sum is not 1": ([[0.5, 0.5], [0.2, 0.2]], False),
    "negative": ([[-0.5, 1.5]], False),
    "no rows": (np.zeros((0, 2)), False),
}


@pytest.mark.parametrize("name", PROBABILITIES)
def test_probabilities_are_several_and_sum_to_1(name):
    prediction, expected = PROBABILITIES[name]
    assert looks_like_probabilities(np.array(prediction, np.float64)) is expected


def test_the_row_whose_sum_is_furthest_from_1_is_named():
    prediction = np.array([[0.5, 0.5], [0.6, 0.6], [0.9, 0.9]])
    with pytest.warns(UserWarning, match=r"row 2 sum to 1\.8.*`mode='regression'`"):
        warn_unless_probabilities(prediction)


@pytest.mark.parametrize("prediction", [np.zeros((0, 2)), np.array([[7.0]]), np.array([[0, 1.0]])])
def test_no_warning_without_a_reason(prediction):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_unless_probabilities(prediction)


TWO, THREE = np.array([[0.25, 0.75]]), np.array([[5.0, 6.0, 7.0]])
KINDS = {
    "the model knows": ("margin", None, THREE, "margin"),
    "they look like probabilities": (None, None, TWO, "probability"),
    "they look like values": (None, None, THREE, "value"),
    "one output is a value": (None, None, TWO[:, :1], "value"),
    "classification": (None, "classification", TWO[:, :1], "probability"),
    "regression": (None, "regression", TWO, "value"),
    "regression against the model": ("probability", "regression", TWO, "value"),
    "a margin stays one": ("margin", "classification", THREE, "margin"),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_of_output(name):
    known, mode, prediction, expected = KINDS[name]
    assert output_kind(known, mode, prediction) == expected


def test_scores_of_classes_are_margins():
    assert output_kind(None, None, THREE, has_classes=True) == "margin"
    assert output_kind(None, None, TWO, has_classes=True) == "probability"


def test_a_classifier_whose_outputs_do_not_sum_to_1_is_warned_about():
    with pytest.warns(UserWarning, match="sum to 1"):
        output_kind("probability", None, THREE)


def test_probabilities_of_several_targets_need_not_sum_to_1():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert output_kind("probability", None, np.ones((1, 2)), exclusive=False) == "probability"


def test_numbers_of_classes_are_no_probability():
    with pytest.warns(UserWarning, match="whole numbers from 0 to 2; numbers of classes"):
        output_kind(None, "classification", np.array([[0.0], [2.0]]))


COLUMNS = {
    "an array": (np.ones((2, 2)), None),
    "a list": ([1, 2], None),
    "pandas": (pd.DataFrame({"a": [1], 3: [2]}), ("a", 3)),
    "polars": (pl.DataFrame({"a": [1], "b": [2]}), ("a", "b")),
    "Arrow": (pa.table({"a": [1], "b": [2]}), ("a", "b")),
    "a series": (pd.Series([1], name="price"), ("price",)),
    "a series of polars": (pl.Series("price", [1]), ("price",)),
    "a series without a name": (pd.Series([1]), None),
    "by name": ({"a": np.ones(2), "b": np.ones((2, 2))}, ("a", "b 0", "b 1")),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_frames_name_their_outputs(name):
    raw, expected = COLUMNS[name]
    assert output_columns(raw) == expected


@pytest.mark.parametrize("one", [np.nan, np.inf, -np.inf])
def test_a_sum_that_overflows_hides_no_output(one):
    outputs = np.full((4, 2), 1e308)
    assert as_outputs(outputs, 4) is not None
    outputs[2, 1] = one
    with pytest.raises(ValueError, match=r"expected finite outputs, got .* for input 2"):
        as_outputs(outputs, 4)
