"""The engine is the pure path, batched: one program whatever the rows, chunks that change nothing.

Models that run on the device are counted by their traces.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import (
    LinearFit,
    TabularConfig,
    TabularExplainer,
    engine,
    explain_tabular,
    fit_tabular,
    jax_predict,
)
from lime_jax.engine import budget
from lime_jax.fits.shapley import make_shapley_method
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.background import BackgroundDomain
from lime_jax.tabular.background import host_inputs as background_inputs
from lime_jax.tabular.config import make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows, host_inputs
from lime_jax.typing import pytree
from tests.house import SLOPES, X, assert_close
from tests.house import softmax_on_device as on_device
from tests.house import softmax_on_host as on_host

pytestmark = pytest.mark.precision

STATS = fit_tabular(X)
CONFIGS = {
    "shared": TabularConfig(num_samples=256),
    "around": TabularConfig(num_samples=256, sampling="around"),
}
PER_ROW = CONFIGS["around"]


def explain(model, config, rows=X[:9], batch_size=None, progress=None, stats=STATS):
    """Rows 100, 101, ... by the engine alone."""
    domain = make_domain(stats, config)
    method = make_method(stats, config, shared=domain.shared)
    bins, centered = encode_rows(stats, rows)
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    ids = np.arange(100, 100 + len(rows), dtype=np.uint32)
    asked = engine.Rows(instances, ids, np.tile(np.arange(3, dtype=np.int32), (len(rows), 1)))
    inputs_of = lambda samples, numbers: host_inputs(stats, samples, config.sampling)  # noqa: E731
    return engine.explain(
        engine.Work(0, domain, method, model, asked, inputs_of, batch_size, progress)
    )


@pytest.fixture(scope="module")
def fits():
    return {
        (name, where): explain(model, config)
        for name, config in CONFIGS.items()
        for where, model in (("device", DevicePredict(on_device)), ("host", on_host))
    }


@pytest.mark.parametrize("where", ["device", "host"])
def test_a_row_of_its_own_is_the_pure_function_with_the_rows_key(fits, where):
    _, row_key = engine.keys_of(0)
    pure = jax.jit(lambda key, x: explain_tabular(key, x, STATS, on_device, PER_ROW))
    for row in (0, 8):
        x = jnp.asarray(X[row], jnp.result_type(float))
        expected = pure(jax.random.fold_in(row_key, 100 + row), x)
        ours = jax.tree.map(lambda leaf: leaf[row], fits["around", where])  # noqa: B023
        assert_close(ours, expected)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_fused_path_is_the_host_path(fits, name):
    assert_close(fits[name, "device"], fits[name, "host"])


@pytest.mark.parametrize("name", CONFIGS)
def test_fits_are_numpy_with_an_axis_of_rows(fits, name):
    fit = fits[name, "host"]
    assert isinstance(fit, LinearFit)
    assert all(type(leaf) is np.ndarray and len(leaf) == 9 for leaf in jax.tree.leaves(fit))
    assert fit.coef.dtype == jnp.result_type(float)


@pytest.mark.parametrize(("name", "where"), [("shared", "device"), ("around", "host")])
def test_a_tiny_memory_budget_changes_nothing(monkeypatch, name, where):
    config = TabularConfig(num_samples=8192, sampling=CONFIGS[name].sampling)
    assert make_method(STATS, config, shared=False).design.num_blocks == 2
    model = {"device": DevicePredict(on_device), "host": on_host}[where]
    whole = explain(model, config, X[:3])
    monkeypatch.setattr(budget, "MEMORY_BUDGET", 1)
    monkeypatch.setattr(budget, "KEPT_NEIGHBORHOOD", 0)
    monkeypatch.setattr(budget, "_CACHED_SAMPLES", 512)
    assert budget.units_per_call(16, 1000) == 1
    assert budget.rows_per_call(1000) == 1
    assert_close(explain(model, config, X[:3]), whole)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_batches_of_a_host_model_are_bounded(name):
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return on_host(batch)

    explain(model, CONFIGS[name], X[:2], batch_size=100)
    assert max(sizes) <= 100
    assert sum(sizes) == 256 * (1 if name == "shared" else 2)


@pytest.mark.parametrize("where", ["device", "host"])
@pytest.mark.parametrize("name", CONFIGS)
def test_progress_counts_every_row_once(name, where):
    model = {"device": DevicePredict(on_device), "host": on_host}[where]
    done = []
    explain(model, CONFIGS[name], X[:70], progress=done.append)
    assert sum(done) == 70
    if (name, where) == ("around", "host"):
        assert len(done) > 1


def test_a_shared_neighborhood_is_drawn_and_called_once():
    calls = []
    explainer = TabularExplainer().fit(X)

    def model(batch):
        calls.append(batch)
        return on_host(batch)

    for _ in range(2):
        explainer.explain(X[:5], model, num_samples=256)
    rows_first, samples_first, rows_second, samples_second = calls
    assert len(rows_first) == len(rows_second) == 5
    assert samples_first.shape == (256, 4)
    np.testing.assert_array_equal(samples_first, samples_second)


def test_keys_are_a_function_of_the_seed_and_of_their_use():
    keys = [key for seed in (0, 1, 2**32 - 1) for key in engine.keys_of(seed)]
    numbers = {tuple(jax.random.key_data(key).tolist()) for key in keys}
    assert len(numbers) == 6
    first, again = engine.keys_of(7)[1], engine.keys_of(7)[1]
    np.testing.assert_array_equal(jax.random.key_data(first), jax.random.key_data(again))


def counted(traces):
    """A JAX model that notes each time it is traced."""

    @jax_predict
    def model(batch):
        if isinstance(batch, jax.core.Tracer):
            traces.append(batch.shape)
        return on_device(batch)

    return model


@pytest.mark.parametrize("name", CONFIGS)
def test_rows_widths_penalties_and_training_rows_share_one_program(name):
    traces = []
    model, config = DevicePredict(counted(traces)), CONFIGS[name]
    explain(model, config, X[:9])
    compiled = len(traces)
    assert compiled > 0
    for rows in (1, 2, 64, 150):
        explain(model, config, X[:rows])
    assert len(traces) == compiled
    other = fit_tabular(2 * X + 1)
    for width, alpha, stats in ((0.5, 1.0, STATS), (3.0, 0.1, STATS), (1.5, 1.0, other)):
        swept = TabularConfig(width, alpha, num_samples=256, sampling=config.sampling)
        explain(model, swept, X[20:29], stats=stats)
    assert len(traces) == compiled


def test_a_custom_kernel_is_traced_once_for_a_host_model():
    traces = []

    def kernel(distances, width):
        traces.append(width)
        return jnp.exp(-distances / width)

    explainer = TabularExplainer(kernel=kernel, kernel_width=1.0).fit(X)
    first = explainer.explain(X[:9], on_host, num_samples=256)
    compiled = len(traces)
    for width in (0.5, 2.0):
        explainer.set_params(kernel_width=width)
        other = explainer.explain(X[:3], on_host, num_samples=256)
        assert np.abs(other.coef - first.coef[:3]).max() > 1e-4
    assert len(traces) == compiled > 0


def test_levels_of_a_jax_model_are_those_of_a_host_model():
    table = X.copy()
    table[:, 3] = np.array([10.0, 20.0, 50.0, 90.0])[np.arange(200) % 4]
    explainer = TabularExplainer(categorical_features=[3]).fit(table)

    def scores(batch):
        return batch[:, [0, 3, 3]]

    host = explainer.explain(table[:5], scores, num_samples=256)
    device = explainer.explain(table[:5], jax_predict(lambda b: scores(b)), num_samples=256)
    np.testing.assert_allclose(device.coef, host.coef, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(device.prediction, host.prediction, rtol=1e-6)
    assert np.abs(host.coef[:, 1, 3]).max() > 20


TRACES = []


@pytree
class Softmax:
    """A model whose weights are its leaves."""

    slopes: jax.Array

    def __call__(self, batch):
        if isinstance(batch, jax.core.Tracer):
            TRACES.append(batch.shape)
        return jax.nn.softmax(batch @ self.slopes)


@pytest.mark.parametrize("around", [False, True])
def test_new_weights_of_a_model_are_one_program(around):
    explainer = TabularExplainer(sample_around_instance=around).fit(X)
    slopes = jnp.asarray(SLOPES, jnp.result_type(float))
    first = explainer.explain(X[:9], Softmax(slopes), num_samples=256)
    assert first.model_path.startswith("jax: a pytree")
    compiled = len(TRACES)
    other = explainer.explain(X[:9], Softmax(-slopes), num_samples=256)
    assert len(TRACES) == compiled > 0
    host = explainer.explain(X[:9], lambda batch: on_host(-batch), num_samples=256)
    np.testing.assert_allclose(other.coef, host.coef, atol=1e-5)
    assert np.abs(other.coef - first.coef).max() > 0.01


class TestBackground:
    """A table against a background: rows x coalitions x background are never there at once."""

    ROWS, BACKGROUND = X[:5], X[50:70]
    WEIGHTS = np.arange(1.0, 21.0) / 210
    COALITIONS = 16

    def explain(self, model, host_inputs_of=None, progress=None):
        float_ = jnp.result_type(float)
        player_of = np.arange(4, dtype=np.int32)
        domain = BackgroundDomain(
            jnp.asarray(self.BACKGROUND, float_), jnp.asarray(self.WEIGHTS, float_), player_of, 4
        )
        method = make_shapley_method(engine.keys_of(0)[0], 4)
        assert method.design.num_samples == self.COALITIONS
        labels = np.tile(np.arange(3, dtype=np.int32), (5, 1))
        rows = engine.Rows(self.ROWS.astype(float_), np.arange(5, dtype=np.uint32), labels)

        def inputs_of(samples, taken):
            return background_inputs(self.ROWS[taken], self.BACKGROUND, player_of, samples)

        return engine.explain(
            engine.Work(0, domain, method, model, rows, inputs_of, progress=progress)
        )

    @pytest.fixture(scope="class")
    @classmethod
    def whole(cls):
        return cls().explain(on_host)

    def test_the_device_is_the_host(self, whole):
        assert_close(self.explain(DevicePredict(on_device)), whole)
        mean = self.WEIGHTS @ on_host(self.BACKGROUND)
        np.testing.assert_allclose(whole.intercept, np.tile(mean, (5, 1)), atol=1e-6)
        np.testing.assert_allclose(whole.local_pred, on_host(self.ROWS), atol=1e-6)

    @pytest.mark.parametrize("samples", [1, 3])
    def test_a_host_model_is_called_with_few_samples_at_a_time(self, whole, monkeypatch, samples):
        # Of a coalition there are 20 inputs of 4 numbers: 40 bytes a number are planned for.
        monkeypatch.setattr(budget, "MEMORY_BUDGET", 8 * samples * 16 * 80)
        sizes = []

        def spy(batch):
            sizes.append(len(batch))
            return on_host(batch)

        done = []
        assert_close(self.explain(spy, progress=done.append), whole)
        assert max(sizes) <= samples * 20
        assert sum(sizes) == 5 * self.COALITIONS * 20
        assert done == [1] * 5

    def test_a_device_model_is_called_with_few_samples_at_a_time(self, whole, monkeypatch):
        monkeypatch.setattr(budget, "samples_per_prediction", lambda size, each: 3)
        shapes = []

        @jax_predict
        def spy(batch):
            shapes.append(batch.shape)
            return on_device(batch)

        assert_close(self.explain(DevicePredict(spy)), whole)
        assert set(shapes) == {(3 * 20, 4)}

    def test_an_exception_of_the_model_names_the_rows(self):
        def fail(batch):
            raise ZeroDivisionError("my own words")

        with pytest.raises(ZeroDivisionError) as caught:
            self.explain(fail)
        assert caught.value.__notes__ == [
            "raised while lime_jax called the model on samples of rows 0 to 4"
        ]
