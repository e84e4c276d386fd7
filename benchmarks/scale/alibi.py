"""KernelSHAP on Ray: ours against alibi's, which needs older packages and so another Python."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import seconds
from benchmarks.record import Record
from benchmarks.scale.alibi_peer import BATCHES
from benchmarks.scale.cluster import CORES, local_ray, warm_seconds
from lime_jax import TabularExplainer

BACKGROUND = 100
COALITIONS = 2 * 30 + 2048
FOLDER = Path(__file__).parents[2] / "build" / "alibi"
PINS = ("alibi[ray,shap]==0.9.6", "numpy==1.26.4", "ray==2.60.0", "shap==0.43.0")
"""What alibi works with; and the scikit-learn of this environment, so that forests are the same."""


def records(quick: bool, python: Path | None = None) -> Iterator[Record]:
    """`python` is that of an environment with alibi; None: one is made, in `FOLDER`."""
    work, few, trees = (0.1, 2, 5) if quick else (20.0, 40, 100)
    yield from against_alibi(python or make_environment(FOLDER), work, few, trees)


def make_environment(folder: Path) -> Path:
    """The Python of an environment with alibi: the one that is there, or a new one."""
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    pins = (*PINS, f"scikit-learn=={importlib.metadata.version('scikit-learn')}")
    quiet = dict(check=True, stdout=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], **quiet)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, *pins], **quiet)
    (folder / "complete").touch()
    return python


def alibis(python: Path, *numbers: int) -> dict[str, Any]:
    """What `alibi_peer` measures."""
    done = subprocess.run(
        [python, "-m", "benchmarks.scale.alibi_peer", *map(str, numbers)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def against_alibi(python: Path, work: float, few: int, trees: int) -> Iterator[Record]:
    """Two CPUs, the same background and coalitions: with samples, then as we would do it.

    Args:
        python: that has alibi.
        work: seconds that ours are to work for.
        few: rows for alibi.
        trees: of the forest.
    """
    peer = alibis(python, trees, BACKGROUND, COALITIONS, few)
    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, few)
    explainer = TabularExplainer(algorithm="kernel_shap").fit(case.X_train[:BACKGROUND])
    versions = ", ".join(f"{name} {version}" for name, version in peer["versions"].items())
    how = (
        f"Breast cancer, {trees} trees, {BACKGROUND} background rows, {COALITIONS:,} coalitions, "
        f"Ray with {CORES} CPUs for both. alibi ({versions}): {few} rows, `l1_reg=False`, its "
        f"workers started before, at its better batch size of {' and '.join(map(str, BATCHES))}, "
        f"which is {peer['batch_size']}. Values are up to {np.abs(peer['values']).max():.2g}. "
    )
    with local_ray():
        for method, target in (("sampled", 30), ("exact", None)):
            options = dict(num_samples=COALITIONS, method=method)
            ours = explainer.explain(X, case.model, **options).coef[:, 1]
            apart = np.abs(ours - np.array(peer["values"])).max()
            rate, rows, block = ours_on_ray(explainer, case, work, options)
            yield Record(
                f"KernelSHAP on Ray, {method}, against alibi's",
                rate,
                few / peer["seconds"],
                rate * peer["seconds"] / few,
                "rows/s",
                f"{how}Ours: {rows:,} rows in blocks of {block:,}, the forest handed over as it "
                f"is, `method={method!r}`, at the speed of all but the first quarter of the "
                f"blocks, since a call starts its workers. Ours and alibi's values differ by "
                f"{apart:.2g} at most.",
                at_least=target,
            )


def ours_on_ray(
    explainer: TabularExplainer, case: cases.Case, work: float, options: dict[str, Any]
) -> tuple[float, int, int]:
    """Rows per second of warm workers, on so many rows, in blocks of so many."""
    from lime_jax.distributed import ray

    some = cases.more_rows(case, 64)
    explainer.explain(some, case.model, **options)
    once = seconds(lambda: explainer.explain(some, case.model, **options))
    block = max(1, int(len(some) * work / once / 80))
    X = cases.more_rows(case, 80 * block)
    sizes = dict(num_workers=CORES, num_cpus_per_worker=1, batch_size=block)
    took, _ = warm_seconds(ray.explain_iter(explainer, X, case.model, **sizes, **options), len(X))
    return len(X) / took, len(X), block
