"""A file's rows in blocks of a fixed number, however the file itself is divided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lime_jax.jobs.source import Source, join_tables

if TYPE_CHECKING:
    import pyarrow


def read_blocks(
    source: Source, columns: Sequence[str], rows: range, size: int, wanted: Sequence[int]
) -> Iterator[tuple[int, pyarrow.Table]]:
    """Read blocks.

    Args:
        size: rows of a block; the last one may have fewer.

    Yields:
        The number of a block, and its rows.
    """
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
