"""What a model returned becomes float64 (rows, outputs), or an error that says what is wrong."""

import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from lime_jax.models.outputs import as_outputs, looks_like_probabilities, warn_unless_probabilities

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
