"""`lime-jax explain --data rows.npz`: sparse rows and a model that takes them, from files."""

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
from lime_jax.cli.training import options_of, read_model
from lime_jax.jobs.run import row_range
from lime_jax.jobs.source import file_hash
from lime_jax.jobs.sparse_source import read_npz
from lime_jax.typing import Estimator

if TYPE_CHECKING:
    from lime_jax import TabularExplainer

_OF_COLUMNS = {"target": None, "categorical": None, "text": None, "discretizer": "quartile"}
"""Arguments about single columns, and what they are where they are left out."""


def explain_sparse(arguments: Namespace) -> None:
    """Run `lime-jax explain` for sparse rows."""
    for name, usual in _OF_COLUMNS.items():
        if getattr(arguments, name) != usual:
            raise InputError(f"--{name}: belongs to tables, not to sparse rows (--data *.npz)")
    if is_folder(arguments.out):
        _into_folder(arguments)
        return
    out, report = check_outputs(arguments)
    model, explainer = _prepared(arguments)
    rows = read_npz(Path(arguments.data), "--data")
    chosen = row_range(arguments.rows, rows.shape[0], "--rows")
    use_compilation_cache()
    start = time.perf_counter()
    explanations = explainer.explain(
        rows[chosen.start : chosen.stop],
        model,
        row_ids=range(chosen.start, chosen.stop),
        progress=False if arguments.no_progress else None,
        **options_of(arguments, model),
    )
    seconds = time.perf_counter() - start
    finish(explanations, arguments, out, report, Path(arguments.data).name, seconds)


def _into_folder(arguments: Namespace) -> None:
    def begin() -> tuple[Any, Estimator, dict[str, Any]]:
        model, explainer = _prepared(arguments)
        return explainer, model, options_of(arguments, model)

    background = arguments.background
    facts = {} if background is None else {"background": file_hash(background)}
    work_into_folder(arguments, begin, facts, "rows")


def _prepared(arguments: Namespace) -> tuple[Estimator, TabularExplainer]:
    """The model, tried, and the explainer, fitted on the background or the rows themselves."""
    import lime_jax

    argument = "--data" if arguments.background is None else "--background"
    path = Path(arguments.background or arguments.data)
    learned, model = read_npz(path, argument), read_model(arguments)
    _check_model(model, learned)
    explainer = lime_jax.TabularExplainer(
        algorithm=arguments.algorithm, output=arguments.output, seed=arguments.seed
    )
    return model, explainer.fit(learned)


def _check_model(model: Estimator, rows: Any) -> None:
    """Call the model on one row, so that a mismatch is said before the work."""
    from lime_jax.models.opening import as_called_on_host

    try:
        as_called_on_host(model).predict(rows[:1])
    except Exception as error:  # the model's own
        raise InputError(f"--model: fails on the first sparse row ({describe(error)})") from error
