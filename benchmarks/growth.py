"""How time and memory of exact Shapley values grow with rows, columns, trees, depth, background."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.clock import in_fresh_process, median_seconds
from benchmarks.memory import held, peak
from benchmarks.record import Record, at_most
from benchmarks.tree_shapley import boosted

_USUAL = {"columns": 30, "trees": 100, "depth": 6, "background": 1000, "rows": 10_000}
_CURVES = {
    "rows": (1000, 10_000, 100_000, 1_000_000),
    "columns": (10, 30, 100, 300, 1000),
    "trees": (10, 100, 1000, 3000),
    "depth": (3, 6, 9, 12),
    "background": (10, 100, 1000, 10_000, 100_000),
}
_AT_MOST = {"rows": 1.05, "columns": 1.05, "trees": 1.05, "background": 1.05}
"""Exponents of time; depth doubles the leaves with each step, so it has none."""


def records(quick: bool) -> Iterator[Record]:
    for axis, steps in _CURVES.items():
        yield from curve(axis, steps[:2] if quick else steps, quick)


def curve(axis: str, steps: tuple[int, ...], quick: bool = False) -> Iterator[Record]:
    """Time of warm calls and peak memory along one axis, and their fitted exponents."""
    usual = {**_USUAL, "rows": 200, "trees": 3} if quick else _USUAL
    found = [
        in_fresh_process("benchmarks.growth", *({**usual, axis: step}).values()) for step in steps
    ]
    for quantity, unit in (("seconds", "s"), ("memory", "MB")):
        sizes = [one[quantity] for one in found]
        shown = ", ".join(f"{step:,}: {size:.3g}" for step, size in zip(steps, sizes, strict=True))
        others = ", ".join(f"{name} {size:,}" for name, size in usual.items() if name != axis)
        limit = _AT_MOST.get(axis, float("inf")) if quantity == "seconds" else 1.05
        limit = 0.1 if (axis, quantity) == ("rows", "memory") else limit
        yield at_most(
            f"exact Shapley values: exponent of {quantity} over {axis}",
            exponent(steps, sizes),
            "",
            f"In {unit} by {axis}: {shown}. {others}; memory is the peak of a warm call above what "
            "was held before and above the results.",
            target=limit,
        )


def exponent(steps: tuple[int, ...], sizes: list[float]) -> float:
    """The slope of a line through the logarithms; of sizes below a tenth of the largest, none."""
    floor = max(max(sizes) / 1000, 1e-9)
    return float(np.polyfit(np.log(steps), np.log(np.maximum(sizes, floor)), 1)[0])


def measure(columns: int, trees: int, depth: int, background: int, rows: int) -> dict[str, Any]:
    """Warm calls."""
    from lime_jax import TabularExplainer

    model, train, X = boosted(columns, trees, depth, background, rows)
    explainer = TabularExplainer("kernel_shap").fit(train)
    explainer.explain(X[:100], model)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the peak so far
    before = held()
    found = explainer.explain(X, model)
    size = sum(part.nbytes for part in vars(found).values() if isinstance(part, np.ndarray))
    most = (peak() - before - size) / 1e6
    seconds = median_seconds(lambda: explainer.explain(X, model), repeats=3)
    return {"seconds": seconds, "memory": most}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
