"""A model that takes rows one by one is one program, for rows and for samples that rows share."""

import jax
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from lime_jax import TabularExplainer
from lime_jax.engine import predict_rows
from lime_jax.engine.device_calls import predict_samples
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.learn import fit_tabular
from lime_jax.typing import pytree
from tests.house import samples_of

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
FOREST = RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, X[:, 0] > X[:, 1])


@pytree
class Twice:
    """A step of outputs."""

    factor: np.ndarray

    def __call__(self, outputs):
        return outputs[:, 1:] * self.factor


COMPILED = []

MODEL = as_predict_fn(FOREST).predict


def test_rows_have_the_models_own_outputs_whatever_their_number():
    for count in (1, 7, 60):
        found = predict_rows(MODEL, X[:count])
        np.testing.assert_allclose(found, FOREST.predict_proba(X[:count]), rtol=0, atol=1e-6)


def test_columns_behind_its_own_are_not_seen():
    more = np.pad(X, ((0, 0), (0, 30)), constant_values=np.nan)
    np.testing.assert_array_equal(predict_rows(MODEL, more), predict_rows(MODEL, X))


def test_steps_are_taken_of_samples_as_of_rows(key):
    stats = fit_tabular(X)
    config = TabularConfig(num_samples=3072)
    domain, method = make_domain(stats, config), make_method(stats, config, shared=True)
    samples = samples_of(key, None, domain, method)
    model = MODEL.then(Twice(np.array([2.0], X.dtype)))
    found = predict_samples(model, domain, samples, "quick")
    inputs = np.asarray(domain.inputs(None, samples)).reshape(-1, 4)
    np.testing.assert_array_equal(found.reshape(-1, 1), model(inputs))
    shape = (method.design.num_replicates, method.design.block_size, 1)
    assert found.shape == shape
    np.testing.assert_allclose(
        found.reshape(-1), 2 * FOREST.predict_proba(inputs.astype(np.float32))[:, 1], atol=1e-6
    )


def test_a_model_of_whole_batches_is_called_with_its_rows_as_they_are():
    seen = []

    def model(batch):
        seen.append(batch.shape)
        return batch - batch.mean(0)

    predict_rows(DevicePredict(model), X[:7])
    assert seen == [(8, 4)]


@jax.monitoring.register_event_duration_secs_listener
def note(event, duration, **facts):
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILED.append(facts["fun_name"])


def test_rows_and_samples_of_a_forest_are_one_program():
    jax.clear_caches()
    COMPILED.clear()
    explainer = TabularExplainer().fit(X)
    explainer.explain(X[:3], FOREST)
    explainer.explain(X[:3], FOREST, method="sampled", num_samples=128)
    assert [name for name in COMPILED if "predict" in name] == ["jit(predict_blocks)"]
