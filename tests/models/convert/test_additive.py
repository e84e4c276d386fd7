"""An additive model on the device: lines, tables, missing numbers, unknown codes."""

import jax
import numpy as np
import pytest

from lime_jax.models.convert.additive_predict import additive_predict
from lime_jax.models.structure import Additive

pytestmark = pytest.mark.precision

NAN = np.nan
MODEL = Additive(
    intercept=np.array([1.0, -1.0]),
    shift=np.array([2.0, 0.0, 0.1, 0.0]),
    slope=np.array([[3.0, 0.5], [0, 0], [1.0, 0.0], [0, 0]]),
    missing=np.array([[7.0, 8.0], [0, 0], [NAN, NAN], [0, 0]]),
    level_value=np.array([[10.0, 20.0], [30.0, 40.0]]),
    level_offsets=np.array([0, 0, 2, 2, 2], np.int32),
)
ROWS = {
    "numbers": ([4, 0, 1.1, 0], [18.0, 20.0]),
    "second level": ([2, 1, 0.1, 0], [31.0, 39.0]),
    "filled": ([NAN, 0, 0.1, 0], [18.0, 27.0]),
    "missing and not filled": ([2, 0, NAN, 0], [NAN, NAN]),
    "missing where nobody looks": ([2, 0, 0.1, NAN], [11.0, 19.0]),
    "unknown level": ([2, 2, 0.1, 0], [NAN, NAN]),
    "no level": ([2, NAN, 0.1, 0], [NAN, NAN]),
    "negative code": ([2, -1, 0.1, 0], [NAN, NAN]),
}


@pytest.mark.parametrize("name", ROWS)
def test_each_column_adds_its_part(name):
    row, expected = ROWS[name]
    ours = additive_predict(MODEL)(np.array([row], np.float64))
    np.testing.assert_allclose(ours[0], expected, rtol=1e-6)


def test_new_weights_do_not_compile_anew():
    traces = []

    @jax.jit
    def predict(model, inputs):
        traces.append(1)
        return model(inputs)

    rows = np.array([row for row, _ in ROWS.values()], np.float64)
    for model in (MODEL, Additive(**{**vars(MODEL), "slope": MODEL.slope * 2})):
        predict(additive_predict(model), rows)
    assert len(traces) == 1


def test_a_constant_model_has_an_output_for_every_row():
    zero = {
        name: np.zeros_like(getattr(MODEL, name)) for name in ("slope", "missing", "level_value")
    }
    ours = additive_predict(Additive(**{**vars(MODEL), **zero}))(np.zeros((3, 4)))
    np.testing.assert_allclose(ours, np.tile([1.0, -1.0], (3, 1)))
