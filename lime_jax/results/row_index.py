"""Which row is which: the names that rows came with, kept through slices, files and tables.

Random numbers come from 32-bit hashes (`row_ids`), which nothing can be joined by; these names are
what a reader, a table or a data base knows a row by.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow

_PLAIN = (bool, int, float, str, type(None))


@dataclasses.dataclass(frozen=True)
class RowIndex:
    """The names of rows: numbers, moments, objects such as text, or tuples of several levels.

    `names` are of the levels, "" where one has none; empty if nobody named the rows, and `ids`
    count them.
    """

    ids: np.ndarray
    names: tuple[str, ...]


def row_index(X: Any, num_rows: int, row_ids: object = None) -> RowIndex:
    """The names of rows: those that were given, else a frame's index, else their numbers.

    `X` are rows of any kind; only pandas has an index.

    Example:
        >>> row_index([[1.0], [2.0]], 2, ["a", "b"])
        RowIndex(ids=array(['a', 'b'], dtype=object), names=('',))
    """
    if row_ids is not None:
        return RowIndex(as_ids(row_ids), ("",))
    index: Any = getattr(X.to_native() if hasattr(X, "to_native") else X, "index", None)
    if not hasattr(index, "nlevels"):  # of lists it is a method
        return RowIndex(np.arange(num_rows), ())
    is_counted = hasattr(index, "start")  # a range, as every frame has by default
    names = tuple("" if name is None else str(name) for name in index.names)
    return RowIndex(as_ids(index), () if is_counted and names == ("",) else names)


def as_ids(values: Any) -> np.ndarray:
    """Any array, index, series or sequence as an array of numbers or moments, else of objects."""
    if hasattr(values, "to_pylist"):  # of pyarrow
        values = values.to_pylist()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray) and values.dtype.kind in "biufmMO":
        return values
    items = [value.as_py() if hasattr(value, "as_py") else value for value in _listed(values)]
    if items and {type(value) for value in items} == {int}:
        numbers = np.array(items)
        if numbers.dtype.kind in "iu":
            return numbers
    return objects(items)


def objects(items: Sequence[object]) -> np.ndarray:
    """Items as an array of objects, tuples among them as they are."""
    found = np.empty(len(items), object)
    for place, item in enumerate(items):
        found[place] = item
    return found


def _listed(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def join_ids(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Names of the rows of several parts, one after the other; numbers and text stay what they are.

    Example:
        >>> join_ids([np.array([1, 2]), objects(["a"])])
        array([1, 2, 'a'], dtype=object)
    """
    if len({part.dtype.kind for part in parts}) == 1:
        return np.concatenate(parts)
    return np.concatenate([objects(_listed(part)) for part in parts])


def name_text(value: object) -> str:
    """The name of a row as text.

    Example:
        >>> name_text(("Bonn", 2024))
        'Bonn, 2024'
        >>> name_text(np.datetime64("2024-02-29"))
        '2024-02-29'
    """
    if isinstance(value, tuple):
        return ", ".join(map(name_text, value))
    if isinstance(value, np.datetime64 | np.timedelta64) and not np.isnat(value):
        kind = "datetime64[us]" if isinstance(value, np.datetime64) else "timedelta64[us]"
        return str(value.astype(kind).item()).removesuffix(" 00:00:00")
    return str(value)


def level_columns(ids: np.ndarray, names: Sequence[str]) -> list[np.ndarray]:
    """One array for each level of the names' tuples; else a single one."""
    if len(names) < 2:
        return [ids]
    return [as_ids([value[level] for value in ids.tolist()]) for level in range(len(names))]


def column_names(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """What the columns of a table are called that say which row is which; no name is `taken`.

    "row_id"; of several levels their own names, or "row_0" and so on where they have none.

    Example:
        >>> column_names(("city", "label", ""), ["label", "weight"])
        ['city', 'row_label', 'row_2']
    """
    if len(names) < 2:
        return ["row_id"]
    found: list[str] = []
    for level, name in enumerate(names):
        free = name not in (*taken, *found)
        found.append(name if name and free else f"row_{name if name and not free else level}")
    return found


def id_column(ids: np.ndarray) -> pyarrow.Array:
    """One level of the names as an Arrow column; pyarrow must be there.

    Whole numbers as int64; reals, moments, text and a few more as they are; all else, also what is
    of several types, as text.
    """
    import pyarrow as pa

    if ids.dtype.kind in "iu" and not (ids.dtype == np.uint64 and (ids >> 63).any()):
        return pa.array(ids.astype(np.int64))
    try:
        found = pa.array(ids, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError):  # of several types, or none of Arrow's
        found = pa.nulls(0)
    types = pa.types
    kinds = (types.is_string, types.is_int64, types.is_floating, types.is_temporal)
    more = (types.is_boolean, types.is_decimal, types.is_binary)
    if any(is_kind(found.type) for is_kind in (*kinds, *more)):
        return found
    return pa.array([str(value) for value in ids.tolist()], pa.string())


def store_ids(ids: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Names of rows as arrays, by name, for a file without objects; `restore_ids` reads them.

    Objects other than text and plain numbers become their text.

    Example:
        >>> stored = store_ids(objects(["a", 1]), ("",))
        >>> restore_ids(stored, ("",))
        array(['a', 1], dtype=object)
    """
    return {
        f"row_ids_{level}": _in_file(column)
        for level, column in enumerate(level_columns(ids, names))
    }


def _in_file(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind != "O":
        return column
    plain = [value.item() if isinstance(value, np.generic) else value for value in column.tolist()]
    return np.array(json.dumps([v if isinstance(v, _PLAIN) else str(v) for v in plain]))


def restore_ids(file: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """The names of rows that `store_ids` wrote."""
    stored = [file[f"row_ids_{level}"] for level in range(max(len(names), 1))]
    columns = [as_ids(json.loads(str(one))) if one.dtype.kind == "U" else one for one in stored]
    if len(columns) == 1:
        return columns[0]
    return objects(list(zip(*(column.tolist() for column in columns), strict=True)))
