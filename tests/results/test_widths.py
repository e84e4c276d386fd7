"""The width of the best held-out R², over the rows that have one at every width."""

from types import SimpleNamespace

import numpy as np
import pytest

from lime_jax.results.widths import choose_width


def tried(*pairs):
    return [
        SimpleNamespace(kernel_width=width, held_out_score=np.array(scores))
        for width, scores in pairs
    ]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0.5, [[0.1, 0.2]]), (1.0, [[0.4, 0.3]]), (2.0, [[0.3, 0.3]])], 1.0),
        ([(1.0, [[0.9], [0.0]]), (2.0, [[0.4], [0.4]])], 1.0),  # the mean, not the worst row
        ([(1.0, [[-3.0], [0.5]]), (2.0, [[-0.4], [0.4]])], 2.0),
        ([(1.0, [[np.nan], [0.1]]), (2.0, [[0.0], [0.2]])], 2.0),  # row 0 does not count
        ([(1.0, [[np.nan], [np.nan]]), (2.0, [[0.1], [0.2]])], 2.0),  # too narrow for any score
        # At the narrowest one row of three has a score: what it says is not of the others.
        ([(0.5, [[np.nan]] * 2 + [[0.9]]), (2.0, [[0.1], [0.2], [0.3]])], 2.0),
        ([(2.0, [[0.3]]), (8.0, [[0.3]]), (4.0, [[0.3]])], 8.0),  # of equals the largest
        ([(np.float32(1.5), np.array([[0.1]], np.float32))], 1.5),
    ],
)
def test_the_best_mean_wins(pairs, expected):
    chosen = choose_width(tried(*pairs))
    assert chosen == expected
    assert type(chosen) is float


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "got none"),
        ([(1.0, [[0.1]]), (2.0, [[0.1], [0.2]])], "same rows"),
        ([(1.0, [[np.nan]]), (2.0, [[np.nan]])], "finite"),
        ([(1.0, [[np.nan], [0.2]]), (2.0, [[0.1], [np.nan]])], "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(pairs, message):
    with pytest.raises(ValueError, match=f"`explanations`.*{message}"):
        choose_width(tried(*pairs))
