"""A row keeps its id wherever it goes, and different rows seldom share one."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lime_jax.front.row_ids import hash_ids, row_ids

NAN = float("nan")


def test_ids_are_those_of_every_other_version_and_machine():
    X = np.array([[0.0, 1.0, -2.5], [NAN, 1e300, 5e-324], [1.6e9, 1.6e9 + 20, 3.0]])
    assert row_ids(X).tolist() == [3313410355, 3982089369, 2486713001]
    ids = [0, 1, -1, 2**32, 2**63, 2**70, "a", b"a", "", 1.5, None, ("a", 1)]
    golden = [0, 1452414493, 3033552380, 3626022889, 633499301, 1292204469, 2737632492]
    golden += [4281377048, 3130589833, 1653058845, 1829277013, 2740718680]
    assert hash_ids(ids).tolist() == golden


def test_ids_are_those_of_every_other_process():
    code = (
        "from lime_jax.front.row_ids import hash_ids; print(hash_ids(['a', ('b', 2), 3]).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(hash_ids(["a", ("b", 2), 3]).tolist())


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 4))),
    st.randoms(use_true_random=False),
)
def test_an_id_does_not_depend_on_the_rows_around_it(X, random):
    order = random.sample(range(len(X)), len(X))
    np.testing.assert_array_equal(row_ids(X[order]), row_ids(X)[order])
    np.testing.assert_array_equal(row_ids(np.asfortranarray(X)), row_ids(X))
    np.testing.assert_array_equal(row_ids(X[:1]), row_ids(X)[:1])


def test_zeros_are_equal_and_so_are_nans():
    other = np.array([0xFFF8_0000_0000_0001], np.uint64).view(np.float64)[0]
    ids = row_ids(np.array([[0.0, NAN], [-0.0, -NAN], [0.0, other]]))
    assert len(set(ids.tolist())) == 1


def test_the_input_is_left_alone():
    X = np.array([[-0.0, NAN]])
    before = X.view(np.uint64).copy()
    row_ids(X)
    np.testing.assert_array_equal(X.view(np.uint64), before)


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.array([[1.0, 1.0], [2.0, 2.0]]),
    ],
)
def test_columns_do_not_trade_places(X):
    assert row_ids(X)[0] != row_ids(X)[1]


N = 200_000
TABLES = {  # n distinct rows: the expected number of pairs that share an id is n (n - 1) / 2^33
    "normal": lambda rng: row_ids(rng.normal(size=(N, 3))),
    "counting": lambda rng: row_ids(np.arange(float(N))[:, None]),
    "codes": lambda rng: row_ids(np.stack(np.divmod(np.arange(N), 600), 1).astype(np.float64)),
    "timestamps": lambda rng: row_ids(1.6e9 + 20 * np.arange(float(N))[:, None]),
    "given integers": lambda rng: hash_ids(np.arange(N)),
    "given wide integers": lambda rng: hash_ids(np.arange(N) << 32),
    "given strings": lambda rng: hash_ids([f"row {i}" for i in range(N)]),
}


@pytest.mark.parametrize("table", TABLES)
def test_collisions_are_as_rare_as_chance(table, rng):
    shared = N - len(np.unique(TABLES[table](rng)))
    expected = N * (N - 1) / 2**33  # 4.7, Poisson
    assert shared <= expected + 5 * np.sqrt(expected)


@pytest.mark.parametrize("kind", ["row_ids", "hash_ids"])
def test_flipping_one_bit_flips_each_bit_of_the_id_half_the_time(kind, rng):
    bits = rng.normal(size=2000).view(np.uint64)

    def to_id(words):
        return row_ids(words.view(np.float64)[:, None]) if kind == "row_ids" else hash_ids(words)

    for flipped in range(0, 64, 3):
        if kind == "row_ids" and flipped >= 52:  # an exponent bit may make a NaN
            break
        changed = to_id(bits) ^ to_id(bits ^ np.uint64(1 << flipped))
        rate = ((changed[:, None] >> np.arange(32, dtype=np.uint32)) & 1).mean(0)
        assert np.abs(rate - 0.5).max() < 5 * 0.5 / np.sqrt(2000)  # five standard errors


def test_given_ids_hash_by_value_whatever_their_type():
    expected = hash_ids([3, 5])
    for ids in (
        np.array([3, 5], np.int8),
        np.array([3, 5], np.uint64),
        np.array([3, 5], dtype=object),
        (np.int64(3), 5),
        range(3, 6, 2),
    ):
        np.testing.assert_array_equal(hash_ids(ids), expected)
    np.testing.assert_array_equal(hash_ids(np.array(["a", "b"])), hash_ids(["a", "b"]))
    np.testing.assert_array_equal(hash_ids([-1]), hash_ids(np.array([-1], np.int32)))


def test_the_upper_half_of_a_wide_id_counts_and_kinds_differ():
    ids = hash_ids([1, 1 + 2**32, 1 + 2**40, 1 + 2**64, "1", b"1"])
    assert len(set(ids.tolist())) == 6


def test_no_rows_have_no_ids():
    assert row_ids(np.ones((0, 3))).shape == hash_ids([]).shape == (0,)
    assert row_ids(np.ones((0, 3))).dtype == hash_ids([]).dtype == np.uint32


@pytest.mark.parametrize(
    ("ids", "got"), [([1, 2], r"\(2,\)"), (np.ones((3, 1)), r"\(3, 1\)"), ([], r"\(0,\)")]
)
def test_a_wrong_number_of_ids_is_an_error(ids, got):
    with pytest.raises(ValueError, match=rf"`row_ids` must have one id per row.*\(3,\).*{got}"):
        hash_ids(ids, num_rows=3)
