"""What tests share: a table, its model, definitions that answer for ours, and what "same" is."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax import as_predict_fn, jax_predict
from lime_jax.engine.one_row import sample, units_of

X = np.random.default_rng(11).normal(size=(200, 4))
SLOPES = np.array([[2.0, 0.0, -1.0], [-1.0, 1.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.3, 0.1]])


def softmax_on_host(batch):
    """Three probabilities of the four columns."""
    scores = np.exp(batch @ SLOPES)
    return scores / scores.sum(1, keepdims=True)


@jax_predict
def softmax_on_device(batch):
    return jax.nn.softmax(batch @ jnp.asarray(SLOPES, batch.dtype))


def samples_of(key, instance, domain, method, units=None):
    """As the engine draws them for all units or for some: one program, not one for each step."""
    units = jnp.asarray(units_of(method.design) if units is None else units)
    return jax.jit(lambda key: sample(key, instance, domain, method, units))(key)


def all_coalitions(players):
    """All of them, in the order of binary numbers whose first digit is the first player."""
    return np.indices([2] * players).reshape(players, -1).T.astype(bool)


def shapley_values(worth):
    """By the definition, (..., players), from the worth of all coalitions, (coalitions, ...)."""
    players, number = len(worth).bit_length() - 1, np.arange(len(worth))
    values = []
    for player in range(players):
        bit = 1 << (players - 1 - player)
        without = number[number & bit == 0]
        shares = [
            math.factorial(size) * math.factorial(players - 1 - size) / math.factorial(players)
            for size in np.bitwise_count(without).tolist()
        ]
        values.append(np.tensordot(shares, worth[without | bit] - worth[without], 1))
    return np.stack(values, axis=-1)


def shapley_of_model(predict, rows, background, weights=None, groups=None, link=None):
    """Shapley values (rows, outputs, players), and the worth of no players, (rows, outputs).

    The worth of a coalition is the link of the mean output over the background, where its players'
    columns, and those of no player (-1), have the row's values.
    """
    groups = np.arange(rows.shape[1]) if groups is None else np.asarray(groups)
    weights = np.ones(len(background)) if weights is None else weights
    keeps = np.where(groups >= 0, all_coalitions(groups.max() + 1)[:, groups], True)
    inputs = np.where(keeps[:, None, None], rows[:, None], background)
    outputs = np.asarray(predict(inputs.reshape(-1, rows.shape[1]))).reshape(*inputs.shape[:3], -1)
    worth = np.einsum("crko,k->cro", outputs, weights / weights.sum())
    worth = worth if link is None else link(worth)
    return shapley_values(worth), worth[0]


ALL_BUT_SCORES = ("coef", "std_error", "intercept", "local_pred", "effective_samples")


def assert_same(ours, expected, close=ALL_BUT_SCORES, equal=(), tolerance=1e-5):
    """Two explanations, or fits, agree in these fields."""
    for name in close:
        a, b = getattr(ours, name), getattr(expected, name)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)
    for name in equal:
        np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name), err_msg=name)


def assert_close(ours, expected, tolerance=1e-5):
    """Two pytrees of one structure have about the same numbers."""
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance),
        ours,
        expected,
    )


def assert_converts(model, method, rows, tolerance=1e-9):
    """A scikit-learn model runs on the device, with the outputs it has itself; the conversion."""
    converted = as_predict_fn(getattr(model, method))
    assert converted.path == "jax", converted.reason
    for some in (rows, rows[:1]):
        expected = getattr(model, method)(some).reshape(len(some), -1)
        close = tolerance if jax.config.read("jax_enable_x64") else 1e-5
        scale = max(np.abs(expected).max(), 1.0)
        np.testing.assert_allclose(converted(some), expected, rtol=0, atol=close * scale)
    return converted
