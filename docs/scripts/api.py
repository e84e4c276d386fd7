"""Pages of the reference: every public name, from its docstring."""

from __future__ import annotations

import importlib
import inspect
import shutil
from pathlib import Path

import lime_jax

# What is public beside the names of `lime_jax` itself; a module without `__all__` gives its own.
MODULES = {
    "lime_jax.stages": "Stages",
    "lime_jax.models": "Models",
    "lime_jax.results.arrow": "Arrow tables",
    "lime_jax.results.parts": "Results of jobs",
    "lime_jax.jobs": "Jobs",
    "lime_jax.distributed": "Workers",
    "lime_jax.distributed.ray": "Ray",
    "lime_jax.distributed.spark": "Spark",
    "lime_jax.compat.lime_tabular": "compat: tables",
    "lime_jax.compat.lime_text": "compat: texts",
    "lime_jax.compat.lime_image": "compat: images",
    "lime_jax.compat.explanation": "compat: explanations",
    "lime_jax.compat.submodular_pick": "compat: SP-LIME",
    "lime_jax.examples": "Examples",
}
# The rest of `lime`'s modules is there too, for code that asks for it.
COMPAT = {
    "lime_jax.compat.lime_tabular": ("LimeTabularExplainer", "RecurrentTabularExplainer"),
    "lime_jax.compat.lime_text": ("LimeTextExplainer",),
    "lime_jax.compat.lime_image": ("LimeImageExplainer", "ImageExplanation"),
    "lime_jax.compat.explanation": ("Explanation",),
    "lime_jax.compat.submodular_pick": ("SubmodularPick",),
}
# What methods of `Explanations` return.
MANY = (
    "lime_jax.results.cohorts.Cohorts",
    "lime_jax.results.cohorts.Estimate",
    "lime_jax.results.comparisons.Comparisons",
    "lime_jax.results.importance.Importance",
    "lime_jax.results.pick.Picked",
    "lime_jax.results.stability.Stability",
)
# For those who write a kind of data or an engine; CONTRIBUTING.md says what they are.
HOOKS = (
    "of_fit, positions, is_group, value_texts, check_comparable, rows, rows_of, columns, learned, "
    "present, own_columns, from_columns, padding, take, cut, count_rows, get_metadata_routing, "
    "get_params, set_params, set_fit_request, set_explain_request"
)


def write(folder: Path) -> None:
    """One page for each class of `lime_jax`, one for its functions, one for each module."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    classes, functions = [], []
    for name in sorted(lime_jax.__all__):
        value = getattr(lime_jax, name)
        if inspect.isclass(value):
            classes.append(name)
            (folder / f"{name}.md").write_text(_page(name, [_class(f"lime_jax.{name}")]))
        elif callable(value):
            functions.append(name)
    text = _page("Functions", [f".. autofunction:: lime_jax.{name}\n" for name in functions])
    (folder / "functions.md").write_text(text)
    for module, title in MODULES.items():
        (folder / f"{_slug(module)}.md").write_text(_module(module, title))
    (folder / "many.md").write_text(_page("Cohorts, picks, stability", list(map(_class, MANY))))
    pages = [*classes, "functions", "many", *map(_slug, MODULES)]
    (folder / "index.md").write_text(_index(pages, classes, functions))


def names_of(module: str) -> list[str]:
    """The public names that a module itself is the place of."""
    found = importlib.import_module(module)
    names = COMPAT.get(module) or getattr(found, "__all__", None)
    if names is None:
        names = [
            name
            for name, value in vars(found).items()
            if not name.startswith("_")
            and (inspect.isclass(value) or inspect.isfunction(value))
            and value.__module__ == module
        ]
    return sorted(n for n in names if getattr(lime_jax, n, None) is not getattr(found, n))


def _slug(module: str) -> str:
    return module.removeprefix("lime_jax.").replace(".", "_")


def _module(module: str, title: str) -> str:
    found = importlib.import_module(module)
    about = [f".. py:module:: {module}\n", f".. currentmodule:: {module}\n"]
    first = (inspect.getdoc(found) or "").split("\n\n")[0]
    blocks = []
    for name in names_of(module):
        value = getattr(found, name)
        if inspect.isclass(value):
            blocks.append(_class(f"{module}.{name}"))
        elif inspect.isfunction(value):
            blocks.append(f".. autofunction:: {module}.{name}\n")
        elif inspect.getdoc(value):
            blocks.append(f".. autodata:: {module}.{name}\n   :no-value:\n")
    return _page(title, [*about, first + "\n", *blocks])


def _class(name: str) -> str:
    lines = [f".. autoclass:: {name}", "   :members:", f"   :exclude-members: {HOOKS}"]
    lines += ["   :inherited-members: BaseEstimator, tuple, dict, list, object, LimeError", ""]
    return "\n".join(lines)


def _page(title: str, blocks: list[str]) -> str:
    return f"# {title}\n\n```{{eval-rst}}\n" + "\n".join(blocks) + "```\n"


def _index(pages: list[str], classes: list[str], functions: list[str]) -> str:
    lines = ["# API", "", "Every public name, from its docstring; examples run in the tests.", ""]
    lines += ["| name | what it is |", "|---|---|"]
    for name in [*classes, *functions]:
        value = getattr(lime_jax, name)
        first = (inspect.getdoc(value) or "").split("\n")[0]
        page = f"{name}.md" if name in classes else f"functions.md#lime_jax.{name}"
        link = f"[`{name}`]({page})" if name in classes else f"{{py:func}}`~lime_jax.{name}`"
        lines.append(f"| {link} | {first} |")
    lines += ["", "| module | |", "|---|---|"]
    lines += [f"| [`{module}`]({_slug(module)}.md) | {MODULES[module]} |" for module in MODULES]
    lines += ["| [`lime_jax.results`](many.md) | Cohorts, picks, stability |"]
    lines += ["", "```{toctree}", ":hidden:", "", *pages, "```", ""]
    return "\n".join(lines)
