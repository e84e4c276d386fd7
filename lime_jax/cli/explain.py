"""`lime-jax explain`: rows and a model from files, explanations to a file."""

from __future__ import annotations

import dataclasses
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lime_jax.cache import use_compilation_cache
from lime_jax.cli import tables
from lime_jax.cli.errors import InputError
from lime_jax.cli.files import TABLE_SUFFIXES, check_writable, write_explanations
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
from lime_jax.jobs.run import row_range
from lime_jax.results.whole_files import replacing
from lime_jax.typing import Table
from lime_jax.views.report.numbers import plural

if TYPE_CHECKING:
    from lime_jax import Explanations

JOB_ONLY = ("resume", "on_error", "engine", "workers", "rows_per_part")
"""Arguments that have a meaning only where the results are a folder."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the files held."""

    training: Training  # what the explainer learns from
    rows: Table  # to explain, in the same form
    first_row: int  # number of the first of them in the file


def explain(arguments: Namespace) -> None:
    """Run `lime-jax explain`."""
    out, report = check_outputs(arguments)
    inputs = _read_inputs(arguments)
    use_compilation_cache()
    start = time.perf_counter()
    explanations = _explain(inputs, arguments)
    seconds = time.perf_counter() - start
    finish(explanations, arguments, out, report, _title(inputs, arguments), seconds)


def finish(
    explanations: Explanations,
    arguments: Namespace,
    out: Path,
    report: Path | None,
    title: str,
    seconds: float,
) -> None:
    """Write the files, and say in one line what was done."""
    write_explanations(explanations, out)
    written, how = str(arguments.out), how_explained(explanations.samples_used, explanations)
    if report is not None:
        with replacing(report) as aside:
            aside.write_text(explanations.as_html(title=title), "utf-8")
        written += f" and {arguments.report}"
    rows, labels, _ = explanations.coef.shape
    outputs = "output" if labels == 1 else "outputs"
    print(
        f"explained {rows:,} {plural(explanations.subject)}, {labels} {outputs} each, in "
        f"{seconds:.1f} s, {how}; wrote {written}"
    )


def _title(inputs: Inputs, arguments: Namespace) -> str:
    name = Path(arguments.data).name
    last = inputs.first_row + len(inputs.rows) - 1
    return f"{name}, rows {inputs.first_row} to {last}" if len(inputs.rows) else name


def check_outputs(arguments: Namespace) -> tuple[Path, Path | None]:
    """Where the table and the page are to be written; they must be files that can be."""
    for name in JOB_ONLY:
        if getattr(arguments, name) not in (None, False):
            raise InputError(
                f"--{name.replace('_', '-')}: needs a folder as --out, such as "
                f"{Path(arguments.out).stem}/, got the file {arguments.out}"
            )
    out = check_writable(arguments.out, TABLE_SUFFIXES, "--out")
    report = arguments.report and check_writable(arguments.report, (".html", ".htm"), "--report")
    for argument in ("model", "data", "background"):
        path = getattr(arguments, argument)
        if path is not None and Path(path).resolve() == out:
            raise InputError(f"--out: {arguments.out} is the file of --{argument}")
    return out, report


def _read_inputs(arguments: Namespace) -> Inputs:
    model = read_model(arguments)
    texts = texts_of(arguments, model)
    if arguments.background:
        table = tables.read_table(arguments.background, "--background", texts)
        training = see_training(arguments, model, table)
        data = tables.read_table(arguments.data, "--data", training.texts)
        tables.need_numbers(data, table.select(training.names))
    else:
        data = tables.read_table(arguments.data, "--data", texts)
        if not len(data):
            raise InputError("--background: is needed where --data has no rows to learn from")
        say(f"no --background: the {len(data):,} rows of --data are also the training rows")
        training = see_training(arguments, model, data)
    tables.need_columns(data.columns, training.names, "--model", "--data")
    chosen = row_range(arguments.rows, len(data), "--rows")
    rows = training.form(data.select(training.names)[chosen.start : chosen.stop])
    check_model(model, rows)
    return Inputs(training, rows, chosen.start)


def _explain(inputs: Inputs, arguments: Namespace) -> Explanations:
    explainer = fit_explainer(inputs.training, arguments)
    explanations = explainer.explain(
        inputs.rows,
        inputs.training.model,
        progress=False if arguments.no_progress else None,
        **options_of(arguments, inputs.training.model),
    )
    # A file's rows are told by their number in it, whatever index was stored with them.
    numbers = np.arange(inputs.first_row, inputs.first_row + len(explanations))
    return dataclasses.replace(explanations, row_ids=numbers, row_names=())
