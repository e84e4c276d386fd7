"""As many samples as a row needs: the fit of an ordinary run of that size, nothing drawn twice."""

import dataclasses
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularConfig, engine, fit_tabular, jax_predict
from lime_jax.engine import budget
from lime_jax.fits.settled import settled
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows, host_inputs

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(11)
X = RNG.normal(size=(200, 3))
STATS = fit_tabular(X)
SETTINGS = {
    "closed form": dict(kernel_width=1.0),
    "around": dict(sampling="around", encoding="standardized", design="iid"),
}
FIRST = 128  # 8 replicates of 16


def on_host(batch):
    # Noisy to fit on the right of column 2, linear on the left of it.
    return np.where(batch[:, 2] > 0, np.sin(9 * batch[:, 0] * batch[:, 1]), batch[:, 0])[:, None]


@jax_predict
def on_device(batch):
    wave = jnp.sin(9 * batch[:, 0] * batch[:, 1])
    return jnp.where(batch[:, 2] > 0, wave, batch[:, 0])


class Setting:
    """One way to explain rows: with a number of replicates, or with as many as they need."""

    def __init__(self, name):
        config = TabularConfig(num_samples=FIRST, **SETTINGS[name])
        self.domain = make_domain(STATS, config)
        self.method = make_method(STATS, config, shared=self.domain.shared)
        self.sampling = config.sampling

    def rule(self):
        """Settled where errors are below what half of some rows have with 256 samples."""
        error = np.median(self.plain(np.arange(12), 256).std_error.max((1, 2)))
        return partial(settled, tolerance=float(2.1 * error), top=3)

    def work(self, model, rows, method, progress=None):
        bins, centered = encode_rows(STATS, X[rows])
        instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
        asked = engine.Rows(
            instances, np.asarray(rows, np.uint32), np.zeros((len(rows), 1), np.int32)
        )
        inputs = lambda samples, numbers: host_inputs(STATS, samples, self.sampling)  # noqa: E731
        return engine.Work(0, self.domain, method, model, asked, inputs, progress=progress)

    def plain(self, rows, num_samples):
        design = self.method.design.with_replicates(num_samples // 16)
        return engine.explain(
            self.work(on_host, rows, dataclasses.replace(self.method, design=design))
        )

    def until(self, rows, is_settled, model=on_host, progress=None, **options):
        work = self.work(model, rows, self.method, progress)
        return engine.explain_until(work, is_settled, **options)


def by_number(sizes, fit, num_replicates):
    """Rows settle at sizes that are told to them, read off the errors' number of replicates."""
    sizes["seen"].append((len(fit.coef), num_replicates))
    return np.full(len(fit.coef), num_replicates >= sizes["enough"])


def assert_same(ours, expected, rows):
    for field in dataclasses.fields(expected):
        a, b = getattr(ours, field.name)[rows], getattr(expected, field.name)
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5, err_msg=field.name)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_row_has_the_fit_of_a_plain_run_of_its_size(name):
    setting, rows = Setting(name), np.arange(12)
    rule = setting.rule()
    found = setting.until(rows, rule, most=512)
    sizes = np.unique(found.num_samples)
    assert len(sizes) >= 2
    for size in sizes:
        at_size = np.flatnonzero(found.num_samples == size)
        assert_same(found.fit, setting.plain(rows[at_size], int(size)), at_size)
    np.testing.assert_array_equal(found.num_replicates, np.minimum(found.num_samples // 16, 64))
    assert found.settled[found.num_samples < 512].all()
    early = found.num_samples > FIRST
    before = [
        rule(setting.plain(rows[[row]], int(found.num_samples[row]) // 2), 8)
        for row in np.flatnonzero(early)[:2]
    ]
    assert not np.any(before)


@pytest.mark.parametrize("name", ["closed form", "around"])
def test_more_than_64_replicates_are_left_out_in_groups(name):
    setting, seen = Setting(name), dict(enough=1000, seen=[])
    found = setting.until([0, 1], partial(by_number, seen), most=16 * 128)
    assert seen["seen"] == [(2, count) for count in (8, 16, 32, 64, 64)]
    assert found.num_samples.tolist() == [2048, 2048]
    assert found.num_replicates.tolist() == [64, 64]
    assert not found.settled.any()
    assert_same(found.fit, setting.plain([0, 1], 2048), [0, 1])


@pytest.mark.parametrize("name", ["closed form", "around"])
def test_a_row_does_not_depend_on_the_others(name):
    setting = Setting(name)
    rule = setting.rule()
    together = setting.until(np.arange(12), rule, most=256)
    assert len(np.unique(together.num_samples)) > 1
    for row in (3, 7):
        alone = setting.until([row], rule, most=256)
        assert alone.num_samples[0] == together.num_samples[row]
        np.testing.assert_allclose(alone.fit.coef[0], together.fit.coef[row], atol=1e-5)


@pytest.mark.parametrize("name", ["closed form", "around"])
def test_the_model_sees_every_sample_once(name):
    setting, batches = Setting(name), []
    rule = setting.rule()

    def model(batch):
        batches.append(batch.copy())
        return on_host(batch)

    found = setting.until(np.arange(6), rule, model, most=256)
    called = np.concatenate(batches)
    drawn = found.num_samples.max() if setting.domain.shared else found.num_samples.sum()
    assert len(called) == drawn > FIRST
    assert len(np.unique(called, axis=0)) == len(called)


@pytest.mark.parametrize("name", ["closed form", "around"])
def test_a_device_model_gives_what_a_host_model_gives(name):
    setting = Setting(name)
    rule = setting.rule()
    host = setting.until(np.arange(6), rule, most=256)
    device = setting.until(np.arange(6), rule, DevicePredict(on_device), most=256)
    np.testing.assert_array_equal(device.num_samples, host.num_samples)
    np.testing.assert_allclose(device.fit.coef, host.fit.coef, atol=2e-3)


@pytest.mark.parametrize("name", ["closed form", "around"])
def test_progress_counts_every_row_once(name):
    done = []
    rule = partial(settled, tolerance=0.15, top=3)
    Setting(name).until(np.arange(12), rule, most=256, progress=done.append)
    assert sum(done) == 12


def test_memory_bounds_a_shared_neighborhood(monkeypatch):
    monkeypatch.setattr(budget, "MEMORY_BUDGET", 64 * 3 * 300)
    found = Setting("closed form").until([0], partial(settled, tolerance=1e-9))
    assert found.num_samples.tolist() == [256]


def test_replicates_that_do_not_pair_up_are_refused():
    setting = Setting("around")
    design = setting.method.design.with_replicates(10)
    setting.method = dataclasses.replace(setting.method, design=design)
    with pytest.raises(ValueError, match="power of two, got 10"):
        setting.until([0], settled)
