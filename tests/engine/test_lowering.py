"""Every program, as a normal call of each explainer builds it, lowers for GPUs and TPUs.

Neither is needed for that: lowering is where JAX says that a primitive has no rule for a device.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from lime_jax import ImageExplainer, TabularExplainer, jax_predict
from lime_jax.engine import programs
from lime_jax.engine.compiled import Program

RNG = np.random.default_rng(11)
X = RNG.normal(size=(40, 4))
WIDE = RNG.normal(size=(12, 10))
IMAGE = RNG.uniform(size=(8, 8, 3)).astype(np.float32)

PROGRAMS = {
    name: program for name, program in vars(programs).items() if isinstance(program, Program)
}


@jax_predict
def model(batch):
    return jnp.tanh(batch[:, 0] * batch[:, 1]) + batch[:, 2]


@jax_predict
def brightness(images):
    return images.mean((1, 2, 3))


def on_host(batch):
    return np.asarray(batch).reshape(len(batch), -1).mean(1)


def explain(X, model, algorithm="lime", ask=None, **settings):
    return TabularExplainer(algorithm, **settings).fit(X).explain(X[:3], model, **ask or {})


def explain_image(model, algorithm):
    explainer = ImageExplainer(algorithm, segmentation="grid", cell_size=4)
    return explainer.explain(IMAGE, model, num_samples=64)


def explain_until_replicates_are_merged():
    """Sixteen times the first samples: so many replicates that neighbors are summed up together."""
    explainer = TabularExplainer(sample_around_instance=True).fit(X)
    error = explainer.explain(X[:1], model, num_samples=4096).std_error.max()
    ours = explainer.explain(X[:1], model, num_samples="auto", tolerance=float(0.6 * error))
    assert ours.num_samples >= 2**16
    return ours


FEW = {"num_samples": 64}
AROUND = {"sample_around_instance": True}
CALLS = {
    "shared": lambda: explain(X, model, ask=FEW),
    "shared, host": lambda: explain(X, on_host, ask=FEW),
    "shared, lasso": lambda: explain(
        X, model, ask=FEW | {"num_features": 2}, distance="cosine", feature_selection="lasso_path"
    ),
    "shared, sweep": lambda: TabularExplainer().fit(X).sweep(X[:3], model, [1.0, 2.0], **FEW),
    "around": lambda: explain(X, model, ask=FEW, **AROUND),
    "around, host": lambda: explain(X, on_host, ask=FEW, **AROUND),
    "around, auto": explain_until_replicates_are_merged,
    "trees": lambda: explain(X, DecisionTreeRegressor(max_depth=3).fit(X, X[:, 0])),
    "trees, shap": lambda: explain(  # without a mesh a CPU has no program for it
        X,
        DecisionTreeRegressor(max_depth=3).fit(X, X[:, 0]),
        "kernel_shap",
        ask={"mesh": jax.make_mesh((1,), ("rows",))},
    ),
    "additive": lambda: explain(X, LinearRegression().fit(X, X[:, 0])),
    "additive, shap": lambda: explain(X, LinearRegression().fit(X, X[:, 0]), "kernel_shap"),
    "shap, all coalitions": lambda: explain(X, model, "kernel_shap"),
    "shap, drawn": lambda: explain(WIDE, model, "kernel_shap", ask={"num_samples": 256}),
    "shap, coalitions of trees": lambda: explain(
        WIDE,
        DecisionTreeRegressor(max_depth=3).fit(WIDE, WIDE[:, 0]),
        "kernel_shap",
        ask={"num_samples": 256, "method": "sampled"},
    ),
    "image": lambda: explain_image(brightness, "lime"),
    "image, host": lambda: explain_image(on_host, "lime"),
    "image, shap": lambda: explain_image(brightness, "kernel_shap"),
}


@pytest.fixture(scope="module")
def calls():
    """The first call of each program in each explanation: `(explanation, program)`: arguments."""
    calls = {}
    with pytest.MonkeyPatch.context() as patch:
        for explanation, make in CALLS.items():
            for name, program in PROGRAMS.items():

                def spy(*given, program=program, at=(explanation, name), **named):
                    calls.setdefault(at, (given, named))
                    return program(*given, **named)

                patch.setattr(programs, name, spy)
            make()
    return calls


def test_every_program_is_called(calls):
    assert {name for _, name in calls} == set(PROGRAMS)
    assert {explanation for explanation, _ in calls} == set(CALLS)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_every_program_lowers(calls, platform):
    for (_, name), (given, named) in calls.items():
        traced = PROGRAMS[name].trace(*given, **named)
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        # What only a CPU's process has: LAPACK, and calls of Python.
        assert "lapack" not in text
        assert "callback" not in text
