"""Several devices give the numbers of one, and each does its share.

Eight devices are forced upon a CPU, which takes a process of its own: this file, run as a script,
explains everything with a mesh and without, and writes down what it found.
"""

import json
import os
import subprocess
import sys
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from sklearn.ensemble import RandomForestClassifier

from lime_jax import (
    ImageExplainer,
    TabularConfig,
    TabularExplainer,
    engine,
    fit_tabular,
    jax_predict,
)
from lime_jax.engine.collect import chunks
from lime_jax.engine.mesh_checks import check_mesh, check_model_on, check_same_rows
from lime_jax.engine.row_run import RowRun
from lime_jax.engine.shared_run import draw_shared
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows
from lime_jax.typing import pytree

ALONE = "alone"
SAMPLES = 512  # 8 replicates of 64
NUMBERS = {
    *("coef", "std_error", "intercept", "score", "local_pred"),
    *("prediction", "effective_samples"),
}

# What is explained, on which mesh, how many rows; and on how many samples the model is called,
# where the program is a new one.
CASES = {
    "a shared neighborhood": ("shared", (8,), 7, 64),
    "a shared neighborhood, one row": ("shared", (8,), 1, None),
    "a shared neighborhood, many rows": ("shared", (8,), 100, None),
    "a shared neighborhood, no rows": ("shared", (8,), 0, None),
    "a shared neighborhood, a host model": ("shared host", (8,), 7, SAMPLES),
    "rows of their own": ("around", (8,), 7, SAMPLES),
    "rows of their own, many": ("around", (8,), 100, None),
    "rows of their own, samples by two": ("around", (4, 2), 7, SAMPLES // 2),
    "rows of their own, samples by four": ("around", (2, 4), 1, SAMPLES // 4),
    "rows of their own, samples by eight": ("around", (1, 8), 7, SAMPLES // 8),
    "rows of their own, a second axis of one": ("around", (8, 1), 7, SAMPLES),
    "rows of their own, a host model": ("around host", (4, 2), 7, 7 * SAMPLES),
    "not discretized": ("plain", (2, 4), 7, SAMPLES // 8),
    "a closed form of trees": ("exact trees", (8,), 100, None),
    "Shapley values of trees": ("exact shap", (4, 2), 7, None),
    "sampled Shapley values, 33 units by four": ("shap", (2, 4), 7, None),
    "images": ("images", (2, 4), 3, None),
    "as many samples as needed, shared": ("auto shared", (8,), 20, None),
    "as many samples as needed": ("auto", (2, 4), 2, None),
    "several widths": ("sweep", (2, 4), 7, SAMPLES // 4),
    "several widths, shared": ("sweep shared", (8,), 7, None),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the script found, by case."""
    path = tmp_path_factory.mktemp("mesh") / "found.json"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    # Eight devices that factorize need a ninth thread.
    environment = {**os.environ, "XLA_FLAGS": flags, "NPROC": "9", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, __file__, str(path)], env=environment, check=True, timeout=600)
    return json.loads(path.read_text())


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_of_a_mesh_are_those_of_one_device(found, case):
    bound = 1e-12 if jax.config.jax_enable_x64 else 2e-6
    assert set(found[case]["difference"]) == NUMBERS
    # They come from three sums of the samples' weights, each in another order.
    of_sums = 3 * np.sqrt(SAMPLES) * float(jnp.finfo(jnp.result_type(float)).eps)
    for name, gap in found[case]["difference"].items():
        assert gap <= (max(bound, of_sums) if name == "effective_samples" else bound), name
    assert found[case]["rows"] == CASES[case][2]
    assert found[case]["same_used"]


@pytest.mark.parametrize("case", CASES)
def test_a_second_call_compiles_nothing(found, case):
    assert found[case]["compiled_again"] == 0


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][3]])
def test_a_model_is_called_on_a_devices_share_of_the_samples(found, case):
    assert CASES[case][3] in found[case]["called_on"]


@pytest.mark.parametrize("case", [case for case in CASES if "host model" in case])
def test_a_host_model_sees_the_same_bits(found, case):
    assert found[case]["same_inputs"]


@pytest.mark.parametrize("case", [case for case in CASES if "needed" in case])
def test_rows_stop_at_sizes_of_their_own(found, case):
    assert len(found[case]["used"]) > 1


@pytest.mark.parametrize("shape", ["8", "2x4"])
def test_samples_and_bins_are_the_same_bits(found, shape):
    assert found["bits"][shape] == found["bits"][ALONE]
    assert found["bits"][ALONE]["shared"] != found["bits"][ALONE]["values"]


def test_rows_are_dealt_out_evenly(found):
    assert found["dealt"] == {str(device): [device, device + 8] for device in range(8)}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("a model on one device", ["`mesh`", "put the arrays on all devices of the mesh"]),
        ("as many devices as threads", ["`mesh`", "8 devices", "NPROC=9"]),
        ("none", []),
        ("a model on the mesh", []),
    ],
)
def test_what_cannot_run_is_refused(found, case, words):
    message = found["refused"][case]
    assert bool(message) == bool(words)
    assert all(word in message for word in words)


ONE = np.array(jax.devices()[:1])


@pytest.mark.parametrize(
    ("mesh", "words"),
    [
        (8, "expected a jax.sharding.Mesh"),
        (jax.devices(), "expected a jax.sharding.Mesh"),
        (Mesh(ONE.reshape(1, 1, 1), ("a", "b", "c")), "one axis, for rows, or two"),
        (Mesh(ONE.reshape(()), ()), "one axis, for rows, or two"),
    ],
)
def test_what_is_no_mesh_of_one_or_two_axes_is_refused(mesh, words):
    with pytest.raises(ValueError, match=f"`mesh`: .*{words}"):
        check_mesh(mesh)


def test_it_is_refused_at_every_door():
    X = np.random.default_rng(0).normal(size=(20, 2))
    explainer, mesh = TabularExplainer().fit(X), Mesh(ONE.reshape(1, 1, 1), ("a", "b", "c"))
    with pytest.raises(ValueError, match="`mesh`"):
        explainer.explain(X, lambda rows: rows[:, 0], mesh=mesh)
    with pytest.raises(ValueError, match="`mesh`"):
        explainer.sweep(X, lambda rows: rows[:, 0], [1.0], mesh=mesh)
    with pytest.raises(ValueError, match="`mesh`"):
        ImageExplainer().explain(np.zeros((8, 8)), lambda images: images.sum((1, 2)), mesh=mesh)


def test_several_processes_refuse_a_host_model_and_rows_that_differ(monkeypatch):
    from jax.experimental import multihost_utils

    mesh = Mesh(ONE, ("rows",))
    rows = np.arange(6.0).reshape(3, 2)
    check_model_on(mesh, None, on_device=False)
    check_same_rows(mesh, rows)
    monkeypatch.setattr("lime_jax.engine.mesh_checks.several_processes", lambda mesh: True)
    with pytest.raises(ValueError, match=r"`mesh`: .*explain rows of its own, with `row_ids`"):
        check_model_on(mesh, None, on_device=False)
    marks = []
    monkeypatch.setattr(multihost_utils, "process_allgather", lambda mine: np.stack([*marks, mine]))
    check_same_rows(mesh, rows)
    marks.append(np.array([3, zlib.crc32(rows.tobytes())], np.uint32))
    check_same_rows(mesh, rows)
    for others in (rows[:2], rows + 1):
        with pytest.raises(ValueError, match=r"`X`: .*explain the same rows"):
            check_same_rows(mesh, others)


def test_no_mesh_is_fine():
    check_mesh(None)
    check_model_on(None, None, on_device=False)
    check_same_rows(None, np.zeros((2, 2)))


# The script.

RNG = np.random.default_rng(3)
X = RNG.normal(size=(300, 4))
X12 = RNG.normal(size=(40, 12))
IMAGES = RNG.uniform(size=(3, 12, 12, 1)).astype(np.float32)
SLOPES = RNG.normal(size=(4, 3))
CALLED_ON, INPUTS = set(), set()


def scores(batch):
    CALLED_ON.add(len(batch))
    return jax.nn.softmax(batch @ jnp.asarray(SLOPES, batch.dtype))


def scores_on_host(batch):
    CALLED_ON.add(len(batch))
    INPUTS.update(map(bytes, np.ascontiguousarray(batch)))
    odds = np.exp(batch @ SLOPES)
    return odds / odds.sum(1, keepdims=True)


def brightness(images):
    return jnp.stack([images[:, :6].mean((1, 2, 3)), (images**2).mean((1, 2, 3))], 1)


def curved(batch):
    return jnp.tanh(batch[:, :6].sum(1)) + batch[:, 6] * batch[:, 7]


def explanations():
    """By name, a function of mesh and number of rows."""
    plain = TabularExplainer(discretizer=None).fit(X)
    shared = TabularExplainer().fit(X)
    around = TabularExplainer(sample_around_instance=True).fit(X)
    shap, shap12 = TabularExplainer("kernel_shap").fit(X[:20]), TabularExplainer("kernel_shap")
    shap12.fit(X12[:5])
    forest = RandomForestClassifier(4, max_depth=3, random_state=0).fit(X, X[:, 0] > X[:, 1])
    images = ImageExplainer(segmentation="grid", cell_size=4, feature_selection="none")
    model, model12, picture = (jax_predict(f) for f in (scores, curved, brightness))
    some = {"num_samples": SAMPLES}
    # Tolerances that some rows need twice the samples for.
    auto = {"num_samples": "auto", "tolerance": 0.014}
    auto_shared = {"num_samples": "auto", "tolerance": 0.002}
    widths = {**some, "kernel_width": [0.5, 1.5], "held_out_score": False}
    return {
        "shared": lambda n, mesh: shared.explain(X[:n], model, **some, mesh=mesh),
        "shared host": lambda n, mesh: shared.explain(X[:n], scores_on_host, **some, mesh=mesh),
        "around": lambda n, mesh: around.explain(X[:n], model, **some, mesh=mesh),
        "around host": lambda n, mesh: around.explain(X[:n], scores_on_host, **some, mesh=mesh),
        "plain": lambda n, mesh: plain.explain(X[:n], model, **some, mesh=mesh),
        "exact trees": lambda n, mesh: shared.explain(X[:n], forest, method="exact", mesh=mesh),
        "exact shap": lambda n, mesh: shap.explain(X[:n], forest, method="exact", mesh=mesh),
        "shap": lambda n, mesh: shap12.explain(X12[:n], model12, mesh=mesh),
        "images": lambda n, mesh: images.explain(IMAGES[:n], picture, num_samples=64, mesh=mesh),
        "auto shared": lambda n, mesh: shared.explain(
            X[:n], scores_on_host, **auto_shared, mesh=mesh
        ),
        "auto": lambda n, mesh: around.explain(X[:n], model, **auto, mesh=mesh),
        "sweep": lambda n, mesh: around.sweep(X[:n], model, **widths, mesh=mesh)[0],
        "sweep shared": lambda n, mesh: shared.sweep(X[:n], model, **widths, mesh=mesh)[0],
    }


def compare(explain, shape, count, compilations):
    """What a mesh makes of a case, against one device."""
    INPUTS.clear()
    alone = explain(count, None)
    inputs = set(INPUTS)
    CALLED_ON.clear()
    INPUTS.clear()
    ours = explain(count, make_mesh(shape))
    called_on, same_inputs = sorted(CALLED_ON), bool(inputs) and inputs == INPUTS
    before = len(compilations)
    explain(count, make_mesh(shape))
    return {
        "rows": len(ours),
        "difference": {
            name: difference(getattr(alone, name), getattr(ours, name)) for name in NUMBERS
        },
        "same_used": bool(np.array_equal(alone.samples_used, ours.samples_used)),
        "used": sorted({*ours.samples_used.tolist()}),
        "called_on": called_on,
        "same_inputs": same_inputs,
        "compiled_again": len(compilations) - before,
    }


def difference(ours, expected):
    if ours.shape != expected.shape or not np.array_equal(np.isnan(ours), np.isnan(expected)):
        return 1e9
    gap = np.abs(ours - expected) / np.maximum(1, np.abs(expected))
    return float(np.nanmax(gap, initial=0))


@pytree
class AsDrawn:
    """A method whose explanation of a row is the samples as they were drawn."""

    inner: object

    @property
    def design(self):
        return self.inner.design

    def draws(self, key, replicate, block):
        return self.inner.draws(key, replicate, block)

    def summarize(self, view, y):
        return view.z, view.points

    def merge(self, first, second):
        return jax.tree.map(jnp.add, first, second)

    def solve(self, summaries, coordinates):
        return summaries


def bits_of(shape):
    """Checksums of samples: of a shared neighborhood, and of rows by either way of the engine."""
    mesh = None if shape is None else make_mesh(shape)
    stats, ids = fit_tabular(X), np.arange(8, dtype=np.uint32)
    bins, centered = encode_rows(stats, X[:8])
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    rows = engine.Rows(instances, ids, np.zeros((8, 1), np.int32))
    model = DevicePredict(jax_predict(scores))

    config = TabularConfig(num_samples=SAMPLES)
    domain, kept = make_domain(stats, config), engine.SharedNeighborhood()
    method = make_method(stats, config, shared=True)
    work = engine.Work(0, domain, method, model, rows, None, mesh=mesh, neighborhood=kept)
    draw_shared(work)

    config = TabularConfig(num_samples=SAMPLES, sampling="around")
    domain, method = make_domain(stats, config), make_method(stats, config, shared=False)
    drawn = AsDrawn(method)
    codes, _ = engine.explain(engine.Work(0, domain, drawn, model, rows, None, mesh=mesh))
    run = RowRun(engine.Work(0, domain, method, scores_on_host, rows, None, mesh=mesh))
    [chunk] = chunks(rows, 8, run.devices)
    samples = run.sample(chunk, run.groups()[0])
    arrays = {"shared": kept.samples[0], "codes": codes, "values": run.devices.fetch(samples, 8)}
    return {
        name: [zlib.crc32(np.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(array)]
        for name, array in arrays.items()
    }


def refusals():
    """What is said to a model or a machine that cannot."""
    explainer, mesh = TabularExplainer().fit(X), make_mesh((8,))

    @pytree
    class Line:
        slopes: jax.Array

        def __call__(self, batch):
            return batch @ self.slopes

    weights, everywhere = jnp.ones(4), NamedSharding(mesh, PartitionSpec())
    cases = {
        "none": (Line(weights), "9"),
        "a model on one device": (Line(jax.device_put(weights, jax.devices()[0])), "9"),
        "a model on the mesh": (Line(jax.device_put(weights, everywhere)), "9"),
        "as many devices as threads": (Line(weights), "2"),
    }
    messages = {}
    for case, (model, threads) in cases.items():
        os.environ["NPROC"] = threads
        try:
            explainer.explain(X[:2], model, num_samples=64, mesh=mesh)
            messages[case] = ""
        except ValueError as error:
            messages[case] = str(error)
    return messages


def dealt():
    """Which rows are on which device."""
    from lime_jax.engine.devices import for_rows

    placed = for_rows(make_mesh((8,))).place_rows(np.arange(16))
    return {shard.device.id: shard.data.tolist() for shard in placed.addressable_shards}


def make_mesh(shape):
    types = (jax.sharding.AxisType.Auto,) * len(shape)
    return jax.make_mesh(shape, ("data", "model")[: len(shape)], axis_types=types)


def main(path):
    compilations = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: (
            compilations.append(event) if "backend_compile" in event else None
        )
    )
    explain = explanations()
    found = {
        case: compare(explain[name], shape, count, compilations)
        for case, (name, shape, count, _) in CASES.items()
    }
    assert compilations  # the event still has this name
    shapes = {ALONE: None, "8": (8,), "2x4": (2, 4)}
    found["bits"] = {name: bits_of(shape) for name, shape in shapes.items()}
    found["dealt"] = dealt()
    found["refused"] = refusals()
    with open(path, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1])
