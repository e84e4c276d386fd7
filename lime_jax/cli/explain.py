"""`lime-jax explain`: rows and a model from files, explanations to a file."""

from __future__ import annotations

import dataclasses
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from lime_jax.cli import tables
from lime_jax.cli.cache import use_compilation_cache
from lime_jax.cli.errors import InputError, describe
from lime_jax.cli.files import TABLE_SUFFIXES, check_writable, replacing, write_explanations
from lime_jax.cli.models import load_model
from lime_jax.cli.terminal import say


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the files held, as the explainer takes it.

    Attributes:
        model: the fitted model.
        training: rows that the explainer learns from: an array or a frame, as the model takes.
        rows: to explain, in the same form.
        first_row: number of the first of them in the file.
        target: of the training rows; None if they have none.
        feature_names: of an array's columns; None for a frame.
        categorical: columns whose values are levels.
    """

    model: Any
    training: Any
    rows: Any
    first_row: int
    target: Any
    feature_names: list[str] | None
    categorical: list[str] | None


def explain(arguments: Namespace) -> None:
    """Run `lime-jax explain`.

    Args:
        arguments: from `lime_jax.cli.arguments.parse`.

    Raises:
        InputError: if a file or an argument is not usable.
        ValueError: the same, as the library says it.
    """
    out, report = _check_outputs(arguments)
    inputs = _read_inputs(arguments)
    use_compilation_cache()
    start = time.perf_counter()
    explanations = _explain(inputs, arguments)
    seconds = time.perf_counter() - start
    write_explanations(explanations, out, inputs.first_row)
    written = str(arguments.out)
    if report is not None:
        with replacing(report) as aside:
            aside.write_text(explanations.as_html(title=_title(inputs, arguments)), "utf-8")
        written += f" and {arguments.report}"
    rows, labels, _ = explanations.coef.shape
    print(
        f"explained {rows:,} rows, {labels} {'output' if labels == 1 else 'outputs'} each, "
        f"in {seconds:.1f} s ({explanations.num_samples:,} samples); wrote {written}"
    )


def _title(inputs: Inputs, arguments: Namespace) -> str:
    name = Path(arguments.data).name
    last = inputs.first_row + len(inputs.rows) - 1
    return f"{name}, rows {inputs.first_row} to {last}" if len(inputs.rows) else name


def _check_outputs(arguments: Namespace) -> tuple[Path, Path | None]:
    out = check_writable(arguments.out, TABLE_SUFFIXES, "--out")
    report = arguments.report and check_writable(arguments.report, (".html", ".htm"), "--report")
    for argument in ("model", "data", "background"):
        path = getattr(arguments, argument)
        if path is not None and Path(path).resolve() == out:
            raise InputError(f"--out: {arguments.out} is the file of --{argument}")
    return out, report


def _read_inputs(arguments: Namespace) -> Inputs:
    model = load_model(
        arguments.model,
        trust_pickle=arguments.trust_pickle,
        trust_types=arguments.trust_type,
    )
    data = tables.read_table(arguments.data, "--data")
    target, source = arguments.target, "--background" if arguments.background else "--data"
    if arguments.background:
        training = tables.read_table(arguments.background, "--background")
    else:
        training = data
        say(f"no --background: the {len(data):,} rows of --data are also the training rows")
    if target is not None:
        tables.need_columns(training, [target], "--target", source)
    names = tables.model_columns(model, training.columns, target)
    tables.need_columns(training, names, "--model", source)
    tables.need_columns(data, names, "--model", "--data")
    categorical = arguments.categorical or []
    tables.need_columns(training.select(names), categorical, "--categorical", source)
    chosen = tables.row_slice(arguments.rows, len(data))
    # A model that was fitted on an array is called with one, where the columns allow it.
    as_array = tables.fitted_names(model) is None and tables.is_numeric(training.select(names))
    if as_array:
        categorical = [*categorical, *tables.boolean_columns(training.select(names))]
    form = tables.to_matrix if as_array else _native
    inputs = Inputs(
        model,
        training=form(training.select(names)),
        rows=form(data.select(names)[chosen]),
        first_row=chosen.start,
        target=None if target is None else training.get_column(target).to_numpy(),
        feature_names=names if as_array else None,
        categorical=categorical or None,
    )
    _check_model(inputs)
    return inputs


def _native(table: Any) -> Any:
    return table.to_native()


def _check_model(inputs: Inputs) -> None:
    """Call the model on one row, so that a mismatch is said before the work, and clearly."""
    from lime_jax.models import as_predict_fn

    model = as_predict_fn(inputs.model)
    predict = model.host or model.predict
    try:
        if len(inputs.rows):
            predict(inputs.rows[:1])
    except Exception as error:  # the model's own
        raise InputError(
            f"--model: fails on the first row to explain ({describe(error)})"
        ) from error


def _explain(inputs: Inputs, arguments: Namespace) -> Any:
    import lime_jax

    discretizer = None if arguments.discretizer == "none" else arguments.discretizer
    if discretizer == "entropy" and arguments.target is None:
        raise InputError("--discretizer entropy needs the classes of the training rows: --target")
    explainer = lime_jax.TabularExplainer(
        algorithm=arguments.algorithm,
        discretizer=discretizer,
        categorical_features=inputs.categorical,
        feature_names=inputs.feature_names,
        output=arguments.output,
        seed=arguments.seed,
    ).fit(inputs.training, inputs.target if discretizer == "entropy" else None)
    return explainer.explain(
        inputs.rows,
        inputs.model,
        labels=_labels(arguments.labels, inputs.model),
        top_labels=arguments.top_labels,
        num_features=arguments.num_features,
        num_samples=arguments.num_samples,
        method=arguments.method,
        progress=False if arguments.no_progress else None,
    )


def _labels(labels: list[str] | None, model: Any) -> list[int | str] | None:
    """Names where the model has such a class, else numbers."""
    if labels is None:
        return None
    from lime_jax.models import as_predict_fn

    names = as_predict_fn(model).class_names or ()
    return [int(x) if x not in names and x.isdecimal() else x for x in labels]
