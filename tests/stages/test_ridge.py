"""Ridge from moments equals scikit-learn's, and stays finite where the Gram matrix is singular."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from lime_jax.stages.moments import weighted_moments
from lime_jax.stages.ridge import local_prediction, r_squared, ridge, ridge_factor

pytestmark = pytest.mark.precision

# Compiled once per shape and precision, to keep the many small cases fast.
fit = jax.jit(ridge)
score_of = jax.jit(r_squared)
compiled_moments = jax.jit(weighted_moments)
MASK = np.array([[True, True, False, True, False], [False, True, True, True, True]])


def samples(rng, num_samples=80):
    z = rng.normal(size=(num_samples, 5)) @ rng.normal(size=(5, 5)) + 3
    y = z @ rng.normal(size=(5, 2)) + rng.normal(size=(num_samples, 2))
    return z, y, rng.uniform(size=num_samples)


def moments_of(z, y, weights, dtype=None):
    return compiled_moments(*(jnp.asarray(leaf, dtype) for leaf in (z, y, weights)))


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0, 30.0])
def test_equals_scikit_learn_on_the_kept_columns(x64, rng, alpha):
    z, y, weights = samples(rng)
    moments = moments_of(z, y, weights)
    coef, intercept = fit(moments, jnp.asarray(MASK), alpha)
    score = score_of(moments, coef)
    local = local_prediction(coef, intercept, jnp.asarray(z[0]))
    assert not coef[~MASK].any()
    for output, kept in enumerate(MASK):
        model = Ridge(alpha=alpha).fit(z[:, kept], y[:, output], weights)
        np.testing.assert_allclose(coef[output][kept], model.coef_, rtol=1e-9)
        np.testing.assert_allclose(intercept[output], model.intercept_, rtol=1e-9)
        expected = r2_score(y[:, output], model.predict(z[:, kept]), sample_weight=weights)
        np.testing.assert_allclose(score[output], expected, rtol=1e-9)
        np.testing.assert_allclose(local[output], model.predict(z[:1, kept])[0], rtol=1e-9)


def test_a_factor_and_few_columns_come_to_the_same(x64, rng):
    """What rows share is made once; columns that no output keeps are left out of its system."""
    moments, mask = moments_of(*samples(rng)), jnp.asarray(MASK)
    factor = jax.jit(ridge_factor)(moments, mask[0], 0.3)
    by_factor = ridge(moments, mask[0], 0.3, factor)
    np.testing.assert_allclose(by_factor[0], fit(moments, mask[0], 0.3)[0], rtol=1e-12)
    columns = jnp.array([[3, 0, 1, 4], [4, 1, 2, 3]])
    few = ridge(moments, mask, 0.3, columns=columns)
    for found, expected in zip(few, fit(moments, mask, 0.3), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_float32_is_close_to_float64(x64, rng):
    data = samples(rng)
    single, double = (
        fit(moments_of(*data, dtype), jnp.asarray(MASK), 1.0)
        for dtype in (jnp.float32, jnp.float64)
    )
    assert single[0].dtype == jnp.float32
    np.testing.assert_allclose(single[0], double[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(single[1], double[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kept", MASK)
def test_one_mask_for_all_outputs_equals_a_mask_for_each(x64, rng, kept):
    moments = moments_of(*samples(rng))
    shared = fit(moments, jnp.asarray(kept), 1.0)
    each = fit(moments, jnp.asarray(np.stack([kept, kept])), 1.0)
    np.testing.assert_allclose(shared[0], each[0], rtol=1e-12)
    np.testing.assert_allclose(shared[1], each[1], rtol=1e-12)


def test_a_linear_model_is_recovered(x64, rng):
    z, _, weights = samples(rng)
    truth = rng.normal(size=(5, 2))
    moments = moments_of(z, z @ truth + 7, weights)
    coef, intercept = fit(moments, jnp.ones(5, bool), 0.0)
    np.testing.assert_allclose(coef, truth.T, rtol=1e-8)
    np.testing.assert_allclose(intercept, [7, 7], rtol=1e-8)
    np.testing.assert_allclose(score_of(moments, coef), [1, 1], rtol=1e-12)


def test_permuting_features_permutes_coefficients(x64, rng):
    z, y, weights = samples(rng)
    order = rng.permutation(5)
    coef, intercept = fit(moments_of(z, y, weights), jnp.asarray(MASK), 1.0)
    permuted = fit(moments_of(z[:, order], y, weights), jnp.asarray(MASK[:, order]), 1.0)
    np.testing.assert_allclose(permuted[0], coef[:, order], rtol=1e-10)
    np.testing.assert_allclose(permuted[1], intercept, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "case", ["constant", "duplicated", "more columns than samples", "no weight", "spike"]
)
@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1.0])
def test_a_singular_gram_matrix_gives_finite_coefficients(x64, rng, dtype, case, alpha):
    z = rng.normal(size=(30, 60 if case == "more columns than samples" else 6))
    weights = rng.uniform(0.5, 1, size=30) * (case != "no weight")
    if case == "constant":
        z[:, 2] = 0.1
    if case == "duplicated":
        z[:, [3, 4, 5]] = z[:, [0]]
    if case == "spike":
        z[:, 2] = np.arange(30) == 3
    y = z[:, :1] - z[:, 1:2]
    moments = moments_of(z, y, weights, dtype)
    coef, intercept = fit(moments, jnp.ones(z.shape[1], bool), alpha)
    assert jnp.isfinite(coef).all()
    assert jnp.isfinite(intercept).all()
    assert jnp.isfinite(score_of(moments, coef)).all()
    if case == "constant":
        assert coef[0, 2] == 0
    if alpha < 1 and case != "no weight":
        tolerance = 2e-3 if dtype == np.float32 else 1e-6
        np.testing.assert_allclose(z @ coef[0] + intercept, y[:, 0], atol=tolerance)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e4])
def test_the_score_of_a_constant_output_is_scikit_learns(rng, value):
    z = rng.normal(size=(40, 2))
    moments = moments_of(z, np.full((40, 2), value), rng.uniform(size=40))
    score = score_of(moments, jnp.array([[0.0, 0.0], [1.0, 0.0]]))
    truth = np.full(40, value)
    expected = [r2_score(truth, truth), r2_score(truth, truth + z[:, 0])]
    assert score.tolist() == expected == [1.0, 0.0]


def test_without_any_weight_the_score_is_zero(rng):
    z, y, weights = samples(rng)
    assert score_of(moments_of(z, y, 0 * weights), jnp.zeros((2, 5))).tolist() == [0, 0]


def test_jit_equals_eager_and_vmap_equals_loop(x64, rng):
    moments = moments_of(*samples(rng))
    mask = jnp.asarray(MASK)
    alphas = jnp.array([0.0, 0.5, 2.0])

    def everything(alpha):
        coef, intercept = ridge(moments, mask, alpha)
        return coef, intercept, r_squared(moments, coef), local_prediction(coef, intercept, coef[0])

    batched = jax.jit(jax.vmap(everything))(alphas)
    for i, alpha in enumerate(alphas):
        for ours, jitted, row in zip(
            everything(alpha), jax.jit(everything)(alpha), batched, strict=True
        ):
            np.testing.assert_allclose(jitted, ours, rtol=1e-10)
            np.testing.assert_allclose(row[i], ours, rtol=1e-10)


def test_the_derivative_by_the_penalty_is_the_finite_difference(x64, rng):
    moments = moments_of(*samples(rng))

    def total(alpha):
        return ridge(moments, jnp.asarray(MASK), alpha)[0].sum()

    difference = (total(1 + 1e-5) - total(1 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.grad(total)(1.0), difference, rtol=1e-6)
