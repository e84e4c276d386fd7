"""Widths share the samples and the model calls, and each is what it would be alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularConfig, engine, fit_tabular, jax_predict
from lime_jax.fits.sweep import make_sweep_method
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows, host_inputs
from tests.house import X

pytestmark = pytest.mark.precision

STATS = fit_tabular(X)
SLOPES = np.array([[2.0, 0.0], [-1.0, 1.5], [0.5, 0.0], [0.0, 0.3]])
WIDTHS = (0.7, 1.5, 4.0)
SETTINGS = {
    "closed form": {},
    "ridge on shared samples": dict(distance="cosine"),
    "around": dict(sampling="around", feature_selection="highest_weights", num_features=2),
}


def on_host(batch):
    return np.tanh(batch @ SLOPES)


def asked(rows):
    bins, centered = encode_rows(STATS, rows)
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    ids = np.arange(100, 100 + len(rows), dtype=np.uint32)
    return engine.Rows(instances, ids, np.tile(np.arange(2, dtype=np.int32), (len(rows), 1)))


def run(model, settings, widths, rows=X[:5], progress=None, alphas=None):
    """All widths in one sweep; and the plain run of a single one if `widths` is a number."""
    alone = isinstance(widths, float)
    configs = [
        TabularConfig(width, alpha, num_samples=256, **settings)
        for width, alpha in zip([widths] if alone else widths, alphas or [1.0] * 9, strict=False)
    ]
    domain = make_domain(STATS, configs[0])
    methods = [make_method(STATS, config, shared=domain.shared) for config in configs]
    inputs_of = lambda samples, numbers: host_inputs(STATS, samples, configs[0].sampling)  # noqa: E731
    work = engine.Work(0, domain, methods[0], model, asked(rows), inputs_of, progress=progress)
    return engine.explain(work) if alone else engine.sweep(work, methods)


def model_of(where, calls):
    if where == "host":

        def model(batch):
            calls.append(len(batch))
            return on_host(batch)

        return model

    @jax_predict
    def traced(batch):
        calls.append(batch.shape)
        return jnp.tanh(batch @ jnp.asarray(SLOPES, batch.dtype))

    return DevicePredict(traced)


@pytest.mark.parametrize("where", ["device", "host"])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_width_is_what_it_would_be_alone(name, where):
    calls, settings = [], SETTINGS[name]
    model = model_of(where, calls)
    swept = run(model, settings, WIDTHS, alphas=(1.0, 0.3, 2.0))
    assert len(swept) == 3
    if where == "host":
        assert sum(calls) == 256 * (5 if name == "around" else 1)
    alone = run(model, settings, WIDTHS[1])
    other = run(model, settings, WIDTHS, alphas=(1.0, 1.0, 2.0))
    # The effective samples come from three sums of 256 weights: sqrt(256) steps of float32 each.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=6e-6, atol=2e-6), other[1], alone
    )
    assert np.abs(swept[1].coef - alone.coef).max() > 1e-4  # another penalty
    assert swept[0].effective_samples.mean() < swept[2].effective_samples.mean()


@pytest.mark.parametrize("name", SETTINGS)
def test_other_widths_run_the_same_program(name):
    traces = []
    model = model_of("device", traces)
    run(model, SETTINGS[name], WIDTHS)
    compiled = len(traces)
    run(model, SETTINGS[name], (0.4, 2.2, 9.0))
    if name != "around":  # there the widths take turns in a program of their number
        run(model, SETTINGS[name], (0.4, 2.2, 9.0, 1.0, 5.0))
    assert len(traces) == compiled > 0


@pytest.mark.parametrize("name", ["closed form", "around"])
def test_progress_counts_every_row_once(name):
    done = []
    run(model_of("host", []), SETTINGS[name], WIDTHS, progress=done.append)
    assert sum(done) == 5


def test_methods_of_two_kinds_are_refused():
    one, two = (
        make_method(STATS, TabularConfig(num_features=count), shared=False) for count in (1, 2)
    )
    with pytest.raises(ValueError, match=r"`methods`.*2 of 2 kinds"):
        make_sweep_method([one, two])
    with pytest.raises(ValueError, match="at least one"):
        make_sweep_method([])
