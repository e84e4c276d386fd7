"""Ray: the same numbers as in one process, whatever happens to the workers."""

from __future__ import annotations

import dataclasses
import itertools
import json
import operator
import os
import pickle
import signal
import sys
import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

import lime_jax
from lime_jax.distributed import ChunkSpec, ModelFactory
from lime_jax.distributed import ray as on_ray
from lime_jax.distributed.ray import pool as ray_pool
from lime_jax.distributed.ray.worker import Worker
from lime_jax.distributed.sending import pack
from lime_jax.results.arrow import explanations_of
from lime_jax.results.saved import stored_arrays, stored_facts

FEW = {"num_samples": 128}


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    """A local Ray of two cores, which no test may stop."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TQDM_PATCH_PRINT", "0")  # else Ray puts its own in place of `print`
        patch.setenv("JAX_ENABLE_X64", "0")  # workers count as the spec says, not as their own
        # What one worker compiles, the next one reads.
        programs = os.environ.get("JAX_COMPILATION_CACHE_DIR") or tmp_path_factory.mktemp(
            "programs"
        )
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(programs))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        warnings.simplefilter("ignore")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            logging_level="error",
            log_to_driver=False,
            object_store_memory=80 * 2**20,
        )
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # models of this file
        yield ray
        assert ray.is_initialized()
        ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
        ray.shutdown()


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    X = pd.DataFrame(
        {
            "number": rng.normal(size=40),
            "text": rng.choice(["red", "green", "blue"], 40),
            "whole": rng.integers(0, 9, 40).astype(np.int16),
        }
    )
    X.loc[::7, "number"] = np.nan
    y = (X["number"].fillna(1) > 0) ^ (X["text"] == "red")
    encode = make_column_transformer((OrdinalEncoder(), ["text"]), remainder="passthrough")
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    return X, make_pipeline(encode, tree).fit(X, y)


@pytest.fixture(scope="module")
def numbers():
    X = np.random.default_rng(5).normal(size=(23, 3))
    return X, lime_jax.TabularExplainer(sample_around_instance=True).fit(X)


def assert_same(found, expected):
    """Every number and every text, bit for bit."""
    arrays, others = stored_arrays(found), stored_arrays(expected)
    facts, other_facts = stored_facts(found), stored_facts(expected)
    assert json.dumps(facts) == json.dumps(other_facts)  # where NaN equals NaN
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype, name
        np.testing.assert_array_equal(array, others[name], err_msg=name)


# The same numbers.


def test_sparse_rows(cluster):
    X = sparse.random_array((9, 20), density=0.2, rng=np.random.default_rng(0)).tocsr()
    explainer = lime_jax.TabularExplainer().fit(X)
    model = LogisticRegression().fit(X, np.arange(9) % 2)
    found = on_ray.explain(explainer, X, model, num_workers=1, batch_size=5)
    wanted = explainer.explain(X, model)
    np.testing.assert_array_equal(found.columns, wanted.columns)
    np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-6)


def test_several_explainers_share_blocks_workers_and_models(frame, cluster, tmp_path, monkeypatch):
    X, model = frame
    sent, put = [], cluster.put
    monkeypatch.setattr(cluster, "put", lambda value: (sent.append(value), put(value))[1])

    def make_marked():
        (tmp_path / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        return model

    explainers = {
        "shared": (lime_jax.TabularExplainer().fit(X), {"method": "sampled", **FEW}),
        "exact": (lime_jax.TabularExplainer().fit(X), {"score": False}),
        "shap": lime_jax.TabularExplainer("kernel_shap").fit(X[:9]),
    }
    factory = ModelFactory(make_marked)
    found = on_ray.explain_all(explainers, X, factory, num_workers=2, batch_size=15)
    assert len(sent) == 1 + 3  # the specs, and each block
    assert set(made_by_process(tmp_path).values()) == {1}
    assert list(found) == list(explainers)
    for name, given in explainers.items():
        explainer, options = given if isinstance(given, tuple) else (given, {})
        assert_same(found[name], explainer.explain(X, model, **options))


def test_images(rng):
    images = [rng.uniform(size=(8, width, 3)).astype(np.float32) for width in (8, 12, 8)]
    explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=4)
    options = dict(num_samples=64, row_ids=["x", "y", "z"])
    found = on_ray.explain(explainer, images, bright, num_workers=1, batch_size=2, **options)
    assert_same(found, explainer.explain(images, bright, **options))


def bright(batch):
    return batch.mean((1, 2))


def made_by_process(folder):
    """How many models each process made."""
    return Counter(path.name.split("-")[0] for path in folder.iterdir())


def test_a_worker_reads_specs_in_the_bits_they_were_sent_in():
    third = np.full(3, 1 / 3)
    with jax.enable_x64(True):
        spec = ChunkSpec(FITTED, partial(np.dot, jax.numpy.asarray(third)))
        worker = Worker(pack([spec], pickle.dumps), spec.enable_x64)
    with jax.enable_x64(False):
        (found,) = worker.specs
    np.testing.assert_array_equal(np.asarray(found.model.args[0]), third)


# Blocks as they are finished.


class Marked:
    """A model that leaves a mark in a folder when its process makes it, and warns at each call."""

    def __init__(self, folder):
        (folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()

    def __call__(self, batch):
        warnings.warn("this model has its doubts", RuntimeWarning, stacklevel=1)
        return batch.sum(1)


def test_blocks_come_as_they_are_finished_with_their_ids(numbers, tmp_path):
    X, explainer = numbers
    ids = [f"row {row}" for row in range(len(X))]
    model = ModelFactory(Marked, tmp_path)
    settings = dict(num_workers=2, batch_size=4, row_ids=ids, **FEW)
    with pytest.warns(RuntimeWarning, match="has its doubts") as caught:
        parts = list(on_ray.explain_iter(explainer, X, model, **settings))
    assert len(caught) == 1  # not once for each call, block or worker
    made = made_by_process(tmp_path)
    assert len(made) == 2  # workers
    assert set(made.values()) == {1}
    assert str(os.getpid()) not in made

    assert sorted(part_id for part_ids, _ in parts for part_id in part_ids) == sorted(ids)
    expected = explainer.explain(X, lambda batch: batch.sum(1), row_ids=ids, **FEW)
    for part_ids, part in parts:
        rows = [ids.index(one) for one in part_ids]
        np.testing.assert_array_equal(part.coef, expected.coef[rows])
        np.testing.assert_array_equal(part.std_error, expected.std_error[rows])
        np.testing.assert_array_equal(part.row_ids, expected.row_ids[rows])


def test_warnings_of_the_package_point_at_the_line_of_the_user(numbers):
    X, _ = numbers
    narrow = lime_jax.TabularExplainer(kernel_width=0.02).fit(X)
    with pytest.warns(UserWarning, match="few samples") as caught:
        on_ray.explain(narrow, X[:2], operator.methodcaller("sum", 1), num_workers=1, **FEW)
    assert {one.filename for one in caught if "few samples" in str(one.message)} == {__file__}


def test_no_more_blocks_are_taken_than_there_is_room_for(numbers, tmp_path):
    X, explainer = numbers
    spec = ChunkSpec(explainer, ModelFactory(Quiet, tmp_path), FEW, "long")
    taken = []

    def blocks():
        for number in range(1000):
            taken.append(number)
            yield number, X[:1], None

    tables = on_ray.explain_tables(spec, blocks(), num_workers=1, ordered=True)
    assert not taken  # nothing is done before it is asked for
    for number in range(3):
        found, table = next(tables)
        assert found == number
        assert table.column_names[0] == "row_id"
        assert len(taken) <= number + 5  # the one that came, and four under way
    tables.close()
    (worker,) = (int(path.name.split("-")[0]) for path in tmp_path.iterdir())
    assert ends(worker)


class Quiet(Marked):
    def __call__(self, batch):
        return batch.sum(1)


def ends(process: int, seconds: float = 30) -> bool:
    """Whether a process is gone soon."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_an_actor_compiles_once_whatever_the_number_of_blocks(numbers, tmp_path):
    X, explainer = numbers
    log = tmp_path / "traces"

    @lime_jax.jax_predict
    def traced(batch):
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return batch.sum(1)

    explainer.explain(X[:6], traced, **FEW)
    alone = len(log.read_text().split())
    log.unlink()
    settings = dict(num_workers=1, batch_size=6, ordered=False, **FEW)  # of 5 and 6 rows
    found = on_ray.explain(explainer, X, traced, **settings)
    assert found.model_path.startswith("jax")
    assert len(log.read_text().split()) == alone


# Workers that stay.


class Raising(Marked):
    """Sums; raises at a row with a 99."""

    def __call__(self, batch):
        if (batch == 99).any():
            raise OwnError("no such thing")
        return batch.sum(1)


def expected_of(numbers, X, **options):
    return numbers[1].explain(X, lambda batch: batch.sum(1), **FEW, **options)


@pytest.fixture(scope="class")
def staying(numbers, cluster, tmp_path_factory):
    """Two workers, and the folder in which each marks that it made the model."""
    _, explainer = numbers
    folder = tmp_path_factory.mktemp("marks")
    factory = ModelFactory(Raising, folder)
    with on_ray.Explainers(explainer, factory, num_workers=2, **FEW) as workers:
        yield workers, folder


class TestWorkersThatStay:
    def test_calls_one_after_another_are_of_the_same_workers(self, numbers, staying):
        X, _ = numbers
        workers, folder = staying
        for rows in (X, X[3:9], X[:0]):
            assert_same(on_ray.explain(workers, rows, batch_size=4), expected_of(numbers, rows))
        ids = [f"row {row}" for row in range(len(X))]
        parts = list(on_ray.explain_iter(workers, X, batch_size=4, row_ids=ids, ordered=True))
        assert [one for part_ids, _ in parts for one in part_ids] == ids
        (found,) = on_ray.explain_all(workers, X).values()
        assert_same(found, expected_of(numbers, X))
        made = made_by_process(folder)
        assert set(made.values()) == {1}
        assert len(made.keys() - {str(os.getpid())}) <= 2  # no rows are explained by this process

    def test_a_call_that_was_left_or_failed_does_not_reach_the_next(self, numbers, staying):
        X, _ = numbers
        workers, _ = staying
        left = on_ray.explain_iter(workers, X, batch_size=1)
        next(left)
        with pytest.raises(RuntimeError, match="at work for another call"):
            on_ray.explain(workers, X)
        left.close()
        bad = X.copy()
        bad[5, 0] = 99
        with pytest.raises(OwnError, match="no such thing") as caught:
            on_ray.explain(workers, bad, batch_size=2)
        notes = "\n".join(caught.value.__notes__)
        assert "In the block of rows 5 to 6 of `X`" in notes
        assert "in __call__" in notes  # the traceback of the worker
        assert_same(on_ray.explain(workers, X[::2]), expected_of(numbers, X[::2]))

    def test_a_worker_that_died_between_calls_is_replaced(self, numbers, staying):
        X, _ = numbers
        workers, folder = staying
        on_ray.explain(workers, X, batch_size=4)
        before = made_by_process(folder).keys() - {str(os.getpid())}
        os.kill(int(min(before)), signal.SIGKILL)
        assert ends(int(min(before)))
        assert_same(on_ray.explain(workers, X, batch_size=4), expected_of(numbers, X))

    def test_what_belongs_to_the_workers_is_not_asked_for_again(self, numbers, staying):
        X, explainer = numbers
        workers, _ = staying
        for extra in (dict(model=bright), dict(num_workers=3), dict(num_samples=64)):
            with pytest.raises(
                ValueError, match="`Explainers` have a model, workers and options of"
            ):
                on_ray.explain(workers, X, **extra)
        with pytest.raises(ValueError, match="`model`: expected the model to explain, got None"):
            on_ray.explain(explainer, X)
        two = on_ray.Explainers({"a": explainer, "b": (explainer, dict(FEW))}, bright)
        with pytest.raises(
            ValueError, match="expected one, got `Explainers` of a, b; `explain_all`"
        ):
            on_ray.explain(two, X)


def test_workers_that_cannot_start_leave_nothing_behind(numbers, monkeypatch):
    def fail(pool):
        raise OSError("no room")

    monkeypatch.setattr(ray_pool.Pool, "start", fail)
    before = ray_pool._Session.calls
    with pytest.raises(OSError, match="no room"), on_ray.Explainers(numbers[1], bright):
        raise AssertionError("they did not start")
    assert ray_pool._Session.calls == before


# Death.


class Deadly:
    """Sums, and kills its process by a row with a 99; if there is a folder, once."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def __call__(self, batch):
        if (batch == 99).any():
            if self.folder is None:
                os.kill(os.getpid(), signal.SIGKILL)
            elif not list(self.folder.iterdir()):
                (self.folder / "killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return batch.sum(1)


def test_a_killed_worker_is_replaced_and_the_numbers_are_the_same(numbers, tmp_path):
    X, explainer = numbers
    X = X.copy()
    X[12, 1] = 99
    settings = dict(num_workers=2, batch_size=4, ordered=True)
    found = on_ray.explain(explainer, X, Deadly(tmp_path), **settings, **FEW)
    assert (tmp_path / "killed").exists()
    assert_same(found, explainer.explain(X, Deadly(tmp_path), **FEW))


def test_rows_that_kill_every_worker_are_given_up(numbers, monkeypatch):
    X, explainer = numbers
    X = X.copy()
    X[7, 1] = 99
    monkeypatch.setattr(ray_pool, "_DEATHS", 2)
    with pytest.raises(RuntimeError, match="rows 4 to 8 of `X`: 2 workers died while explaining"):
        on_ray.explain(explainer, X, Deadly(None), num_workers=1, batch_size=5, **FEW)


def test_only_starts_that_fail_one_after_another_are_too_many(cluster, monkeypatch):
    died = cluster.exceptions.RayActorError()
    starved = cluster.exceptions.OutOfMemoryError("killed due to the node running low on memory")
    # Two workers die before they start, the third at its block, two more, the sixth lives.
    answers = iter([died, died, None, starved, died, died, None, ("table", [], None)])

    def get(ref):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    numbers = itertools.count()
    method = SimpleNamespace(remote=lambda *_: next(numbers))
    actor = SimpleNamespace(start=method, explain=method)
    made = SimpleNamespace(remote=lambda *_: actor)
    fake = {
        "get": get,
        "wait": lambda refs, **_: (refs[:1], refs[1:]),
        "kill": lambda _: None,
        "remote": lambda _: SimpleNamespace(options=lambda **_: made),
    }
    for name, function in fake.items():
        monkeypatch.setattr(cluster, name, function)
    pool = ray_pool.Pool(cluster, [ChunkSpec(FITTED, bright)], ray_pool.Resources(1, 1, 0))
    assert list(pool.run([("key", "rows", ROWS, None)], True)) == [("key", 0, "table")]


def test_a_cluster_without_a_free_place_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(ray_pool, "_PATIENCE", 0.01)
    with pytest.raises(TimeoutError, match=r"no worker of 1 CPU and 0 GPU could start .* of 2 CPU"):
        on_ray.explain(FITTED, ROWS, np.sum)


# Errors.


class OwnError(KeyError):
    pass


ROWS = np.arange(12.0).reshape(4, 3)
FITTED = lime_jax.TabularExplainer().fit(ROWS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_workers=0), "`num_workers`: expected a whole number, at least 1"),
        (dict(batch_size=0), "`batch_size`: expected a whole number, at least 1"),
        (dict(num_cpus_per_worker=0), "`num_cpus_per_worker`: expected more than 0, got 0"),
        (dict(num_gpus_per_worker=-1), "`num_gpus_per_worker`: expected 0 or more, got -1"),
        (dict(num_gpus_per_worker=1), "asks for 1 CPU and 1 GPU.*it has 2 CPU, 0 GPU"),
        (dict(num_cpus_per_worker=64), "`num_cpus_per_worker`: a worker asks for 64 CPU"),
        (dict(row_ids=[1, 2, 2, 3]), "`row_ids`.*rows 1 and 2 are both 2"),
        (dict(row_ids=[1]), "`row_ids`: expected one for each of 4 rows, got 1"),
        (dict(mesh=None), "`mesh`: no option of a distributed `explain`"),
        (dict(samples=3), "`samples`: no option of a distributed `explain`"),
    ],
)
def test_unusable_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        on_ray.explain(FITTED, ROWS, np.sum, **options)
    with pytest.raises(ValueError, match=message):
        list(on_ray.explain_iter(FITTED, ROWS, np.sum, **options))


def test_rows_are_called_what_they_were_in_any_order(frame):
    X, model = frame
    X = X[:9].set_axis([f"plant {row}" for row in range(9)])
    explainer = lime_jax.TabularExplainer().fit(X)
    expected = explainer.explain(X, model, **FEW)
    with on_ray.Explainers(explainer, model, num_workers=1, **FEW) as workers:
        for ids in (None, [f"row {row}" for row in range(9)]):
            found = on_ray.explain(workers, X, batch_size=2, ordered=False, row_ids=ids)
            names = list(X.index if ids is None else ids)
            assert sorted(found.row_ids) == sorted(names)
            place = [names.index(name) for name in found.row_ids]
            np.testing.assert_array_equal(found.values, expected.values[place])


def test_a_model_that_cannot_be_sent_names_the_factory():
    class Unsendable:
        def __reduce__(self):
            raise TypeError("an open handle")

    with pytest.raises(ValueError, match=r"`model`: Unsendable cannot be pickled.*ModelFactory"):
        on_ray.explain(FITTED, ROWS, Unsendable())


def test_explainers_are_of_one_kind_of_data():
    both = {"rows": FITTED, "images": lime_jax.ImageExplainer()}
    with pytest.raises(ValueError, match="expected explainers of one kind of data, got"):
        on_ray.explain_all(both, ROWS, np.sum)
    with pytest.raises(ValueError, match="`explainers`: expected at least one"):
        on_ray.explain_all({}, ROWS, np.sum)


@pytest.mark.parametrize("call", [on_ray.explain, on_ray.explain_iter])
def test_without_ray_the_extra_is_named(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    for rows in (ROWS, ROWS[:0]):
        with pytest.raises(ImportError, match=r"lime_jax\[ray\]"):
            call(FITTED, rows, bright)


def test_no_rows_are_explained_by_nobody(frame):
    X, model = frame
    explainer = lime_jax.TabularExplainer().fit(X)
    found = on_ray.explain(explainer, X[:0], model)
    assert_same(found, explainer.explain(X[:0], model))
    assert found.coef.shape == (0, 2, 3)
    assert list(on_ray.explain_iter(explainer, X[:0], model)) == []


# Ray itself.


def test_a_local_ray_ends_with_the_last_call_that_needs_it(cluster, monkeypatch):
    running = []
    monkeypatch.setattr(cluster, "is_initialized", lambda: bool(running))
    monkeypatch.setattr(cluster, "init", lambda **options: running.append(options))
    monkeypatch.setattr(cluster, "shutdown", running.clear)
    with ray_pool.running_ray():
        with ray_pool.running_ray():
            assert len(running) == 1
        assert running
    assert not running
    with pytest.raises(KeyError), ray_pool.running_ray():
        raise KeyError
    assert not running


def test_a_ray_that_runs_is_left_alone(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "init", None)
    monkeypatch.setattr(cluster, "shutdown", None)
    with ray_pool.running_ray() as ray:
        assert ray is cluster


NODES = [
    {"Alive": True, "Resources": {"CPU": 3.0, "GPU": 1.0}},
    {"Alive": True, "Resources": {"CPU": 3.0}},
    {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
]


@pytest.mark.parametrize(
    ("cpus", "gpus", "room"), [(1, 0, 6), (2, 0, 2), (0.5, 0, 12), (1, 0.25, 3), (0.1, 0.5, 2)]
)
def test_there_are_as_many_workers_as_fit_on_the_nodes(cpus, gpus, room):
    assert ray_pool.Resources(None, cpus, gpus).workers_of(NODES) == room
    assert ray_pool.Resources(1, cpus, gpus).workers_of(NODES) == 1
    with pytest.warns(UserWarning, match=f"has room for {room} "):
        assert ray_pool.Resources(room + 1, cpus, gpus).workers_of(NODES) == room + 1


def test_workers_take_the_cores_they_were_given():
    found = ray_pool.worker_environment(2.5, 0)
    assert found["NPROC"] == found["OMP_NUM_THREADS"] == "2"
    assert found["JAX_PLATFORMS"] == "cpu"
    shared = ray_pool.worker_environment(0.5, 0.5)
    assert shared["NPROC"] == "1"
    assert shared["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.375"
    assert "JAX_PLATFORMS" not in shared


# Ray Data.


@pytest.mark.parametrize("batch_format", ["pyarrow", "pandas", "numpy"])
@pytest.mark.parametrize("id_col", [None, "name"])
def test_a_batch_of_any_format_is_explained(frame, batch_format, id_col):
    import pyarrow as pa

    X, model = frame
    explainer = lime_jax.TabularExplainer().fit(X)
    names = [f"row {row}" for row in range(5)]
    given = X[:5].assign(name=names, other=0)
    batch = {
        "pyarrow": pa.Table.from_pandas(given),
        "pandas": given,
        "numpy": {name: given[name].to_numpy() for name in given},
    }[batch_format]
    step = on_ray.RayBatchExplainer(explainer, model, id_col=id_col, **FEW)
    ids = None if id_col is None else names
    expected = explainer.explain(X[:5], model, row_ids=ids, **FEW)
    table = step(batch)
    np.testing.assert_array_equal(explanations_of(table).coef, expected.coef)
    wanted = names if id_col else expected.key_ids.tolist()
    assert table["row_id"].to_pylist() == wanted


def test_a_missing_column_is_named(frame):
    X, model = frame
    step = on_ray.RayBatchExplainer(lime_jax.TabularExplainer().fit(X), model, id_col="name")
    with pytest.raises(ValueError, match="`id_col`: the batch lacks name; it has number, text"):
        step(X[:2])
    with pytest.raises(ValueError, match="`feature_cols`: the batch lacks text"):
        step(X[["number", "whole"]].assign(name=1))


@pytest.mark.parametrize("batch_format", ["pyarrow", "pandas", "numpy"])
@pytest.mark.parametrize(
    ("ids", "words"), [([None, 0, 1], "1 of 3 are null"), ([5, 6, 5], "rows 0 and 2 are both")]
)
def test_ids_of_a_batch_tell_its_rows_apart(batch_format, ids, words):
    import pyarrow as pa

    given = pd.DataFrame(ROWS[:3], columns=list("abc")).assign(id=ids)
    batch = {
        "pyarrow": pa.Table.from_pandas(given),
        "pandas": given,
        "numpy": {name: given[name].to_numpy() for name in given},
    }[batch_format]
    step = on_ray.RayBatchExplainer(FITTED, bright, id_col="id", feature_cols=list("abc"))
    with pytest.raises(ValueError, match=f"`id_col`: .*{words}"):
        step(batch)


def test_images_are_a_column(rng):
    images = rng.uniform(size=(2, 8, 8, 3)).astype(np.float32)
    explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=4)
    step = on_ray.RayBatchExplainer(explainer, bright, num_samples=64)
    found = explanations_of(step({"image": images}))
    expected = explainer.explain(images, bright, num_samples=64)
    assert found.row_ids.tolist() == expected.key_ids.tolist()  # a batch knows no more
    assert_same(found, dataclasses.replace(expected, row_ids=found.row_ids, row_names=("",)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray Data's, of itself
def test_actors_leave_a_core_to_read_the_files(cluster):
    assert on_ray.actor_pool().max_size == on_ray.actor_pool(1).max_size == 1  # of two cores
    with pytest.raises(ValueError, match="`num_workers`: expected fewer than the 2 cores"):
        on_ray.actor_pool(2)
    with pytest.raises(ValueError, match="`num_workers`"):
        on_ray.actor_pool(0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # it reads its own
def test_a_ray_data_set_is_explained(numbers, tmp_path):
    import ray.data

    X, explainer = numbers
    columns = {name: X[:, place] for place, name in enumerate("abc")}
    pd.DataFrame(columns).assign(id=np.arange(len(X))).to_parquet(tmp_path / "rows.parquet")
    data = ray.data.read_parquet(str(tmp_path))
    in_64_bits = jax.numpy.result_type(float) == np.float64
    options = dict(id_col="id", feature_cols=list("abc"), form="long", enable_x64=in_64_bits)

    def model(batch):
        assert os.environ["NPROC"] == "1"
        return batch.sum(1)

    explained = data.map_batches(
        on_ray.RayBatchExplainer,
        fn_constructor_args=(explainer, model),
        fn_constructor_kwargs=dict(**options, **FEW),
        batch_format="pyarrow",
        batch_size=9,
        compute=on_ray.actor_pool(),
    )
    found = explained.to_pandas().sort_values("row_id", kind="stable")
    ids = np.arange(len(X))
    expected = explainer.explain(X, lambda batch: batch.sum(1), row_ids=ids, **FEW)
    np.testing.assert_array_equal(found["weight"], expected.coef.ravel())
    np.testing.assert_array_equal(found["row_id"], np.repeat(ids, 3))
