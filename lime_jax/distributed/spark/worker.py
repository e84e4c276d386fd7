"""What Spark's Python workers run: a spec that is unpickled once per process, rows in even blocks.

Nothing here needs PySpark but its `TaskContext`, and `broadcast`, which runs on the driver.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lime_jax.distributed.sending import pack, unpack
from lime_jax.distributed.worker import ChunkSpec, explain_chunk, ids_of
from lime_jax.tabular.frames.fitted_rows import fitted_rows

if TYPE_CHECKING:
    import pyarrow

MOST_ENCLOSED = 100 * 2**20
"""Bytes of a spec inside a function: a message of Spark Connect holds 128 MiB."""

ROWS_AT_ONCE = 4096
"""Rows of a block: whatever the sizes of partitions and batches, this bounds the memory."""


class PackedSpec:
    """A spec as bytes, opened when a process first asks for it, and kept there.

    It is kept as long as the Python worker lives, so all tasks of a worker share one model, and
    what JAX compiled for it. Its arrays are read in the precision they were sent in.
    """

    def __init__(self, data: bytes, enable_x64: bool) -> None:
        self.data, self.enable_x64 = data, enable_x64
        self._spec: ChunkSpec | None = None

    def open(self) -> ChunkSpec:
        """The spec."""
        if self._spec is not None:
            return self._spec
        from pyspark import TaskContext

        # A task has the cores that Spark gives it; XLA would take all of the machine.
        task = TaskContext.get()
        os.environ.setdefault("NPROC", str(task.cpus() if task else 1))
        spec = self._spec = unpack(self.data, self.enable_x64)
        return spec

    def __reduce__(self) -> tuple[Any, ...]:
        """Without what was opened here."""
        return _packed_spec, (self.data, self.enable_x64)


@functools.lru_cache(maxsize=2)
def _packed_spec(data: bytes, enable_x64: bool) -> PackedSpec:
    """The same one for the same bytes: where each task brings them, a process opens them once."""
    return PackedSpec(data, enable_x64)


@dataclasses.dataclass(frozen=True)
class Enclosed:
    """What a broadcast is where there is none: the value itself, inside the functions of tasks."""

    value: PackedSpec

    def unpersist(self) -> None:
        """Nothing: it goes with the functions."""


def is_connect(session: object) -> bool:
    """Whether a session is one of Spark Connect, which has no context."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def broadcast(session: Any, spec: ChunkSpec) -> Any:
    """Send a spec to all workers of a session, once."""
    from pyspark import cloudpickle

    packed = PackedSpec(pack(spec, cloudpickle.dumps), spec.enable_x64)
    if not is_connect(session):
        return session.sparkContext.broadcast(packed)
    if len(packed.data) > MOST_ENCLOSED:
        raise ValueError(
            f"`model`: together with the explainer it takes {len(packed.data):,} bytes, and a "
            f"session of Spark Connect takes {MOST_ENCLOSED:,} with a task; let every worker make "
            "it: `ModelFactory(load, path)`, where `load(path)` returns the model"
        )
    return Enclosed(packed)


def blocks(batches: Iterator[pyarrow.RecordBatch], size: int) -> Iterator[pyarrow.Table]:
    """Arrow batches of any sizes as tables of one size, the last smaller; none is empty.

    Example:
        >>> import pyarrow
        >>> batches = pyarrow.table({"a": range(7)}).to_batches(max_chunksize=3)
        >>> [block["a"].to_pylist() for block in blocks(iter(batches), 4)]
        [[0, 1, 2, 3], [4, 5, 6]]
    """
    import pyarrow as pa

    held: list[Any] = []
    count = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, size - count)
            held.append(part)
            start, count = start + part.num_rows, count + part.num_rows
            if count == size:
                yield pa.Table.from_batches(held).combine_chunks()
                held, count = [], 0
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


@contextlib.contextmanager
def told_where(first: int, count: int, ids: Any = None) -> Iterator[None]:
    """Exceptions get a note that says which rows they are about."""
    try:
        yield
    except Exception as error:
        from pyspark import TaskContext

        task = TaskContext.get()
        where = f"of partition {task.partitionId()}" if task else "of the batch"
        which = "" if ids is None else f", ids {ids[0]!s} to {ids[-1]!s}"
        error.add_note(f"raised for rows {first} to {first + count - 1} {where}{which}")
        raise


def blocks_with_ids(
    batches: Any, size: int, has_ids: bool
) -> Iterator[tuple[int, pyarrow.Table, Any]]:
    """The blocks of a partition: number of the first row, the rows, and their ids or None.

    With `has_ids` these are the last column, which is taken out.
    """
    first = 0
    for block in blocks(batches, size):
        ids = None
        if has_ids:
            with told_where(first, len(block)):
                ids = ids_of(block.column(block.num_columns - 1))
            block = block.remove_column(block.num_columns - 1)
        yield first, block, ids
        first += len(block)


@dataclasses.dataclass
class ExplainBatches:
    """The function of `mapInArrow`: batches of features, and an id last, to explanations.

    `packed` is Spark's broadcast of a `PackedSpec`; `has_ids` says whether there are ids.
    """

    packed: Any
    has_ids: bool

    def __call__(self, batches: object) -> Iterator[Any]:
        """Explain a partition, block by block."""
        spec = self.packed.value.open()
        for first, block, ids in blocks_with_ids(batches, ROWS_AT_ONCE, self.has_ids):
            with told_where(first, len(block), ids):
                table = explain_chunk(spec, self.rows_of(spec, block), ids)
            yield from table.replace_schema_metadata(None).to_batches()

    def rows_of(self, spec: ChunkSpec, block: pyarrow.Table) -> Any:
        """The rows of a block as the explainer takes them."""
        return fitted_rows(spec.explainer.schema_, block)
