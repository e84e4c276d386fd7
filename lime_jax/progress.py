"""A progress bar on long work, if there is somebody to see it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

_LONG = 2000
"""Rows from which on a bar is shown without being asked for."""


@contextlib.contextmanager
def progress_bar(total: int, show: bool | None) -> Iterator[Callable[[int], None]]:
    """Count finished rows.

    Args:
        total: how many there are.
        show: True, False, or None: on a terminal, if there are many.

    Yields:
        To be called with the number of rows that are done since the last call.

    Raises:
        ImportError: if a bar was asked for and rich is missing.

    Example:
        >>> with progress_bar(2, False) as tick:
        ...     tick(2)
    """
    if show is None and (total < _LONG or not sys.stderr.isatty()):
        show = False
    rich = None if show is False else _rich_progress()
    if show and rich is None:
        raise ImportError('a progress bar needs rich: pip install "lime_jax[cli]"')
    if rich is None:
        yield lambda rows: None
        return
    with rich as bar:
        task = bar.add_task("", total=total, rate="")

        def tick(rows: int) -> None:
            bar.advance(task, rows)
            speed = bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed:,.0f} rows/s")

        yield tick


def _rich_progress() -> Any:
    """A bar on standard error, None without rich."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    return Progress(
        TextColumn("explaining"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
