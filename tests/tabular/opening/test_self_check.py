"""A converted model that differs from itself says how much, and which value makes it differ."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from lime_jax.models.convert.features import RawTable
from lime_jax.models.functions import jax_predict
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.frames import encode, learn_schema
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.self_check import difference_from_itself

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32).astype(np.float64)
SCHEMA = learn_schema(X, None, ["age", "size", "cost"], None)
MODEL = as_predict_fn(LinearRegression().fit(X, X[:, 0]), table=RawTable(None, (None,) * 3))


def model_that(in_jax, schema=SCHEMA):
    """The line of the first column, as a converter would have it that is mistaken."""
    predict = DevicePredict(jax_predict(in_jax))
    return OpenedModel(dataclasses.replace(MODEL, predict=predict, converted=None), schema)


def test_a_model_that_is_itself_has_no_difference_from_itself():
    assert difference_from_itself(OpenedModel(MODEL, SCHEMA), X) == ""
    assert difference_from_itself(model_that(lambda rows: rows[:, :1]), X, [X + 1]) == ""


def test_the_column_that_makes_the_difference_is_named():
    rows = X.copy()
    rows[4, 1] = 9
    found = difference_from_itself(model_that(lambda rows: rows[:, :1] + (rows[:, 1:2] > 8)), rows)
    assert (
        found == f"in JAX it predicts {X[4, 0] + 1:.6g} in place of {X[4, 0]:.6g} where size = 9.00"
    )


def test_a_difference_in_all_rows_is_that_of_the_first():
    found = difference_from_itself(model_that(lambda rows: 3 * rows[:, :1]), X)
    assert found == f"in JAX it predicts {3 * X[0, 0]:.6g} in place of {X[0, 0]:.6g}"


@pytest.mark.parametrize(
    ("in_jax", "message"),
    [
        (lambda rows: jnp.full((len(rows), 1), jnp.nan), "in JAX its outputs are not all finite"),
        (lambda rows: rows[:, :2], "in JAX it has 2 outputs in place of 1"),
    ],
)
def test_outputs_of_another_kind_are_named(in_jax, message):
    assert difference_from_itself(model_that(in_jax), X) == message


def test_rows_that_the_model_refuses_are_left_out():
    strict = dataclasses.replace(MODEL, host=lambda rows: refuse_missing(rows))
    gaps = np.where(X > 0, np.nan, X)
    assert difference_from_itself(OpenedModel(strict, SCHEMA), X, [gaps]) == ""
    with pytest.raises(ValueError, match="no gaps"):
        difference_from_itself(OpenedModel(strict, SCHEMA), gaps)


def refuse_missing(rows):
    if np.isnan(rows).any():
        raise ValueError("no gaps")
    return rows[:, 0]


def test_a_level_is_named_as_the_table_has_it():
    table = pd.DataFrame({"color": pd.Categorical(["red", "blue", "red"]), "age": [1.0, 2.0, 3.0]})
    schema = learn_schema(table, None, None, None)
    model = dataclasses.replace(
        MODEL,
        predict=DevicePredict(jax_predict(lambda rows: rows[:, 1:] + (rows[:, :1] == 0))),
        converted=None,
        host=lambda frame: frame["age"],
    )
    found = difference_from_itself(OpenedModel(model, schema), encode(schema, table))
    assert found.endswith("where color = blue")
