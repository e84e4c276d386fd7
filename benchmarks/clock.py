"""Time: of a call, of a model inside a call, of a call in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Median wall time of a call that has been warmed up."""
    return statistics.median(seconds(call) for _ in range(repeats))


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call. All results here are NumPy, so they are finished on return."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Watched:
    """A model that adds up the time spent in it, and keeps what it was called with on request."""

    def __init__(self, model: Callable[[np.ndarray], np.ndarray], keep: bool = False) -> None:
        self.model = model
        self.keep = keep
        self.seconds = 0.0
        self.calls = 0
        self.inputs: list[np.ndarray] = []

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        if self.keep:
            self.inputs.append(np.array(inputs))
        start = time.perf_counter()
        outputs = self.model(inputs)
        self.seconds += time.perf_counter() - start
        self.calls += 1
        return outputs


def median_overhead(call: Callable[[Watched], Any], model: Any, repeats: int) -> float:
    """Median of a call's wall time less the time inside the model that it is given."""

    def once() -> float:
        watched = Watched(model)
        return seconds(lambda: call(watched)) - watched.seconds

    return statistics.median(once() for _ in range(repeats))


def in_fresh_process(
    module: str, *arguments: object, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run `python -m module arguments` and read the JSON of its last line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
