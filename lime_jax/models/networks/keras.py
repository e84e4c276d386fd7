"""Keras 3 models: on its JAX backend a function of their variables, else on the host."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.models.registry import register_opener
from lime_jax.typing import AnyArray, ModelLike, Pytree, pytree, static

_BATCH = 4096  # Keras's own default of 32 is for training
_WHY = "a neural network is not a sum over trees or over columns"

Columns = tuple[tuple[int, ...], ...]
"""Those of a table that each input takes, of a model of several."""


@pytree
class KerasPredict:
    """A Keras model as a function of its variables, the leaves: training goes on freely."""

    trainable: tuple[Any, ...]  # values of the trainable variables
    non_trainable: tuple[Any, ...]
    model: ModelLike = static()  # the model itself, known by its identity
    columns: Columns | None = static()  # that each input takes, of a model of several

    def __call__(self, inputs: Pytree) -> Any:
        """The outputs for a batch, layers as in inference."""
        options = {"training": False} if _takes_training(self.model) else {}
        outputs, _ = self.model.stateless_call(
            list(self.trainable),
            list(self.non_trainable),
            _split_inputs(self.model, self.columns, inputs),
            **options,
        )
        return outputs


def _takes_training(model: ModelLike) -> bool:
    """Whether a model tells training from inference; one's own `call` need not."""
    parameters = inspect.signature(model.call).parameters.values()
    return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)


@register_opener("keras.Model", method="predict", why_not=_WHY)
def open_keras(model: ModelLike, output: str | None, table: RawTable | None) -> Model:
    """In JAX on Keras's JAX backend, with the variables' present values; else by its `predict`."""
    kind = type(model).__name__
    if not model.built:
        raise ValueError(
            f"`model`: expected a Keras model that is built, got a {kind} without weights; "
            "train it or call it on a batch first"
        )
    columns = _columns_of_inputs(model, table)
    try:
        predict = DevicePredict(_in_jax(model, table, columns))
    except NotConvertibleError as error:
        reason = f"{kind}.predict on the host: {error}"
        why = "it runs on the host, its inside is not known"
        return Model(_on_host(model, columns), "host", reason, output, why_not_exact=why)
    return Model(predict, "jax", f"{kind} on Keras's JAX backend", output, why_not_exact=_WHY)


@pytree
class KerasByName:
    """A Keras model of several inputs as a function of a mapping from their names."""

    predict: KerasPredict

    @property
    def names(self) -> tuple[str, ...]:
        """Of the inputs."""
        return _input_names(self.predict.model)

    def __call__(self, inputs: Mapping[str, AnyArray]) -> Any:
        """The outputs for a batch."""
        return self.predict(_packed(self.predict.model, inputs))


@dataclasses.dataclass(frozen=True)
class HostKerasByName:
    """The same on another backend of Keras."""

    model: ModelLike

    @property
    def names(self) -> tuple[str, ...]:
        """Of the inputs."""
        return _input_names(self.model)

    def __call__(self, inputs: Mapping[str, AnyArray]) -> np.ndarray:
        """The outputs for a batch."""
        return self.model.predict(_packed(self.model, inputs), batch_size=_BATCH, verbose=0)


def open_by_name(model: ModelLike) -> Model | None:
    """A Keras model whose inputs have names, to be called by these; None: it is no such model."""
    is_keras = any(kind.__module__.partition(".")[0] == "keras" for kind in type(model).__mro__)
    if not is_keras or not isinstance(getattr(model, "inputs", None), list):
        return None
    import keras

    kind, backend = type(model).__name__, keras.backend.backend()
    if backend == "jax":
        predict = DevicePredict(KerasByName(_with_variables(model, None)))
        return Model(predict, "jax", f"{kind} on Keras's JAX backend", None, why_not_exact=_WHY)
    reason = f"{kind}.predict on the host: Keras runs on {backend}"
    return Model(HostKerasByName(model), "host", reason, None, why_not_exact=_WHY)


def _input_names(model: ModelLike) -> tuple[str, ...]:
    return tuple(entry.name for entry in model.inputs)


def _packed(model: ModelLike, inputs: Mapping[str, AnyArray]) -> Any:
    """Inputs by name in the structure of the model's own."""
    import keras

    parts = [inputs[entry.name].astype(str(entry.dtype)) for entry in model.inputs]
    return keras.tree.pack_sequence_as(model.input, parts)


def _in_jax(model: ModelLike, table: RawTable | None, columns: Columns | None) -> KerasPredict:
    import keras

    backend = keras.backend.backend()
    if backend != "jax":
        raise NotConvertibleError(
            f"Keras runs on {backend}; with KERAS_BACKEND=jax the model runs inside the program"
        )
    predict = _with_variables(model, columns)
    if columns is None:
        shape = _input_shape(model, table)
    else:
        shape = (2, 1 + max(max(group) for group in columns))
    if shape is None:
        return predict
    try:
        result = jax.eval_shape(predict, jax.ShapeDtypeStruct(shape, jnp.result_type(float)))
    except Exception as error:  # a layer may do anything with a tracer
        first = str(error).strip().partition("\n")[0]
        raise NotConvertibleError(
            f"it does not trace: {type(error).__name__}: {first[:200]}"
        ) from error
    if not isinstance(result, jax.ShapeDtypeStruct):
        raise NotConvertibleError("it has several outputs")
    return predict


def _with_variables(model: ModelLike, columns: Columns | None) -> KerasPredict:
    """Copies of the variables: `fit` and `predict` of Keras give their own memory away."""
    return KerasPredict(
        tuple(jnp.copy(v.value) for v in model.trainable_variables),
        tuple(jnp.copy(v.value) for v in model.non_trainable_variables),
        model,
        columns,
    )


def _input_shape(model: ModelLike, table: RawTable | None) -> tuple[int, ...] | None:
    """The shape of a batch of two, where it is known."""
    shape = getattr(model, "input_shape", None) or (model.get_build_config() or {}).get(
        "input_shape"
    )
    if isinstance(shape, list) and len(shape) == 1:
        shape = shape[0]
    if shape is not None and not isinstance(shape, tuple):
        raise NotConvertibleError("it has several inputs")
    if shape is None:
        return None if table is None else (2, len(table.levels))
    if len(shape) == 2 and shape[1] is None and table is not None:
        return 2, len(table.levels)
    return None if None in shape[1:] else (2, *shape[1:])


def _on_host(model: ModelLike, columns: Columns | None) -> Callable[[Any], np.ndarray]:
    def predict(inputs: AnyArray) -> np.ndarray:
        batch = _split_inputs(model, columns, np.asarray(inputs))
        outputs = model.predict(batch, batch_size=_BATCH, verbose=0)
        if not isinstance(outputs, np.ndarray):
            raise ValueError(
                f"`model`: expected one output, got a {type(outputs).__name__} of "
                f"{len(outputs)}; hand over a Keras model of one of them"
            )
        return outputs

    return predict


def _columns_of_inputs(model: ModelLike, table: RawTable | None) -> Columns | None:
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
        shapes = ", ".join(
            f"{entry.name} {tuple(entry.shape)}{' of text' * (str(entry.dtype) == 'string')}"
            for entry in inputs
        )
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


def _split_inputs(model: ModelLike, columns: Columns | None, inputs: Pytree) -> Any:
    """A batch of rows in the structure of the model's inputs."""
    if columns is None:
        return inputs
    import keras

    parts = [
        inputs[:, list(group)].reshape(-1, *entry.shape[1:]).astype(str(entry.dtype))
        for group, entry in zip(columns, model.inputs, strict=True)
    ]
    return keras.tree.pack_sequence_as(model.input, parts)
