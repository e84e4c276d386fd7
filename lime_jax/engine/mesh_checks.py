"""What a mesh must be, and what can run on it: refused at the door."""

from __future__ import annotations

import zlib

import jax
import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import budget
from lime_jax.engine.devices import several_processes
from lime_jax.typing import Pytree


def check_mesh(mesh: object) -> None:
    """Refuse what is no mesh of one or two axes."""
    if mesh is None:
        return
    if not isinstance(mesh, Mesh):
        raise ValueError(
            "`mesh`: expected a jax.sharding.Mesh such as jax.make_mesh((8,), ('rows',)), or "
            f"None, got {mesh!r}"
        )
    if mesh.devices.ndim not in (1, 2) or not mesh.size:
        raise ValueError(
            "`mesh`: expected one axis, for rows, or two, for rows and samples, got "
            f"{mesh.devices.ndim}: {dict(mesh.shape)}"
        )
    here = jax.process_index()
    if all(device.process_index != here for device in mesh.devices.flat):
        raise ValueError(f"`mesh`: none of its devices belongs to this process, number {here}")
    mine = [device for device in mesh.devices.flat if device.process_index == here]
    if mine[0].platform == "cpu":
        _check_threads(len(mine))


def _check_threads(devices: int) -> None:
    """Refuse so many devices of a CPU that they would hang.

    XLA has as many threads as cores, but no fewer than devices. A program that factorizes several
    matrices waits for other threads to take some of them: when all are waiting, none is left.
    """
    threads = max(budget.num_cores(), jax.local_device_count("cpu"))
    if devices > 1 and threads <= devices:
        raise ValueError(
            f"`mesh`: {devices} devices of the CPU need more than XLA's {threads} threads, or they "
            "wait for each other for ever; before Python starts set the environment variable "
            f"NPROC={devices + 1}, or take fewer devices"
        )


def check_model_on(mesh: Mesh | None, model: Pytree, on_device: bool) -> None:
    """Refuse a model that cannot run on a mesh."""
    if mesh is None:
        return
    if not on_device:
        if several_processes(mesh):
            raise ValueError(
                "`mesh`: a model that runs on the host cannot be shared by processes; have every "
                "process explain rows of its own, with `row_ids` and without a `mesh` of several "
                "processes: the numbers are the same"
            )
        return
    wanted = set(mesh.devices.flat)
    for leaf in jax.tree.leaves(model):
        # What is not committed goes where it is needed; the rest was put where it is.
        if isinstance(leaf, jax.Array) and leaf.committed and leaf.devices() != wanted:
            raise ValueError(
                f"`mesh`: the model's arrays are on {sorted(map(str, leaf.devices()))}, the mesh "
                f"consists of {sorted(map(str, wanted))}; put the arrays on all devices of the "
                "mesh with jax.device_put(model, NamedSharding(mesh, PartitionSpec()))"
            )


def check_same_rows(mesh: Mesh | None, *arrays: np.ndarray) -> None:
    """Refuse rows that differ from process to process: these would wait for each other for ever."""
    if mesh is None or not several_processes(mesh):
        return
    from jax.experimental import multihost_utils

    marks = [len(arrays[0]), *(zlib.crc32(array.tobytes()) for array in arrays)]
    mine = np.array(marks, np.uint32)
    everyone = np.asarray(multihost_utils.process_allgather(mine))
    if (everyone != mine).any():
        raise ValueError(
            "`X`: with a `mesh` over several processes all of them explain the same rows, got "
            f"{everyone[:, 0].tolist()} rows, or rows that differ; for rows of their own leave "
            "`mesh` out, and give `row_ids`"
        )
