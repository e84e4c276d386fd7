"""Bins in lime's words, each bin another text."""

import numpy as np
import pandas as pd
import pytest
from lime.discretize import DecileDiscretizer, QuartileDiscretizer

from lime_jax.tabular import frames
from lime_jax.tabular.conditions import bin_conditions
from lime_jax.tabular.learn import fit_tabular

LIMES = {"quartile": QuartileDiscretizer, "decile": DecileDiscretizer}


def conditions_of(X, discretizer="quartile", **options):
    schema = frames.learn_schema(X, **options)
    categorical = np.flatnonzero(schema.categorical).tolist()
    stats = fit_tabular(
        frames.encode(schema, X), discretizer=discretizer, categorical_features=categorical
    )
    texts = bin_conditions(stats, schema)
    assert len(texts) == stats.num_bins
    return [list(texts[a:b]) for a, b in zip(stats.offsets, stats.offsets[1:], strict=False)]


@pytest.mark.parametrize("discretizer", LIMES)
def test_numbers_read_as_in_lime(rng, discretizer):
    X = rng.normal([10, 300, -30], [3, 30, 5], size=(300, 3))
    lime = LIMES[discretizer](X, [], ["a", "b c", "d"], random_state=0)
    ours = conditions_of(X, discretizer, feature_names=["a", "b c", "d"])
    assert ours == [lime.names[k] for k in range(3)]


ALIKE = [
    [0.00123],
    [0.00121, 0.00122],
    [5.001, 5.002],
    [1.6e9, 1.6e9 + 1e-3],
    [1.0, np.nextafter(1.0, 2)],
    [1e20, 2e20],
    [-1e-12, 0.0, 1e-12],
]


@pytest.mark.parametrize("edges", ALIKE, ids=str)
def test_edges_get_the_digits_that_tell_them_apart(edges):
    X = np.array([*edges, edges[-1] + 1, edges[-1] + 1e20])[:, None]
    [texts] = conditions_of(X, [edges], feature_names=["a"])
    assert len(set(texts)) == len(edges) + 1
    first, last = float(texts[0].split("<=")[1]), float(texts[-1].split(">")[1])
    assert [first, last] == pytest.approx([edges[0], edges[-1]], rel=0.05)
    assert not any("<= a" in text.replace("< a", "", 1) for text in texts)


def test_a_column_without_edges_is_its_name():
    assert conditions_of(np.arange(5.0)[:, None], [[]], feature_names=["a"]) == [["a"]]


def test_missing_values_are_a_condition_of_their_own():
    X = pd.DataFrame({"age": [1.0, 2.0, np.nan, 4.0], "sex": ["f", "m", None, "f"]})
    age, sex = conditions_of(X, {0: [3.0]})
    assert age == ["age <= 3", "age > 3", "age is missing"]  # whole numbers beside a gap
    assert sex == ["sex = f", "sex = m", "sex = missing"]


def test_levels_have_their_given_names():
    X = np.array([[0.0], [1.0], [1.0]])
    names = {"sex": ["female", "male"]}
    options = dict(categorical_features=["sex"], feature_names=["sex"], categorical_names=names)
    assert conditions_of(X, **options) == [["sex = female", "sex = male"]]


@pytest.mark.parametrize(
    ("column", "first"),
    {
        "card numbers": (np.array([4111111111111111, 5e15, 6e15]), "a = 4111111111111111"),
        "nanoseconds": (np.arange(5) * 1e9 + 1.7e18, "a <= 1700000001000000000"),
        "tiny": (np.arange(5) * 1e-12, "a <= 1e-12"),
        "tiny steps": (1 + np.arange(5) * 1e-11, "a <= 1.00000000001"),
    }.values(),
)
def test_edges_of_long_numbers_do_not_look_alike(column, first):
    [texts] = conditions_of(column[:, None], feature_names=["a"])
    assert texts[0] == first
    assert len(set(texts)) == len(texts) >= 3


def test_dates_read_as_dates():
    X = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=5)})
    [texts] = conditions_of(X)
    assert texts[0] == "day <= 2024-01-02"
    assert texts[1] == "2024-01-02 < day <= 2024-01-03"
