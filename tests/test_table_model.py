"""The model is called with the table it knows; what it returns is checked, named and chosen."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import lime_jax
from lime_jax import frames
from lime_jax.models.predict import Model, as_predict_fn
from lime_jax.table_model import TableModel, choose_labels

FRAME = pd.DataFrame({"size": [1.5, 2.5, 3.5], "color": pd.Categorical(["red", "blue", "red"])})
SCHEMA = frames.learn_schema(FRAME)
NUMBERS = frames.learn_schema(np.zeros((1, 2)))


def table_model(fn=lambda batch: np.zeros(len(batch)), schema=NUMBERS, kind=None, names=None):
    return TableModel(Model(fn, "host", "for a test", kind, names), schema)


def test_samples_come_as_the_fitted_table():
    seen = []
    model = table_model(lambda frame: seen.append(frame) or np.zeros(len(frame)), SCHEMA)
    assert model(np.array([[9.0, 1.0], [8.0, 0.0]])).shape == (2, 1)
    pd.testing.assert_frame_equal(
        seen[0],
        pd.DataFrame(
            {
                "size": [9.0, 8.0],
                "color": pd.Categorical(["red", "blue"], categories=["blue", "red"]),
            }
        ),
    )


@pytest.mark.parametrize(("batch_size", "sizes"), [(None, [3]), (2, [2, 1]), (1, [1, 1, 1])])
def test_rows_come_untouched_in_batches(batch_size, sizes):
    seen = []
    model = table_model(lambda frame: seen.append(frame) or frame["size"].to_numpy(), SCHEMA)
    X = FRAME.assign(other="not a feature")[["other", "color", "size"]].set_index([[7, 8, 9]])
    prediction = model.predict_rows(X, frames.encode(SCHEMA, X), batch_size)
    np.testing.assert_array_equal(prediction, [[1.5], [2.5], [3.5]])
    assert [len(frame) for frame in seen] == sizes
    pd.testing.assert_frame_equal(pd.concat(seen), X[["size", "color"]])


def test_the_rows_of_a_failed_batch_are_named_and_the_exception_is_the_models_own():
    def fail(batch):
        if batch[0, 0] == 4:
            raise KeyError("no such thing")
        return np.zeros(len(batch))

    X = np.arange(10.0).reshape(5, 2)
    with pytest.raises(KeyError, match="no such thing") as caught:
        table_model(fail).predict_rows(X, X, 2)
    assert caught.value.__notes__ == ["raised by the model on rows 2 to 3 of `X`"]


def test_the_number_of_outputs_may_not_change():
    model = table_model(lambda batch: np.zeros((len(batch), int(batch[0, 0]))))
    assert model(np.array([[2.0, 0.0]])).shape == (1, 2)
    with pytest.raises(ValueError, match="2 outputs as in its first call, got 3"):
        model(np.array([[3.0, 0.0]]))


def test_a_jax_model_gets_numeric_levels_not_their_codes():
    X = np.array([[0.5, 10.0], [1.5, 30.0], [2.5, 20.0]])
    schema = frames.learn_schema(X, categorical_features=[1])
    values = frames.encode(schema, X)
    assert values[:, 1].tolist() == [0, 2, 1]
    model = TableModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 1])), schema)
    assert model.on_device
    np.testing.assert_array_equal(model.predict_rows(X, values, None), X[:, 1:])


def test_a_jax_model_gets_the_level_of_a_row_that_fit_did_not_see():
    X = np.array([[0.5, 10.0], [1.5, 30.0]])
    schema = frames.learn_schema(X, categorical_features=[1])
    row = np.array([[0.5, 77.0]])
    model = TableModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 1])), schema)
    assert model.predict_rows(row, frames.encode(schema, row), None).tolist() == [[77.0]]


@pytest.mark.parametrize("make", [np.asarray, lambda X: pd.DataFrame(X).astype({1: "category"})])
def test_a_jax_model_gets_the_levels_of_samples_too(make):
    X = make(np.array([[0.5, 10.0], [1.5, 30.0], [2.5, 20.0]]))
    schema = frames.learn_schema(X, categorical_features=[1])
    model = TableModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 1])), schema)
    values = frames.encode(schema, X)
    np.testing.assert_array_equal(model.on_codes()(jnp.asarray(values)), [10, 30, 20])
    np.testing.assert_array_equal(model.predict_rows(X, values, None), [[10], [30], [20]])


def test_a_jax_model_is_called_as_it_is_where_codes_are_the_levels():
    schema = frames.learn_schema(np.array([[0.0], [1.0]]), categorical_features=[0])
    model = TableModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 0])), schema)
    assert model.on_codes() is model.model.predict


def test_a_jax_model_takes_no_text():
    with pytest.raises(ValueError, match=r"`model`: a JAX model takes numbers.*'color' is text"):
        TableModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 0])), SCHEMA)


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
    assert table_model(kind=known).output_kind(mode, prediction) == expected


def test_a_classifier_whose_outputs_do_not_sum_to_1_is_warned_about():
    with pytest.warns(UserWarning, match="sum to 1"):
        table_model(kind="probability").output_kind(None, THREE)


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
    assert table_model(names=known).output_names(given, count) == expected


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"`class_names`: expected 3 names.*got 2"):
        table_model().output_names(["a", "b"], 3)


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
