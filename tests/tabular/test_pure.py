"""`explain_tabular` goes through jit, vmap and grad, and compiles once for what may be swept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.tabular.config import TabularConfig
from lime_jax.tabular.learn import fit_tabular
from lime_jax.tabular.pure import explain_tabular
from tests.house import assert_close

X = np.random.default_rng(2).normal(size=(200, 3))
STATS = fit_tabular(X)
ROWS = X[:3]


pytestmark = pytest.mark.usefixtures("x64")


def predict_fn(inputs, weights=(1.0, -2.0, 0.5)):
    return jax.nn.sigmoid(inputs @ jnp.asarray(weights, inputs.dtype))


def explain(key, x, width=1.3, weights=(1.0, -2.0, 0.5), **options):
    options = dict(num_samples=128, kernel_width=width) | options
    return explain_tabular(
        key, x, STATS, lambda inputs: predict_fn(inputs, weights), TabularConfig(**options)
    )


def test_jit_equals_eager(key):
    x = jnp.asarray(X[0])
    assert_close(jax.jit(explain)(key, x), explain(key, x), 1e-9)


def test_vmap_over_rows_equals_a_loop(key):
    keys, rows = jax.random.split(key, 3), jnp.asarray(ROWS)
    jitted = jax.jit(explain)
    batched = jax.jit(jax.vmap(explain))(keys, rows)
    for i in range(3):
        assert_close(jax.tree.map(lambda a: a[i], batched), jitted(keys[i], rows[i]), 1e-9)  # noqa: B023


def test_vmap_over_kernel_widths_equals_a_loop(key):
    x, widths = jnp.asarray(X[0]), jnp.array([0.5, 1.0, 4.0])
    jitted = jax.jit(explain)
    batched = jax.jit(jax.vmap(explain, in_axes=(None, None, 0)))(key, x, widths)
    for i in range(3):
        assert_close(jax.tree.map(lambda a: a[i], batched), jitted(key, x, widths[i]), 1e-9)  # noqa: B023
    assert len(np.unique(batched.coef[:, 0, 0])) == 3


@pytest.mark.parametrize("argument", ["width", "weights"])
def test_gradients_are_finite_differences(key, argument):
    x = jnp.asarray(X[0])

    @jax.jit
    def loss(value):
        return (explain(key, x, **{argument: value}).coef ** 2).sum()

    start = jnp.array(1.3) if argument == "width" else jnp.array([1.0, -2.0, 0.5])
    gradient, step = jax.jit(jax.grad(loss))(start), 1e-5
    for k in range(start.size):
        move = step * jnp.eye(start.size)[k].reshape(start.shape)
        expected = (loss(start + move) - loss(start - move)) / (2 * step)
        np.testing.assert_allclose(gradient.reshape(-1)[k], expected, rtol=1e-5, atol=1e-10)
        assert abs(expected) > 1e-6


def test_keys_widths_penalties_and_weights_share_one_trace(key):
    traces = []

    def model(weights, inputs):
        traces.append(None)
        return inputs @ weights

    jitted = jax.jit(
        lambda key, x, predict, config: explain_tabular(key, x, STATS, predict, config)
    )
    x = jnp.asarray(X[0], float)

    def call(key=key, x=x, weights=(1.0, 1.0, 1.0), **options):
        predict = jax.tree_util.Partial(model, jnp.asarray(weights))
        config = TabularConfig(**(dict(kernel_width=1.0, num_samples=64) | options))
        return jitted(key, x, predict, config)

    fits = [call(key=k) for k in jax.random.split(key, 5)]
    fits += [call(kernel_width=w) for w in (0.5, 2.0, 3.0, 4.0)]
    fits += [call(weights=(w, 0.0, 1.0)) for w in (2.0, 3.0, 4.0, 5.0)]
    fits += [call(alpha=0.5), call(x=x + 1)]
    assert len(traces) == 1
    assert len({float(fit.coef[0, 0]) for fit in fits}) == len(fits)
    call(num_samples=128)
    assert len(traces) == 2


def test_float32_is_float64_rounded(key):
    def fit():
        x = jnp.asarray(X[0], float)
        config = TabularConfig(num_samples=128)
        return jax.jit(lambda: explain_tabular(key, x, fit_tabular(X), predict_fn, config))()

    double = fit()
    with jax.enable_x64(False):
        single = fit()
    assert (single.coef.dtype, double.coef.dtype) == (jnp.float32, jnp.float64)
    assert_close(single, double, 2e-4)


def test_the_same_key_gives_the_same_explanation(key):
    x, jitted = jnp.asarray(X[0], float), jax.jit(explain)
    first, again, other = jitted(key, x), jitted(key, x), jitted(jax.random.fold_in(key, 1), x)
    np.testing.assert_array_equal(first.coef, again.coef)
    assert (np.asarray(first.coef) != other.coef).all()


def test_a_row_of_the_wrong_shape_is_refused(key):
    with pytest.raises(ValueError, match="`x`: expected one row of shape \\(3,\\), got \\(4,\\)"):
        explain(key, jnp.zeros(4))


@pytest.mark.parametrize("shape", ["scalar", "short", "cube"])
def test_a_model_of_the_wrong_shape_is_refused(key, shape):
    wrong = {
        "scalar": lambda inputs: inputs.sum(),
        "short": lambda inputs: inputs[1:, 0],
        "cube": lambda inputs: inputs[:, :, None],
    }[shape]
    with pytest.raises(ValueError, match="`predict_fn`: expected \\(64,\\) or \\(64, outputs\\)"):
        jax.eval_shape(
            lambda x: explain_tabular(key, x, STATS, wrong, TabularConfig(num_samples=64)),
            jnp.asarray(X[0], float),
        )


def test_a_kernel_so_narrow_that_all_weights_vanish_stays_finite(key):
    fit = explain(
        key, jnp.asarray(X[0], float) + 0.2, 1e-3, encoding="standardized", sampling="normal"
    )
    assert float(fit.effective_samples) < 2
    assert np.isfinite(fit.coef).all()
    assert np.isfinite(fit.intercept).all()


@pytest.mark.parametrize("sampling", ["bins", "around"])
def test_the_statistics_may_be_an_argument_of_a_jitted_function(key, sampling):
    # A 0/1 and a categorical column, so that the design has columns of a few levels.
    table = np.column_stack([X, X[:, 0] > 0, np.arange(200) % 3]).astype(np.float64)
    stats = fit_tabular(table, categorical_features=[4])
    config = TabularConfig(num_samples=128, sampling=sampling)

    def explain(key, x, stats):
        return explain_tabular(key, x, stats, lambda v: v[:, 0] * v[:, 4], config)

    x = jnp.asarray(table[0])
    closed = jax.jit(lambda key, x: explain(key, x, stats))
    assert_close(jax.jit(explain)(key, x, stats), closed(key, x), 1e-9)
