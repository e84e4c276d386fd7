"""What a model is to the engine: a pytree on the device, or a function of a NumPy batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.inputs import DeviceTable, HostColumns, SpikeCheck, Spikes
from lime_jax.models.functions import Function
from lime_jax.models.registry import Converted
from lime_jax.models.structure import Structure
from lime_jax.typing import AnyArray, Pytree, Table


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True, eq=False)
class DevicePredict(Generic[Function]):
    """A JAX model as a pytree: its arrays are traced, so new weights do not compile anew.

    Attributes:
        fn: callable; itself a pytree (its arrays are the leaves) or a plain function.
        steps: what is made of its outputs, one after the other: pytrees, and functions of them, of
            NumPy's too.
        by_rows: whether a row's outputs are the same in any batch, and with other columns behind
            its own, so that one program serves any number of rows.
    """

    fn: Function
    steps: tuple[Callable[[Any], Any], ...] = ()
    by_rows: bool = False

    def __call__(self, inputs: AnyArray) -> Any:
        """Call the model on a batch."""
        return self.finish(self.fn(inputs))

    def then(self, step: Callable[[Any], object]) -> DevicePredict[Function]:
        """The model with one more step."""
        return dataclasses.replace(self, steps=(*self.steps, step))

    def finish(self, outputs: object) -> Any:
        """What the steps make of outputs."""
        for step in self.steps:
            outputs = step(outputs)
        return outputs

    def tree_flatten(self) -> tuple[Any, Any]:
        """Arrays as children; functions, numbers and names stay in the structure."""
        leaves, structure = jax.tree_util.tree_flatten((self.fn, self.steps))
        is_array = tuple(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves)
        arrays = tuple(leaf for leaf, array in zip(leaves, is_array, strict=True) if array)
        others = tuple(leaf for leaf, array in zip(leaves, is_array, strict=True) if not array)
        return arrays, (structure, is_array, others, self.by_rows)

    @classmethod
    def tree_unflatten(cls, aux: Pytree, arrays: Pytree) -> DevicePredict[Any]:
        """Put the arrays back."""
        structure, is_array, others, by_rows = aux
        array, other = iter(arrays), iter(others)
        leaves = [next(array) if traced else next(other) for traced in is_array]
        fn, steps = jax.tree_util.tree_unflatten(structure, leaves)
        return cls(fn, steps, by_rows)


@dataclasses.dataclass(frozen=True, eq=False)
class RowModel:
    """A converted model of rows that are given.

    Attributes:
        columns: the host makes of them.
    """

    columns: HostColumns
    predict: DevicePredict[Any]

    def __call__(self, values: np.ndarray) -> Any:
        """The outputs for numbers and level codes in float64, (rows, features)."""
        return self.predict(self.columns(values).astype(jnp.result_type(float)))


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A model as the explainers use it; a pytree, and a function of a batch.

    Attributes:
        predict: `DevicePredict`, or a function of a batch on the host.
        path: "jax" or "host".
        reason: why, in words.
        output_kind: "probability", "margin" or "value"; None where only the numbers can tell.
        classes: that the outputs are of, if the model knows them.
        structure: of a converted model whose output is a sum over trees or over columns.
        why_not_exact: why it has no structure.
        host: a converted model as it came, a function of a batch on the host.
        rounds_inputs: see `Converted`.
        exclusive: whether probabilities sum to 1; not those of several targets.
        converted: what it was converted to, if it can be called with columns that the host makes.
        num_raw: columns of its table.
    """

    predict: Callable[..., Any]
    path: str
    reason: str
    output_kind: str | None
    classes: tuple[Any, ...] | None = None
    structure: Structure | None = None
    why_not_exact: str = "its inside is not known"
    host: Callable[..., Any] | None = None
    rounds_inputs: bool = False
    exclusive: bool = True
    converted: Converted | None = None
    num_raw: int = 0

    def __call__(self, inputs: Table) -> Any:
        """Call the model on a batch; of a NumPy array each number is taken for what it is."""
        rows = self.rows if isinstance(inputs, np.ndarray) else None
        return self.predict(inputs) if rows is None else rows(np.asarray(inputs, np.float64))

    @property
    def rows(self) -> RowModel | None:
        """A converted model of rows that are given; None: its `predict` loses nothing of them."""
        return None if self.rounds_inputs else self.on_columns

    @cached_property
    def on_columns(self) -> RowModel | None:
        """A converted model on columns that the host makes."""
        if self.converted is None:
            return None
        columns = HostColumns(self.num_raw)
        return RowModel(columns, DevicePredict(self.converted.build(columns), by_rows=True))

    def on_host(self, why: str) -> Model:
        """A converted model as it came; its structure, of the very numbers, stays."""
        assert self.host is not None
        reason = f"{self.reason.removesuffix(' converted to JAX')} on the host: {why}"
        return dataclasses.replace(self, predict=self.host, path="host", reason=reason)

    def on_samples(self, spikes: Sequence[Spikes | None]) -> DevicePredict[Any]:
        """A converted model of samples that the device draws.

        Args:
            spikes: of each column, numbers that many samples are equal to.

        Returns:
            The model; thresholds part the spikes as they do on the host.

        Raises:
            ValueError: if the device's precision does not tell two of them apart that a threshold
                parts.
        """
        if self.converted is None or not any(spikes):
            return self.predict  # pyright: ignore[reportReturnType]
        check = SpikeCheck(tuple(spikes))
        self.converted.build(check)
        if not check.moved:
            return self.predict  # pyright: ignore[reportReturnType]
        return DevicePredict(self.converted.build(DeviceTable(tuple(spikes))), by_rows=True)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, if the model knows them."""
        return None if self.classes is None else tuple(map(str, self.classes))

    def tree_flatten(self) -> tuple[Any, Any]:
        """The arrays of `predict`; a copy with other arrays has no structure."""
        facts = (self.path, self.reason, self.output_kind, self.classes)
        return (self.predict,), facts

    @classmethod
    def tree_unflatten(cls, facts: Pytree, children: Pytree) -> Model:
        """Put the arrays back."""
        return cls(*children, *facts)
