"""One worker function: a spec and rows in, a table out, the same wherever it runs."""

from __future__ import annotations

import pickle
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

import lime_jax
from lime_jax.distributed import ChunkSpec, ModelFactory, explain_chunk
from lime_jax.distributed.sending import pack, portable, unpack
from lime_jax.distributed.worker import check_ids, ids_of
from lime_jax.engine import budget
from lime_jax.results.arrow import explanations_of, long_table, rows_table


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, DecisionTreeClassifier(random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def explainer(iris):
    return lime_jax.TabularExplainer().fit(iris[0])


OPTIONS = {"num_samples": 512, "method": "sampled"}


@pytest.mark.parametrize(
    ("form", "table_of"),
    [
        ("rows", rows_table),
        ("long", long_table),
        ("numbers", partial(rows_table, texts=False)),
    ],
)
def test_a_chunk_is_what_explain_gives(iris, explainer, form, table_of):
    X, model = iris
    spec = ChunkSpec(explainer, model, OPTIONS, form)
    found = explainer.explain(X[:5], model, **OPTIONS)
    # A chunk does not know where it was cut from: its rows are told by their content.
    assert explain_chunk(spec, X[:5]).equals(table_of(found, found.key_ids))
    named = X[:5].set_axis(list("abcde"))
    assert set(explain_chunk(spec, named)["row_id"].to_pylist()) == set("abcde")


def test_given_ids_seed_the_rows_and_name_them(iris):
    X, model = iris
    explainer = lime_jax.TabularExplainer(sample_around_instance=True).fit(X)
    table = explain_chunk(ChunkSpec(explainer, model, OPTIONS), X[:2], ["a", "b"])
    expected = explainer.explain(X[:2], model, row_ids=["a", "b"], **OPTIONS)
    assert table["row_id"].to_pylist() == ["a", "b"]
    np.testing.assert_array_equal(explanations_of(table).coef, expected.coef)


def test_a_spec_travels_and_its_chunks_do_not_change(iris, explainer):
    X, model = iris
    spec = ChunkSpec(explainer, model, OPTIONS)
    whole = explain_chunk(spec, X[:7])
    sent = pickle.loads(pickle.dumps(spec))
    parts = [explain_chunk(sent, X[a:b]) for a, b in ((0, 3), (3, 4), (4, 7))]
    found = lime_jax.concatenate([explanations_of(part) for part in parts])
    np.testing.assert_array_equal(found.row_ids, explanations_of(whole).row_ids)
    np.testing.assert_allclose(found.coef, explanations_of(whole).coef, atol=1e-5)


class Asked:
    """A function of tables that notes how many rows it is asked about, here and in copies."""

    rows: ClassVar[list[int]] = []

    def __call__(self, batch):
        self.rows.append(len(batch))
        return np.stack([np.asarray(batch)[:, 0], -np.asarray(batch)[:, 1]], axis=1)


@pytest.mark.parametrize(
    "options", [{}, {"labels": [1]}, {"num_samples": "auto", "tolerance": 9.0}]
)
def test_what_a_model_on_the_host_says_of_shared_samples_travels(iris, explainer, options):
    options = {"num_samples": 512, **options}
    spec = ChunkSpec(explainer, Asked(), options)
    Asked.rows.clear()
    sent = pack(spec, pickle.dumps)
    assert Asked.rows[:2] == [1, 4096 if options["num_samples"] == "auto" else 512]
    tables = {}
    for worker in range(2):
        copy = unpack(sent, spec.enable_x64)
        Asked.rows.clear()
        tables[worker] = [explain_chunk(copy, iris[0][k : k + 50]) for k in (0, 50, 100)]
        if options["num_samples"] == 512:
            assert Asked.rows == [50, 50, 50]
    assert tables[0] == tables[1]
    found = explainer.explain(iris[0][:50], Asked(), **options)
    np.testing.assert_array_equal(explanations_of(tables[0][0]).coef, found.coef)


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({"sample_around_instance": True}, Asked()),
        ({}, jax.jit(jnp.sum)),
        ({}, DecisionTreeClassifier().fit(np.eye(4), range(4))),
        ({}, ModelFactory(Asked)),
        ({}, "none at all"),
    ],
)
def test_nothing_is_asked_ahead_where_rows_have_their_own_samples_or_the_model_is_no_function(
    iris, settings, model
):
    explainer = lime_jax.TabularExplainer(**settings).fit(iris[0])
    Asked.rows.clear()
    ChunkSpec(explainer, model).ask_ahead()
    assert not Asked.rows
    assert not explainer.learned.neighborhoods


def test_what_many_outputs_say_of_samples_stays_here(iris, explainer, monkeypatch):
    spec = ChunkSpec(explainer, Asked(), OPTIONS)
    monkeypatch.setattr(budget, "TRAVELS", 512 * 2 * 8 - 1)
    copy = unpack(pack(spec, pickle.dumps), spec.enable_x64)
    assert not copy.explainer.learned.neighborhoods


def test_images_are_rows_too():
    images = np.random.default_rng(0).random((3, 16, 16, 3))
    explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=8)

    def model(batch):
        return batch.mean((1, 2, 3))

    table = explain_chunk(ChunkSpec(explainer, model, {"num_samples": 64}), images, [7, 8, 9])
    expected = explainer.explain(images, model, num_samples=64, row_ids=[7, 8, 9])
    assert table["row_id"].to_pylist() == [7, 8, 9]
    np.testing.assert_array_equal(explanations_of(table).coef, expected.coef)


class Counting:
    made = 0


def make_counted(model):
    Counting.made += 1
    return model


def test_a_factory_makes_one_model_for_each_worker(iris, explainer):
    X, model = iris
    Counting.made = 0
    spec = ChunkSpec(explainer, ModelFactory(make_counted, model), OPTIONS)
    found = [explain_chunk(spec, X[:2]), explain_chunk(spec, X[:2])]
    assert Counting.made == 1
    other = ChunkSpec(explainer, ModelFactory(make_counted, model), OPTIONS)
    for one in pickle.loads(pickle.dumps([spec, ChunkSpec(explainer, spec.model)])):
        explain_chunk(one, X[:2])  # another worker, of two explainers
    assert Counting.made == 2
    explain_chunk(other, X[:2])
    assert Counting.made == 3
    assert found[0].equals(explain_chunk(ChunkSpec(explainer, model, OPTIONS), X[:2]))


def test_a_worker_counts_in_the_bits_of_the_sender(iris, explainer):
    X, model = iris
    x64 = jnp.result_type(float) == jnp.float64
    expected = explainer.explain(X[:2], model, **OPTIONS)
    spec = ChunkSpec(explainer, model, OPTIONS)
    with jax.enable_x64(not x64):
        found = explanations_of(explain_chunk(spec, X[:2]))
        other = explanations_of(explain_chunk(ChunkSpec(explainer, model, OPTIONS), X[:2]))
    np.testing.assert_array_equal(found.coef, expected.coef)
    assert found.coef.dtype == (np.float64 if x64 else np.float32)
    assert other.coef.dtype == (np.float32 if x64 else np.float64)


def test_a_spec_is_read_in_the_bits_it_was_sent_in(explainer):
    with jax.enable_x64(True):
        specs = [ChunkSpec(explainer, partial(np.add, jnp.full(3, 1 / 3)))]
        data = pack(specs, pickle.dumps)
    with jax.enable_x64(False):
        (found,) = unpack(data, specs[0].enable_x64)
    np.testing.assert_array_equal(np.asarray(found.model.args[0]), np.full(3, 1 / 3))


def test_what_can_be_sent_is_pickled_once(iris, explainer):
    _, model = iris
    pickled = []

    def dumps(value):
        pickled.append(value)
        return pickle.dumps(value)

    specs = [ChunkSpec(explainer, model), ChunkSpec(explainer, model, OPTIONS)]
    found = pickle.loads(pack(specs, dumps))
    assert pickled == [specs]
    assert found[0].model is found[1].model


class TwoWords(Exception):
    """Cannot be read again: its arguments are not those of the class."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize(
    ("error", "type_", "words"),
    [
        (OSError(2, "no such file"), FileNotFoundError, "no such file"),
        (TwoWords("this", "that"), RuntimeError, "TwoWords: this and that"),
        (KeyError(lambda: 0), RuntimeError, "KeyError: "),
    ],
)
def test_an_exception_travels_as_itself_or_as_its_words(error, type_, words):
    try:
        raise error
    except Exception as raised:
        found = pickle.loads(portable(raised, pickle.dumps))
    assert type(found) is type_
    assert words in str(found)
    assert "in test_an_exception_travels" in "".join(found.__notes__)


def test_what_cannot_be_sent_names_the_factory(iris, explainer):
    lock = __import__("threading").Lock()

    def model(rows):
        with lock:
            return rows[:, 0]

    cloudpickle = pytest.importorskip("ray.cloudpickle")
    with pytest.raises(ValueError, match=r"`model`: function cannot be pickled.*ModelFactory"):
        pack(ChunkSpec(explainer, model), cloudpickle.dumps)
    explainer = lime_jax.TabularExplainer(kernel=partial(model, lock)).fit(iris[0])
    with pytest.raises(ValueError, match="`explainer`: TabularExplainer cannot be pickled"):
        pack(ChunkSpec(explainer, iris[1]), cloudpickle.dumps)


@pytest.mark.parametrize(
    ("make", "words"),
    {
        "not fitted": (lambda e, m: ChunkSpec(lime_jax.TabularExplainer(), m), "not fitted yet"),
        "no explainer": (lambda e, m: ChunkSpec(m, m), "`explainer`: expected an explainer"),
        "form": (
            lambda e, m: ChunkSpec(e, m, form="wide"),
            "`form`: expected one of rows, long, numbers",
        ),
        "unknown": (lambda e, m: ChunkSpec(e, m, {"samples": 3}), "`samples`: no option"),
        "ids": (lambda e, m: ChunkSpec(e, m, {"row_ids": [1]}), "`row_ids`: no option"),
        "mesh": (lambda e, m: ChunkSpec(e, m, {"mesh": None}), "`mesh`: no option"),
        "factory": (lambda e, m: ModelFactory(m), "`make`: expected a function"),
    }.values(),
)
def test_a_spec_is_refused_at_the_door(iris, explainer, make, words):
    with pytest.raises((ValueError, NotFittedError), match=words):
        make(explainer, iris[1])


@pytest.mark.parametrize(
    ("ids", "words"),
    {
        "too few": ([1, 2], "one for each of 3 rows, got 2"),
        "twice": (["a", "b", "a"], "rows 0 and 2 are both 'a'"),
        "twice in an array": (np.array([4, 9, 9]), "rows 1 and 2 are both"),
    }.values(),
)
def test_ids_have_to_tell_rows_apart(ids, words):
    with pytest.raises(ValueError, match=f"`row_ids`: .*{words}"):
        check_ids(ids, 3)


@pytest.mark.parametrize("ids", [[3, 1], ["a", "b"], np.array([2**63, 1], np.uint64), []])
def test_ids_of_a_column_are_what_they_were(ids):
    pa = pytest.importorskip("pyarrow")
    for column in (pa.array(ids), pa.chunked_array([pa.array(ids)])):
        assert list(ids_of(column)) == list(ids)


@pytest.mark.parametrize("ids", [[1, None, 0], ["a", None, "b"], [None, None, None]])
def test_ids_of_a_column_are_not_null(ids):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=f"`id_col`: .* {ids.count(None)} of 3 are null"):
        ids_of(pa.array(ids))


def test_ids_that_do_and_none_are_taken():
    check_ids(["a", "b", "c"], 3)
    check_ids(None, 3)


def test_a_model_on_the_host_is_asked_about_shared_samples_once_for_all_blocks(explainer, iris):
    asked = []

    def model(batch):
        asked.append(len(batch))
        return batch.to_numpy().sum(1)

    spec = ChunkSpec(explainer, model, OPTIONS)
    for start in range(0, 150, 50):
        explain_chunk(spec, iris[0][start : start + 50])
    assert sum(asked) == 150 + 512
    explain_chunk(ChunkSpec(explainer, model, OPTIONS), iris[0][:50])  # other work, no promise
    assert sum(asked) == 150 + 512 + 50 + 512
