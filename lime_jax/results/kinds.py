"""Kinds of explanations by the name that files and tables give them."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import numpy as np

_HOMES = {
    "table": "lime_jax.results.explanations",
    "interactions": "lime_jax.results.interactions",
    "image": "lime_jax.image.explanations",
    "text": "lime_jax.text.explanations",
    "series": "lime_jax.series.explanations",
    "sparse row": "lime_jax.tabular.sparse.explanations",
}
"""Of kinds that are loaded when a file has them."""
_kinds: dict[str, type] = {}


def register(kind: type[Any]) -> None:
    """Make a kind known by its `kind`; defining a class does."""
    _kinds[kind.kind] = kind


def kind_named(name: str) -> Any:
    """The class of explanations of a kind."""
    if name not in _kinds and name in _HOMES:
        importlib.import_module(_HOMES[name])
    if name not in _kinds:
        raise ValueError(
            f"`kind`: {name!r} is none of {', '.join(sorted({*_HOMES, *_kinds}))}; import the "
            "module that defines such explanations first"
        )
    return _kinds[name]


@dataclasses.dataclass(frozen=True)
class RowField:
    """How files and tables hold a field that has an entry for every row.

    Attributes:
        axes: what a row's numbers are of: (l)abels, (f)eatures, (p)airs of these, (o)utputs, ""
            for one number;
            "array": any array, "grid": whole numbers in rows and columns, "text": a text.
        column: of Arrow tables; "": tables do without.
        is_whole: whether the numbers are whole.
        filler: where another row has more features.
    """

    axes: str
    column: str = ""
    is_whole: bool = False
    filler: float | int = 0

    @property
    def is_ragged(self) -> bool:
        """Whether the field is a tuple of one object for each row, else one array."""
        return self.axes in ("array", "grid", "text")


def per_row(axes: str, column: str = "", *, is_whole: bool = False, filler: float | int = 0) -> Any:
    """A dataclass field with an entry for every row: cut, joined, saved and sent by itself."""
    return dataclasses.field(metadata={"row": RowField(axes, column, is_whole, filler)})


def row_fields(kind: Any) -> dict[str, RowField]:
    """The fields with an entry for every row, but for `row_ids`."""
    fields = dataclasses.fields(kind)
    return {f.name: f.metadata["row"] for f in fields if "row" in f.metadata}


def shared_fields(kind: Any) -> tuple[str, ...]:
    """The fields that are one for all rows: what JSON holds, but for `names`."""
    rows = {*row_fields(kind), "row_ids", "names"}
    return tuple(f.name for f in dataclasses.fields(kind) if f.name not in rows)


def taken(values: Any, index: Any) -> Any:
    """Some rows of a field."""
    if isinstance(values, tuple):
        return tuple(values[row] for row in np.arange(len(values))[index])
    return values[index]
