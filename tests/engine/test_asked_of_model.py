"""Of many outputs only those that rows ask for are summed up, and the fits are those of all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularConfig, TabularExplainer, engine, fit_tabular, jax_predict
from lime_jax.engine import programs
from lime_jax.engine.asked import of_asked_outputs
from lime_jax.engine.one_row import explain_one
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import make_domain, make_method
from tests.house import X

pytestmark = pytest.mark.precision

COUNT = 203
SLOPES = np.random.default_rng(0).normal(size=(X.shape[1], COUNT))
PARTS = ("coef", "std_error", "intercept", "score", "local_pred")


def on_host(batch):
    odds = np.exp(batch @ SLOPES / 10)
    return odds / odds.sum(1, keepdims=True)


@jax_predict
def on_device(batch):
    return jax.nn.softmax(batch @ jnp.asarray(SLOPES / 10, batch.dtype))


@pytest.fixture(scope="module")
def explained():
    """Explanations of three rows, made once for each kind of work and labels."""
    known = {}

    def explain(kind, model, **labels):
        key = (kind, model, *labels.items())
        if key not in known:
            known[key] = KINDS[kind](model, **labels)
        return known[key]

    return explain


def lime(model, rows=X[:3], options=None, **labels):
    explainer = TabularExplainer(**(options or {})).fit(X)
    return explainer.explain(rows, model, num_samples=128, method="sampled", **labels)


def shap(model, **labels):
    explainer = TabularExplainer("kernel_shap").fit(X[:8])
    return explainer.explain(X[:3], model, num_samples=16, method="sampled", **labels)


KINDS = {
    "shared": lime,
    "shared, of numbers": lambda m, **labels: lime(m, options={"discretizer": None}, **labels),
    "of its own": lambda m, **labels: lime(m, options={"sample_around_instance": True}, **labels),
    "shap": shap,
}


@pytest.mark.parametrize("model", [on_host, on_device])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [{"labels": (9,)}, {"top_labels": 2}])
def test_fits_are_those_of_all_outputs(explained, kind, model, labels):
    every, some = explained(kind, model), explained(kind, model, **labels)
    if "labels" in labels:
        np.testing.assert_array_equal(some.labels, [[9]] * 3)
    else:
        assert (some.labels != some.labels[0]).any()  # rows that ask for different outputs
    for name in PARTS:
        whole, index = np.asarray(getattr(every, name)), some.labels
        index = index[..., None] if whole.ndim == 3 else index
        expected = np.take_along_axis(whole, index, 1)
        np.testing.assert_allclose(
            getattr(some, name), expected, rtol=2e-3, atol=2e-6, err_msg=name
        )
    np.testing.assert_array_equal(some.prediction, every.prediction)
    assert some.model_path == every.model_path


@pytest.mark.parametrize("kind", ["shared", "shap"])
def test_one_output_is_what_a_model_of_this_output_gives(kind):
    one, of_many = (
        KINDS[kind](lambda batch: on_host(batch)[:, 9]),
        KINDS[kind](on_host, labels=[9]),
    )
    for name in PARTS:
        np.testing.assert_array_equal(getattr(one, name), getattr(of_many, name), err_msg=name)


def test_rows_that_need_different_sample_counts_ask_for_their_outputs_too():
    explainer = TabularExplainer().fit(X)
    asked = {"num_samples": "auto", "num_features": 1, "tolerance": 0.2, "method": "sampled"}
    every = explainer.explain(X[:3], on_host, **asked)
    some = explainer.explain(X[:3], on_host, top_labels=1, **asked)
    for row in range(3):
        expected = every.intercept[row, some.labels[row]]
        np.testing.assert_allclose(some.intercept[row], expected, rtol=1e-3)


def numbers_in(tree):
    return {size for leaf in jax.tree.leaves(tree) for size in np.shape(leaf)}


@pytest.mark.parametrize("model", [on_host, on_device])
@pytest.mark.parametrize("labels", [{"labels": (9,)}, {"top_labels": 2}])
def test_nothing_of_a_shared_neighborhood_is_as_wide_as_the_model(model, labels, monkeypatch):
    seen = set()
    for name in ("adjust", "sum_shared", "solve_shared"):
        program = getattr(programs, name)

        def watched(*given, program=program, **named):
            found = program(*given, **named)
            seen.update(numbers_in((given, named, found)))
            return found

        monkeypatch.setattr(programs, name, watched)
    lime(model, **labels)
    assert seen
    assert COUNT not in seen


def test_nothing_of_a_row_is_as_wide_as_the_model():
    stats, config = fit_tabular(X), TabularConfig(num_samples=128, sampling="around")
    domain, method = make_domain(stats, config), make_method(stats, config, shared=False)
    model = jax.jit(on_device)

    def explain(key, x, labels):
        return explain_one(key, domain.encode(x), domain, method, model, labels)

    jaxpr = jax.make_jaxpr(explain)(jax.random.key(0), jnp.asarray(X[0], float), jnp.array([9]))
    wide = [equation.primitive.name for equation in outside_models(jaxpr.jaxpr)]
    assert set(wide) <= {"pjit", "jit"}, wide  # the model's own, and what takes its outputs


def outside_models(jaxpr):
    """Equations whose results are as wide as the model, but for those inside of it."""
    for equation in jaxpr.eqns:
        if any(COUNT in var.aval.shape for var in equation.outvars):
            yield equation
        if equation.params.get("name") == "on_device":
            continue
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=is_program):
            if is_program(value):
                yield from outside_models(getattr(value, "jaxpr", value))


def is_program(value):
    return hasattr(getattr(value, "jaxpr", value), "eqns")


def work(labels, count, shared=True, model=on_host):
    stats, config = fit_tabular(X), TabularConfig(sampling="bins" if shared else "around")
    domain, method = make_domain(stats, config), make_method(stats, config, shared=shared)
    rows, inputs_of = engine.Rows(X, np.arange(len(labels)), np.array(labels)), lambda *_: X
    return engine.Work(0, domain, method, model, rows, inputs_of, num_outputs=count)


def test_all_outputs_in_their_order_are_no_labels():
    asked = of_asked_outputs(work([[0, 1, 2]] * 4, 3))
    assert asked.rows.labels is None
    assert asked.model is on_host
    assert asked.num_labels == 3


@pytest.mark.parametrize(
    ("labels", "count", "shared"),
    [([[1]] * 4, 3, True), ([[1]] * 4, 500, False), (np.arange(30)[:, None], 40, True)],
    ids=["few outputs", "rows of their own", "most outputs"],
)
def test_labels_stay(labels, count, shared):
    asked = of_asked_outputs(work(labels, count, shared))
    np.testing.assert_array_equal(asked.rows.labels, labels)
    assert asked.model is on_host
    assert asked.num_labels == 1


def test_rows_that_ask_alike_have_a_model_of_these_outputs():
    asked = of_asked_outputs(work([[7, 3]] * 4, COUNT))
    assert asked.rows.labels is None
    assert asked.num_labels == 2
    np.testing.assert_array_equal(asked.model(X[:5]), on_host(X[:5])[:, [7, 3]])


@pytest.mark.parametrize("rows", [2, 25])
@pytest.mark.parametrize("model", [on_host, DevicePredict(on_device)])
def test_rows_that_ask_for_different_outputs_count_those(model, rows):
    labels = np.random.default_rng(1).integers(0, COUNT, (rows, 1))
    asked = of_asked_outputs(work(labels, COUNT, model=model))
    batch = np.asarray(jnp.asarray(X[:5], float))
    outputs = np.asarray(asked.model(batch))
    assert outputs.shape == (5, 16 if rows == 2 else 32)
    expected = np.asarray(model(batch))[:, labels[:, 0]]
    np.testing.assert_array_equal(outputs[:, asked.rows.labels[:, 0]], expected)
