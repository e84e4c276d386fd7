"""A folder of explanations in parts, as a job writes it: read only where it is asked for.

The parts are parquet tables of `arrow.rows_table`, of equally many rows but for the last one.
`_manifest.json` says what they were made of; readers of such folders pass over its name, so
`pandas.read_parquet`, Spark and DuckDB read the whole folder as one table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lime_jax.arguments import is_whole
from lime_jax.optional import require
from lime_jax.results.arrow import explanations_of
from lime_jax.results.concatenation import concatenate
from lime_jax.results.data_set import DataSetViews
from lime_jax.results.explanation import Explanation
from lime_jax.results.importance import Importance
from lime_jax.results.tidy import TEXTS
from lime_jax.typing import Scalar

MANIFEST = "_manifest.json"
FAILURES = "_failures.json"
"""Of a job that went on where parts failed: which, and why."""


class Failure(NamedTuple):
    """A part of a job that could not be made.

    Attributes:
        part: its number.
        first_row: number of its first row in the file.
        last_row: number of its last row in the file.
        error: what was raised, in words.
    """

    part: int
    first_row: int
    last_row: int
    error: str


def read_failures(folder: Path) -> list[Failure]:
    """Parts that a job left out; ValueError if the list is damaged."""
    path = folder / FAILURES
    try:
        return [Failure(**each) for each in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise ValueError(f"`path`: {path} is no list of failures of a job") from error


def part_path(folder: Path, number: int) -> Path:
    """Where a part of a job is, by its number from 0."""
    return folder / f"part-{number:05d}.parquet"


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a job wrote down before its first part; ValueError if there is none."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        rows, size, parts = (manifest[name] for name in ("num_rows", "rows_per_part", "num_parts"))
        if all(map(is_whole, (rows, size, parts))) and size > 0 and parts == -(-rows // size) >= 0:
            return manifest
    except FileNotFoundError as error:
        raise ValueError(
            f"`path`: expected the folder of a job, but {folder} has no {MANIFEST}"
        ) from error
    except (ValueError, KeyError, TypeError, IsADirectoryError):
        pass
    raise ValueError(f"`path`: {path} is no manifest of a job")


class StoredExplanations(DataSetViews):
    """The explanations of a data set, in the folder that a job wrote.

    Nothing is read before it is asked for, and no more than a part at a time unless it is: what
    is true of all rows (`importance`, `cohorts`, `stability`, `pick`) is added up part by part.
    Tables, `save`, figures with a mark for each row and `cohorts("tree")` take all into memory.
    Of a job that went on where parts failed (`on_error="record"`), these are the explanations
    there are; `row_id` is the number of a row in the file.

    Args:
        folder: of a finished job.

    Attributes:
        failures: the parts that could not be made: their rows in the file, and why.

    Raises:
        ValueError: if it is something else, or the job is not finished.
        ImportError: if pyarrow is missing.

    Example:
        ::

            stored = lime_jax.load("explanations/")
            stored[123_456].as_list()       # the explanation of one row
            stored[:1000].to_pandas()       # `Explanations` of some rows, in memory
            stored.importance()             # over all rows, part by part
            sum(part.score.sum() for part in stored.parts())
    """

    def __init__(self, folder: str | Path) -> None:
        require("pyarrow", extra="cli")
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        present = {path.name for path in self.folder.glob("part-*.parquet")}
        self.failures = read_failures(self.folder)
        failed = {each.part for each in self.failures}
        numbers = [k for k in range(self.manifest["num_parts"]) if k not in failed]
        self._paths = paths = [part_path(self.folder, k) for k in numbers]
        missing = [path for path in paths if path.name not in present]
        if missing:
            raise ValueError(
                f"`path`: the job in {self.folder} is not finished, {len(missing):,} of "
                f"{self.manifest['num_parts']:,} parts are missing, {missing[0].name} is the "
                "first; run it again with --resume, or load single parts by their file names"
            )
        self._size = self.manifest["rows_per_part"]
        self._last: tuple[int, int, Any] = (-1, 0, ())  # part, first row of it, explanations

    def __len__(self) -> int:
        """Number of rows."""
        failed = sum(each.last_row - each.first_row + 1 for each in self.failures)
        return self.manifest["num_rows"] - failed

    def __repr__(self) -> str:
        """What there is, in one line."""
        parts = len(self._paths)
        return f"StoredExplanations({str(self.folder)!r}: {len(self):,} rows in {parts:,} parts)"

    def __getitem__(self, index: Any) -> Any:
        """One row for an integer, `Explanations` for a slice, a mask or an array of rows."""
        # All parts but the last have equally many rows, whichever failed.
        if isinstance(index, int | np.integer):
            return self._one(range(len(self))[int(index)])
        count = len(self)  # of which a slice takes few
        is_slice = isinstance(index, slice)
        rows = np.arange(*index.indices(count)) if is_slice else np.arange(count)[index]
        self._check_parts()
        numbers = np.unique(rows // self._size) if len(rows) else np.zeros(1, np.int64)
        found, places = [], []
        for number in numbers.tolist():
            mine = np.flatnonzero(rows // self._size == number)
            found.append(self._part(number)[rows[mine] - number * self._size])
            places.append(mine)
        return concatenate(found)[np.argsort(np.concatenate(places), kind="stable")]

    def __iter__(self) -> Iterator[Explanation]:
        """One row after the other."""
        return (explanation for part in self.parts() for explanation in part)

    def parts(self) -> Iterator[Any]:
        """Part after part, in the order of the rows.

        Yields:
            The explanations of one part, which are not kept.

        Example:
            >>> [len(part) for part in stored.parts()]
            [3, 1]
        """
        return map(read_part, self._paths)

    def importance(self, label: Scalar = None) -> Importance:
        """How much each feature matters over the data set; see `Explanations.importance`.

        Args:
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            (features,) mean |weight| over the rows, and its standard error as a sample of rows.

        Raises:
            ValueError: if `label` was not explained, or there are no rows.

        Example:
            >>> size, error = stored.importance()
            >>> size.round(3).tolist()
            [1.331, 1.331]
        """
        self._check_parts()
        counted = [(len(part), *part.importance(label)) for part in self.parts()]
        rows, means, errors = map(np.array, zip(*counted, strict=True))
        share = (rows / len(self))[:, None]
        mean = (share * means).sum(0)
        # Within the parts, and between them.
        variance = (share * (rows[:, None] * errors**2 + (means - mean) ** 2)).sum(0)
        return Importance(mean, np.sqrt(variance / len(self)))

    def _pieces(self) -> Iterator[Any]:
        """Part after part."""
        return self.parts()

    def _arrays(self) -> Any:
        """All of them in memory."""
        return self[:]

    def _sample(self) -> Any:
        """The first part: `Explanations` that say what all have in common."""
        self._check_parts()
        return self._part(0)

    def _check_parts(self) -> None:
        if not len(self):
            raise ValueError(f"`path`: expected rows, and {self.folder} has none")

    def _part(self, number: int) -> Any:
        return read_part(self._paths[number])

    def _one(self, row: int) -> Explanation:
        """A row; those that lie next to it are kept for the next call."""
        number, place = divmod(row, self._size)
        last, first, group = self._last
        if last != number or not 0 <= place - first < len(group):
            first, group = _row_group(self._paths[number], place)
            self._last = number, first, group
        return group[place - first]


def read_part(path: str | Path) -> Any:
    """The explanations of one part: a parquet file of `arrow.rows_table`."""
    with _opened(path) as file:
        return explanations_of(file.read(columns=_needed(file)))


def _row_group(path: Path, place: int) -> tuple[int, Any]:
    """The rows that lie together with one in a part's file, after the number of their first."""
    with _opened(path) as file:
        first = 0
        for number in range(file.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            if place < first + rows:
                table = file.read_row_group(number, columns=_needed(file))
                return first, explanations_of(table)
            first += rows
    raise ValueError(f"`path`: {path} has {first:,} rows, and more were expected")


def _needed(file: Any) -> list[str]:
    """All columns but those that explanations make again from what all rows share."""
    return [name for name in file.schema_arrow.names if name not in TEXTS]


def _opened(path: str | Path) -> Any:
    pa, parquet = require("pyarrow", extra="cli"), require("pyarrow.parquet", extra="cli")
    try:
        return parquet.ParquetFile(path, page_checksum_verification=True)
    except pa.ArrowInvalid as error:
        raise ValueError(f"`path`: {path} is no parquet file, or is damaged ({error})") from error
