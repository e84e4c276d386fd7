"""Threads of SciPy's linear algebra: one while we solve, and as before when the last is done."""

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits

import lime_jax
from lime_jax.engine.blas_threads import BlasThreads, solving

X = np.random.default_rng(0).normal(size=(40, 3))


def threads():
    """Of SciPy's and of NumPy's library."""
    scipy.linalg.cholesky(np.eye(2))
    found = {library["filepath"]: library["num_threads"] for library in threadpool_info()}
    of_scipy = [number for path, number in found.items() if "scipy.libs" in path]
    of_numpy = [number for path, number in found.items() if "numpy.libs" in path]
    if not (of_scipy and of_numpy):
        pytest.skip("they share a library here, which is left alone")
    return of_scipy[0], of_numpy[0]


@pytest.fixture(autouse=True)
def two_threads():
    threads()
    with threadpool_limits(2, "blas"):
        yield


@pytest.mark.parametrize("around", [False, True])
def test_a_model_on_the_host_keeps_the_threads_of_numpy(around):
    seen = []

    def model(batch):
        seen.append(threads())
        return batch[:, 0]

    options = {"discretizer": None, "sample_around_instance": True} if around else {}
    lime_jax.TabularExplainer(**options).fit(X).explain(X[:2], model, num_samples=64)
    assert seen[-1] == (1, 2)
    assert threads() == (2, 2)


def test_the_last_caller_puts_back_what_there_was():
    both = BlasThreads()
    first, second = both.one(), both.one()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == (1, 2)
    second.__exit__(None, None, None)
    assert threads() == (2, 2)


def test_large_systems_keep_their_threads():
    with solving(3000):
        assert threads() == (2, 2)
