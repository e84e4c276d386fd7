"""Settled is: every shown interval narrow enough, or the order of the strongest weights clear."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import t

from lime_jax.fits.settled import settled, warn_unsettled

pytestmark = pytest.mark.precision

FACTOR = t.ppf(0.975, 7)


def fit(coef, error):
    coef = np.asarray(coef, float)[None, None]  # one row, one output
    error = np.broadcast_to(np.asarray(error, float), coef.shape)
    return SimpleNamespace(coef=coef, std_error=error)


GAP = FACTOR * np.hypot(0.01, 0.01)


@pytest.mark.parametrize(
    ("coef", "error", "tolerance", "top", "expected"),
    [
        ([0.5, 0.5 - 1.01 * GAP], 0.01, None, 10, True),
        ([0.5, 0.5 - 0.99 * GAP], 0.01, None, 10, False),
        ([-0.5, 0.5 - 1.01 * GAP], 0.01, None, 10, True),  # by size
        ([-0.5, 0.5], 0.01, None, 10, False),
        ([0.5, 0.5], 0.01, 1.01 * FACTOR * 0.01, 10, True),
        ([0.5, 0.5], 0.01, 0.99 * FACTOR * 0.01, 10, False),
        ([0.5, 0.1, 0.1], 0.01, None, 1, True),  # the strongest is alone
        ([0.5, 0.1, 0.1], 0.01, None, 2, False),  # which is the second?
        ([0.5, 0.1, 0.1], [0.01, 0.01, 0.9], 0.03, 2, True),  # the third is not shown
        ([0.5, 0.1, 0.0], [0.01, 0.01, np.nan], None, 10, True),  # the last was not selected
        ([0.5, 0.0, 0.0], [0.01, 0.0, 0.0], None, 10, False),  # equals have no order
        ([0.5, 0.0, 0.0], [0.01, 0.0, 0.0], 0.03, 10, True),
        ([0.5], 0.01, None, 10, True),
        ([np.nan, 0.5], np.nan, None, 10, True),  # more samples do not help
    ],
)
def test_one_row(coef, error, tolerance, top, expected):
    assert settled(fit(coef, error), 8, tolerance, top).tolist() == [expected]


def test_rows_are_apart_and_every_output_counts():
    coef = np.array([[[0.5, 0.1], [0.3, 0.3]], [[0.5, 0.1], [0.3, 0.1]]])
    rows = SimpleNamespace(coef=coef, std_error=np.full(coef.shape, 0.01))
    assert settled(rows, 8).tolist() == [False, True]


def test_few_replicates_need_more():
    one = fit([0.5, 0.5 - 1.01 * GAP], 0.01)
    assert settled(one, 8).all()
    assert not settled(one, 3).any()


def test_the_warning_counts_the_rows():
    with pytest.warns(UserWarning, match=r"1 of 2 rows .* 8,192 samples.* wider than 0.01"):
        warn_unsettled(np.array([True, False]), np.array([4096, 8192]), 0.01)
    warn_unsettled(np.array([True]), np.array([4096]), None)
