"""Settings are read into the record of the algorithm; those of the other one are refused."""

import dataclasses

import pytest
from sklearn.base import BaseEstimator

from lime_jax.front.options import ExplainOptions
from lime_jax.front.settings import read_settings


@dataclasses.dataclass(frozen=True)
class Near:
    width: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Fair:
    link: str
    seed: int


RECORDS = {"near": Near, "fair": Fair}


class Explainer(BaseEstimator):
    def __init__(self, algorithm="near", mode=None, width=2.0, link="identity", seed=0):
        self.algorithm = algorithm
        self.mode = mode
        self.width = width
        self.link = link
        self.seed = seed


def test_an_algorithm_gets_its_own_settings_alone():
    assert read_settings(Explainer(width=3.0, seed=7), RECORDS) == Near(3.0, 7)
    assert read_settings(Explainer("fair", link="logit"), RECORDS) == Fair("logit", 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(algorithm="far"), "`algorithm`: expected one of near, fair, got 'far'"),
        (dict(mode="ranking"), "`mode`: expected one of classification, regression, None"),
        (dict(seed=1.0), "`seed`: expected a whole number from 0 to 4294967295, got 1.0"),
        (dict(link="logit"), "`link`: is no setting of algorithm='near', got 'logit'"),
        (dict(algorithm="fair", width=1.0), "`width`: is no setting of algorithm='fair', got 1.0"),
    ],
)
def test_what_is_not_usable_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        read_settings(Explainer(**settings), RECORDS)


def test_settings_of_others_may_be_as_they_are_by_default():
    assert read_settings(Explainer("fair", width=2), RECORDS) == Fair("identity", 0)


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, None),
        (dict(top_labels=2), 2),
        (dict(top_labels="auto"), 5),
        (dict(top_labels="auto", labels=[1]), None),
    ],
)
def test_automatic_labels_are_the_highest_unless_others_are_given(options, most):
    options = ExplainOptions(**options)
    options.check()
    assert options.most_labels(7) == most
    assert options.most_labels(3) in (most, 3)


@pytest.mark.parametrize("most", [1, 5])
def test_labels_and_a_number_of_labels_are_one_too_many(most):
    with pytest.raises(ValueError, match="`top_labels`: expected either"):
        ExplainOptions(labels=[1], top_labels=most).check()
