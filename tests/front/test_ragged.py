"""Few widths for all numbers of players, and fits of parts as the fits of all."""

import numpy as np
import pytest

from lime_jax import LinearFit
from lime_jax.front.ragged import joined, padded_width
from lime_jax.typing import replaced


@pytest.mark.parametrize(
    ("players", "width"), [(1, 16), (16, 16), (17, 24), (24, 24), (25, 32), (50, 64), (193, 256)]
)
def test_players_are_padded_to_few_widths(players, width):
    assert padded_width(players) == width


def test_the_padding_is_at_most_half():
    widths = [padded_width(players) for players in range(1, 3000)]
    assert len(set(widths)) < 20
    for players, width in enumerate(widths, start=1):
        assert players <= width <= max(16, 1.5 * players)


def test_fits_of_parts_are_in_the_order_of_the_rows_and_have_one_width(rng):
    fit = LinearFit.of_no_rows(2, 3)

    def part(rows, features):
        count = len(rows)
        shapes = {"support": (count, features), "effective_samples": (count,)}
        wide = dict.fromkeys(("coef", "std_error", "selected"), (count, 2, features))
        narrow = dict.fromkeys(("intercept", "score", "local_pred", "held_out_score"), (count, 2))
        names = shapes | wide | narrow
        filled = {
            name: np.broadcast_to(rows.reshape(-1, *[1] * (len(shape) - 1)) + 1.0, shape)
            for name, shape in names.items()
        }
        return replaced(fit, **filled), rows

    whole = joined([part(np.array([2, 0]), 2), part(np.array([1]), 5)], 3)
    assert whole.coef.shape == (3, 2, 3)
    np.testing.assert_array_equal(whole.intercept[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(whole.coef[:, 1], [[1, 1, 0], [2, 2, 2], [3, 3, 0]])
    np.testing.assert_array_equal(np.isnan(whole.std_error[:, 0, 2]), [True, False, True])
