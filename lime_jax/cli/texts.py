"""`lime-jax explain --text-column`: a column of texts and a model of texts, from files."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lime_jax.cache import use_compilation_cache
from lime_jax.cli.errors import InputError, describe
from lime_jax.cli.explain import check_outputs, finish
from lime_jax.cli.files import is_folder
from lime_jax.cli.job import work_into_folder
from lime_jax.cli.tables import need_columns
from lime_jax.cli.training import options_of, read_model
from lime_jax.jobs.run import row_range
from lime_jax.jobs.source import Source, open_source
from lime_jax.optional import require
from lime_jax.typing import Estimator

if TYPE_CHECKING:
    from lime_jax import TextExplainer

_OF_TABLES = {
    "background": None,
    "target": None,
    "categorical": None,
    "text": None,
    "discretizer": "quartile",
}
"""Arguments that only tables have, and what they are where they are left out."""


def explain_texts(arguments: Namespace) -> None:
    """Run `lime-jax explain` for texts."""
    for name, usual in _OF_TABLES.items():
        if getattr(arguments, name) != usual:
            raise InputError(f"--{name}: belongs to tables, not to texts (--text-column)")
    require("pyarrow", extra="cli", needed_by="--text-column")
    if is_folder(arguments.out):
        _into_folder(arguments)
        return
    out, report = check_outputs(arguments)
    model, source = read_model(arguments), open_source(arguments.data, "--data")
    texts = _texts_of(arguments, source)
    chosen = row_range(arguments.rows, len(texts), "--rows")
    rows = texts[chosen.start : chosen.stop]
    _check_model(model, rows)
    use_compilation_cache()
    start = time.perf_counter()
    explanations = _explainer_of(arguments).explain(
        rows,
        model,
        row_ids=range(chosen.start, chosen.stop),
        progress=False if arguments.no_progress else None,
        **_options_of(arguments, model),
    )
    seconds = time.perf_counter() - start
    title = f"{Path(arguments.data).name}, {arguments.text_column}"
    finish(explanations, arguments, out, report, title, seconds)


def _into_folder(arguments: Namespace) -> None:
    def begin() -> tuple[Any, Estimator, dict[str, Any]]:
        model, source = read_model(arguments), open_source(arguments.data, "--data")
        need_columns(source.schema.names, [arguments.text_column], "--text-column", "--data")
        column = {"columns": [arguments.text_column]}
        return _explainer_of(arguments), model, {**column, **_options_of(arguments, model)}

    work_into_folder(arguments, begin, {}, "texts")


def _texts_of(arguments: Namespace, source: Source) -> list[Any]:
    """The cells of the column as they stand in the file."""
    name = arguments.text_column
    need_columns(source.schema.names, [name], "--text-column", "--data")
    return source.read()[name].to_pylist()


def _explainer_of(arguments: Namespace) -> TextExplainer:
    import lime_jax

    return lime_jax.TextExplainer(
        algorithm=arguments.algorithm, output=arguments.output, seed=arguments.seed
    )


def _options_of(arguments: Namespace, model: Estimator) -> dict[str, Any]:
    """The options of `explain`; what is left out is as it is there."""
    options = options_of(arguments, model)
    return {name: value for name, value in options.items() if value is not None}


def _check_model(model: Estimator, texts: list[Any]) -> None:
    """Call the model on one text, so that a mismatch is said before the work."""
    from lime_jax.models.opening import as_called_on_host

    some = [text for text in texts if isinstance(text, str)][:1]
    try:
        if some:
            as_called_on_host(model).predict(some)
    except Exception as error:  # the model's own
        raise InputError(f"--model: fails on the first text ({describe(error)})") from error
