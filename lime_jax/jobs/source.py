"""A file of rows, read a little at a time: parquet, csv and arrow."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lime_jax.arrow import import_pyarrow

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".csv", ".parquet", ".arrow", ".feather")
_ROWS_AT_ONCE = 16_384
_NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What stands for nothing in a csv file: what pandas takes for it."""

Tables = Iterator[tuple[int, Any]]
"""Arrow tables of rows that follow each other, with the number of their first row in the file."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A file of rows.

    Attributes:
        path: of the file.
        schema: its columns; those of a csv file are all text, until someone says what they hold.
    """

    path: Path
    schema: pyarrow.Schema

    @property
    def is_text(self) -> bool:
        """Whether the columns are text that has to be read as something."""
        return self.path.suffix.lower() == ".csv"

    def tables(self, columns: Sequence[str], first_row: int = 0) -> Tables:
        """Read the rows, one table after the other; never the whole file.

        Args:
            columns: to read.
            first_row: rows before it need not come; where the file allows it, they are not read.

        Yields:
            The number of the first row, and a table.

        Raises:
            ValueError: if the file is damaged; it names it.
        """
        suffix = self.path.suffix.lower()
        read = {".parquet": _parquet, ".csv": _csv}.get(suffix, _arrow)
        with _as_value_error(self.path):
            yield from read(self.path, list(columns), first_row)

    def count_rows(self) -> int:
        """Number of rows; all of a file is read to count them, but for parquet.

        Returns:
            The number.

        Raises:
            ValueError: if the file is damaged.
        """
        if self.path.suffix.lower() == ".parquet":
            import pyarrow.parquet

            with _as_value_error(self.path):
                return pyarrow.parquet.read_metadata(self.path).num_rows
        return sum(len(table) for _, table in self.tables(self.schema.names[:1]))


def open_source(path: str | Path, argument: str = "`data`") -> Source:
    """See what columns a file has.

    Args:
        path: `.csv`, `.parquet`, `.arrow` or `.feather`.
        argument: as errors name it.

    Returns:
        The file, of which no row was read.

    Raises:
        ValueError: if there is no such file, or it is no table.
        ImportError: if pyarrow is missing.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{argument}: expected a file that ends in {', '.join(SUFFIXES)}, got {str(path)!r}"
        )
    if not path.is_file():
        raise ValueError(f"{argument}: no such file: {path}")
    schema_of: Callable[[Path], Any] = {".parquet": _parquet_schema, ".csv": _csv_schema}.get(
        suffix, _arrow_schema
    )
    with _as_value_error(path, argument):
        schema = schema_of(path)
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise ValueError(f"{argument}: {path} has more than one column {twice[0]!r}")
    return Source(path, schema)


def file_hash(path: str | Path) -> str:
    """What a file holds, in 64 letters; it is read a little at a time.

    Args:
        path: of the file.

    Returns:
        Its SHA-256.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _as_value_error(path: Path, argument: str = "`data`") -> Iterator[None]:
    """What pyarrow says of a damaged file, with the file's name."""
    pa = import_pyarrow()
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{argument}: cannot read {path} ({error})") from error


def _parquet_schema(path: Path) -> Any:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        return file.schema_arrow


def _parquet(path: Path, columns: list[str], first_row: int) -> Tables:
    import pyarrow.parquet

    # The buffer: without it a column of a row group is read whole, and a file may be one group.
    with pyarrow.parquet.ParquetFile(path, buffer_size=1 << 20) as file:
        at, group = 0, 0
        while group < file.num_row_groups:
            rows = file.metadata.row_group(group).num_rows
            if at + rows > first_row:
                break
            at, group = at + rows, group + 1
        groups = list(range(group, file.num_row_groups))
        for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=groups, columns=columns):
            yield at, _as_table(batch)
            at += batch.num_rows


def _csv_schema(path: Path) -> Any:
    pa = import_pyarrow()
    import pyarrow.csv

    with pyarrow.csv.open_csv(path, parse_options=_csv_syntax()) as reader:
        return pa.schema([(name, pa.string()) for name in reader.schema.names])


def _csv(path: Path, columns: list[str], first_row: int) -> Tables:
    pa = import_pyarrow()
    import pyarrow.csv

    as_text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()),
        include_columns=columns,
        null_values=_NULLS,
        strings_can_be_null=True,
    )
    at = 0
    one_thread = pyarrow.csv.ReadOptions(use_threads=False)  # others would read far ahead
    with pyarrow.csv.open_csv(path, one_thread, _csv_syntax(), as_text) as reader:
        for batch in reader:
            yield at, _as_table(batch)
            at += batch.num_rows


def _csv_syntax() -> Any:
    import pyarrow.csv

    return pyarrow.csv.ParseOptions(newlines_in_values=True)


def _arrow_schema(path: Path) -> Any:
    with _opened_arrow(path) as reader:
        return reader.schema


def _arrow(path: Path, columns: list[str], first_row: int) -> Tables:
    at, names = 0, _arrow_schema(path).names
    with _opened_arrow(path, [names.index(name) for name in columns]) as reader:
        count = getattr(reader, "num_record_batches", None)
        batches = reader if count is None else map(reader.get_batch, range(count))
        for batch in batches:
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                piece = batch.slice(start, _ROWS_AT_ONCE)
                yield at + start, _as_table(piece).select(columns)
            at += batch.num_rows


@contextlib.contextmanager
def _opened_arrow(path: Path, columns: Sequence[int] | None = None) -> Iterator[Any]:
    pa = import_pyarrow()
    wanted = pa.ipc.IpcReadOptions(included_fields=columns)  # a file may be one batch
    with open(path, "rb") as file:
        is_file = file.read(6) == b"ARROW1"
    with pa.OSFile(str(path)) as opened:  # read batch by batch: a mapped file is resident memory
        yield (pa.ipc.open_file if is_file else pa.ipc.open_stream)(opened, options=wanted)


def _as_table(batch: Any) -> Any:
    return import_pyarrow().Table.from_batches([batch])
