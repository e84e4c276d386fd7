"""What a shared neighborhood keeps of models."""

import numpy as np
import pytest

from lime_jax.engine import budget
from lime_jax.engine.work import SharedNeighborhood


def test_each_model_has_outputs_of_its_own():
    drawn = SharedNeighborhood()
    first, second = drawn.said_by("first"), drawn.said_by("second")
    assert first is not second
    assert drawn.said_by("first") is first
    assert drawn.said_by("second") is second


def test_what_another_thread_asks_meanwhile_is_not_taken_for_it():
    class AskedMeanwhile:
        """Compared with what is kept, it lets another model be asked about."""

        def __eq__(self, other):
            drawn.said_by("another")[0] = np.ones((1, 1))
            return self is other

        def __hash__(self):
            return 0

    drawn = SharedNeighborhood()
    drawn.said_by("before")
    assert drawn.said_by(AskedMeanwhile()) == {}


def test_the_outputs_of_a_few_models_are_kept():
    drawn = SharedNeighborhood()
    first = drawn.said_by(0)
    for model in (1, 2, 3):
        drawn.said_by(model)
    assert drawn.said_by(0) is first
    assert len([drawn.said_by(model) for model in range(10)]) == 10
    assert len(drawn.said) == 4


@pytest.mark.parametrize(
    ("size", "count"), [(0, 4), (budget.KEPT_NEIGHBORHOOD // 2, 2), (2**40, 0)]
)
def test_layouts_are_kept_as_far_as_there_is_room(size, count):
    drawn, models = SharedNeighborhood(), [object() for _ in range(5)]
    for model in models:
        drawn.keep_seen(model, f"layout of {id(model)}", size)
    kept = [drawn.seen_by(model) for model in models]
    assert kept == [None] * (5 - count) + [
        f"layout of {id(model)}" for model in models[5 - count :]
    ]
