"""The engine of this process: block after block, with all cores at work on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lime_jax.distributed.worker import ChunkSpec, explain_chunk

if TYPE_CHECKING:
    import pyarrow


def explain_tables(
    spec: ChunkSpec,
    blocks: Iterable[tuple[int, Any, Any]],
    num_workers: int | None = None,
    name_of: Callable[[int], str] = "block {}".format,
) -> Iterator[tuple[int, pyarrow.Table]]:
    """Explain blocks of rows, each taken when the one before is done; as in every engine.

    `num_workers` is of other engines: this process uses all cores by itself. `name_of` is what
    messages call a block, from its number.
    """
    for number, rows, row_ids in blocks:
        try:
            table = explain_chunk(spec, rows, row_ids)
        except Exception as error:
            error.add_note(f"raised for {name_of(number)}")
            raise
        yield number, table
