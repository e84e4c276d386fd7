"""What people see: lines and tables; by rich on a terminal, plain otherwise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lime_jax.cli.errors import one_line
from lime_jax.optional import is_installed

if TYPE_CHECKING:
    import numpy as np

    from lime_jax import Explanations


def say(text: object, command: str = "explain") -> None:
    """Write one line to stderr."""
    print(f"lime-jax {command}: {one_line(text)}", file=sys.stderr)


def how_explained(samples_used: np.ndarray, explanations: Explanations) -> str:
    """The method and the way the model ran, in words; `explanations` may be some of the rows."""
    sampled = int((samples_used > 0).sum())
    drawn = "samples" if explanations.algorithm == "lime" else "coalitions"
    words = f"sampled ({explanations.num_samples:,} {drawn})"
    if not sampled:
        words = "exact"
    elif sampled < len(samples_used):
        words = f"{len(samples_used) - sampled:,} exact, {sampled:,} {words}"
    return f"{words}; model: {explanations.model_path}"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: names in the first column, numbers in the others.

    Example:
        >>> print_table("Weights", ["name", "weight"], [["a", "+0.1"], ["bc", "-0.02"]])
        Weights
          name  weight
          a       +0.1
          bc     -0.02
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and is_installed("rich"):
        _print_rich_table(title, header, cells)
        return
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    print(title)
    for row in [list(header), *cells]:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join(["", row[0].ljust(widths[0]), *numbers]).rstrip())


def _print_rich_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="bold"), title_justify="left")
    for number, name in enumerate(header):
        table.add_column(Text(name), justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: names are no markup
    Console(file=sys.stdout).print(table)
