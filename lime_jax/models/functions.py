"""JAX functions as pytrees: what they are bound to is traced, and a jitted one is what it jits."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, TypeAlias, TypeVar

import jax

from lime_jax.typing import ModelLike, Pytree

AnyFunction: TypeAlias = Callable[..., Any]
"""A model as a function, called as its owner likes."""
Function = TypeVar("Function", bound=AnyFunction)

_MARK = "__lime_jax_predict__"


def jax_predict(fn: Function) -> Function:
    """Mark a function as JAX: it runs inside the jitted program.

    A bare Python function is called on NumPy batches, even if it would trace, because tracing
    freezes what it captures: weights, randomness, batch statistics.

    Args:
        fn: `(samples, ...) -> (samples,)` or `(samples, outputs)`, of `jax.numpy` operations.

    Returns:
        The same function, marked.

    Raises:
        ValueError: if it is no Python function.

    Example:
        >>> @jax_predict
        ... def first_column(inputs):
        ...     return inputs[:, 0]
    """
    try:
        setattr(fn, _MARK, True)
    except AttributeError as error:
        raise ValueError(
            f"`fn`: expected a Python function, got {type(fn).__name__}; wrap it in one"
        ) from error
    return fn


def why_on_device(fn: ModelLike) -> str | None:
    """Why a model is called inside the jitted program; None: it is not."""
    if isinstance(fn, functools.partial):
        return why_on_device(fn.func)
    if getattr(fn, _MARK, False):
        return "marked by jax_predict"
    return "a jitted function" if isinstance(fn, jax.stages.Wrapped) else None


def as_pytree(fn: AnyFunction) -> AnyFunction:
    """A JAX function whose arrays are leaves, and that equals the same one in a new wrapper.

    The arguments of a `functools.partial` are leaves, and a pytree whose bound method it is. A new
    `jax.jit(f)` is the old one, as it is to JAX, which does not trace `f` again either.

    Example:
        >>> def double(x):
        ...     return 2 * x
        >>> as_pytree(jax.jit(double)) == as_pytree(jax.jit(double))
        True
    """
    if isinstance(fn, functools.partial):
        return jax.tree_util.Partial(as_pytree(fn.func), *fn.args, **fn.keywords)
    if isinstance(fn, MethodType) and is_pytree(fn.__self__):
        return jax.tree_util.Partial(as_pytree(fn.__func__), fn.__self__)
    inside = _inside_jit(fn)
    if inside is None:
        return fn
    if isinstance(inside, functools.partial) and not is_pytree(inside):
        return Jitted(inside, fn)  # its arguments are constants, which need not bear tracing
    inside = as_pytree(inside)
    return inside if is_pytree(inside) else Jitted(inside, fn)


@dataclasses.dataclass(frozen=True)
class Jitted:
    """A jitted function, known by the function inside."""

    inside: AnyFunction  # compared; what it captures is no part of it, as for JAX
    fn: AnyFunction = dataclasses.field(compare=False)

    def __call__(self, *args: Pytree, **options: Pytree) -> Pytree:
        """Call the jitted function."""
        return self.fn(*args, **options)


def is_pytree(value: object) -> bool:
    """Whether JAX looks into a value."""
    return not jax.tree_util.all_leaves([value])


def _inside_jit(fn: AnyFunction) -> AnyFunction | None:
    """The function in JAX's own wrapper; others' keep more than a function."""
    is_jax = type(fn).__module__.partition(".")[0] in ("jax", "jaxlib")
    is_jit = is_jax and isinstance(fn, jax.stages.Wrapped)
    return getattr(fn, "__wrapped__", None) if is_jit else None
