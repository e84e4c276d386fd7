"""`lime-jax explain --out DIR/`: a file of any size, explained in parts that survive a crash."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lime_jax.cache import use_compilation_cache
from lime_jax.cli import tables
from lime_jax.cli.errors import InputError
from lime_jax.cli.terminal import how_explained, say
from lime_jax.cli.training import (
    Training,
    check_model,
    fit_explainer,
    options_of,
    read_model,
    see_training,
    texts_of,
)
from lime_jax.jobs.source import open_source
from lime_jax.typing import Estimator

if TYPE_CHECKING:
    from lime_jax.jobs.source import Source
    from lime_jax.results.parts import StoredExplanations


Begin: TypeAlias = Callable[[], tuple[Any, Estimator, dict[str, Any]]]
"""Reads what is needed: an explainer, a model, and what else `explain_file` is told."""


def explain_into_folder(arguments: Namespace) -> None:
    """Run `lime-jax explain` with a folder as `--out`."""
    facts: dict[str, Any] = {}

    def begin() -> tuple[Any, Estimator, dict[str, Any]]:
        model = read_model(arguments)
        source = open_source(arguments.data, "--data")
        training, facts["background"] = _training(arguments, model, source)
        check_model(model, training.rows, "training row")
        options = {"columns": training.feature_names, **options_of(arguments, model)}
        return fit_explainer(training, arguments), model, options

    work_into_folder(arguments, begin, facts, "rows")


def work_into_folder(arguments: Namespace, begin: Begin, facts: dict[str, Any], what: str) -> None:
    """Explain a file into a folder, and say in one line what was done, and with what."""
    from lime_jax.jobs import check_folder, explain_file, file_hash

    if arguments.report:
        raise InputError(
            "--report: needs a file as --out; of a folder, "
            f"lime_jax.load({arguments.out!r})[:1000].as_html() makes a page"
        )
    if arguments.engine == "spark":
        _need_java()
    folder = Path(arguments.out)
    check_folder(folder, arguments.resume)  # before anything is read
    use_compilation_cache()
    explainer, model, options = begin()
    before, start = _parts(folder), time.perf_counter()
    stored = explain_file(
        explainer,
        arguments.data,
        model,
        folder,
        rows=arguments.rows,
        rows_per_part=arguments.rows_per_part,
        resume=arguments.resume,
        on_error=arguments.on_error or "raise",
        engine=arguments.engine or "local",
        num_workers=arguments.workers,
        facts={"model": file_hash(arguments.model), **facts},
        progress=False if arguments.no_progress else None,
        **options,
    )
    seconds = time.perf_counter() - start
    made, parts = len(_parts(folder) - before), stored.manifest["num_parts"] - len(stored.failures)
    what = f"{len(stored):,} {what} in {parts:,} parts"
    if arguments.resume and not made:
        print(f"nothing to do: {folder} is finished, {what}")
        return
    print(
        f"explained {what}, {made:,} of them made in {seconds:.1f} s{_how(stored)}; wrote {folder}"
    )


def _how(stored: StoredExplanations) -> str:
    """The method and the way the model ran; nothing of no rows."""
    if not len(stored):
        return ""
    import pyarrow.parquet

    used = pyarrow.parquet.read_table(stored.folder, columns=["samples_used"])["samples_used"]
    return f", {how_explained(used.to_numpy(), stored[:1])}"


def _need_java() -> None:
    from lime_jax.distributed.spark.tables import check_java

    try:
        check_java()
    except RuntimeError as error:
        raise InputError(f"--engine: {error}") from error


def _training(arguments: Namespace, model: Estimator, source: Source) -> tuple[Training, str]:
    """The training rows, and what the manifest says of them."""
    from lime_jax.jobs import file_hash, sample_rows

    texts = texts_of(arguments, model)
    if arguments.background:
        table = tables.read_table(arguments.background, "--background", texts)
        said = file_hash(arguments.background)
    else:
        sample = sample_rows(source, _columns_to_learn(arguments, model, source.schema.names))
        if not sample.num_rows:
            raise InputError("--background: is needed where --data has no rows to learn from")
        table = tables.as_read(sample.table, source.is_text, texts)
        said = "all rows of the data"
        if sample.step > 1:
            said = f"every {sample.step}th row of the data, {len(table):,} of {sample.num_rows:,}"
            said = said.replace(" 2th ", " 2nd ")
        say(f"no --background: {said.replace('the data', '--data')} are also the training rows")
    training = see_training(arguments, model, table)
    tables.need_columns(source.schema.names, training.names, "--model", "--data")
    return training, said


def _columns_to_learn(arguments: Namespace, model: Estimator, there: list[str]) -> list[str]:
    """What is read of the data; all of it if columns are unknown, or are missing: errors say it."""
    known = tables.fitted_names(model)
    target = [] if arguments.target is None else [arguments.target]
    needed = list(dict.fromkeys([*(known or ()), *target, *(arguments.categorical or ())]))
    return needed if known and set(needed) <= set(there) else there


def _parts(folder: Path) -> set[tuple[str, int]]:
    """The parts in a folder, each as it is now."""
    return {(path.name, path.stat().st_mtime_ns) for path in folder.glob("part-*.parquet")}
