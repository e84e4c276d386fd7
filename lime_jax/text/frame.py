"""Texts in a column of a frame: a model gets its rows, with other texts in that column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lime_jax.typing import Table


class RowText(str):
    """A text that knows the number of its row in a frame."""

    row: int

    def __new__(cls, text: str, row: int) -> RowText:
        """The text of a row."""
        made = super().__new__(cls, text)
        made.row = row
        return made


class TextFrame:
    """A frame of any library, and which of its columns holds the texts.

    Args:
        table: of pandas, polars or Arrow.
        column: its name.
    """

    def __init__(self, table: Table, column: str | int) -> None:
        import narwhals.stable.v1 as nw

        try:
            found: Any = nw.from_native(table, eager_only=True, pass_through=True)
            names = list(found.columns) if isinstance(found, nw.DataFrame) else []
        except ValueError as error:  # two columns of one name
            raise ValueError(f"`texts`: {error}") from error
        if not isinstance(found, nw.DataFrame):
            raise ValueError(
                f"`texts`: expected a frame, of which `column` is the one of texts, got "
                f"{type(table).__name__}"
            )
        if column not in names:
            raise ValueError(
                f"`column`: expected one of the columns {names!r:.200}, got {column!r}"
            )
        self.frame, self.column = found, column

    def cells(self) -> list[Any]:
        """The column, each text with its row."""
        cells = enumerate(self.frame.get_column(self.column).to_list())
        return [RowText(cell, row) if isinstance(cell, str) else cell for row, cell in cells]

    def rows(self, texts: Sequence[RowText]) -> Any:
        """The rows of texts, which stand in the column."""
        import narwhals.stable.v1 as nw

        backend = self.frame.implementation
        plain = [str(text) for text in texts]
        column = nw.new_series(self.column, plain, nw.String, backend=backend)
        return self.frame[[text.row for text in texts]].with_columns(column).to_native()
