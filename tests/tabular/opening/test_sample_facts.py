"""What samples are, before a model sees them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import fit_tabular
from lime_jax.tabular.config import TabularConfig, make_domain
from lime_jax.tabular.domain import TabularSamples
from lime_jax.tabular.opening.sample_facts import sample_facts
from lime_jax.tabular.stats import CategoricalColumn, TabularStats

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
SPIKED = np.concatenate([np.full(600, 0.1), RNG.uniform(0.2, 1, 400)])
FAR = np.full(1000, 60.01)
STATS = fit_tabular(np.column_stack([SPIKED, FAR, RNG.normal(size=1000)]))


def test_spikes_are_the_values_of_bins_without_width():
    spiked, far, continuous = sample_facts(STATS).spikes
    assert 0.1 in spiked.values
    np.testing.assert_allclose(far.values, [60.01], rtol=1e-15)
    assert continuous is None


def test_a_spike_is_known_as_the_domain_makes_it():
    domain = make_domain(STATS, TabularConfig())
    for column, spikes in enumerate(sample_facts(STATS).spikes[:2]):
        bins = np.arange(*STATS.offsets[column : column + 2])
        bins = bins[(STATS.bin_std[bins] == 0) & (STATS.probability[bins] > 0)]
        values = jnp.zeros((len(bins), 3)).at[:, column].set(jnp.asarray(STATS.bin_mean[bins]))
        made = domain.inputs(None, TabularSamples(jnp.zeros(values.shape, jnp.int32), values))
        np.testing.assert_array_equal(np.unique(made[:, column]), np.unique(spikes.on_device))


def test_levels_are_no_spikes_and_may_not_be_missing_numbers():
    stats = TabularStats.from_columns([CategoricalColumn([0, 1, np.nan], [0.5, 0.25, 0.25])])
    facts = sample_facts(stats)
    assert facts.spikes == (None,)
    assert not facts.may_miss.any()


def test_seconds_since_1970_that_lie_close_together_are_blurred_in_float32():
    stamps = fit_tabular(1.7e9 + np.arange(100.0)[:, None])
    assert sample_facts(stamps).blurred == (() if jax.config.jax_enable_x64 else (0,))
    assert sample_facts(fit_tabular(1.7e9 + 1e7 * np.arange(100.0)[:, None])).blurred == ()
