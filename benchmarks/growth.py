"""How time and memory of exact explanations grow: with rows, columns, trees, depth, background."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator

import numpy as np

from benchmarks.clock import in_fresh_process, median_seconds, seconds
from benchmarks.memory import held, peak
from benchmarks.record import Record, at_most
from benchmarks.tree_shapley import boosted

_USUAL = {"columns": 30, "trees": 100, "depth": 6, "background": 1000, "rows": 10_000}
_CURVES = {
    "rows": (1000, 10_000, 100_000, 1_000_000),
    "columns": (10, 30, 100, 300, 1000),
    "trees": (10, 100, 1000, 3000),
    "depth": (3, 6, 9, 12, 16),
    "background": (10, 100, 1000, 10_000, 100_000),
}
_ALGORITHMS = {"kernel_shap": "exact Shapley values", "lime": "exact LIME"}
_AT_MOST = {"rows": 1.05, "columns": 1.05, "trees": 1.05, "background": 1.05}
"""Exponents of time; depth doubles the leaves with each step, so it has none."""
_LEAST = {"seconds": 0.02, "memory": 64.0}
"""What a call costs at any size, or below which memory is what allocators keep: no growth."""
_LONG = 5.0
"""Seconds of a call that is not repeated."""


def records(quick: bool) -> Iterator[Record]:
    for algorithm in _ALGORITHMS:
        for axis, steps in _CURVES.items():
            # Of the training rows LIME keeps the bins.
            if axis != "background" or algorithm == "kernel_shap":
                yield from curve(algorithm, axis, steps[:2] if quick else steps, quick)


def curve(
    algorithm: str, axis: str, steps: tuple[int, ...], quick: bool = False
) -> Iterator[Record]:
    """Time of warm calls and peak memory along one axis, and their fitted exponents."""
    usual = {**_USUAL, "rows": 200, "trees": 3} if quick else _USUAL
    found = [
        in_fresh_process("benchmarks.growth", algorithm, *({**usual, axis: step}).values())
        for step in steps
    ]
    for quantity, unit in (("seconds", "s"), ("memory", "MB")):
        sizes = [one[quantity] for one in found]
        shown = ", ".join(f"{step:,}: {size:.3g}" for step, size in zip(steps, sizes, strict=True))
        others = ", ".join(f"{name} {size:,}" for name, size in usual.items() if name != axis)
        limit = _AT_MOST.get(axis, float("inf")) if quantity == "seconds" else 1.05
        limit = 0.1 if (axis, quantity) == ("rows", "memory") else limit
        yield at_most(
            f"{_ALGORITHMS[algorithm]}: exponent of {quantity} over {axis}",
            exponent(steps, sizes, _LEAST[quantity]),
            "",
            f"In {unit} by {axis}: {shown}. {others}; memory is the peak of a call above what was "
            "held before and above the results, after a call of 100 rows. The line is fitted to "
            f"logarithms, sizes below {_LEAST[quantity]:g} {unit} counting as that.",
            target=limit,
        )


def exponent(steps: tuple[int, ...], sizes: list[float], least: float) -> float:
    """The slope of a line through the logarithms."""
    return float(np.polyfit(np.log(steps), np.log(np.maximum(sizes, least)), 1)[0])


def measure(
    algorithm: str, columns: int, trees: int, depth: int, background: int, rows: int
) -> dict[str, float]:
    """Warm calls."""
    from lime_jax import TabularExplainer

    model, train, X = boosted(columns, trees, depth, background, rows)
    explainer = TabularExplainer(algorithm).fit(train)
    explainer.explain(X[:100], model)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the peak so far
    before = held()
    found = explainer.explain(X, model)
    assert found.method == "exact"
    size = sum(part.nbytes for part in vars(found).values() if isinstance(part, np.ndarray))
    most = (peak() - before - size) / 1e6
    del found
    once = seconds(lambda: explainer.explain(X, model))
    if once < _LONG:
        once = median_seconds(lambda: explainer.explain(X, model), repeats=3)
    return {"seconds": once, "memory": most}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(measure(sys.argv[1], *map(int, sys.argv[2:]))))
