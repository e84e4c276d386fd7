"""Work on several devices: which of them has which rows, and how results come back.

Every device runs the same program on rows of its own. Rows are dealt out like cards, so that a
short chunk gives every device about as many; all are told the largest number that one of them
holds, so that those that exchange samples take the same steps.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from lime_jax.engine import budget

_ROWS, _SAMPLES = "rows", "samples"


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices that work on an explanation; without a mesh JAX's default one.

    Made by `for_rows` and `for_samples`.

    Attributes:
        mesh: the devices, along one or two axes.
        row_axes: that rows are dealt out over; the samples of a row over the other one.
    """

    mesh: Mesh | None = None
    row_axes: tuple[str, ...] = ()

    @property
    def num_rows(self) -> int:
        """Devices, or groups of them, that have rows of their own."""
        return 1 if self.mesh is None else int(np.prod([self.mesh.shape[a] for a in self.row_axes]))

    @property
    def sample_axis(self) -> str | None:
        """Where the devices are that share the samples of a row; None: each works alone."""
        if self.mesh is None or self.mesh.size == self.num_rows:
            return None
        return _SAMPLES

    @property
    def num_samples(self) -> int:
        """Devices that share the samples of a row."""
        return 1 if self.mesh is None else self.mesh.size // self.num_rows

    def rows_each(self, count: int) -> int:
        """The most rows that one device has."""
        return -(-count // self.num_rows)

    def round_up(self, count: int) -> int:
        """So many rows that all devices have as many."""
        return self.rows_each(count) * self.num_rows

    def place(self, tree: Any) -> Any:
        """Put what all rows share on every device, once."""
        if self.mesh is None:
            return tree
        everywhere = NamedSharding(self.mesh, PartitionSpec())

        def one(leaf: Any) -> Any:
            if not np.ndim(leaf) or (isinstance(leaf, jax.Array) and not leaf.is_fully_addressable):
                return leaf
            return _put(leaf, everywhere)

        return jax.tree.map(one, tree)

    def place_rows(self, tree: Any) -> Any:
        """Deal rows out.

        Args:
            tree: arrays on the host with a leading axis of rows, as many as `round_up` says.
        """
        if self.mesh is None:
            return tree
        dealt = NamedSharding(self.mesh, PartitionSpec(self.row_axes))

        def one(leaf: Any) -> Any:
            return _put(_swapped(np.asarray(leaf), -1, self.num_rows), dealt)

        return jax.tree.map(one, tree)

    def fetch(self, tree: Any, count: int) -> Any:
        """Results in the order of the rows.

        Args:
            tree: arrays on the devices with a leading axis of rows.
            count: how many rows there were before they were padded.

        Returns:
            Arrays of these rows on the host; on every process, if there are several.
        """

        def one(leaf: Any) -> np.ndarray:
            if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
                from jax.experimental import multihost_utils

                leaf = multihost_utils.process_allgather(leaf, tiled=True)
            leaf = np.asarray(leaf)
            return (leaf if self.num_rows == 1 else _swapped(leaf, self.num_rows, -1))[:count]

        return jax.tree.map(one, tree)

    def places_of(self, index: np.ndarray) -> np.ndarray:
        """Where rows that were dealt out are to be found, for rows that will be.

        Args:
            index: (rows,) numbers of rows, as many as were dealt out.
        """
        if self.num_rows == 1:
            return index
        place_of_row = _swapped(np.arange(len(index)), self.num_rows, -1)
        return _swapped(place_of_row[index], -1, self.num_rows)

    def keep_rows(self, tree: Any) -> Any:
        """Within a jitted function: rows stay dealt out."""
        if self.mesh is None:
            return tree
        dealt = NamedSharding(self.mesh, PartitionSpec(self.row_axes))
        return jax.lax.with_sharding_constraint(tree, dealt)

    def split_rows(self, program: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """A program, run by every device on its own rows.

        Args:
            program: of what all rows share, and of rows; its results have a leading axis of rows.
        """
        if self.mesh is None:
            return program
        shared, dealt = PartitionSpec(), PartitionSpec(self.row_axes)
        # What `check_vma` would have us mark is what the loops over blocks of rows begin with.
        return jax.shard_map(
            program, mesh=self.mesh, in_specs=(shared, dealt), out_specs=dealt, check_vma=False
        )

    def split_items(self, program: Callable[[Any, Any], Any], given: Any, items: Any) -> Any:
        """Run a program on some of the items by each device, and give all the results to all.

        Args:
            program: of what all items share, and of items; its results are one for each item.
        """
        if self.mesh is None:
            return program(given, items)
        count = jax.tree.leaves(items)[0].shape[0]
        index = np.arange(self.round_up(count)) % count  # what fills the last shares up is dropped

        def own(given: Any, items: Any) -> Any:
            return jax.lax.all_gather(program(given, items), self.row_axes, tiled=True)

        shared, dealt = PartitionSpec(), PartitionSpec(self.row_axes)
        run = jax.shard_map(
            own, mesh=self.mesh, in_specs=(shared, dealt), out_specs=shared, check_vma=False
        )
        results = run(given, jax.tree.map(lambda leaf: leaf[index], items))
        return jax.tree.map(lambda leaf: leaf[:count], results)


def for_rows(mesh: Mesh | None) -> Devices:
    """All devices of a mesh, each with rows of its own."""
    if mesh is None:
        return Devices()
    own = _own_mesh(mesh)
    return Devices(own, own.axis_names)


def for_samples(mesh: Mesh | None) -> Devices:
    """The devices of a mesh, rows over the first axis, samples of a row over the second."""
    return Devices() if mesh is None else Devices(_own_mesh(mesh), (_ROWS,))


def _own_mesh(mesh: Mesh) -> Mesh:
    """The mesh under our names; its axes are no part of the types of arrays."""
    return Mesh(mesh.devices, (_ROWS, _SAMPLES)[: mesh.devices.ndim])


def _put(leaf: Any, sharding: NamedSharding) -> Any:
    if not _several(sharding.mesh):
        return jax.device_put(leaf, sharding)
    leaf = np.asarray(leaf)
    leaf = leaf.astype(jax.dtypes.canonicalize_dtype(leaf.dtype), copy=False)
    # Unlike `device_put`, it does not ask the other processes whether they have the same.
    return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])


def _swapped(leaf: np.ndarray, first: int, second: int) -> np.ndarray:
    """Rows as dealt out over devices, or back."""
    dealt = leaf.reshape(first, second, *leaf.shape[1:]).swapaxes(0, 1)
    return dealt.reshape(leaf.shape)


def _several(mesh: Any) -> bool:
    """Whether the devices belong to several processes."""
    return len({device.process_index for device in mesh.devices.flat}) > 1


def check_mesh(mesh: Any) -> None:
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


def check_model_on(mesh: Mesh | None, model: Any, on_device: bool) -> None:
    """Refuse a model that cannot run on a mesh."""
    if mesh is None:
        return
    if not on_device:
        if _several(mesh):
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
    if mesh is None or not _several(mesh):
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
