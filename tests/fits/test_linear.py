"""The sampled fit is scikit-learn's Ridge on the same samples, and finds a linear model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from lime_jax.engine.one_row import explain_one, sample, summarize, units_of
from lime_jax.stages.kernels import distance
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.learn import fit_tabular
from lime_jax.tabular.pure import explain_tabular

explain = jax.jit(explain_tabular, static_argnames=("stats", "predict_fn"))

# JAX keeps a NumPy constant in the precision it first met it in: one precision for one `stats`.
pytestmark = pytest.mark.usefixtures("x64")

SLOPES = np.array([2.0, -1.0, 0.5, 0.0])


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(1)
    return np.column_stack([rng.normal(50, [1, 3, 10], size=(300, 3)), rng.integers(0, 3, 300)])


@pytest.fixture(scope="module")
def stats(X):
    return fit_tabular(X, categorical_features=[3])


def two_outputs(inputs):
    level = inputs[:, 3] == 1
    return jnp.stack([jnp.sin(inputs[:, 0]) + level, jnp.where(level, inputs[:, 1], 0) / 9], 1)


def linear(inputs):
    return (inputs - 50) @ jnp.asarray(SLOPES, inputs.dtype)


@functools.partial(jax.jit, static_argnames="stats")
def samples_of(stats, config, x, key):
    """The samples that `explain_tabular` draws, flat, as x sees them, and their weights."""
    domain, method = make_domain(stats, config), make_method(stats, config, shared=False)
    instance = domain.encode(x)
    samples = sample(key, instance, domain, method, jnp.asarray(units_of(method.design)))
    samples = jax.tree.map(lambda a: a.reshape(-1, a.shape[-1]), samples)
    inputs, view = domain.inputs(None, samples), domain.view(instance, samples)
    return inputs, view, domain.coordinates(instance)


def rational(distances, width):
    return 1 / (1 + (distances / width) ** 2)


CASES = {
    "lime": {},
    "lime, not discretized": dict(sampling="normal", encoding="standardized"),
    "the notebook": dict(
        sampling="around", encoding="one_hot", distance_space="standardized", kernel_width=2.0
    ),
    "cosine": dict(distance="cosine", kernel_width=0.5, alpha=0.1),
    "own kernel": dict(kernel=rational, kernel_width=1.3, alpha=3.0),
    "held": dict(features=(0, 3), design="iid"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_scikit_learns_ridge_on_the_same_samples(X, stats, key, name):
    options = CASES[name]
    config, x = TabularConfig(num_samples=512, **options), jnp.asarray(X[7])
    ours = explain(key, x, stats, two_outputs, config)
    inputs, view, fields = samples_of(stats, config, x, key)
    d = np.asarray(distance(view.points, view.origin, config.distance))
    width = 0.75 * 2 if config.kernel_width is None else config.kernel_width
    w = rational(d, width) if config.kernel else np.exp(-0.5 * (d / width) ** 2)
    kept = np.asarray(fields.varies)[np.asarray(fields.feature)]
    z, y = np.asarray(view.z)[:, kept], np.asarray(two_outputs(inputs))
    oracle = Ridge(alpha=config.alpha).fit(z, y, sample_weight=w)
    coef = np.zeros((2, view.z.shape[1]))
    coef[:, kept] = oracle.coef_
    expected = np.where(fields.varies, coef[:, np.asarray(fields.variable)], 0)
    np.testing.assert_allclose(ours.coef, expected, atol=1e-8)
    np.testing.assert_allclose(ours.intercept, oracle.intercept_, atol=1e-7)
    own = oracle.predict(np.asarray(fields.z)[None, kept])[0]
    np.testing.assert_allclose(ours.local_pred, own, atol=1e-7)
    score = [oracle_score(y[:, c], oracle.predict(z)[:, c], w) for c in range(2)]
    np.testing.assert_allclose(ours.score, score, atol=1e-8)
    np.testing.assert_allclose(ours.effective_samples, w.sum() ** 2 / (w**2).sum(), rtol=1e-10)
    np.testing.assert_array_equal(ours.selected, np.broadcast_to(fields.varies, (2, 4)))
    np.testing.assert_array_equal(np.isnan(ours.std_error), ~np.asarray(ours.selected))


def oracle_score(y, predicted, w):
    return 1 - (w * (y - predicted) ** 2).sum() / (w * (y - np.average(y, weights=w)) ** 2).sum()


@pytest.mark.parametrize("sampling", ["normal", "around"])
def test_a_linear_model_is_recovered_in_units_of_the_columns(X, stats, key, sampling):
    config = TabularConfig(
        num_samples=1024, sampling=sampling, encoding="standardized", alpha=1e-3, kernel_width=2.0
    )
    fit = explain(key, jnp.asarray(X[7], float), stats, linear, config)
    expected = SLOPES * np.append(X[:, :3].std(0), 1)
    np.testing.assert_allclose(fit.coef[0], expected, atol=2e-3)
    assert (abs(fit.coef[0] - expected) < 6 * np.asarray(fit.std_error[0]) + 1e-3).all()
    np.testing.assert_allclose(fit.score, 1, atol=1e-4)
    np.testing.assert_allclose(fit.local_pred[0], (X[7] - 50) @ SLOPES, atol=0.02)


@pytest.mark.parametrize("method", ["auto", "highest_weights", "forward_selection", "lasso_path"])
def test_a_number_of_features_keeps_that_many(X, stats, key, method):
    config = TabularConfig(num_samples=256, num_features=2, feature_selection=method)
    fit = explain(key, jnp.asarray(X[7], float), stats, two_outputs, config)
    assert np.asarray(fit.selected).sum(1).tolist() == [2, 2]
    np.testing.assert_array_equal(np.asarray(fit.coef) != 0, fit.selected)
    np.testing.assert_array_equal(np.isfinite(fit.std_error), fit.selected)
    assert fit.selected[:, 3].all()  # the column on which both outputs depend


def test_one_hot_keeps_whole_features(X, stats, key):
    config = TabularConfig(num_samples=512, encoding="one_hot", num_features=2)
    fit = explain(key, jnp.asarray(X[7], float), stats, two_outputs, config)
    assert np.asarray(fit.selected).sum(1).tolist() == [2, 2]
    assert np.isfinite(fit.coef).all()


def test_chosen_labels_are_those_of_all(X, stats, key):
    config = TabularConfig(num_samples=256)
    domain, method = make_domain(stats, config), make_method(stats, config, shared=False)
    instance = domain.encode(jnp.asarray(X[7], float))
    labels = jnp.array([1])

    @jax.jit
    def explain_labels(labels):
        return explain_one(key, instance, domain, method, two_outputs, labels)

    everything, some = explain_labels(None), explain_labels(labels)
    for name in ("coef", "std_error", "intercept", "score", "local_pred"):
        np.testing.assert_allclose(
            getattr(some, name), getattr(everything, name)[1:], rtol=1e-4, atol=1e-6
        )


def test_a_level_that_training_never_saw_has_no_weight(X, stats, key):
    x = jnp.asarray(X[7], float).at[3].set(17.0)
    fit = explain(key, x, stats, two_outputs, TabularConfig(num_samples=256))
    assert fit.coef[:, 3].tolist() == [0, 0]
    assert fit.support.tolist() == [0, 0, 0, 2]
    assert np.isfinite(fit.coef).all()


def test_summaries_merge_to_those_of_all_samples(X, stats, key, rng):
    config = TabularConfig(num_samples=512)
    domain, method = make_domain(stats, config), make_method(stats, config, shared=False)
    instance = domain.encode(jnp.asarray(X[7]))
    units = jnp.asarray(units_of(method.design))
    samples = jax.jit(lambda: sample(key, instance, domain, method, units))()
    y = jnp.asarray(rng.normal(size=(8, 64, 1)))

    @jax.jit
    def both_ways(samples, y):
        def of(part):
            taken = jax.tree.map(lambda a: a[:, part], samples)
            return summarize(instance, domain, method, taken, y[:, part], units)

        merged = jax.vmap(method.merge)(of(slice(0, 20)), of(slice(20, 64)))
        return merged, of(slice(0, 64))

    merged, whole = both_ways(samples, y)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), merged, whole)
