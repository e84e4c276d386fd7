"""A model counts and names its outputs, wherever it runs."""

import numpy as np
import pandas as pd
import pytest

from lime_jax import jax_predict
from lime_jax.front.batch_model import BatchModel
from lime_jax.models.opening import as_predict_fn

ROWS = np.arange(6.0).reshape(3, 2)


def opened(model):
    return BatchModel(as_predict_fn(model))


def test_a_model_on_the_device_is_the_engines_target_itself():
    model = opened(jax_predict(lambda batch: batch[:, 0]))
    assert model.on_device
    assert model.target is model.model.predict
    np.testing.assert_array_equal(model.predict_batch(ROWS), ROWS[:, :1])


def test_a_model_on_the_host_is_called_through_the_checks():
    model = opened(lambda batch: pd.DataFrame(batch, columns=["low", "high"]))
    assert not model.on_device
    assert model.target is model
    np.testing.assert_array_equal(model.predict_batch(ROWS), ROWS)
    assert (model.num_outputs, model.output_columns) == (2, ("low", "high"))


@pytest.mark.parametrize("mark", [jax_predict, lambda fn: fn])
def test_the_number_of_outputs_may_not_change(mark):
    model = opened(mark(lambda batch: batch[:, : len(batch)]))
    assert model.predict_batch(ROWS[:1]).shape == (1, 1)
    with pytest.raises(ValueError, match="`model`: expected 1 outputs as in its first call, got 2"):
        model.predict_batch(ROWS[:2])


class Tensor:
    """As torch has it: no array while gradients are kept."""

    def __init__(self, values, kept=True):
        self.values, self.kept = values, kept

    def detach(self):
        return Tensor(self.values, kept=False)

    def cpu(self):
        return self

    def numpy(self):
        assert not self.kept
        return self.values


def test_tensors_and_labels_with_scores_are_outputs():
    np.testing.assert_array_equal(opened(Tensor).predict_batch(ROWS), ROWS)

    def scored(batch):
        rows = [dict(zip(("low", "high"), row, strict=True)) for row in batch.tolist()]
        return [[{"label": k, "score": v} for k, v in row.items()] for row in rows]

    model = opened(scored)
    np.testing.assert_array_equal(model.predict_batch(ROWS), ROWS[:, ::-1])
    assert model.output_columns == ("high", "low")
