"""Draws the life of a row: the modules that it passes through, and which of them calls which."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
STEPS = {
    "tabular.explainer": "explain(X, model)",
    "tabular.algorithms": "LIME, KernelSHAP, path-dependent values",
    "tabular.call": "a table's call",
    "tabular.frames": "columns, levels, what is missing",
    "front.call": "open, predict, name, fit, check: the same for all kinds of data",
    "tabular.opening.open_model": "the model, compared with itself",
    "models.opening": "a JAX program of it, or its own function",
    "tabular.lime": "LIME of a table: which way to take",
    "tabular.exact_fits": "a closed form, where there is one",
    "tabular.exact": "weights from trees and lines",
    "tabular.fits": "else samples",
    "engine": "blocks that fit into memory, on any devices",
    "engine.programs": "all that is compiled",
    "engine.one_row": "one row: draw, ask, weigh, sum up",
    "stages": "pure functions: bins, samples, kernels, moments",
    "fits.independent": "the fit and its errors",
    "results.explanations": "rows, features and labels with their names",
}
HIGH, GAP, LEFT, WIDE = 40, 10, 150, 420


def imports() -> set[tuple[str, str]]:
    """(step, step that it imports from), each with what is below it and no step of its own."""
    found = set()
    for path in (ROOT / "lime_jax").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT / "lime_jax").with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            of_package = node.module.partition(".")[0] == "lime_jax"
            rest = node.module.partition(".")[2]
            for alias in node.names if of_package else ():
                found.add((_step(name), _step(f"{rest}.{alias.name}".lstrip("."))))
    return {(a, b) for a, b in found if a and b and not f"{a}.".startswith(f"{b}.")}


def _step(module: str) -> str:
    """The step that a module belongs to; empty if to none."""
    parts = module.removesuffix(".__init__").split(".")
    names = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((name for name in names if name in STEPS), "")


def picture(dark: bool) -> str:
    """The steps from top to bottom; an arc leads from a module to each that it calls."""
    ink, paper, edge = ("#e6e6e6", "#23303f", "#7aa6d8") if dark else ("#222", "#eef4fb", "#3b74b4")
    middle = {name: 4 + k * (HIGH + GAP) + HIGH / 2 for k, name in enumerate(STEPS)}
    parts = []
    for importer, imported in sorted(imports()):
        start, stop = middle[importer], middle[imported]
        is_down = stop > start
        side = LEFT if is_down else LEFT + WIDE
        reach = 14 + 0.2 * abs(stop - start)
        bend = side - reach if is_down else side + reach
        parts.append(
            f"<path d='M{side} {start:.0f} C{bend:.0f} {start:.0f} {bend:.0f} {stop:.0f} "
            f"{side} {stop:.0f}' fill='none' stroke='{edge}' opacity='0.7' "
            f"marker-end='url(#end)'><title>{importer} imports from {imported}</title></path>"
        )
    for name, about in STEPS.items():
        top = middle[name] - HIGH / 2
        parts.append(
            f"<rect x='{LEFT}' y='{top:.0f}' width='{WIDE}' height='{HIGH}' rx='6' "
            f"fill='{paper}' stroke='{edge}'/>"
            f"<text x='{LEFT + 12}' y='{top + 17:.0f}' font-weight='bold' fill='{ink}'>"
            f"{name}</text>"
            f"<text x='{LEFT + 12}' y='{top + 33:.0f}' font-size='12' fill='{ink}'>{about}</text>"
        )
    arrow = (
        "<marker id='end' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='6' markerHeight='6' "
        f"orient='auto'><path d='M0 0L8 4L0 8z' fill='{edge}'/></marker>"
    )
    height = 4 + len(STEPS) * (HIGH + GAP)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 720 {height}' "
        f"font-family='system-ui, sans-serif' font-size='14'><defs>{arrow}</defs>"
        f"{''.join(parts)}</svg>\n"
    )
