"""Blocks are even, cover all rows, and hold no more than their rows."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lime_jax
from lime_jax.distributed.blocks import Blocks

TABLE = lime_jax.TabularExplainer()
IMAGES = lime_jax.ImageExplainer(segmentation="grid")


@pytest.mark.parametrize(
    ("rows", "workers", "batch_size", "sizes"),
    [
        (0, 2, None, set()),
        (1, 4, None, {1}),
        (3, 4, None, {1}),
        (10, 4, 3, {2, 3}),
        (10, 4, 100, {10}),
        (1000, 2, None, {62, 63}),  # eight for each worker
        (240, 2, None, {40}),  # fewer, if they are small
        (100_000, 2, None, {3846, 3847}),  # 4,096 at most, as many for each
    ],
)
def test_blocks_are_even(rows, workers, batch_size, sizes):
    bounds = Blocks(TABLE, np.zeros((rows, 1))).bounds(workers, batch_size)
    assert {stop - start for start, stop in bounds} == sizes
    assert [row for start, stop in bounds for row in range(start, stop)] == list(range(rows))


COLUMNS = {"a": np.arange(20_000), "b": [f"text {k}" for k in range(20_000)]}
TABLES = {
    "array": COLUMNS["a"].reshape(-1, 1),
    "pandas": pd.DataFrame(COLUMNS),
    "arrow strings in pandas": pd.DataFrame(COLUMNS).astype({"b": pd.ArrowDtype(pa.string())}),
    "polars": pl.DataFrame(COLUMNS),
    "pyarrow": pa.table(COLUMNS),
    "list": COLUMNS["a"].reshape(-1, 1).tolist(),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_block_is_a_small_table_of_the_same_type(kind):
    X = TABLES[kind]
    rows, ids = Blocks(TABLE, X, range(100, 20_100)).cut(5, 8)
    sent = pickle.loads(pickle.dumps(rows))
    assert type(sent) is (np.ndarray if kind == "list" else type(X))
    assert np.asarray(sent)[:, 0].tolist() == [5, 6, 7]
    assert len(pickle.dumps(rows)) < 3000
    assert ids == [105, 106, 107]


def test_images_are_cut_one_by_one():
    batch = np.arange(3 * 8 * 8).reshape(3, 8, 8, 1)
    blocks = Blocks(IMAGES, batch, np.array([3, 1, 2]))
    assert blocks.bounds(2) == [(0, 1), (1, 3)]
    images, ids = blocks.cut(1, 3)
    np.testing.assert_array_equal(images, batch[1:])
    assert ids.tolist() == [1, 2]


def test_one_image_is_a_data_set():
    assert Blocks(IMAGES, np.zeros((8, 8, 3))).bounds(4) == [(0, 1)]


def test_superpixels_of_each_image_are_refused():
    images = [np.zeros((4, 4))] * 2
    own = lime_jax.ImageExplainer(segmentation=[np.eye(4, dtype=int)] * 2)
    with pytest.raises(ValueError, match="`segmentation`: superpixels of each image do not travel"):
        Blocks(own, images)
    shared = lime_jax.ImageExplainer(segmentation=np.eye(4, dtype=int))
    assert len(Blocks(shared, images)) == 2
