"""A host model inside somebody's own jit and vmap; a failed call is NaN and keeps its exception."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.models.host import host_predict
from lime_jax.models.opening import as_predict_fn

pytestmark = pytest.mark.precision


def sums(batch):
    assert isinstance(batch, np.ndarray)
    assert batch.ndim == 2
    return batch.sum(1)


def pairs(batch):
    return np.stack([batch.sum(1), batch[:, 0] > 0], 1)


@pytest.mark.parametrize(("fn", "num_outputs"), [(sums, None), (pairs, 2)])
def test_it_equals_the_function_eager_in_jit_and_in_vmap(rng, fn, num_outputs):
    batches = rng.normal(size=(3, 5, 2)).astype(np.float32)
    predict = host_predict(fn, num_outputs)
    expected = np.stack([fn(batch) for batch in batches])
    for call in (predict, jax.jit(predict)):
        np.testing.assert_allclose(call(jnp.asarray(batches[0])), expected[0], rtol=1e-6)
    for call in (jax.vmap(predict), jax.jit(jax.vmap(predict))):
        ours = call(jnp.asarray(batches))
        np.testing.assert_allclose(ours, expected, rtol=1e-6)
    assert as_predict_fn(predict).path == "jax"


@pytest.mark.parametrize(
    ("fn", "kind"),
    [
        (lambda batch: 1 / 0, ZeroDivisionError),
        (lambda batch: batch[:-1, 0], ValueError),  # the wrong shape
        (lambda batch: ["a"] * len(batch), ValueError),
    ],
)
def test_a_failed_call_is_nan_and_keeps_the_exception(fn, kind):
    predict = host_predict(fn)
    ours = jax.jit(predict)(jnp.ones((4, 2)))
    assert np.isnan(ours).all()
    assert isinstance(predict.error, kind)
