"""Who converts what: the nearest class, its own methods, the columns it was fitted on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import apply
from lime_jax.models.convert.features import RawTable, raw_features
from lime_jax.models.registry import (
    convert,
    convert_on,
    register_converter,
    register_transformer,
    transform_on,
)

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(20, 2))
FRAME = pd.DataFrame(X, columns=["a", "b"])
TABLE = RawTable.of_numbers(2)


class First:
    def transform(self, inputs):
        return inputs[:, :1]

    def predict(self, inputs):
        return inputs[:, 0]


class Heir(First):
    pass


class Changed(First):
    def transform(self, inputs):
        return inputs

    def predict(self, inputs):
        return -inputs[:, 0]


@register_transformer(First)
def take_first(transformer, features):
    return features.take([0])


@register_converter(First, methods=("predict",))
def predict_first(model, method, features):
    return apply(lambda inputs: inputs[:, :1], features)


def test_a_registered_class_and_its_heirs():
    for cls in (First, Heir):
        assert len(transform_on(cls(), raw_features(TABLE))) == 1
        np.testing.assert_allclose(convert(cls(), "predict", TABLE).predict(X), X[:, :1], rtol=1e-6)


class MyRegression(LinearRegression):
    pass


def test_heirs_of_a_librarys_classes():
    model = MyRegression().fit(X, X[:, 0])
    assert convert(model, "predict", TABLE).structure is not None


@pytest.mark.parametrize("step", [None, "passthrough"])
def test_no_step_changes_nothing(step):
    features = raw_features(TABLE)
    assert transform_on(step, features) is features


two, named = LinearRegression().fit(X, X[:, 0]), LinearRegression().fit(FRAME, X[:, 0])
REFUSED = {
    "unknown": (object(), "predict", TABLE, "object has no JAX form here"),
    "method": (First(), "predict_proba", TABLE, "First.predict_proba has no JAX form here"),
    "changed": (Changed(), "predict", TABLE, "Changed has a `predict` of its own"),
    "count": (two, "predict", RawTable.of_numbers(3), "was fitted on 2 columns and gets 3"),
    "names": (named, "predict", RawTable.of_numbers(2, ["b", "a"]), "other names or another order"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_are_refused(name):
    model, method, table, reason = REFUSED[name]
    with pytest.raises(NotConvertibleError, match=reason):
        convert_on(model, method, raw_features(table))


def test_steps_that_are_refused():
    for step, reason in (
        (object(), "object has no JAX form here"),
        (Changed(), "Changed has a `transform` of its own"),
        (StandardScaler().fit(X[:, :1]), "was fitted on 1 columns and gets 2"),
    ):
        with pytest.raises(NotConvertibleError, match=reason):
            transform_on(step, raw_features(TABLE))


def test_names_that_are_the_same_or_not_known_are_no_matter():
    for table in (TABLE, RawTable.of_numbers(2, ["a", "b"])):
        assert convert(named, "predict", table).structure is not None
