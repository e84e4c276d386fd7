"""Work on several devices: which of them has which rows, and how results come back.

Every device runs the same program on rows of its own. Rows are dealt out like cards, so that a
short chunk gives every device about as many; all are told the largest number that one of them
holds, so that those that exchange samples take the same steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from lime_jax.typing import Pytree

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

    def place(self, tree: Pytree) -> Pytree:
        """Put what all rows share on every device, once."""
        if self.mesh is None:
            return tree
        everywhere = NamedSharding(self.mesh, PartitionSpec())

        def one(leaf: Pytree) -> Pytree:
            if not np.ndim(leaf) or (isinstance(leaf, jax.Array) and not leaf.is_fully_addressable):
                return leaf
            return _put(leaf, everywhere)

        return jax.tree.map(one, tree)

    def place_rows(self, tree: Pytree) -> Pytree:
        """Deal rows out.

        Args:
            tree: arrays on the host with a leading axis of rows, as many as `round_up` says.
        """
        if self.mesh is None:
            return tree
        dealt = NamedSharding(self.mesh, PartitionSpec(self.row_axes))

        def one(leaf: Pytree) -> Pytree:
            return _put(_swapped(np.asarray(leaf), -1, self.num_rows), dealt)

        return jax.tree.map(one, tree)

    def fetch(self, tree: Pytree, count: int) -> Pytree:
        """Results in the order of the rows.

        Args:
            tree: arrays on the devices with a leading axis of rows.
            count: how many rows there were before they were padded.

        Returns:
            Arrays of these rows on the host; on every process, if there are several.
        """

        def one(leaf: Pytree) -> np.ndarray:
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

    def keep_rows(self, tree: Pytree) -> Pytree:
        """Within a jitted function: rows stay dealt out."""
        if self.mesh is None:
            return tree
        dealt = NamedSharding(self.mesh, PartitionSpec(self.row_axes))
        return jax.lax.with_sharding_constraint(tree, dealt)

    def split_rows(
        self, program: Callable[[Pytree, Pytree], Pytree]
    ) -> Callable[[Pytree, Pytree], Pytree]:
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

    def split_items(
        self, program: Callable[[Pytree, Pytree], Pytree], common: Pytree, items: Pytree
    ) -> Pytree:
        """Run a program on some of the items by each device, and give all the results to all.

        Args:
            program: of what all items share, and of items; its results are one for each item.
        """
        if self.mesh is None:
            return program(common, items)
        count = jax.tree.leaves(items)[0].shape[0]
        index = np.arange(self.round_up(count)) % count  # what fills the last shares up is dropped

        def on_one_device(common: Pytree, items: Pytree) -> Pytree:
            return jax.lax.all_gather(program(common, items), self.row_axes, tiled=True)

        shared, dealt = PartitionSpec(), PartitionSpec(self.row_axes)
        run = jax.shard_map(
            on_one_device,
            mesh=self.mesh,
            in_specs=(shared, dealt),
            out_specs=shared,
            check_vma=False,
        )
        results = run(common, jax.tree.map(lambda leaf: leaf[index], items))
        return jax.tree.map(lambda leaf: leaf[:count], results)


def for_rows(mesh: Mesh | None) -> Devices:
    """All devices of a mesh, each with rows of its own."""
    if mesh is None:
        return Devices()
    part = _own_mesh(mesh)
    return Devices(part, part.axis_names)


def for_samples(mesh: Mesh | None) -> Devices:
    """The devices of a mesh, rows over the first axis, samples of a row over the second."""
    return Devices() if mesh is None else Devices(_own_mesh(mesh), (_ROWS,))


def _own_mesh(mesh: Mesh) -> Mesh:
    """The mesh under our names; its axes are no part of the types of arrays."""
    return Mesh(mesh.devices, (_ROWS, _SAMPLES)[: mesh.devices.ndim])


def _put(leaf: Pytree, sharding: NamedSharding) -> Pytree:
    assert isinstance(sharding.mesh, Mesh)
    if not several_processes(sharding.mesh):
        return jax.device_put(leaf, sharding)
    leaf = np.asarray(leaf)
    leaf = leaf.astype(jax.dtypes.canonicalize_dtype(leaf.dtype), copy=False)
    # Unlike `device_put`, it does not ask the other processes whether they have the same.
    return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])


def _swapped(leaf: np.ndarray, first: int, second: int) -> np.ndarray:
    """Rows as dealt out over devices, or back."""
    dealt = leaf.reshape(first, second, *leaf.shape[1:]).swapaxes(0, 1)
    return dealt.reshape(leaf.shape)


def several_processes(mesh: Mesh) -> bool:
    """Whether the devices belong to several processes."""
    return len({device.process_index for device in mesh.devices.flat}) > 1
