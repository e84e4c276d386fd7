"""Explain a file of any size into a folder of parts, and go on where an earlier run stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lime_jax.arguments import check_one_of, check_whole
from lime_jax.distributed.worker import ON_ERROR, ChunkSpec, failure_of
from lime_jax.front.progress import progress_bar
from lime_jax.jobs.folder import (
    check_folder,
    forget_failures,
    locked,
    settle_manifest,
    unfinished,
    write_failures,
    write_part,
)
from lime_jax.jobs.manifest import make_manifest
from lime_jax.jobs.rebuilt import RowForm, SparseForm, TakenColumns, row_form
from lime_jax.jobs.source import Source, open_source, read_blocks
from lime_jax.optional import require
from lime_jax.results.parts import Failure, StoredExplanations
from lime_jax.warn import warn

_ROWS_PER_PART = 2**14
_CELLS_PER_PART = 2**22
"""Weights of a part, where a row has so many that fewer rows make one."""
ENGINES = ("local", "ray", "spark")
_LIBRARIES = {"ray": "ray", "spark": "pyspark"}


def explain_file(
    explainer: Any,
    data: str | Path,
    model: object,
    out: str | Path,
    *,
    columns: Sequence[str] | None = None,
    rows: tuple[int | None, int | None] = (None, None),
    rows_per_part: int | None = None,
    resume: bool = False,
    on_error: str = "raise",
    engine: str = "local",
    num_workers: int | None = None,
    facts: Mapping[str, object] | None = None,
    progress: bool | None = None,
    **options: object,
) -> StoredExplanations:
    """Explain the rows of a file that need not fit into memory.

    Rows are read, explained and written in blocks. The folder gets a parquet file for each, which
    is there whole or not at all, and a manifest that says what they were made of. If the run is
    stopped, however it ends, `resume=True` makes the parts that are missing, and the folder ends up
    the same, byte for byte. A row's numbers are those it has in any other call of `explain`.

    Args:
        explainer: a `TabularExplainer`, fitted, or one of a kind of your own.
        data: `.csv`, `.tsv` or `.jsonl`, also with `.gz`; `.parquet`, `.arrow` or `.feather`; of an
            explainer that was fitted on sparse rows `.npz` of `scipy.sparse.save_npz`, which has to
            fit into memory.
        model: as `explain` takes it, or a `ModelFactory`.
        out: folder, made if it is not there.
        columns: of the file, for an explainer that was fitted on an array; None: its feature
            names. A frame knows its own; then it is refused.
        rows: the first to explain, and the one after the last; None: from the start, to the end.
        rows_per_part: rows that are read, explained and written at a time; None: 16,384, and fewer
            where a row has more than 256 weights: features times explained outputs.
        resume: whether to go on with the job in the folder; parts that failed are tried again.
        on_error: what becomes of a part in which the model, or a value of the file, raises an
            exception: "raise" ends the run with it; "record" leaves the part out, notes its rows
            and the error in `_failures.json`, warns at the end, and makes all others.
        engine: "local", "ray" or "spark"; it does not sway the numbers, and may change between
            runs. The workers of Ray and Spark compute on the CPU.
        num_workers: of Ray or Spark; None: as many as there is room for.
        facts: what else must be the same in a run that resumes, such as hashes of files. One named
            "model" stands for the model, which is otherwise told by its content: a function by its
            code, its defaults and what it encloses, but not by the functions that it calls; a
            `ModelFactory` by its arguments, and the content of those that are files.
        progress: whether to show a bar, or lines where there is no terminal; None: if it is long.
        **options: of `explain`, but for `row_ids`, `progress` and `mesh`.

    Returns:
        The explanations, which are read when they are asked for; `row_id` is a row's number in the
        file.

    Raises:
        ValueError: if an argument or the file is not usable, the folder holds another job, or all
            parts failed.
        OSError: if a part cannot be written; those that are finished stay.
        ImportError: if pyarrow or the engine is missing.

    Example:
        ::

            from lime_jax.jobs import explain_file

            explainer = lime_jax.TabularExplainer().fit(training)
            stored = explain_file(explainer, "big.parquet", model, "out/")
            stored[123_456].as_list()
    """
    _check(rows_per_part, engine, num_workers, on_error)
    folder, source = Path(out), open_source(data)
    check_folder(folder, resume)
    spec = ChunkSpec(explainer, model, options, on_error=on_error)
    form = row_form(explainer, source, columns)
    labels = _num_labels(explainer, spec.model, options)
    size = rows_per_part or _rows_per_part(max(1, form.num_features) * labels)
    rows_in_file = source.count_rows()
    chosen = row_range(rows, rows_in_file)
    with locked(folder):
        check_folder(folder, resume)  # again: another run may just have begun
        device = jax.default_backend() if engine == "local" else "cpu"
        manifest = make_manifest(
            spec, source, form.columns, chosen, rows_in_file, size, device, facts or {}
        )
        settle_manifest(folder, manifest, resume)
        forget_failures(folder)
        missing = unfinished(folder, manifest)
        job = _Job(spec, source, form, folder, chosen, size, missing)
        left = sum(len(job.rows_of(number)) for number in missing)
        with progress_bar(len(chosen), progress, len(chosen) - left, lines=True) as tick:
            if missing:
                job.run(_tables_of(engine), num_workers, tick)
        job.settle_failures(manifest["num_parts"])
    return StoredExplanations(folder)


@dataclasses.dataclass(frozen=True)
class _Job:
    """The parts that are missing in a folder."""

    spec: ChunkSpec
    source: Source
    form: RowForm | TakenColumns | SparseForm
    folder: Path
    rows: range
    size: int
    missing: Sequence[int]
    failures: dict[int, str] = dataclasses.field(default_factory=dict)

    def run(
        self,
        explain_tables: Callable[..., Iterator[tuple[int, object]]],
        num_workers: int | None,
        tick: Callable[[int], None],
    ) -> None:
        """Make them."""
        done = 0
        try:
            with contextlib.ExitStack() as stack:
                tables: Any = explain_tables(
                    self.spec, self._blocks(), num_workers=num_workers, name_of=self._name_of
                )
                stack.callback(tables.close)  # so that an engine lets go of its workers
                for number, table in tables:
                    failure = failure_of(table)
                    if failure is None:
                        write_part(self.folder, number, self._numbered(number, table))
                        done += 1
                    else:
                        self.failures[number] = failure
                    tick(len(self.rows_of(number)))
        except (Exception, KeyboardInterrupt) as error:
            count = -(-len(self.rows) // self.size)
            error.add_note(
                f"{count - len(self.missing) + done:,} of {count:,} parts are finished and stay in "
                f"{self.folder}; run it again with --resume (`resume=True`) to make the others"
            )
            raise

    def settle_failures(self, num_parts: int) -> None:
        """Note the parts that failed, and warn of them; ValueError if all did."""
        if not self.failures:
            return
        found = [
            Failure(number, (mine := self.rows_of(number))[0], mine[-1], self.failures[number])
            for number in sorted(self.failures)
        ]
        count = sum(each.last_row - each.first_row + 1 for each in found)
        said = f"the first, rows {found[0].first_row:,} to {found[0].last_row:,}: {found[0].error}"
        if len(found) == num_parts:
            raise ValueError(f"`on_error`: not one of {num_parts:,} parts could be made; {said}")
        write_failures(self.folder, found)
        warn(
            f"{count:,} rows in {len(found):,} of {num_parts:,} parts could not be explained, "
            f"`failures` names them; {said}"
        )

    def rows_of(self, number: int) -> range:
        """The rows of a part, by their number in the file."""
        return self.rows[number * self.size : (number + 1) * self.size]

    def _numbered(self, number: int, table: Any) -> Any:
        """With the rows' number in the file; their keys came from what they hold, as anywhere."""
        mine = self.rows_of(number)
        ids = require("pyarrow", extra="cli").array(np.arange(mine.start, mine.stop))
        return table.set_column(0, table.schema.field(0), ids)

    def _blocks(self) -> Iterator[tuple[int, Any, None]]:
        columns, missing = self.form.columns, self.missing
        for number, block in read_blocks(self.source, columns, self.rows, self.size, missing):
            try:
                rebuilt = self.form.rebuild(block)
            except ValueError as error:
                mine = self.rows_of(number)
                if self.spec.on_error == "record":
                    self.failures[number] = f"ValueError: {error}"
                    continue
                error.add_note(f"in one of rows {mine[0]:,} to {mine[-1]:,} of the file")
                raise
            yield number, rebuilt, None

    def _name_of(self, number: int) -> str:
        """What an engine's messages call a part."""
        rows = self.rows_of(number)
        return f"block {number}, rows {rows[0]:,} to {rows[-1]:,} of the file"


def _check(rows_per_part: object, engine: Any, num_workers: object, on_error: object) -> None:
    counts = {"rows_per_part": rows_per_part, "num_workers": num_workers}
    for name, count in counts.items():
        if count is not None:
            check_whole(name, count)
    check_one_of("engine", engine, ENGINES)
    check_one_of("on_error", on_error, ON_ERROR)
    if engine == "local" and num_workers not in (None, 1):
        raise ValueError(
            f"`num_workers`: the local engine is one process that uses all cores by itself, got "
            f"{num_workers}; leave it out, or choose the engine 'ray' or 'spark'"
        )
    library = _LIBRARIES.get(engine)
    if library:
        require(library, extra=engine, needed_by=f"`engine`: {engine!r}")


def _rows_per_part(weights: int) -> int:
    """A power of two: so many that a part is worth its file, so few that they fit in memory."""
    return min(_ROWS_PER_PART, 2 ** max(8, (_CELLS_PER_PART // weights).bit_length() - 1))


def _num_labels(explainer: Any, model: object, options: Mapping[str, Any]) -> int:
    """Outputs that a row's explanation has, as far as that is known before the model is called."""
    if options.get("labels") is not None:
        return max(np.size(options["labels"]), 1)
    if options.get("top_labels") is not None:
        return max(int(options["top_labels"]), 1)
    owner = getattr(model, "__self__", model)  # of `model.predict_proba`
    for names in (explainer.class_names, getattr(owner, "classes_", None)):
        if names is not None:
            return max(len(names), 1)
    return 1


def _tables_of(engine: str) -> Callable[..., Iterator[tuple[int, Any]]]:
    return importlib.import_module(f"lime_jax.distributed.{engine}").explain_tables


def row_range(rows: tuple[int | None, int | None], count: int, argument: str = "`rows`") -> range:
    """Which of a file's rows are meant, by the first and the one after the last.

    Example:
        >>> row_range((2, None), 5)
        range(2, 5)
    """
    first, last = 0 if rows[0] is None else rows[0], count if rows[1] is None else rows[1]
    if tuple(rows) != (None, None) and not 0 <= first < last <= count:
        raise ValueError(f"{argument}: {first}:{last} is not a part of the file's {count:,} rows")
    return range(first, last)
