"""Explain rows on several processes, such as several computers with GPUs: two ways, same numbers.

**Rows of their own.** A row's explanation is a function of the explainer, the model, the row and
its id. So every process can explain a part of the rows, and nobody has to talk to anybody:

    mine = numpy.array_split(numpy.arange(len(X)), jax.process_count())[jax.process_index()]
    mesh = jax.sharding.Mesh(jax.local_devices(), ("rows",))
    explanations = explainer.explain(X[mine], model, row_ids=mine, mesh=mesh)

Take this wherever each process can write its results down itself. It is the way for a model that
runs on the host, too.

**One mesh over all.** Every process calls `explain` with the same rows and a mesh of all devices,
and gets all results. A row that takes very many samples can then be shared by computers:

    mesh = jax.make_mesh((jax.device_count(),), ("rows",))                     # rows, or
    mesh = jax.make_mesh((jax.process_count(), jax.local_device_count()), ("rows", "samples"))
    explanations = explainer.explain(X, model, row_ids=numpy.arange(len(X)), mesh=mesh)

This script does both and compares. Start it once for each process; the coordinator is the address
of the first. On a cluster that JAX knows (SLURM, Kubernetes, TPUs) leave the arguments out.

    python -m lime_jax.examples.multihost --coordinator localhost:7777 --processes 2 --process 0 &
    python -m lime_jax.examples.multihost --coordinator localhost:7777 --processes 2 --process 1

To try it on one computer without GPUs, have each process take its CPU for four devices (which
need more threads than there are devices):

    export XLA_FLAGS=--xla_force_host_platform_device_count=4 NPROC=5 JAX_PLATFORMS=cpu
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

from lime_jax.results.explanations import Explanations
from lime_jax.tabular.explainer import TabularExplainer


def explain_both_ways(num_rows: int) -> tuple[Explanations, Explanations, np.ndarray]:
    """Explain at least as many rows of the breast cancer table as there are processes.

    Every process of a job calls this. It gives the explanations of this process's own rows; those
    of all rows, by one mesh over all devices; and which rows are its own.
    """
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    explainer = TabularExplainer(sample_around_instance=True).fit(X)
    rows = np.arange(num_rows)
    mine = np.array_split(rows, jax.process_count())[jax.process_index()]

    by_itself = Mesh(np.array(jax.local_devices()), ("rows",))
    local = explainer.explain(X[mine], model, num_samples=1024, row_ids=mine, mesh=by_itself)

    shape = jax.process_count(), jax.local_device_count()
    types = AxisType.Auto, AxisType.Auto
    together = jax.make_mesh(shape, ("rows", "samples"), axis_types=types)
    everyone = explainer.explain(X[rows], model, num_samples=1024, row_ids=rows, mesh=together)
    return local, everyone, mine


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one process of the example."""
    parser = argparse.ArgumentParser(prog="python -m lime_jax.examples.multihost")
    parser.add_argument("--coordinator", help="address of process 0, such as localhost:7777")
    parser.add_argument("--processes", type=int, help="how many there are")
    parser.add_argument("--process", type=int, help="which one this is, from 0")
    parser.add_argument("--rows", type=int, default=100, help="rows to explain")
    parser.add_argument("--out", type=Path, help="folder for the explanations, as .npz files")
    options = parser.parse_args(arguments)

    # Before anything else that asks JAX for devices.
    jax.distributed.initialize(options.coordinator, options.processes, options.process)
    local, everyone, mine = explain_both_ways(options.rows)
    difference = np.abs(local.coef - everyone.coef[mine]).max()
    print(
        f"process {jax.process_index()} of {jax.process_count()}: {len(local)} rows on "
        f"{jax.local_device_count()} devices of its own, {len(everyone)} rows on "
        f"{jax.device_count()} devices of all; largest difference {difference:.1e}"
    )
    if options.out is not None:
        local.save(options.out / f"own-{jax.process_index()}.npz")
        everyone.save(options.out / f"everyone-{jax.process_index()}.npz")
    jax.distributed.shutdown()


if __name__ == "__main__":
    main()
