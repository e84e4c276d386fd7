"""Equinox and Flax modules: already JAX, brought to a batch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from lime_jax.models.convert.features import RawTable
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.models.registry import register_opener
from lime_jax.typing import AnyArray, Array, ModelLike, pytree, static

_WHY = "a neural network is not a sum over trees or over columns"


def _equinox_outputs(module: Any, inputs: AnyArray) -> Array:
    """The outputs of an Equinox module for a batch.

    Equinox's layers act on one example: what can be called with one row, as shapes tell while
    tracing, is mapped over the batch, anything else takes the batch as it is.
    """
    inputs = jnp.asarray(inputs, jnp.result_type(float))
    row = jax.ShapeDtypeStruct(inputs.shape[1:], inputs.dtype)
    try:
        result = jax.eval_shape(lambda x: module(x), row)
        for_rows = isinstance(result, jax.ShapeDtypeStruct) and result.ndim < 2
        why = f"it returned {result} for one row"
    except Exception as error:  # whatever a stranger's module raises on the wrong shape
        for_rows, why = False, f"{type(error).__name__}: {error}"
    if for_rows:
        return jax.vmap(lambda x: module(x))(inputs)
    try:
        return module(inputs)
    except Exception as error:
        error.add_note(
            "raised by the Equinox module on a batch; on one row it did not work either: "
            f"{why}\n(a module that needs a key or a state in training is handed over in "
            "inference mode: equinox.nn.inference_mode)"
        )
        raise


@register_opener("equinox.Module", why_not=_WHY)
def open_equinox(model: ModelLike, output: str | None, table: RawTable | None) -> Model:
    """An `equinox.Module` with `__call__`, for one row or for a batch, as a function of a batch."""
    kind = type(model).__name__
    if not callable(model):
        raise ValueError(f"`model`: expected an Equinox module with `__call__`, got {kind}")
    predict = DevicePredict(Partial(_equinox_outputs, model))
    return Model(predict, "jax", f"{kind}, an Equinox module", output, why_not_exact=_WHY)


@pytree
class NnxPredict:
    """A Flax NNX module as a function of its state."""

    state: Any
    graph: Any = static()  # everything else; equal for modules of one make

    def __call__(self, *inputs: AnyArray) -> Array:
        """The outputs for a batch; what the module writes into its state is dropped."""
        from flax import nnx

        return nnx.merge(self.graph, self.state)(*inputs)


@pytree
class LinenPredict:
    """A Flax Linen module as a function of its variables."""

    variables: Any
    module: Any = static()  # without them; equal for modules of one make

    def __call__(self, *inputs: AnyArray) -> Array:
        """The outputs for a batch."""
        return self.module.apply(self.variables, *inputs)


@register_opener("flax.Module", why_not=_WHY)
def open_flax(model: ModelLike, output: str | None, table: RawTable | None) -> Model:
    """An NNX module in inference mode, or a Linen module that is bound to its variables."""
    kind = type(model).__name__
    if ".linen." in f"{_module_class(model).__module__}.":
        return _open_linen(model, output)
    if not callable(model):
        raise ValueError(f"`model`: expected a Flax module with `__call__`, got {kind}")
    from flax import nnx

    for _, part in nnx.iter_graph(model):
        training = getattr(part, "deterministic", None) is False and getattr(part, "rate", 1) > 0
        if training or getattr(part, "use_running_average", None) is False:
            raise ValueError(
                f"`model`: expected a module in inference mode, but its {type(part).__name__} is "
                "in training mode; call `model.eval()` first"
            )
    graph, state = nnx.split(model)
    predict = DevicePredict(NnxPredict(state, graph))
    return Model(predict, "jax", f"{kind}, a Flax NNX module", output, why_not_exact=_WHY)


def _open_linen(model: ModelLike, output: str | None) -> Model:
    kind = type(model).__name__
    if model.scope is None:
        raise ValueError(
            f"`model`: expected a Linen module with its variables, got {kind} alone; hand over "
            "`model.bind(variables)`"
        )
    module, variables = model.unbind()
    predict = DevicePredict(LinenPredict(variables, module))
    return Model(predict, "jax", f"{kind}, a Flax Linen module", output, why_not_exact=_WHY)


def _module_class(model: ModelLike) -> type:
    """Flax's own class of the two that are named `Module`."""
    return next(
        c for c in type(model).__mro__ if c.__name__ == "Module" and c.__module__[:5] == "flax."
    )
