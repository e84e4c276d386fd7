"""Cells of a text file: what they stand for.

A csv file does not say whether 01003 is a number, or NA a region. Numbers are what all cells of a
column look like; text is text as it stands where someone knows that the column is: an encoder of
the model, the training rows, or the one who asks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lime_jax.optional import require

if TYPE_CHECKING:
    import pyarrow

NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What stands for nothing in a column of numbers: what pandas takes for it."""
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"
_FLAGS = ("True", "TRUE", "true", "False", "FALSE", "false")


@dataclasses.dataclass(frozen=True)
class TextColumn:
    """A column that is text, whatever its cells look like.

    Attributes:
        levels: that it is known to have.
        has_missing: whether it is known to lack values; then a word such as NA stands for nothing,
            unless it is one of the levels.
    """

    levels: frozenset[str] = frozenset()
    has_missing: bool = False

    @classmethod
    def of(cls, values: Iterable[object], has_missing: bool = False) -> TextColumn | None:
        """A column with some values, None and NaN among them; None if there are other than text."""
        known = list(values)
        levels = [value for value in known if isinstance(value, str)]
        missing = [value for value in known if value is None or value != value]
        if not levels or len(levels) + len(missing) < len(known):
            return None
        return cls(frozenset(levels), has_missing or bool(missing))


def text_cells(column: object, text: TextColumn) -> Any:
    """Cells as text, as they stand; null where they are empty or stand for nothing."""
    words = set(NULLS) - text.levels if text.has_missing else {""} - text.levels
    return _without(column, words)


def typed(table: pyarrow.Table, texts: Mapping[str, TextColumn]) -> pyarrow.Table:
    """A table of text as numbers, true and false, and text: `texts` whatever it looks like.

    Example:
        >>> import pyarrow
        >>> table = typed(pyarrow.table({"zip": ["01003"], "age": ["38"]}), {"zip": TextColumn()})
        >>> table.to_pylist()
        [{'zip': '01003', 'age': 38}]
    """
    columns = [
        text_cells(table[name], texts[name]) if name in texts else _inferred(table[name])
        for name in table.column_names
    ]
    return require("pyarrow", extra="cli").table(columns, names=table.column_names)


def parsed(column: Any, wanted: object, name: str) -> Any:
    """Text cells as the training table held them, or as numbers where not all are whole."""
    pa = require("pyarrow", extra="cli")
    types = pa.types
    column = _trimmed(_without(column, NULLS))
    choices = [wanted]
    if types.is_integer(wanted) or types.is_floating(wanted) or types.is_boolean(wanted):
        choices += [pa.float64(), pa.bool_()]
    message = ""
    for choice in choices:
        try:
            return column.cast(choice)
        except pa.ArrowInvalid as error:
            message = message or str(error)
    raise ValueError(
        f"`data`: column {name!r} was {wanted} in the training rows, and here it is not "
        f"({message}); train on rows that hold such values too, or repair the column"
    )


def _inferred(column: object) -> Any:
    """Numbers or flags if all cells look like it, else text."""
    pa = require("pyarrow", extra="cli")
    compute = require("pyarrow.compute", extra="cli")
    words = _without(column, NULLS)
    cells = _trimmed(words)
    if compute.all(compute.match_substring_regex(cells, _NUMBER), min_count=0).as_py():
        for kind in (pa.int64(), pa.float64()):
            try:
                return cells.cast(kind)
            except pa.ArrowInvalid:
                continue
    if compute.all(compute.is_in(cells.drop_null(), pa.array(_FLAGS)), min_count=0).as_py():
        return cells.cast(pa.bool_())
    return words


def _without(column: Any, words: Iterable[str]) -> Any:
    """A text column, null where a cell is one of some words."""
    pa = require("pyarrow", extra="cli")
    compute = require("pyarrow.compute", extra="cli")
    is_word = compute.is_in(column, pa.array(sorted(words), column.type))
    # Not `if_else`: before pyarrow 24 it takes cells of a slice from beside it.
    return compute.choose(is_word.cast(pa.int8()), column, pa.scalar(None, column.type))


def _trimmed(column: object) -> Any:
    """Without white space at the ends, and without a plus sign."""
    compute = require("pyarrow.compute", extra="cli")
    return compute.replace_substring_regex(compute.utf8_trim_whitespace(column), r"^\+", "")
