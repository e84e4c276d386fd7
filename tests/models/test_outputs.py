"""What a model returned becomes float64 (rows, outputs), or an error that says what is wrong."""

import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from lime_jax.models.outputs import (
    as_outputs,
    choose_labels,
    looks_like_probabilities,
    output_kind,
    output_names,
    warn_unless_probabilities,
)

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


def test_a_classifier_whose_outputs_do_not_sum_to_1_is_warned_about():
    with pytest.warns(UserWarning, match="sum to 1"):
        output_kind("probability", None, THREE)


NAMES = {
    "given": (("a", "b"), None, 2, ("a", "b")),
    "given before the model's own": (("a", "b"), ("c", "d"), 2, ("a", "b")),
    "the second class of two": (("no", "yes"), None, 1, ("yes",)),
    "the model's own": (None, ("c", "d"), 2, ("c", "d")),
    "the model's own, but not of these outputs": (None, ("c", "d"), 3, ("0", "1", "2")),
    "one output": (None, None, 1, ("prediction",)),
    "numbers as names": ((3, 4), None, 2, ("3", "4")),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_outputs(name):
    given, known, count, expected = NAMES[name]
    assert output_names(known, given, count) == expected


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"`class_names`: expected 3 names.*got 2"):
        output_names(None, ["a", "b"], 3)


PREDICTION = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])
CHOICES = {
    "all": (None, None, [[0, 1, 2], [0, 1, 2]]),
    "numbers": ([2, 0], None, [[2, 0], [2, 0]]),
    "names": (["c", "a"], None, [[2, 0], [2, 0]]),
    "both": (["c", 0], None, [[2, 0], [2, 0]]),
    "NumPy numbers": (np.array([1]), None, [[1], [1]]),
    "the highest": (None, 1, [[1], [0]]),
    "the two highest, the first of equals first": (None, 2, [[1, 2], [0, 1]]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_labels_are_chosen(name):
    labels, top, expected = CHOICES[name]
    chosen = choose_labels(labels, top, PREDICTION, ["a", "b", "c"])
    assert chosen.tolist() == expected


@pytest.mark.parametrize("label", [3, -1, "d", "0"])
def test_a_label_that_is_not_there_is_refused_and_the_known_ones_are_named(label):
    with pytest.raises(ValueError, match=r"`labels`: expected numbers from 0 to 2.*a, b, c, got"):
        choose_labels([0, label], None, PREDICTION, ["a", "b", "c"])


def test_more_top_labels_than_outputs_are_refused():
    with pytest.raises(ValueError, match="`top_labels`: expected at most 3 outputs, got 4"):
        choose_labels(None, 4, PREDICTION, ["a", "b", "c"])
