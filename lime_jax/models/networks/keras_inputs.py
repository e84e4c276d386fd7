"""Keras models of several inputs: which columns of a table each of them takes."""

from __future__ import annotations

from typing import Any

from lime_jax.models.convert.features import RawTable
from lime_jax.typing import AnyArray, ModelLike, Pytree

Columns = tuple[tuple[int, ...], ...]


def columns_of_inputs(model: ModelLike, table: RawTable | None) -> Columns | None:
    """Which columns each input of a model takes: those of its name, else one after the other."""
    inputs = getattr(model, "inputs", None)
    if not isinstance(inputs, list) or len(inputs) < 2:
        return None
    widths = [_width(entry) for entry in inputs]
    count = sum(widths) if table is None else len(table.levels)
    names = () if table is None or table.names is None else table.names
    if all(entry.name in names and width == 1 for entry, width in zip(inputs, widths, strict=True)):
        return tuple((names.index(entry.name),) for entry in inputs)
    if isinstance(model.input, dict) or 0 in widths or sum(widths) != count:
        shapes = ", ".join(f"{entry.name} {tuple(entry.shape)}" for entry in inputs)
        raise ValueError(
            f"`model`: this Keras model has {len(inputs)} inputs, {shapes}; the {count} columns of "
            "a table go to inputs of their names, or one after the other to a list of inputs whose "
            "widths add up; hand over a function of the table that calls the model"
        )
    ends = [sum(widths[: k + 1]) for k in range(len(widths))]
    return tuple(tuple(range(end - width, end)) for end, width in zip(ends, widths, strict=True))


def _width(entry: Pytree) -> int:
    """Columns that an input takes; 0 if it is no table of numbers."""
    shape = tuple(entry.shape)
    if str(entry.dtype) == "string" or len(shape) not in (1, 2) or shape[1:] == (None,):
        return 0
    return 1 if len(shape) == 1 else int(shape[1])


def split_inputs(model: ModelLike, columns: Columns | None, inputs: AnyArray) -> Any:
    """A batch of rows in the structure of the model's inputs."""
    if columns is None:
        return inputs
    import keras

    parts = [
        inputs[:, list(own)].reshape(-1, *entry.shape[1:]).astype(str(entry.dtype))
        for own, entry in zip(columns, model.inputs, strict=True)
    ]
    return keras.tree.pack_sequence_as(model.input, parts)
