"""The numbers of splits and rows decide how trees are explained; and the device."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.route import Route, route


def chain(splits: int, column: int = 0, level_set: int = -1) -> TreeSum:
    """One tree whose right children are split again; its last split may be about levels."""
    nodes = 2 * splits + 1
    inner = np.arange(nodes) % 2 == 0
    inner[-1] = False
    number, leaf = np.arange(nodes, dtype=np.int32), np.full(nodes, -1, np.int32)
    sets = leaf.copy()
    sets[-3] = level_set
    columns = np.where(inner, 0, -1).astype(np.int32)
    columns[-3] = column
    return TreeSum(
        column=columns,
        threshold=np.where(inner & (sets < 0), number * 1.0, np.nan),
        missing_left=np.zeros(nodes, bool),
        level_set=sets,
        left=np.where(inner, number + 1, leaf).astype(np.int32),
        right=np.where(inner, number + 2, leaf).astype(np.int32),
        value=np.where(inner, 0.0, number)[:, None],
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=(np.array([True, False]),),
        base=np.zeros(1),
        num_features=2,
    )


@pytest.mark.parametrize(("splits", "most"), [(4095, 0), (4096, 1), (5 * 4096, 5), (100 * 4096, 8)])
def test_more_rows_are_few_the_larger_the_trees(splits, most):
    trees = chain(splits)
    way = route(trees, 1, {}, has_blocks=True)
    assert (way.splits, way.most) == (splits, most)
    for rows in (most, most + 1):
        way = route(trees, rows, {}, has_blocks=True)
        assert way.one_by_one == (rows <= most)
        assert way.in_blocks == (rows > most > 0)


def test_tables_serve_where_there_are_no_blocks(monkeypatch):
    trees = chain(100 * 4096)
    assert route(trees, 10, {}) == Route(100 * 4096, 10, 100)
    assert str(route(trees, 101, {})).startswith("exact, from tables of 409,600 splits")
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert route(trees, 10, {}, has_blocks=True) == Route(100 * 4096, 10, 100)


@pytest.mark.parametrize(("column", "most"), [(0, 0), (1, 1)])
def test_passes_need_columns_that_are_tested_in_one_way(column, most):
    way = route(chain(4096, column, level_set=0), 1, {}, has_blocks=True)
    assert way.most == most
    assert bool(str(way)) == (most > 0)


def test_it_is_kept():
    kept = {}
    assert route(chain(4096), 1, kept) == route(chain(1), 1, kept)
