"""A model of a table: called with the table it was fitted on, its outputs checked and named."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax import engine
from lime_jax.fits.output_scale import OutputScale
from lime_jax.models.outputs import as_outputs, output_columns
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.tabular import frames
from lime_jax.typing import pytree, static


@pytree
class _OfCodes:
    """A JAX model of numbers, called with the codes of their levels.

    Attributes:
        levels: by code, for each of `columns`.
    """

    model: Any
    levels: tuple[Any, ...]
    columns: tuple[int, ...] = static()

    def __call__(self, codes: Any) -> Any:
        """Call the model with the levels."""
        numbers = codes
        for column, levels in zip(self.columns, self.levels, strict=True):
            numbers = numbers.at[:, column].set(levels[codes[:, column].astype(jnp.int32)])
        return self.model(numbers)


class TableModel:
    """A model, and the schema of the tables it is called with.

    Args:
        schema: of the table that the explainer was fitted on.

    Raises:
        ValueError: if the model runs on the device and the table has text columns.
    """

    def __init__(self, model: Model, schema: frames.Schema) -> None:
        self.model = model
        self.schema = schema
        self.num_outputs: int | None = None
        self.scale: OutputScale | None = None  # on the device: of outputs that are very small
        self.output_columns: tuple[Any, ...] | None = None
        self.on_device = isinstance(model.predict, DevicePredict)
        if self.on_device and model.host is None:
            for k, levels in enumerate(schema.levels):
                if levels is not None and any(isinstance(level, str) for level in levels):
                    raise ValueError(
                        f"`model`: a JAX model takes numbers, but column {schema.columns[k]!r} is "
                        "text; hand over a Python function of the table that encodes it first"
                    )

    def __call__(self, inputs: Float64[np.ndarray, "samples features"]) -> np.ndarray:
        """The outputs for numbers and level codes, as the engine makes them."""
        # What the engine keeps is read-only; the rest a model may write into.
        table = frames.decode(self.schema, inputs, reuse=inputs.flags.writeable)
        outputs = as_outputs(self.model.predict(table), len(inputs), self.num_outputs)
        self.num_outputs = outputs.shape[1]
        return outputs

    def predict_rows(
        self, X: Any, values: Float64[np.ndarray, "rows features"], batch_size: int | None
    ) -> Float64[np.ndarray, "rows outputs"]:
        """The outputs for the rows to explain, as they came."""
        if self.on_device and self.model.host is None:
            return self.on_device_rows(self.numbers(X, values))
        if self.on_device and not self.needs_host(values).any():
            return self.on_device_rows(values)
        call = self.model.host or self.model.predict
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
            parts.append(as_outputs(raw, stop - start, self.num_outputs, start))
            self.output_columns = output_columns(raw)
            self.num_outputs = parts[-1].shape[1]
        return np.concatenate(parts)

    def on_device_rows(self, values: np.ndarray) -> np.ndarray:
        """The outputs of the model's form on the device.

        Args:
            values: (rows, features), encoded; of a JAX model its own numbers.
        """
        rows = self.model.rows
        predict = self.model.predict if rows is None else rows.predict
        inputs = values if rows is None else rows.columns(values)
        inputs = inputs.astype(jnp.result_type(float))
        raw = engine.predict_rows(predict, inputs)  # pyright: ignore[reportArgumentType]
        try:
            return as_outputs(raw, len(values))
        except ValueError as error:
            raise error from self.hidden_error

    def needs_host(self, values: np.ndarray) -> np.ndarray:
        """Which rows a converted model should be asked about as it came.

        Returns:
            (rows,) bool: where a number is missing or a level unknown, it knows best whether that
            may be; and the device's precision may not hold a number that the model looks at.
        """
        dtype, rows = jnp.result_type(float), self.model.rows
        with np.errstate(invalid="ignore"):
            # NaN is not at most anything.
            asked = ~(np.abs(values) <= float(jnp.finfo(dtype).max)).all(axis=1)
        if any(self.schema.categorical):
            asked |= frames.is_new_level(self.schema, values).any(axis=1)
        if not self.model.rounds_inputs:
            looked_at = values if rows is None else rows.columns.numbers(values)
            with np.errstate(over="ignore"):
                rounded = looked_at.astype(dtype)
            asked |= ((rounded != looked_at) & ~np.isnan(looked_at)).any(axis=1)
        return np.asarray(asked)

    @property
    def hidden_error(self) -> Exception | None:
        """What `host_predict` kept when it returned NaN, as no exception may leave a callback."""
        return getattr(getattr(self.model.predict, "fn", None), "error", None)

    def numbers(self, X: Any, values: Float64[np.ndarray, "rows features"]) -> np.ndarray:
        """The rows as a JAX model takes them: levels that are numbers, not their codes."""
        if self.schema.kind == "array" and any(self.schema.categorical):
            own = frames.decode(self.schema, values, X, np.arange(len(values)))
            return np.asarray(own, np.float64)
        values = values.copy()
        for column, levels in self._numeric_levels().items():
            values[:, column] = np.append(levels, np.nan)[values[:, column].astype(np.int64)]
        return values

    def on_codes(self) -> DevicePredict[Any]:
        """A JAX model for the engine's samples, in which levels are codes.

        Returns:
            The model itself where codes and levels are the same numbers, or it takes codes.
        """
        levels = {} if self.model.host is not None else self._numeric_levels()
        if not levels:
            return self.model.predict  # pyright: ignore[reportReturnType]
        tables = tuple(jnp.asarray(table, jnp.result_type(float)) for table in levels.values())
        return DevicePredict(_OfCodes(self.model.predict, tables, tuple(levels)))

    def _numeric_levels(self) -> dict[int, np.ndarray]:
        """The levels of each categorical column where they are not their own codes."""
        tables = {
            k: np.array([np.nan if level is None else level for level in levels], np.float64)
            for k, levels in enumerate(self.schema.levels)
            if levels is not None
        }
        return {k: t for k, t in tables.items() if not np.array_equal(t, np.arange(len(t)))}
