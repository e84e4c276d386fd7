"""One worker function: a spec and rows in, a table out, the same wherever it runs."""

from __future__ import annotations

import pickle
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

import lime_jax
from lime_jax.arrow import explanations_of, long_table, rows_table
from lime_jax.distributed import ChunkSpec, ModelFactory, explain_chunk
from lime_jax.distributed.worker import check_ids, pack


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, DecisionTreeClassifier(random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def explainer(iris):
    return lime_jax.TabularExplainer().fit(iris[0])


OPTIONS = {"num_samples": 512, "method": "sampled"}


@pytest.mark.parametrize(("form", "table_of"), [("rows", rows_table), ("long", long_table)])
def test_a_chunk_is_what_explain_gives(iris, explainer, form, table_of):
    X, model = iris
    spec = ChunkSpec(explainer, model, OPTIONS, form)
    expected = table_of(explainer.explain(X[:5], model, **OPTIONS))
    assert explain_chunk(spec, X[:5]).equals(expected)


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
    explain_chunk(pickle.loads(pickle.dumps(spec)), X[:2])  # another worker
    assert Counting.made == 2
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
        "no explainer": (lambda e, m: ChunkSpec(m, m), "`explainer`: expected a TabularExpl"),
        "form": (lambda e, m: ChunkSpec(e, m, form="wide"), "`form`: expected one of rows, long"),
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


def test_ids_that_do_and_none_are_taken():
    check_ids(["a", "b", "c"], 3)
    check_ids(None, 3)
