"""What goes to workers and comes back as bytes: specs, rows, exceptions."""

from __future__ import annotations

import contextlib
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from lime_jax.distributed.worker import ChunkSpec

_HINTS = {
    "explainer": "leave out what it holds and cannot be sent (a kernel that is an open handle?)",
    "model": "let every worker make it: `ModelFactory(load, path)`, where `load(path)` returns the "
    "model",
}
"""What to do if a part of a spec cannot be pickled."""


def pack(specs: ChunkSpec | Sequence[ChunkSpec], dumps: Callable[[Any], bytes]) -> bytes:
    """Specs as bytes, to be sent to workers; what several have in common, a model, once.

    By `dumps` of the engine's own pickle, which takes lambdas and what a notebook defines.
    ValueError if a model or an explainer cannot be pickled; it says what to do.
    """
    each = [specs] if isinstance(specs, ChunkSpec) else specs
    for spec in each:
        spec.ask_ahead()
    try:
        return dumps(specs)
    except Exception:  # a stranger's object may raise anything
        for spec in each:
            for name in _HINTS:
                _check_pickles(name, getattr(spec, name), dumps)
        raise


def _check_pickles(name: str, value: object, dumps: Callable[[Any], bytes]) -> None:
    try:
        dumps(value)
    except Exception as error:
        raise ValueError(
            f"`{name}`: {type(value).__name__} cannot be pickled and sent to the workers "
            f"({type(error).__name__}: {error}); {_HINTS[name]}"
        ) from error


def unpack(data: bytes, enable_x64: bool) -> Any:
    """What was pickled, in the precision it was sent in, which JAX would else cut to its own."""
    with jax.enable_x64(enable_x64):
        return pickle.loads(data)


def portable(error: Exception, dumps: Callable[[Any], bytes]) -> bytes:
    """An exception as bytes that can be read; its traceback, which pickle drops, becomes a note.

    A `RuntimeError` with its words if it cannot be pickled.
    """
    error.add_note("In a worker:\n" + "".join(traceback.format_exception(error)))
    plain = RuntimeError(f"{type(error).__name__}: {error}")
    plain.__notes__ = error.__notes__
    return first_that_travels(error, plain, dumps)


def first_that_travels(value: object, plain: object, dumps: Callable[[Any], bytes]) -> bytes:
    """A value as bytes that can be read, or else a plainer one.

    Exceptions are known to pickle badly, each in its own way.
    """
    try:
        data = dumps(value)
        pickle.loads(data)
    except Exception:  # a stranger's object may raise anything
        return dumps(plain)
    return data


@contextlib.contextmanager
def forking() -> Iterator[None]:
    """Start programs without JAX's warning of forks: what is forked is a program of its own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        yield
