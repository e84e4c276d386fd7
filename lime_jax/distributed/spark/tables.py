"""Blocks of rows through Spark, from a driver that has them: what jobs run on."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from lime_jax.distributed.sending import forking, portable, unpack
from lime_jax.distributed.spark.worker import broadcast, is_connect
from lime_jax.distributed.worker import ChunkSpec, explain_chunk
from lime_jax.engine.budget import num_cores
from lime_jax.optional import require

if TYPE_CHECKING:
    import pyarrow


def explain_tables(
    spec: ChunkSpec,
    blocks: Iterable[tuple[int, object, object]],
    num_workers: int | None = None,
    session: object = None,
    name_of: Callable[[int], str] = "block {}".format,
) -> Iterator[tuple[int, pyarrow.Table]]:
    """Explain blocks of rows on Spark, each by a job of its own.

    Args:
        spec: what to do.
        blocks: number, rows and row ids (None: by content) of each block; taken one by one, as
            workers become free.
        num_workers: blocks in flight; None: as many as the session runs tasks.
        session: a `SparkSession`; None: the running one, or else one of the master that is
            configured (by `spark-submit`), or of this machine, which is stopped at the end.
        name_of: what messages call a block, from its number.

    Yields:
        Number and table of each block, as they are finished: not in order.

    Raises:
        ImportError: if PySpark is missing.
        RuntimeError: if there is no Java to start a session with.
        ValueError: if the model cannot be pickled.

    Example:
        >>> blocks = [(0, X[:1000], None), (1, X[1000:], None)]  # doctest: +SKIP
        >>> dict(explain_tables(ChunkSpec(explainer, model), blocks))  # doctest: +SKIP
    """
    require("pyspark", extra="spark")
    with contextlib.ExitStack() as stack:
        if session is None:
            session = stack.enter_context(_session(num_workers))
        jobs = _JobsOfServer(session) if is_connect(session) else _Jobs(session)
        packed = broadcast(session, spec)
        stack.callback(packed.unpersist)
        width = num_workers or jobs.width()
        pool = stack.enter_context(ThreadPoolExecutor(width))
        running: dict[Future[Any], int] = {}
        stack.callback(_stop, jobs, running)
        todo = iter(blocks)
        while True:
            while len(running) < width and (block := next(todo, None)) is not None:
                number, X, row_ids = block
                running[pool.submit(_run, jobs, packed, X, row_ids)] = number
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(done)
                yield number, _table_of(name_of(number), *done.result())


def _stop(jobs: _Jobs, running: dict[Future[Any], int]) -> None:
    """End what nobody waits for anymore."""
    if running:
        for future in running:
            future.cancel()
        jobs.cancel()


def _run(jobs: _Jobs, packed: object, X: object, row_ids: object) -> tuple[str, bytes]:
    """One block as a job of one task; in a thread of the driver."""
    from pyspark import cloudpickle

    return jobs.run(_ExplainBlock(packed), cloudpickle.dumps((X, row_ids)))


class _Jobs:
    """The jobs of a call, in a session that has a context."""

    def __init__(self, session: Any) -> None:
        self.session, self.tag = session, f"lime_jax-{uuid.uuid4().hex}"

    def width(self) -> int:
        """How many tasks run at the same time."""
        return self.session.sparkContext.defaultParallelism

    def run(self, work: _ExplainBlock, rows: bytes) -> tuple[str, bytes]:
        """What becomes of rows in a worker."""
        self.session.sparkContext.addJobTag(self.tag)
        return self.session.sparkContext.parallelize([rows], 1).map(work).collect()[0]

    def cancel(self) -> None:
        """End all that run."""
        self.session.sparkContext.cancelJobsWithTag(self.tag)


class _JobsOfServer(_Jobs):
    """The same by way of a server of Spark Connect, which knows tables alone."""

    def width(self) -> int:
        """How many tasks run at the same time: parts of a table that nobody cuts."""
        from pyspark.sql import functions

        parts = self.session.range(2**16).select(functions.spark_partition_id())
        return parts.distinct().count()

    def run(self, work: _ExplainBlock, rows: bytes) -> tuple[str, bytes]:
        """What becomes of rows in a worker."""
        self.session.addTag(self.tag)
        block = self.session.createDataFrame([(rows,)], "rows binary").coalesce(1)
        kind, data = block.mapInArrow(work.on_batches, "kind string, data binary").collect()[0]
        return kind, bytes(data)

    def cancel(self) -> None:
        """End all that run."""
        self.session.interruptTag(self.tag)


class _ExplainBlock:
    """What a worker does with a block; an exception comes back as a result.

    Spark would run the block of an exception again, in vain.
    """

    def __init__(self, packed: Any) -> None:
        self.packed = packed

    def __call__(self, rows: bytes) -> tuple[str, bytes]:
        from pyspark import cloudpickle

        pa = require("pyarrow", extra="cli")
        try:
            spec = self.packed.value.open()
            table = explain_chunk(spec, *unpack(rows, spec.enable_x64))
        except Exception as error:
            return "error", portable(error, cloudpickle.dumps)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return "table", sink.getvalue().to_pybytes()

    def on_batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The same as a function of `mapInArrow`, of the one row that holds a block."""
        pa = require("pyarrow", extra="cli")
        for batch in batches:
            done = [self(rows.as_py()) for rows in batch.column(0)]
            yield pa.RecordBatch.from_arrays(
                [pa.array([kind for kind, _ in done]), pa.array([data for _, data in done])],
                ["kind", "data"],
            )


def _table_of(name: str, kind: str, data: bytes) -> pyarrow.Table:
    if kind == "table":
        return require("pyarrow", extra="cli").ipc.open_stream(data).read_all()
    from pyspark import cloudpickle

    error = cloudpickle.loads(data)
    error.add_note(f"raised for {name}")
    raise error


@contextlib.contextmanager
def _session(num_workers: int | None) -> Iterator[Any]:
    """The session that runs, or one while it is needed."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        yield session
        return
    check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    name = f"lime_jax-{uuid.uuid4().hex}"
    builder: Any = SparkSession.builder.appName(name).config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    with forking():
        session = builder.master(master(num_workers)).getOrCreate()
    try:
        yield session
    finally:
        if session.sparkContext.appName == name:  # else another thread has one, which we got
            session.stop()


def master(num_workers: int | None) -> str:
    """Where a session that is started here runs: what is configured, else this machine.

    There `num_workers` tasks run at the same time, or one for each core, with three attempts.
    """
    from pyspark import SparkContext

    # Asked of Java, which it starts: Python alone does not know what `spark-submit` was told.
    configured = SparkContext.getSystemProperty("spark.master")
    if configured in (None, "local[*]"):  # Spark's own, if nobody says otherwise
        return f"local[{num_workers or num_cores()},3]"
    return configured


def check_java() -> None:
    """Refuse to start Spark where there is no Java."""
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java", path=os.path.join(home, "bin") if home else None):
        raise RuntimeError(
            "Spark needs Java 17 or newer, and there is no `java` "
            + (f"in JAVA_HOME={home!r}" if home else "on the path")
            + "; install one (such as openjdk-17-jre-headless), or set JAVA_HOME"
        )
