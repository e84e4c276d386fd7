"""A model of token ids: what it is called with is made of ids alone, on the device or the host."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.front.returned import plain
from lime_jax.models.networks.keras import HostKerasByName, KerasByName, open_by_name
from lime_jax.models.onnx.evaluator import OnnxPredict
from lime_jax.models.onnx.runtime import RuntimePredict
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.text.tokens import NO_TOKEN
from lime_jax.typing import AnyArray, ModelLike, pytree, static

ROLES = ("ids", "mask", "types")
"""What a model is called with: ids of tokens, 1 where one is to be looked at, 0 for all."""

POOLS = ("mean", "first", None)


@pytree
class TokenPredict:
    """A model of ids, masks and types as a function of ids.

    Attributes:
        encoder: a model on the device, or a function of NumPy arrays.
        head: of its outputs; None: there is none, or it is on the host.
        pad: id of the padding token; `NO_TOKEN`: there is none.
        roles: of its arguments.
        names: of its arguments, if it takes them by name.
        pool: what becomes of outputs for each token.
    """

    encoder: Any
    head: Any
    pad: int = static()
    roles: tuple[str, ...] = static()
    names: tuple[str, ...] | None = static()
    pool: str | None = static()

    def __call__(self, ids: AnyArray) -> Any:
        """The outputs for texts of one length, (texts, tokens), filled up with `NO_TOKEN`."""
        xp = np if isinstance(ids, np.ndarray) else jnp
        seen = (ids != NO_TOKEN) & (ids != self.pad)
        there = xp.where(ids == NO_TOKEN, max(self.pad, 0), ids)
        parts = {"ids": there, "mask": seen.astype(ids.dtype), "types": xp.zeros_like(ids)}
        outputs = self._called([parts[role] for role in self.roles])
        if outputs.ndim == 3:
            outputs = self._pooled(outputs, seen.astype(outputs.dtype))
        return outputs if self.head is None else self.head(outputs)

    def _called(self, parts: list[Any]) -> Any:
        arguments = parts if self.names is None else [dict(zip(self.names, parts, strict=True))]
        if isinstance(self.encoder, DevicePredict):
            return self.encoder.finish(self.encoder.fn(*arguments))
        return np.asarray(plain(self.encoder(*arguments)))

    def _pooled(self, outputs: Any, seen: Any) -> Any:
        """One vector of each text."""
        if self.pool is None:
            raise ValueError(
                f"`model`: expected (texts, outputs), got an array {tuple(outputs.shape)}; `pool` "
                "says what becomes of a vector for each token: 'mean' or 'first'"
            )
        if self.pool == "first":
            return outputs[:, 0]
        count = seen.sum(1)[:, None]
        total = (outputs * seen[..., None]).sum(1)
        return total / (count + (count == 0))


def open_tokens(model: ModelLike) -> tuple[Model, tuple[str, ...], tuple[str, ...] | None]:
    """See what a model of token ids is.

    Returns:
        The model, the roles of its arguments, and their names, if it takes them by name.
    """
    opened = open_by_name(model) or as_predict_fn(model)
    fn = opened.predict.fn if isinstance(opened.predict, DevicePredict) else opened.predict
    if isinstance(fn, OnnxPredict):
        names: tuple[str, ...] = tuple(entry.name for entry in fn.graph.inputs)
    elif isinstance(fn, RuntimePredict):
        names = tuple(entry.name for entry in fn.inputs)
    elif isinstance(fn, KerasByName | HostKerasByName):
        names = fn.names
    else:
        return opened, ROLES[: _arguments(model)], None
    return opened, tuple(map(_role, names)), names


def _role(name: str) -> str:
    """What an input of some name is fed with."""
    if "position" in name or "past" in name:
        raise ValueError(
            f"`model`: its input {name!r} is neither ids of tokens, nor their mask, nor types; "
            "hand over a function of (ids, mask, types) that calls the model"
        )
    if "mask" in name:
        return "mask"
    return "types" if "type" in name or "segment" in name else "ids"


def _arguments(model: ModelLike) -> int:
    """How many of ids, mask and types a function takes."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(model).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return len(ROLES)
    needed = [p for p in parameters if p.kind in kinds and p.default is p.empty]
    if not 1 <= len(needed) <= len(ROLES):
        raise ValueError(
            f"`model`: expected a function of (ids), (ids, mask) or (ids, mask, types), got one of "
            f"{len(needed)} arguments"
        )
    return len(needed)
