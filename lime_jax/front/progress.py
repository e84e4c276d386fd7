"""A progress bar on long work, if there is somebody to see it; lines in the log of a job."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lime_jax.optional import is_installed, require

if TYPE_CHECKING:
    from rich.progress import Progress

_LONG = 2000
"""Rows from which on a bar is shown without being asked for."""
_SECONDS_PER_LINE = 15
_REMEMBERED = 300
"""Seconds that the speed is a mean of."""


@contextlib.contextmanager
def progress_bar(
    total: int, show: bool | None, done: int = 0, lines: bool = False
) -> Iterator[Callable[[int], None]]:
    """Count finished rows: yields what is called with the number of rows that are done since.

    `show` is True, False, or None: on a terminal, if there are many. Rows that were `done` earlier
    do not count for the speed. `lines` are written now and then where there is no terminal.
    """
    if show is None and total < _LONG:
        show = False
    if lines and show is not False and not sys.stderr.isatty():
        yield _Lines(total, done)
        return
    if show is None:
        show = sys.stderr.isatty() and is_installed("rich")
    if not show:
        yield lambda rows: None
        return
    with _rich_progress() as bar:
        task = bar.add_task("", total=total, completed=done, rate="")

        def tick(rows: int) -> None:
            bar.advance(task, rows)
            speed = bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed:,.0f} rows/s")

        yield tick


class _Lines:
    """A plain line now and then: how far, how fast, how long still."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.done, self.first = total, done, done
        self.start = self.last = time.monotonic()

    def __call__(self, rows: int) -> None:
        self.done += rows
        now = time.monotonic()
        if now - self.last < _SECONDS_PER_LINE:
            return
        self.last = now
        speed = (self.done - self.first) / (now - self.start)
        print(
            f"explaining: {self.done:,} of {self.total:,} rows, {speed:,.0f} rows/s, "
            f"{_duration((self.total - self.done) / speed)} left",
            file=sys.stderr,
            flush=True,
        )


def _duration(seconds: float | int) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _rich_progress() -> Progress:
    """A bar on standard error."""
    require("rich", extra="cli", needed_by="a progress bar")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("explaining"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        speed_estimate_period=_REMEMBERED,
    )
