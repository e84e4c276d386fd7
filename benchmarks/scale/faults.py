"""`python -m benchmarks.scale.faults [RUNS]`: workers and nodes of Ray that die, run after run.

Each run explains the same rows in blocks and compares every number with those of this process.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lime_jax import TabularExplainer

ROWS, BLOCK, SAMPLES, GIB = 60, 3, 128, 2**30


class Summing:
    """Sums; at a row with a 99 it does harm, once in each folder."""

    def __init__(self, folder: Path, harm: Callable[[], None] | None) -> None:
        self.folder, self.harm = folder, harm

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """The sums of rows."""
        if self.harm is not None and (batch == 99).any() and not (self.folder / "done").exists():
            (self.folder / "done").touch()
            self.harm()
        return batch.sum(1)


def die() -> None:
    """End this process as the kernel ends one whose memory it needs."""
    os.kill(os.getpid(), signal.SIGKILL)


def take_memory() -> None:
    """Fill memory until Ray ends this process."""
    parts = []
    for _ in range(96):
        parts.append(np.ones(GIB // 16))
        time.sleep(0.1)


def explained(model: Summing, at_first_block: Callable[[], None]) -> dict[int, np.ndarray]:
    """Weights by row; what is lost is not there, and what comes twice is refused."""
    from lime_jax.distributed import ray as on_ray

    X, explainer = table()
    found: dict[int, np.ndarray] = {}
    settings: dict[str, Any] = {"num_workers": 2, "batch_size": BLOCK, "row_ids": range(ROWS)}
    parts = on_ray.explain_iter(explainer, X, model, num_samples=SAMPLES, **settings)
    for ids, part in parts:
        if not found:
            at_first_block()
        for row, weights in zip(ids, part.coef, strict=True):
            assert int(row) not in found, f"row {row} came twice"
            found[int(row)] = weights
    return found


def table() -> tuple[np.ndarray, TabularExplainer]:
    """Rows, one of them with a 99, and an explainer that samples around each."""
    X = np.random.default_rng(7).normal(size=(ROWS, 3))
    X[ROWS // 2, 1] = 99
    return X, TabularExplainer(sample_around_instance=True).fit(X)


def runs_of(kind: str, count: int) -> Iterator[tuple[int, dict[int, np.ndarray]]]:
    """Runs under one kind of fault: how often it happened, and what was found."""
    import ray
    from ray.cluster_utils import Cluster

    used = 1 - os.sysconf("SC_AVPHYS_PAGES") / os.sysconf("SC_PHYS_PAGES")
    starving = {"memory_usage_threshold": min(0.95, used + 0.25), "memory_monitor_refresh_ms": 100}
    config = starving if kind == "memory" else {}
    small: dict[str, Any] = {"object_store_memory": 80 * 2**20}
    cluster = Cluster(True, True, {"num_cpus": 0, "_system_config": config, **small})
    nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
    try:
        for _ in range(count):
            with tempfile.TemporaryDirectory() as folder:
                marks = Path(folder)

                def kill_node(marks: Path = marks) -> None:
                    if kind == "node":
                        os.kill(pid_of(nodes[0]), signal.SIGKILL)
                        (marks / "done").touch()
                        nodes.pop(0)
                        nodes.append(cluster.add_node(num_cpus=1, **small))

                harm = {"worker": die, "memory": take_memory, "node": None}[kind]
                found = explained(Summing(marks, harm), kill_node)
                yield int((marks / "done").exists()), found
    finally:
        ray.shutdown()
        cluster.shutdown()


def pid_of(node: Any) -> int:
    """The process of a node, which its workers end with."""
    return node.all_processes["raylet"][0].process.pid


def main() -> int:
    """Run all faults; 1 if a row was lost or another number."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    kinds = sys.argv[2:] or ["worker", "node", "memory"]
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules["__main__"])
    X, explainer = table()
    model = Summing(Path(), None)
    wanted = explainer.explain(X, model, num_samples=SAMPLES, row_ids=range(ROWS)).coef
    wrong = 0
    for kind in kinds:
        start = time.perf_counter()
        for run, (faults, found) in enumerate(runs_of(kind, count), 1):
            bad = sum(
                row not in found or not np.array_equal(found[row], wanted[row])
                for row in range(ROWS)
            )
            wrong += bad + (faults == 0)
            took = time.perf_counter() - start
            print(f"{kind} {run}: {faults} fault, {bad} rows wrong, {took:.0f} s", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
