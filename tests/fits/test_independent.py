"""The closed-form fit: exact for additive models, never noisier than ridge, honest errors."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.engine.one_row import sample, summarize, units_of
from lime_jax.fits import independent
from lime_jax.stages.bins import tilt
from lime_jax.stages.moments import Moments
from lime_jax.stages.select import select
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.learn import fit_tabular
from lime_jax.typing import Support
from tests.house import samples_of

pytestmark = pytest.mark.precision

METHODS = ("none", "highest_weights", "forward_selection", "lasso_path")


def make_mixed():
    """Three numeric columns and one of five levels."""
    rng = np.random.default_rng(4)
    numbers, levels = rng.normal(size=(400, 3)), rng.integers(0, 5, size=(400, 1))
    return fit_tabular(np.hstack([numbers, levels]), categorical_features=[3])


@pytest.fixture(scope="module")
def mixed():
    return make_mixed()


@pytest.fixture(scope="module")
def binary():
    """Thirty binary columns of different frequencies."""
    rng = np.random.default_rng(6)
    X = rng.uniform(size=(2000, 30)) < rng.uniform(0.2, 0.8, size=30)
    return fit_tabular(X.astype(float), categorical_features=range(30))


def interaction(inputs):
    return jnp.stack(
        [inputs[..., 0] * inputs[..., 1] + (inputs[..., 3] == 1), jnp.cos(3 * inputs[..., 2])], -1
    )


def neighborhood(stats, config, key, model):
    """Samples as the engine hands them over, and what the model says of them."""
    domain, method = make_domain(stats, config), make_method(stats, config, shared=True)
    units = jnp.asarray(units_of(method.design))
    samples = sample(key, None, domain, method, units)
    return domain, method, samples, model(domain.inputs(None, samples))


def tiled(method, leaf):
    design = method.design
    return leaf.reshape(design.num_replicates, design.num_blocks, *leaf.shape[1:])


@functools.partial(jax.jit, static_argnames=("stats", "model", "bare", "limits"))
def solve(stats, config, key, model, own_bins, bare=False, labels=None, limits=None):
    """Explain rows, given by their bins; `limits` only tells programs apart."""
    domain, method, samples, y = neighborhood(stats, config, key, model)
    layout = method.lay_out(tiled(method, samples.bins))
    if bare:
        layout = dataclasses.replace(layout, root=None)
    adjusted = method.adjust(layout, tiled(method, y))

    def one(own):
        instance = TabularInstance(own, jnp.zeros(own.shape))
        sums = method.sum_row(domain, instance, adjusted, labels)
        return method.solve_row(domain, instance, adjusted, sums, labels)

    return jax.vmap(one)(own_bins)


@functools.partial(jax.jit, static_argnames=("stats", "model"))
def ridge_fit(stats, config, key, model, own_bins):
    """The sampled ridge on the same shared samples."""
    domain, _, samples, y = neighborhood(stats, config, key, model)
    method = make_method(stats, config, shared=False)
    units = jnp.asarray(units_of(method.design))

    def one(own):
        instance = TabularInstance(own, jnp.zeros(own.shape))
        summaries = summarize(instance, domain, method, samples, y, units)
        return method.solve(summaries, domain.coordinates(instance))

    return jax.vmap(one)(own_bins)


MIXED_ROWS = jnp.array([[0, 4, 8, 12], [3, 6, 9, 13], [1, 7, 11, 16]])


@pytest.mark.parametrize("num_samples", [1024, 8192])
def test_it_agrees_with_the_sampled_ridge(mixed, key, num_samples):
    config = TabularConfig(num_samples=num_samples, alpha=0.5)
    ours = solve(mixed, config, key, interaction, MIXED_ROWS)
    ridge = ridge_fit(mixed, config, key, interaction, MIXED_ROWS)
    combined = np.hypot(ours.std_error, ridge.std_error)
    pull = (ours.coef - ridge.coef) / (combined + 1e-5)
    assert abs(pull).max() < 4
    assert np.sqrt((pull**2).mean()) < 1.3
    for name in ("intercept", "score", "local_pred"):
        np.testing.assert_allclose(getattr(ours, name), getattr(ridge, name), atol=0.08)
    np.testing.assert_allclose(ours.effective_samples, ridge.effective_samples, rtol=1e-4)


def additive(stats):
    """A model that is a sum over the bins, and its coefficients for given bins."""
    values = np.random.default_rng(8).normal(size=stats.num_bins)
    feature, p = stats.bin_feature, stats.probability
    total = np.bincount(feature, p * values)[feature]
    others = (total - p * values) / np.where(p < 1, 1 - p, 1)
    edges = [
        jnp.asarray(stats.upper_edge[stats.offsets[k] : stats.offsets[k + 1]], float)
        for k in range(stats.num_features)
    ]

    def model(inputs):
        relative = inputs - jnp.asarray(stats.center, inputs.dtype)
        parts = [
            jnp.asarray(values, float)[stats.offsets[k] + jnp.searchsorted(e, relative[..., k])]
            for k, e in enumerate(edges)
        ]
        return sum(parts)[..., None]

    return model, values - others, others


@pytest.mark.parametrize("name", ["mixed", "binary"])
@pytest.mark.parametrize("design", ["iid", "sobol"])
def test_an_additive_model_is_explained_exactly(request, key, name, design):
    stats = request.getfixturevalue(name)
    model, slope, others = additive(stats)
    own = stats.offsets[:-1] + np.arange(stats.num_features) % 2
    config = TabularConfig(num_samples=2048, alpha=0.0, design=design)
    fit = solve(stats, config, key, model, jnp.asarray(own)[None])
    np.testing.assert_allclose(fit.coef[0, 0], slope[own], atol=2e-5)
    assert fit.std_error.max() < 2e-5
    q = np.asarray(tilt(jnp.asarray(stats.probability[own], float), 0.75 * len(own) ** 0.5))
    np.testing.assert_allclose(fit.local_pred[0, 0], (others + slope)[own].sum(), atol=2e-4)
    np.testing.assert_allclose(fit.intercept[0, 0], others[own].sum(), atol=2e-4)
    assert (q > stats.probability[own]).all()


def test_without_its_control_variate_it_would_be_noisy_on_binary_columns(binary, key):
    weights = jnp.asarray(np.random.default_rng(9).normal(size=30) / 3, float)

    def logistic(inputs):
        return jax.nn.sigmoid(inputs @ weights - weights.sum() / 2)[..., None]

    config = TabularConfig(num_samples=1024, alpha=0.0, design="iid")
    rows = jnp.asarray(binary.offsets[:-1] + np.arange(30) % 2)[None]
    keys = jax.random.split(key, 25)

    def spread(fit_one):
        coef = jax.jit(lambda keys: jax.lax.map(lambda k: fit_one(k).coef[0, 0], keys))(keys)
        return np.asarray(coef)

    ours = spread(lambda k: solve(binary, config, k, logistic, rows))
    bare = spread(lambda k: solve(binary, config, k, logistic, rows, bare=True))
    ridge = spread(lambda k: ridge_fit(binary, config, k, logistic, rows))
    long = dataclasses.replace(config, num_samples=131_072)
    truth_fit = solve(binary, long, key, logistic, rows)
    assert 0.95 < float(truth_fit.score[0, 0]) < 0.995
    truth = np.asarray(truth_fit.coef[0, 0])
    rmse = [np.sqrt(((fits - truth) ** 2).mean()) for fits in (ours, bare, ridge)]
    assert rmse[0] < 1.1 * rmse[2]
    assert rmse[1] > 2 * rmse[2]


def test_errors_are_the_actual_spread(mixed, key):
    config = TabularConfig(num_samples=1024, kernel_width=1.0)
    fits = jax.jit(
        lambda keys: jax.lax.map(lambda k: solve(mixed, config, k, interaction, MIXED_ROWS), keys)
    )(jax.random.split(key, 60))
    spread = np.asarray(fits.coef).std(0, ddof=1)
    claimed = np.sqrt((np.asarray(fits.std_error) ** 2).mean(0))
    ratio = np.sqrt((claimed**2).mean() / (spread**2).mean())
    assert 0.85 < ratio < 1.15


def diagonal_moments(beta, q, weight):
    """Moments of which the closed form is the least squares solution."""
    v = q * (1 - q)
    return Moments(
        weight=weight,
        weight_squared=weight,
        mean_z=q,
        mean_y=jnp.zeros(len(beta)),
        zz=weight * jnp.diag(v),
        zy=weight * (beta * v).T,
        yy=weight * ((beta**2 * v).sum(-1) + 1),
    )


@pytest.mark.parametrize("method", METHODS)
def test_selection_is_that_of_the_diagonal_gram_matrix(mixed, key, method):
    config, count = TabularConfig(num_samples=1024, alpha=0.0), 2
    own = MIXED_ROWS[:1]
    everything = solve(mixed, config, key, interaction, own)
    choosing = dataclasses.replace(config, feature_selection=method, num_features=count)
    some = solve(mixed, choosing, key, interaction, own)
    q = tilt(jnp.asarray(mixed.probability, float)[own[0]], 1.5)
    moments = diagonal_moments(everything.coef[0], q, jnp.array(1e4))
    expected = select(moments, jnp.ones(4), count, method)
    np.testing.assert_array_equal(some.selected[0], expected)
    np.testing.assert_allclose(
        some.coef[0], jnp.where(expected, everything.coef[0], 0), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_array_equal(np.isnan(some.std_error[0]), ~np.asarray(expected))
    kept = some.coef[0] @ q + some.intercept[0]
    np.testing.assert_allclose(kept, everything.coef[0] @ q + everything.intercept[0], atol=1e-5)


def test_labels_take_their_outputs(mixed, key):
    config, labels = TabularConfig(num_samples=512), jnp.array([1])
    everything = solve(mixed, config, key, interaction, MIXED_ROWS)
    some = solve(mixed, config, key, interaction, MIXED_ROWS, labels=labels)
    for name in ("coef", "std_error", "selected", "intercept", "score", "local_pred"):
        np.testing.assert_allclose(
            getattr(some, name), getattr(everything, name)[:, 1:], rtol=1e-4, atol=1e-6
        )


def test_an_unseen_bin_has_no_weight_and_moves_no_other(mixed, key):
    config = TabularConfig(num_samples=512)
    own = MIXED_ROWS[:1].at[0, 3].set(-1)
    fit = solve(mixed, config, key, interaction, own)
    assert fit.coef[0, :, 3].tolist() == [0, 0]
    assert np.isnan(fit.std_error[0, :, 3]).all()
    assert fit.support[0].tolist() == [Support.FULL] * 3 + [Support.NONE]
    for name in ("intercept", "local_pred", "score"):
        assert np.isfinite(getattr(fit, name)).all()
    ridge = ridge_fit(mixed, config, key, interaction, own)
    np.testing.assert_allclose(fit.intercept, ridge.intercept, atol=0.1)
    np.testing.assert_allclose(fit.local_pred, ridge.local_pred, atol=0.1)


def test_a_rare_bin_is_flagged_and_has_a_finite_error(rng, key):
    X = np.column_stack([np.arange(4000.0), rng.normal(size=4000)])
    stats = fit_tabular(X, categorical_features=[0])
    config = TabularConfig(num_samples=512)
    own = jnp.array([[17, 4001]])
    fit = solve(stats, config, key, lambda inputs: inputs[..., 1:] ** 2, own)
    assert fit.support[0].tolist() == [Support.RARE, Support.FULL]
    assert np.isfinite(fit.std_error).all()
    assert float(fit.std_error[0, 0, 0]) > 5 * float(fit.std_error[0, 0, 1])


def test_wide_columns_give_the_answers_of_narrow_ones(monkeypatch, mixed, key):
    """A residual without additive function is the same number by one-hots and by codes."""
    config = TabularConfig(num_samples=512)
    narrow = solve(mixed, config, key, interaction, MIXED_ROWS, bare=True)
    for limit in (4, 0):  # the column of levels is wide, all columns are
        monkeypatch.setattr("lime_jax.tabular.config.WIDE_COLUMN", limit)
        method = make_method(mixed, config, shared=True)
        assert len(method.wide_columns) == (1 if limit == 4 else 4)
        wide = solve(mixed, config, key, interaction, MIXED_ROWS, bare=True, limits=limit)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), wide, narrow
        )


def test_one_hots_made_anew_give_the_answers_of_kept_ones(monkeypatch, mixed, key):
    config = TabularConfig(num_samples=8192)
    kept = solve(mixed, config, key, interaction, MIXED_ROWS)
    monkeypatch.setattr(independent, "STORED_ONE_HOTS", 0)
    anew = solve(mixed, config, key, interaction, MIXED_ROWS, limits="none kept")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), anew, kept)


def test_a_constant_model_has_no_weights_and_a_perfect_score(mixed, key):
    config = TabularConfig(num_samples=512)
    fit = solve(mixed, config, key, lambda inputs: 0 * inputs[..., :1] + 0.1, MIXED_ROWS)
    np.testing.assert_allclose(fit.coef, 0, atol=1e-7)
    np.testing.assert_allclose(fit.intercept, 0.1, atol=1e-6)
    np.testing.assert_allclose(fit.score, 1)


def test_a_very_narrow_kernel_stays_finite(mixed, key):
    config = TabularConfig(num_samples=512, kernel_width=0.02)
    fit = solve(mixed, config, key, interaction, MIXED_ROWS.at[0, 3].set(-1))
    for name in ("coef", "intercept", "score", "local_pred", "effective_samples"):
        assert np.isfinite(getattr(fit, name)).all(), name


def test_penalties_shrink_as_ridge_does(mixed, key):
    config = TabularConfig(num_samples=1024, alpha=0.0)
    free = solve(mixed, config, key, interaction, MIXED_ROWS)
    shrunk = solve(mixed, dataclasses.replace(config, alpha=200.0), key, interaction, MIXED_ROWS)
    p = jnp.asarray(mixed.probability, float)[MIXED_ROWS]
    q = tilt(p, 1.5)
    v = q * (1 - q)
    method = make_method(mixed, config, shared=True)
    bins = samples_of(key, None, make_domain(mixed, config), method).bins.reshape(-1, 4)
    misses = (bins[None] != MIXED_ROWS[:, None]).sum(-1)
    weight = np.exp(-misses / (2 * 1.5**2)).sum(-1)[:, None]
    expected = free.coef * (v / (v + 200 / weight))[:, None]
    np.testing.assert_allclose(shrunk.coef, expected, rtol=1e-4, atol=1e-6)
    assert (shrunk.score < free.score).all()


def test_vmap_equals_loop(x64, key):
    mixed = make_mixed()  # JAX keeps NumPy constants in the precision it first met them in
    config = TabularConfig(num_samples=128)
    batched = solve(mixed, config, key, interaction, MIXED_ROWS)
    one = solve(mixed, config, key, interaction, MIXED_ROWS[1:2])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b[0], atol=1e-9), batched, one)


RARE = np.array([0.004, 0.02, 0.3, 0.97])
CORNERS = np.array(list(itertools.product([0, 1], repeat=4)))


def flags(inputs):
    additive = inputs @ jnp.array([5.0, 2.0, 1.0, 1.0])
    return jnp.stack([additive, additive + 4 * inputs[..., 2] * inputs[..., 3]], -1)


@pytest.mark.parametrize("bare", [False, True])
def test_of_rare_flags_r_squared_is_at_most_1_and_1_where_the_model_is_linear(key, bare):
    X = (np.arange(4000)[:, None] * [1, 7, 13, 29] % 4000 < 4000 * RARE).astype(float)
    stats = fit_tabular(X, categorical_features=range(4))
    x = np.array([[0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]])
    config = TabularConfig(1.5, 0.0, num_samples=512, held_out_score=True)
    own = jnp.asarray(x + stats.offsets[:-1], jnp.int32)
    fit = solve(stats, config, key, flags, own, bare)
    for name in ("score", "held_out_score"):
        found = np.asarray(getattr(fit, name))
        assert (found <= 1 + 1e-6).all()
        if not bare:  # without the additive function the left-out fits are noisy
            np.testing.assert_allclose(found[:, 0], 1, atol=1e-5)
    np.testing.assert_allclose(fit.score[:, 0], 1, atol=0.04)
    y = np.asarray(flags(jnp.asarray(CORNERS)), np.float64)[:, 1]
    for row in range(3):
        weights = np.where(CORNERS == 1, RARE, 1 - RARE).prod(1)
        weights *= np.exp(-(x[row] != CORNERS).sum(1) / (2 * 1.5**2))
        root = np.sqrt(weights / weights.sum())
        z = np.column_stack([np.ones(16), x[row] == CORNERS])
        missed = root * y - root[:, None] * z @ np.linalg.lstsq(root[:, None] * z, root * y)[0]
        truth = 1 - (missed**2).sum() / (root**2 @ (y - root**2 @ y) ** 2)
        np.testing.assert_allclose(fit.score[row, 1], truth, atol=0.04 if bare else 0.02)
