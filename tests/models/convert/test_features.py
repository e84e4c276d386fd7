"""Columns as functions of raw ones: exact thresholds, the same numbers on the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.models.convert.column_map import FirstColumns
from lime_jax.models.convert.columns import (
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.features import Features, RawTable, raw_features, side_by_side
from lime_jax.models.convert.inputs import DeviceTable

pytestmark = pytest.mark.precision

TINY, HUGE = np.finfo(np.float64).tiny, np.finfo(np.float64).max


def column_of(*steps):
    column = NumberColumn(0)
    for step in steps:
        column = column.then(*step)
    return column


def random_steps(rng):
    names = rng.choice(["subtract", "add", "multiply", "divide", "clip"], size=rng.integers(1, 6))
    size = 10.0 ** rng.integers(-30, 30, size=len(names))
    for name, number in zip(names, size * rng.uniform(0.1, 10, len(names)), strict=True):
        if name == "clip":
            yield name, -number, number * rng.uniform(0, 5)
        else:
            yield name, number


EXTREME = {
    "plain": (),
    "down to subnormal numbers": (("multiply", 1e-300), ("multiply", 1e-20)),
    "to 0": (("multiply", TINY), ("multiply", TINY)),
    "to infinity": (("multiply", HUGE), ("subtract", 1.0)),
    "to infinity and clipped": (("divide", TINY), ("clip", -1.0, 2.0)),
    "huge shift": (("add", 1e300), ("subtract", 1e300)),
    "constant": (("constant", 3.0),),
    "clipped twice": (("clip", -1.0, 1.0), ("add", 5.0), ("clip", 4.5, 8.0)),
}


def assert_exact(column, thresholds):
    """Every raw number, and its neighbors, is on the same side of the raw threshold."""
    raw = column.pull_back(thresholds)
    some = np.array([0.0, -0.0, 5e-324, -5e-324, TINY, 1.0, -1.0, 1e9, -1e9, HUGE, -HUGE])
    for limit, threshold in zip(raw, thresholds, strict=True):
        assert not np.isnan(limit)
        with np.errstate(all="ignore"):
            near = [limit, np.nextafter(limit, np.inf), np.nextafter(limit, -np.inf)]
        x = np.concatenate([some, [v for v in near if np.isfinite(v)]])
        np.testing.assert_array_equal(column.values(x) <= threshold, x <= limit)


@pytest.mark.parametrize("name", EXTREME)
def test_thresholds_at_the_edges_of_float64(name):
    column = column_of(*EXTREME[name])
    images = column.values(np.array([0.0, -5e-324, 1.0, -1.0, 3e200, -HUGE, HUGE]))
    assert_exact(column, np.concatenate([images, [0.5, -7.0, np.inf, TINY, 5e-324]]))


def test_thresholds_at_images_of_the_data_behind_random_scalers(rng):
    for _ in range(150):
        column = column_of(*random_steps(rng))
        x = rng.normal(size=6) * 10.0 ** rng.integers(-20, 20, size=6)
        images = column.values(x)
        assert_exact(column, np.concatenate([images, np.nextafter(images, -np.inf), [0.0]]))


def test_the_line_is_the_steps(rng):
    for _ in range(150):
        names = rng.choice(["subtract", "add", "multiply", "divide", "clip"], size=6)
        column = NumberColumn(0)
        for name, number in zip(names, rng.uniform(0.2, 5, 6), strict=True):
            column = column.then(name, *((-number, number) if name == "clip" else (number,)))
        x = rng.normal(size=20) * 10
        shift, scale, offset, low, high = column.line()
        line = np.clip((x - shift) * scale + offset, low, high)
        np.testing.assert_allclose(line, column.values(x), rtol=1e-9, atol=1e-9)


def test_missing_values_go_through_the_steps():
    assert np.isnan(column_of(("add", 1.0)).missing)
    assert NumberColumn(0, (), 3.0).then("add", 1.0).then("divide", 2.0).missing == 2.0


BAD_STEPS = {
    "negative": ("multiply", -1.0),
    "zero": ("divide", 0.0),
    "too small to divide by": ("divide", 5e-324),
    "missing": ("subtract", np.nan),
    "infinite": ("add", np.inf),
}


@pytest.mark.parametrize("name", BAD_STEPS)
@pytest.mark.parametrize("column", [
    NumberColumn(0), LevelColumn(0, np.arange(2)), PointColumn(0, np.ones(1), np.ones(1), 0.0)
], ids=["number", "level", "point"])  # fmt: skip
def test_steps_that_do_not_increase_are_refused(name, column):
    with pytest.raises(NotConvertibleError, match="a column is scaled"):
        column.then(*BAD_STEPS[name])


LEVELS = ("a", None, "b")
TABLE = RawTable(("x", "c", "n"), (None, LEVELS, None))
ROWS = np.array([[1, 0, 1], [np.nan, 1, np.nan], [3, 2, 5], [4, -1, 2], [5, np.nan, 9], [6, 3, 5]])
POINTS = PointColumn(2, np.array([5.0, np.nan, 1.0]), np.array([10.0, 20.0, 30.0]), -1.0)
COLUMNS = {
    "a line": (NumberColumn(0).then("subtract", 1.0).then("divide", 2.0),
               [0, np.nan, 1, 1.5, 2, 2.5]),
    "filled": (NumberColumn(0, (), 7.0).then("clip", 2.0, 5.0), [2, 5, 3, 4, 5, 5]),
    "levels": (LevelColumn(1, np.array([7.0, 8.0, 9.0])), [7, 8, 9, np.nan, np.nan, np.nan]),
    "levels, scaled": (LevelColumn(1, np.array([7, 8, 9])).then("add", 1.0),
                       [8, 9, 10, np.nan, np.nan, np.nan]),
    "points": (POINTS, [30, 20, 10, -1, -1, 10]),
    "points, scaled": (POINTS.then("multiply", 2.0), [60, 40, 20, -2, -2, 20]),
    "other points": (PointColumn(2, np.array([2.0]), np.array([4.0]), 0.0), [0, 0, 0, 4, 0, 0]),
    "constant": (NumberColumn(2).then("constant", 4.0), [4, np.nan, 4, 4, 4, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_on_the_device(name):
    column, expected = COLUMNS[name]
    ours = Features((column,), num_raw=3).matrix(DeviceTable())(ROWS)
    np.testing.assert_allclose(ours[:, 0], expected, rtol=1e-6)


def test_all_columns_in_one_matrix():
    columns = tuple(column for column, _ in COLUMNS.values())
    expected = np.array([values for _, values in COLUMNS.values()]).T
    predict = Features(columns, num_raw=3).matrix(DeviceTable())
    np.testing.assert_allclose(jax.jit(lambda p, x: p(x))(predict, ROWS), expected, rtol=1e-6)
    assert Features((), num_raw=3).matrix(DeviceTable())(ROWS).shape == (6, 0)


def test_raw_columns_need_no_work():
    features = raw_features(RawTable.of_numbers(2, ["a", "b"]))
    assert isinstance(features.matrix(DeviceTable()), FirstColumns)
    assert features.matrix(DeviceTable())(np.ones((1, 2))).dtype == jnp.result_type(float)


def test_text_is_no_number():
    with pytest.raises(NotConvertibleError, match="column 1 reaches the model as 'a'"):
        raw_features(TABLE).matrix(DeviceTable())


def test_points_the_device_can_not_tell_apart_are_refused():
    points = np.array([1e9, 1e9 + 1])
    features = Features((PointColumn(0, points, points, 0.0),), num_raw=1)
    if jax.config.jax_enable_x64:
        np.testing.assert_array_equal(features.matrix(DeviceTable())(points[:, None])[:, 0], points)
    else:
        with pytest.raises(NotConvertibleError, match="one number in the device's precision"):
            features.matrix(DeviceTable())


def test_steps_side_by_side_keep_their_bases():
    raw = raw_features(TABLE).take([0, 1])
    numbers = raw_features(TABLE).take([2, 0])
    mixed = numbers.after(lambda x: x[:, :1] + 2 * x[:, 1:], 1, None, "the sum")
    again = mixed.replaced([c.then("add", 1.0) for c in mixed.columns])
    both = side_by_side([mixed, raw, again])
    assert (both.width, both.names, both.mixed_by) == (4, None, "the sum")
    assert [type(c) for c in both.columns] == [
        NumberColumn,
        NumberColumn,
        LevelColumn,
        NumberColumn,
    ]
    ours = both.take([0, 1, 3]).matrix(DeviceTable())(ROWS[[0, 2]])
    np.testing.assert_array_equal(ours, [[3, 1, 4], [11, 3, 12]])


def test_steps_of_the_raw_table_side_by_side_have_no_base():
    raw = raw_features(TABLE)
    both = side_by_side([raw.take([2]), raw.take([0])])
    assert both.base is None
    assert [c.raw for c in both.columns] == [2, 0]


def test_names_go_with_their_columns():
    assert raw_features(TABLE).take([2, 1]).names == ("n", "c")
    assert raw_features(TABLE).raw_name(2) == "column 'n'"
    assert raw_features(RawTable.of_numbers(1)).raw_name(0) == "column 0"
