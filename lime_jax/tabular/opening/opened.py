"""A model of a table: called with the table it was fitted on, its outputs checked and named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax import engine
from lime_jax.fits.output_scale import OutputScale
from lime_jax.front.batch_model import BatchModel
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.models.structure import Additive, LinkedSum, Structure, TreeSum
from lime_jax.models.trees.on_host import outputs_on_host
from lime_jax.placing import placed
from lime_jax.tabular import frames
from lime_jax.tabular.exact.route import has_ways
from lime_jax.typing import Array, Table, pytree, static

_CHECKED = 2**13
"""Rows that are looked at together, so that copies of them stay small."""

_FEW_VISITS, _VISITS_OF_CHECKS = 2**13, 2**18
"""Rows times trees, up to which NumPy has outputs before anything else is ready, or compiled."""


@pytree
class _OfCodes:
    """A JAX model of numbers, called with the codes of their levels.

    Attributes:
        levels: by code, for each of `columns`.
    """

    model: Callable[..., Array]
    levels: tuple[Any, ...]
    columns: tuple[int, ...] = static()

    def __call__(self, codes: Array) -> Array:
        """Call the model with the levels."""
        numbers = codes
        for column, levels in zip(self.columns, self.levels, strict=True):
            numbers = numbers.at[:, column].set(levels[codes[:, column].astype(jnp.int32)])
        return self.model(numbers)


class OpenedModel(BatchModel):
    """A model of tables, and what was made of it: all that an explainer asks a model.

    Attributes:
        schema: of the tables it is called with.
        fingerprint: of the model as it came; None: not to be recognized.
        tables: of its exact forms, by what they depend on; the views of one model share them.
        scale: on the device, of outputs that are very small or very large.

    Raises:
        ValueError: if the model runs on the device and the table has text columns.
    """

    def __init__(
        self, model: Model, schema: frames.Schema, fingerprint: bytes | None = None
    ) -> None:
        super().__init__(model)
        self.schema = schema
        self.fingerprint = fingerprint
        self.tables: dict[Hashable, Any] = {}
        self.scale: OutputScale | None = None
        if self.is_jax:
            for k, levels in enumerate(schema.levels):
                if levels is not None and any(isinstance(level, str) for level in levels):
                    raise ValueError(
                        f"`model`: a JAX model takes numbers, but column {schema.columns[k]!r} is "
                        "text; hand over a Python function of the table that encodes it first"
                    )

    def view(self, model: Model | None = None, schema: frames.Schema | None = None) -> OpenedModel:
        """The same, not yet called, maybe in another form or for a table with other levels."""
        other = OpenedModel(model or self.model, schema or self.schema, self.fingerprint)
        other.tables = self.tables
        return other

    def of_part(self, part: TreeSum | Additive) -> OpenedModel:
        """The same, of whose sum this part is to be explained; it has tables of its own."""
        other = self.view(dataclasses.replace(self.model, structure=part))
        other.tables = self.tables.setdefault(("part", type(part)), {})
        return other

    def on_host(self) -> OpenedModel:
        """The same, where a converted model is called as it came."""
        if self.host is None:
            return self
        return self.view(dataclasses.replace(self.model, predict=self.host, host=None))

    @property
    def host(self) -> Callable[..., Any] | None:
        """A converted model as it came."""
        return self.model.host

    @property
    def is_jax(self) -> bool:
        """Whether it was handed over as JAX: it takes numbers, and has no other form."""
        return self.on_device and self.host is None

    @property
    def structure(self) -> Structure | None:
        """Of a converted model, what exact explanations are made of."""
        return self.model.structure

    @property
    def linked(self) -> LinkedSum | None:
        """Of a converted model on the device, the sum that its outputs are a function of."""
        converted = self.model.converted
        # The function is of the device's precision: where that does not do, nor does it.
        if converted is None or self.host is None or not self.on_device:
            return None
        return converted.linked

    def __call__(self, inputs: Float64[np.ndarray, "samples features"]) -> np.ndarray:
        """The outputs for numbers and level codes, as the engine makes them."""
        # What the engine keeps is read-only; the rest a model may write into.
        table = frames.decode(self.schema, inputs, reuse=inputs.flags.writeable)
        return self.checked(self.model.predict(table), len(inputs))

    def predict_rows(
        self, X: Table, values: Float64[np.ndarray, "rows features"], batch_size: int | None
    ) -> Float64[np.ndarray, "rows outputs"]:
        """The outputs for the rows to explain, as they came."""
        if self.is_jax:
            return self.on_device_rows(self.numbers(X, values))
        if self.on_device and not self.needs_host(values).any():
            are_few = self._has_few_visits(len(values), _FEW_VISITS)
            if are_few and has_ways(self.structure):
                return self._by_trees(values)
            return self.on_device_rows(values)
        call = self.host or self.model.predict
        table = frames.align(self.schema, X)
        step = batch_size or len(values)
        parts = []
        for start in range(0, len(values), step):
            stop = min(start + step, len(values))
            try:
                part = frames.take_rows(table, start, stop)
                # A copy: a model may write into it, and these are the user's rows.
                raw = call(part.copy() if isinstance(part, np.ndarray) else part)
            except Exception as error:
                error.add_note(f"raised by the model on rows {start} to {stop - 1} of `X`")
                raise
            parts.append(self.checked(raw, stop - start, start))
        return np.concatenate(parts)

    def converted_rows(self, values: np.ndarray) -> np.ndarray:
        """The outputs of the converted form for rows, encoded; of trees in NumPy, if few are asked.

        For a check: the last digits depend on the way.
        """
        if self._has_few_visits(len(values), _VISITS_OF_CHECKS):
            return self._by_trees(values)
        return self.on_device_rows(values)

    def _has_few_visits(self, rows: int, most: int) -> bool:
        """Whether it is a sum of trees, and rows times trees are few."""
        trees = self.structure
        return isinstance(trees, TreeSum) and rows * len(trees.roots) <= most

    def _by_trees(self, values: np.ndarray) -> np.ndarray:
        assert isinstance(self.structure, TreeSum)
        raw = outputs_on_host(self.structure, values, np.dtype(jnp.result_type(float)))
        return self.checked(raw, len(values))

    def on_device_rows(self, values: np.ndarray) -> np.ndarray:
        """The outputs of the form on the device for rows, encoded; of a JAX model its numbers."""
        rows = self.model.rows
        predict = self.model.predict if rows is None else rows.predict

        def inputs_of(some: np.ndarray) -> np.ndarray:
            return (some if rows is None else rows.columns(some)).astype(jnp.result_type(float))

        raw = engine.predict_rows(predict, values, inputs_of)  # pyright: ignore[reportArgumentType]
        try:
            return self.checked(raw, len(values))
        except ValueError as error:
            raise error from self.hidden_error

    def needs_host(self, values: np.ndarray) -> np.ndarray:
        """(rows,) whether a converted model should be asked as it came.

        Where a number is missing or a level unknown, it knows best whether that may be; and the
        device's precision may not hold a number that the model looks at.
        """
        parts = [
            self._needs_host(values[k : k + _CHECKED]) for k in range(0, len(values), _CHECKED)
        ]
        return np.concatenate([np.zeros(0, bool), *parts])

    def _needs_host(self, values: np.ndarray) -> np.ndarray:
        largest = float(jnp.finfo(jnp.result_type(float)).max)
        with np.errstate(invalid="ignore"):
            # NaN is not at most anything.
            asked = ~(np.abs(values) <= largest).all(axis=1)
        if any(self.schema.categorical):
            asked |= frames.is_new_level(self.schema, values).any(axis=1)
        if not self.model.rounds_inputs:
            asked |= (rounding(self.looked_at(values)) > 0).any(axis=1)
        return np.asarray(asked)

    def looked_at(self, values: np.ndarray) -> np.ndarray:
        """The numbers that a converted model compares or multiplies, of rows as encoded."""
        return values if self.model.rows is None else self.model.rows.columns.numbers(values)

    def numbers(self, X: Table, values: Float64[np.ndarray, "rows features"]) -> np.ndarray:
        """The rows as a JAX model takes them: levels that are numbers, not their codes."""
        if self.schema.kind == "array" and any(self.schema.categorical):
            rebuilt = frames.decode(self.schema, values, X, np.arange(len(values)))
            return np.asarray(rebuilt, np.float64)
        values = values.copy()
        for column, levels in self._numeric_levels().items():
            values[:, column] = np.append(levels, np.nan)[values[:, column].astype(np.int64)]
        return values

    def on_codes(self) -> DevicePredict[Any]:
        """A JAX model for the engine's samples, in which levels are codes.

        Returns:
            The model itself where codes and levels are the same numbers, or it takes codes.
        """
        levels = {} if self.host is not None else self._numeric_levels()
        if not levels:
            return self.model.predict  # pyright: ignore[reportReturnType]
        tables = tuple(placed(table, jnp.result_type(float)) for table in levels.values())
        return DevicePredict(_OfCodes(self.model.predict, tables, tuple(levels)))

    def made_from(
        self, target: DevicePredict[Any], make: Callable[[DevicePredict[Any]], DevicePredict[Any]]
    ) -> DevicePredict[Any]:
        """What is made of a form of the model, the same one each time: it is known by itself."""
        found = self.tables.get((make, id(target)))
        if found is None:
            found = self.tables[make, id(target)] = target, make(target)
        return found[1]

    def _numeric_levels(self) -> dict[int, np.ndarray]:
        """The levels of each categorical column where they are not their own codes."""
        tables = {
            k: np.array([np.nan if level is None else level for level in levels], np.float64)
            for k, levels in enumerate(self.schema.levels)
            if levels is not None
        }
        return {k: t for k, t in tables.items() if not np.array_equal(t, np.arange(len(t)))}


def rounding(values: np.ndarray) -> np.ndarray:
    """How far the device's precision moves numbers; infinitely where they become 0 or infinity.

    A number that becomes 0 or infinity may be far from it behind a logarithm.

    Example:
        >>> rounding(np.array([0.5, 1e400, np.nan]))
        array([ 0., inf, nan])
    """
    held, size = jnp.finfo(jnp.result_type(float)), np.abs(values)
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(values - values.astype(held.dtype))
    lost = (size > 0) & ((size < float(held.tiny)) | (size > float(held.max)))
    return np.where(lost, np.inf, error)
