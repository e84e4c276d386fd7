"""The model is called with the table it knows; what it returns is checked, named and chosen."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import lime_jax
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import Model
from lime_jax.tabular import frames
from lime_jax.tabular.opening.opened import OpenedModel

pytestmark = pytest.mark.precision

FRAME = pd.DataFrame({"size": [1.5, 2.5, 3.5], "color": pd.Categorical(["red", "blue", "red"])})
SCHEMA = frames.learn_schema(FRAME)
NUMBERS = frames.learn_schema(np.zeros((1, 2)))


def table_model(fn=lambda batch: np.zeros(len(batch)), schema=NUMBERS, kind=None, names=None):
    return OpenedModel(Model(fn, "host", "for a test", kind, names), schema)


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
    model = OpenedModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 1])), schema)
    assert model.on_device
    np.testing.assert_array_equal(model.predict_rows(X, values, None), X[:, 1:])


def test_a_jax_model_gets_the_level_of_a_row_that_fit_did_not_see():
    X = np.array([[0.5, 10.0], [1.5, 30.0]])
    schema = frames.learn_schema(X, categorical_features=[1])
    row = np.array([[0.5, 77.0]])
    model = OpenedModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 1])), schema)
    assert model.predict_rows(row, frames.encode(schema, row), None).tolist() == [[77.0]]


@pytest.mark.parametrize("make", [np.asarray, lambda X: pd.DataFrame(X).astype({1: "category"})])
def test_a_jax_model_gets_the_levels_of_samples_too(make):
    X = make(np.array([[0.5, 10.0], [1.5, 30.0], [2.5, 20.0]]))
    schema = frames.learn_schema(X, categorical_features=[1])
    model = OpenedModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 1])), schema)
    values = frames.encode(schema, X)
    np.testing.assert_array_equal(model.on_codes()(jnp.asarray(values)), [10, 30, 20])
    np.testing.assert_array_equal(model.predict_rows(X, values, None), [[10], [30], [20]])


def test_a_jax_model_is_called_as_it_is_where_codes_are_the_levels():
    schema = frames.learn_schema(np.array([[0.0], [1.0]]), categorical_features=[0])
    model = OpenedModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 0])), schema)
    assert model.on_codes() is model.model.predict


def test_a_jax_model_takes_no_text():
    with pytest.raises(ValueError, match=r"`model`: a JAX model takes numbers.*'color' is text"):
        OpenedModel(as_predict_fn(lime_jax.jax_predict(lambda batch: batch[:, 0])), SCHEMA)
