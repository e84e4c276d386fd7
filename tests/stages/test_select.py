"""Selected features, coefficients and scores equal lime's on lime's own neighborhood."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lime.lime_base import LimeBase
from lime.lime_tabular import LimeTabularExplainer
from sklearn.linear_model import lars_path

from lime_jax.stages.kernels import distance, exponential_kernel
from lime_jax.stages.moments import weighted_moments
from lime_jax.stages.ridge import local_prediction, r_squared, ridge
from lime_jax.stages.select import (
    all_features,
    forward_selection,
    highest_weights,
    lasso_path,
    select,
)

pytestmark = pytest.mark.precision

METHODS = ("none", "highest_weights", "forward_selection", "lasso_path", "auto")
NUM_FEATURES = 9


def samples(rng, num_samples=120, num_features=NUM_FEATURES, noise=1.0):
    mix = rng.normal(size=(num_features, num_features))
    z = rng.normal(size=(num_samples, num_features)) @ mix
    y = z @ rng.normal(size=(num_features, 2)) + noise * rng.normal(size=(num_samples, 2))
    return z, y, rng.uniform(0.1, 1, size=num_samples)


def moments_of(z, y, weights, dtype=None):
    return compiled_moments(*(jnp.asarray(leaf, dtype) for leaf in (z, y, weights)))


# Compiled once per shape: outside jit, every call of a loop compiles again.
choose = jax.jit(select, static_argnums=(2, 3))
compiled_moments = jax.jit(weighted_moments)


@functools.partial(jax.jit, static_argnums=(3, 4))
def explain(z, y, width, num_features, method):
    weights = exponential_kernel(distance(z, z[0]), width)
    moments = weighted_moments(z, y, weights)
    mask = select(moments, z[0], num_features, method)
    coef, intercept = ridge(moments, mask, alpha=1.0)
    local = local_prediction(coef, intercept, z[0])
    return mask, coef, intercept, r_squared(moments, coef), local


def kept(mask):
    return [np.flatnonzero(row).tolist() for row in np.asarray(mask)]


def limes_choice(z, y, weights, num_features, method):
    base = LimeBase(lambda distances: distances, random_state=0)
    return [
        sorted(int(f) for f in base.feature_selection(z, column, weights, num_features, method))
        for column in y.T
    ]


@pytest.fixture(scope="module", params=[True, False], ids=["discretized", "not discretized"])
def neighborhood(request):
    """What `LimeTabularExplainer.explain_instance` hands to its linear fit, and the explainer."""
    rng = np.random.default_rng(3)
    train = rng.normal(size=(300, NUM_FEATURES)) @ rng.normal(size=(NUM_FEATURES, NUM_FEATURES))
    slopes = rng.normal(size=(NUM_FEATURES, 3))
    explainer = LimeTabularExplainer(train, discretize_continuous=request.param, random_state=0)
    data, inverse = explainer._LimeTabularExplainer__data_inverse(train[7], 400)
    scaled = (data - explainer.scaler.mean_) / explainer.scaler.scale_
    distances = np.linalg.norm(scaled - scaled[0], axis=1)
    logits = np.tanh(inverse @ slopes / 4) + 0.1 * inverse[:, :3] ** 2
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return explainer, scaled, odds / odds.sum(1, keepdims=True), distances


@pytest.mark.parametrize(
    ("method", "num_features"),
    [
        ("none", 3),
        ("highest_weights", 1),
        ("highest_weights", 5),
        ("forward_selection", 1),
        ("forward_selection", 4),
        ("forward_selection", 8),
        ("lasso_path", 1),
        ("lasso_path", 5),
        ("lasso_path", 20),
        ("auto", 6),
        ("auto", 7),
    ],
)
def test_limes_neighborhood_gives_limes_explanation(x64, neighborhood, method, num_features):
    explainer, scaled, outputs, distances = neighborhood
    width = 0.75 * NUM_FEATURES**0.5
    mask, coef, intercept, score, local = explain(
        jnp.asarray(scaled), jnp.asarray(outputs), width, num_features, method
    )
    for label in range(outputs.shape[1]):
        lime_intercept, pairs, lime_score, lime_local = explainer.base.explain_instance_with_data(
            scaled, outputs, distances, label, num_features, feature_selection=method
        )
        assert kept(mask)[label] == sorted(int(feature) for feature, _ in pairs)
        for feature, weight in pairs:
            assert float(coef[label, feature]) == pytest.approx(weight, rel=1e-9, abs=1e-9)
        assert float(intercept[label]) == pytest.approx(lime_intercept, rel=1e-9)
        assert float(score[label]) == pytest.approx(lime_score, rel=1e-9)
        assert float(local[label]) == pytest.approx(lime_local[0], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("num_features", [2, 6])
def test_correlated_columns_give_limes_choice(x64, method, num_features):
    for seed in range(8):
        data = samples(np.random.default_rng(seed))
        ours = choose(moments_of(*data), jnp.asarray(data[0][0]), num_features, method)
        assert kept(ours) == limes_choice(*data, num_features, method)


def test_float32_chooses_as_float64_on_a_clear_case(x64, rng):
    z = (rng.random((2000, 30)) < 0.4).astype(float)
    y = z[:, [3, 11, 17]] @ np.array([[3.0], [-2.0], [1.0]]) + 0.1 * rng.normal(size=(2000, 1))
    moments = moments_of(z, y, np.ones(2000), jnp.float32)
    for method in ("highest_weights", "forward_selection", "lasso_path"):
        assert kept(choose(moments, jnp.ones(30, jnp.float32), 3, method)) == [[3, 11, 17]]


def test_the_lasso_path_follows_its_drops(x64):
    with_drops = 0
    for seed in range(12):
        z, y, weights = samples(np.random.default_rng(seed))
        moments, root = moments_of(z, y, weights), np.sqrt(weights)
        z, y = z - np.average(z, 0, weights), y - np.average(y, 0, weights)
        for num_features in (2, 6):
            ours = choose(moments, jnp.asarray(z[0]), num_features, "lasso_path")
            for output in range(2):
                coefs = lars_path(z * root[:, None], y[:, output] * root, method="lasso")[2].T
                with_drops += len(coefs) - 1 > NUM_FEATURES
                few = [np.abs(knot) > 1e-12 for knot in coefs[1:]]
                last = [knot for knot in few if knot.sum() <= num_features][-1]
                np.testing.assert_array_equal(ours[output], last)
    assert with_drops >= 3


def test_the_lasso_path_of_a_constant_output_keeps_all_as_in_lime(x64, rng):
    z, _, weights = samples(rng)
    y = np.zeros((120, 1))
    assert kept(lasso_path(moments_of(z, y, weights), 3)) == limes_choice(
        z, y, weights, 3, "lasso_path"
    )


@pytest.mark.parametrize("method", ["forward_selection", "lasso_path"])
def test_a_duplicate_gains_nothing_and_the_first_wins(rng, method):
    z, y, weights = samples(rng, num_samples=200, noise=0.1)
    strongest = kept(choose(moments_of(z, y[:, :1], weights), jnp.ones(9), 1, method))[0][0]
    doubled = np.insert(z, strongest, z[:, strongest], axis=1)
    mask = choose(moments_of(doubled, y[:, :1], weights), jnp.ones(10), 4, method)
    assert mask[0, strongest]
    assert not mask[0, strongest + 1]
    assert mask.sum() == 4


@pytest.mark.parametrize("method", ["highest_weights", "forward_selection", "lasso_path"])
def test_a_constant_column_is_not_chosen(rng, method):
    z, y, weights = samples(rng)
    z[:, [0, 4]] = 0.1
    mask = choose(moments_of(z, y, weights), jnp.ones(9), 7, method)
    assert not mask[:, [0, 4]].any()
    assert mask.sum(1).max() <= 7


@pytest.mark.parametrize("method", ["highest_weights", "forward_selection"])
def test_equals_go_to_the_first(method):
    z = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    moments = moments_of(z, z @ np.ones((4, 1)), np.ones(16))
    assert kept(choose(moments, jnp.ones(4), 2, method)) == [[0, 1]]


@pytest.mark.parametrize("method", METHODS)
def test_permuting_features_permutes_the_choice(x64, rng, method):
    z, y, weights = samples(rng)
    order = rng.permutation(NUM_FEATURES)
    z_x = jnp.asarray(z[0])
    mask = choose(moments_of(z, y, weights), z_x, 6, method)
    permuted = choose(moments_of(z[:, order], y, weights), z_x[order], 6, method)
    np.testing.assert_array_equal(permuted, mask[:, order])


@pytest.mark.parametrize("method", METHODS)
def test_no_number_keeps_all(rng, method):
    moments = moments_of(*samples(rng))
    assert select(moments, jnp.ones(9), None, method).all()
    assert all_features(moments).all()


@pytest.mark.parametrize("num_features", [9, 50])
def test_more_features_than_there_are_keeps_all(rng, num_features):
    moments = moments_of(*samples(rng))
    assert forward_selection(moments, num_features).all()
    assert highest_weights(moments, jnp.ones(9), num_features).all()


@pytest.mark.parametrize("num_features", [6, 7])
def test_auto_changes_above_six(rng, num_features):
    data = samples(rng, noise=8.0)
    moments, z_x = moments_of(*data), jnp.asarray(data[0][0])
    named = "forward_selection" if num_features == 6 else "highest_weights"
    chosen, expected = (choose(moments, z_x, num_features, name) for name in ("auto", named))
    np.testing.assert_array_equal(chosen, expected)


@pytest.mark.parametrize(
    ("num_features", "method", "message"),
    [
        (3, "best", r"`method` should be one of auto, none, .*'best'"),
        (0, "auto", r"`num_features` should be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_refused(rng, num_features, method, message):
    with pytest.raises(ValueError, match=message):
        select(moments_of(*samples(rng)), jnp.ones(9), num_features, method)


@pytest.mark.parametrize("method", ["highest_weights", "forward_selection", "lasso_path"])
def test_jit_equals_eager_and_vmap_equals_loop(x64, rng, method):
    z, y, _ = samples(rng)
    many = jnp.asarray(rng.uniform(0.1, 1, size=(3, 120)))
    rows = jnp.asarray(z[:3])
    moments = [moments_of(z, y, weights) for weights in many]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *moments)
    batched = jax.jit(jax.vmap(lambda m, z_x: select(m, z_x, 6, method)))(stacked, rows)
    for i in range(3):
        np.testing.assert_array_equal(batched[i], choose(moments[i], rows[i], 6, method))
    np.testing.assert_array_equal(batched[0], select(moments[0], rows[0], 6, method))
