"""A file of rows, read a little at a time: csv, lines of JSON, parquet and arrow.

Sparse rows in an `.npz` file are read as a whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lime_jax.jobs.sparse_source import npz_schema, npz_tables
from lime_jax.optional import require

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (
    *(".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz"),
    *(".parquet", ".arrow", ".feather", ".npz"),
)
"""Of files that hold rows."""
_ROWS_AT_ONCE = 16_384
Tables = Iterator[tuple[int, Any]]
"""Arrow tables of rows that follow each other, with the number of their first row in the file."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A file of rows.

    The columns of a csv file are all text, until someone says what they hold.
    """

    path: Path
    schema: pyarrow.Schema

    @property
    def format(self) -> str:
        """The suffix of the path, that of compression left out."""
        return suffix_of(self.path).removesuffix(".gz")

    @property
    def is_text(self) -> bool:
        """Whether the columns are text that has to be read as something."""
        return self.format in (".csv", ".tsv")

    def tables(self, columns: Sequence[str], first_row: int = 0) -> Tables:
        """Read the rows, table after table, with the number of their first; never the whole file.

        Rows before `first_row` need not come; where the file allows it, they are not read.
        """
        read = _READERS[self.format][1]
        with _as_value_error(self.path):
            yield from read(self.path, list(columns), first_row)

    def read(self) -> pyarrow.Table:
        """All rows as one table."""
        with _as_value_error(self.path):
            if self.format == ".parquet":
                return require("pyarrow.parquet", extra="cli").read_table(self.path)
            if self.format in (".arrow", ".feather"):
                with _opened_arrow(self.path) as reader:
                    return reader.read_all()
            tables = [table for _, table in self.tables(self.schema.names)]
            return join_tables(tables) if tables else self.schema.empty_table()

    def count_rows(self) -> int:
        """Number of rows; all of a file is read to count them, but for parquet."""
        if self.format == ".parquet":
            with _as_value_error(self.path):
                parquet = require("pyarrow.parquet", extra="cli")
                return parquet.read_metadata(self.path).num_rows
        return sum(len(table) for _, table in self.tables(self.schema.names[:1]))


def open_source(path: str | Path, argument: str = "`data`") -> Source:
    """See what columns a file has, of which no row is read; errors name the `argument`."""
    path = Path(path)
    suffix = suffix_of(path)
    if not suffix:
        raise ValueError(
            f"{argument}: expected a file that ends in {', '.join(SUFFIXES)}, got {str(path)!r}"
        )
    if not path.is_file():
        raise ValueError(f"{argument}: no such file: {path}")
    with _as_value_error(path, argument):
        schema = _READERS[suffix.removesuffix(".gz")][0](path)
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise ValueError(f"{argument}: {path} has more than one column {twice[0]!r}")
    return Source(path, schema)


def suffix_of(path: Path) -> str:
    """Which of `SUFFIXES` a path ends in, in lower case; empty if it is none of them.

    Example:
        >>> suffix_of(Path("rows.CSV.gz")), suffix_of(Path("rows.xlsx"))
        ('.csv.gz', '')
    """
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def join_tables(tables: Sequence[pyarrow.Table]) -> pyarrow.Table:
    """Tables of a file as one; a column may hold whole numbers in one and others in the next."""
    return require("pyarrow", extra="cli").concat_tables(tables, promote_options="permissive")


def read_blocks(
    source: Source, columns: Sequence[str], rows: range, size: int, wanted: Sequence[int]
) -> Iterator[tuple[int, pyarrow.Table]]:
    """The wanted blocks of `size` rows, by number; how the file itself is divided is no matter."""
    if not wanted:
        return
    left, held = set(wanted), []
    for first, table in source.tables(columns, rows.start + wanted[0] * size):
        at, stop = max(first, rows.start), min(first + len(table), rows.stop)
        while at < stop:
            number = (at - rows.start) // size
            end = min(rows.start + (number + 1) * size, rows.stop)
            if number in left:
                held.append(table.slice(at - first, min(end, stop) - at))
                if end <= stop:
                    left.remove(number)
                    yield number, join_tables(held)
                    held = []
            at = min(end, stop)
        if not left:
            return
    raise ValueError(
        f"`data`: {source.path} has fewer rows than when the job began; it must stay as it is"
    )


def file_hash(path: str | Path) -> str:
    """The SHA-256 of what a file holds; it is read a little at a time."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _as_value_error(path: Path, argument: str = "`data`") -> Iterator[None]:
    """What pyarrow says of a damaged file, with the file's name."""
    pa = require("pyarrow", extra="cli")
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        is_other = path.is_file() and _first_bytes(path) in (b"\xff\xfe", b"\xfe\xff")
        is_other = is_other or "utf" in str(error).lower()
        hint = "; save it in the encoding UTF-8" if is_other else ""
        raise ValueError(f"{argument}: cannot read {path} ({error}){hint}") from error


def _first_bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(2)


def _parquet_schema(path: Path) -> Any:
    with require("pyarrow.parquet", extra="cli").ParquetFile(path) as file:
        return file.schema_arrow


def _parquet(path: Path, columns: list[str], first_row: int) -> Tables:
    parquet = require("pyarrow.parquet", extra="cli")
    # The buffer: without it a column of a row group is read whole, and a file may be one group.
    with parquet.ParquetFile(path, buffer_size=1 << 20) as file:
        at, group = 0, 0
        while group < file.num_row_groups:
            rows = file.metadata.row_group(group).num_rows
            if at + rows > first_row:
                break
            at, group = at + rows, group + 1
        groups = list(range(group, file.num_row_groups))
        if not groups:  # older pyarrow fails if it is asked for none
            return
        for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=groups, columns=columns):
            yield at, _as_table(batch)
            at += batch.num_rows


def _csv_schema(path: Path) -> Any:
    pa, csv = require("pyarrow", extra="cli"), require("pyarrow.csv", extra="cli")
    with csv.open_csv(path, parse_options=_csv_syntax(path)) as reader:
        return pa.schema([(name, pa.string()) for name in reader.schema.names])


def _csv(path: Path, columns: list[str], first_row: int) -> Tables:
    pa, csv = require("pyarrow", extra="cli"), require("pyarrow.csv", extra="cli")
    as_text = csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), include_columns=columns
    )
    at = 0
    one_thread = csv.ReadOptions(use_threads=False)  # others would read far ahead
    with csv.open_csv(path, one_thread, _csv_syntax(path), as_text) as reader:
        for batch in reader:
            yield at, _as_table(batch)
            at += batch.num_rows


def _csv_syntax(path: Path) -> Any:
    csv = require("pyarrow.csv", extra="cli")
    delimiter = "\t" if suffix_of(path).startswith(".tsv") else ","
    return csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _json_schema(path: Path) -> Any:
    for rows in _json_rows(path):
        names = list(dict.fromkeys(name for row in rows for name in row))
        return _json_table(rows, names).schema
    raise require("pyarrow", extra="cli").ArrowInvalid("it has no lines")


def _json(path: Path, columns: list[str], first_row: int) -> Tables:
    at = 0
    for rows in _json_rows(path):
        if at + len(rows) > first_row:
            yield at, _json_table(rows, columns)
        at += len(rows)


def _json_rows(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Lines of JSON, some thousands at a time."""
    open_: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with open_(path, "rt", encoding="utf-8") as file:
        lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        while batch := list(itertools.islice(lines, _ROWS_AT_ONCE)):
            yield [_json_row(number, line) for number, line in batch]


def _json_row(number: int, line: str) -> dict[str, Any]:
    pa = require("pyarrow", extra="cli")
    try:
        row = json.loads(line)
    except ValueError as error:
        raise pa.ArrowInvalid(f"line {number} is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise pa.ArrowInvalid(f"line {number} holds no object with the columns as names")
    return row


def _json_table(rows: list[dict[str, Any]], names: list[str]) -> Any:
    pa = require("pyarrow", extra="cli")
    columns = []
    for name in names:
        try:
            columns.append(pa.array([row.get(name) for row in rows]))
        except (pa.ArrowException, OverflowError) as error:
            raise pa.ArrowInvalid(f"column {name!r}: {error}") from error
    return pa.table(columns, names=names)


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
    pa = require("pyarrow", extra="cli")
    wanted = pa.ipc.IpcReadOptions(included_fields=columns)  # a file may be one batch
    with open(path, "rb") as file:
        is_file = file.read(6) == b"ARROW1"
    with pa.OSFile(str(path)) as opened:  # read batch by batch: a mapped file is resident memory
        yield (pa.ipc.open_file if is_file else pa.ipc.open_stream)(opened, options=wanted)


def _as_table(batch: object) -> Any:
    return require("pyarrow", extra="cli").Table.from_batches([batch])


_READERS: dict[str, tuple[Callable[[Path], Any], Callable[[Path, list[str], int], Tables]]] = {
    ".csv": (_csv_schema, _csv),
    ".tsv": (_csv_schema, _csv),
    ".jsonl": (_json_schema, _json),
    ".parquet": (_parquet_schema, _parquet),
    ".arrow": (_arrow_schema, _arrow),
    ".feather": (_arrow_schema, _arrow),
    ".npz": (npz_schema, npz_tables),
}
"""By format: what columns a file has, and its rows."""
