"""LIME's method for texts: its draws are uniform, its moments those of any data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lime_jax.fits.linear import LinearMethod
from lime_jax.masked.domain import MORE_UNIFORMS, MaskedDomain, Players
from lime_jax.masked.lime import RemovalLime, columns_of
from lime_jax.stages.designs import make_design
from lime_jax.stages.masks import MaskSamples, mask_view
from tests.house import assert_close

pytestmark = pytest.mark.precision

WIDTH = 24


def method_of(kind=RemovalLime, samples=2048, **settings):
    options = {"kernel_width": 0.25, "alpha": 1.0, "distance": "cosine"} | settings
    return kind(make_design("iid", samples, columns_of(WIDTH)), **options)


def uniforms_of(method, key, replicates):
    return np.concatenate([np.asarray(method.draws(key, r, 0)) for r in range(replicates)])


def test_draws_are_uniform_and_independent(key):
    method = method_of()
    uniforms = uniforms_of(method, key, method.design.num_replicates)
    assert uniforms.shape == (2048, WIDTH + MORE_UNIFORMS)
    assert ((uniforms > 0) & (uniforms < 1)).all()
    each = [stats.kstest(column, "uniform").pvalue for column in uniforms.T]
    assert min(each) > 0.05 / len(each) / 10
    correlation = np.corrcoef(uniforms.T) - np.eye(uniforms.shape[1])
    assert np.abs(correlation).max() < 4.5 / np.sqrt(2048)


def test_masks_have_the_numbers_of_lime(key):
    method, present = method_of(samples=8192), jnp.arange(WIDTH) < 19
    domain, instance = MaskedDomain(WIDTH), Players(present)
    realize = jax.jit(lambda draws: domain.realize(instance, draws).masks)
    draws = [method.draws(key, r, b) for r in range(8) for b in range(2)]
    kept = np.concatenate([np.asarray(realize(some)).sum(1) for some in draws])
    counts = np.bincount(kept, minlength=19)
    assert len(counts) == 19
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_moments_are_those_of_any_data(rng, distance):
    masks = jnp.asarray(rng.random((256, WIDTH)) < 0.6)
    y = jnp.asarray(rng.normal(size=(256, 3)) + 100)
    view = mask_view(MaskSamples(masks), jnp.ones(WIDTH, bool))
    width = 0.25 if distance == "cosine" else 3.0
    ours, theirs = (
        method_of(kind, kernel_width=width, distance=distance).summarize(view, y)
        for kind in (RemovalLime, LinearMethod)
    )
    assert_close(ours, theirs, 2e-4 if y.dtype == jnp.float32 else 1e-11)


def test_no_weight_has_no_moments():
    view = mask_view(MaskSamples(jnp.zeros((4, WIDTH), bool)), jnp.ones(WIDTH, bool))
    method = method_of(kernel=lambda distances, width: 0 * distances)
    assert_close(method.summarize(view, jnp.ones((4, 1))).weight, jnp.zeros(()))
    assert np.isfinite(np.asarray(method.summarize(view, jnp.ones((4, 1))).zz)).all()
