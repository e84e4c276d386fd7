"""What a fitted model consists of, in a few bytes: read on each call, so it has to be fast.

Arrays are not copied, and summed up in words of 64 bits: a cryptographic hash of 100 MB takes
longer than an explanation.
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import pickle
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import FunctionType
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.engine import budget
from lime_jax.models.registry import has_methods, opener_of
from lime_jax.typing import ModelLike

_WORDS = 2**14
_SMALL = 2**15
"""Bytes: copied sooner than looked at one by one."""
_NAMED = (type, FunctionType)
_LASTING = frozenset({"builtins", "copyreg", "numpy", "numpy._core.multiarray", __name__})
"""Modules whose names stand for the same for ever; pickle itself uses them, and looks at them."""
_LARGE, _MOST_THREADS = 2**24, 4  # memory gives no more than a few cores can sum up


def fingerprint(model: ModelLike, output: str | None) -> bytes | None:
    """Of all that a fitted model consists of; a model that was fitted again has another one.

    Returns:
        None for what is no fitted model, or cannot be read.
    """
    owner = getattr(model, "__self__", model)
    if not (hasattr(owner, "fit") or has_methods(owner)) or opener_of(owner)[0] is not None:
        return None
    try:
        state = _State((model, output, str(jnp.result_type(float))))
        content = hashlib.blake2b(state.without_arrays)
        for part in _each(_sums, _joined(state.arrays)):
            content.update(part)
    except Exception:  # whatever a stranger's object raises when it is asked for its state
        return None
    return content.digest()


class _State:
    """What pickle finds in an object; of a forest hundreds of small arrays, so each has to be fast.

    Attributes:
        arrays: contiguous, not copied.
    """

    def __init__(self, facts: object) -> None:
        self.arrays: list[np.ndarray] = []
        rest = io.BytesIO()
        pickler = _Pickler(rest, protocol=5, buffer_callback=self._add_buffer)
        pickler.dispatch_table = {**copyreg.dispatch_table, np.ndarray: self._reduce}
        pickler.dump(facts)
        self.without_arrays = rest.getbuffer()

    def _reduce(self, array: np.ndarray) -> tuple[Any, ...] | str:
        """NumPy's own takes four times as long."""
        if (
            array.dtype.kind not in "biufcV"
            or array.dtype.hasobject
            or not array.flags.c_contiguous
        ):
            return array.__reduce_ex__(5)
        self.arrays.append(array)
        return _described, (array.dtype, array.shape)

    def _add_buffer(self, buffer: pickle.PickleBuffer) -> None:
        self.arrays.append(np.asarray(buffer.raw()))


class _Pickler(pickle.Pickler):
    """Knows classes and functions as they are here: their names may be given to others later."""

    def reducer_override(self, thing: object) -> Any:
        if not isinstance(thing, _NAMED) or thing.__module__ in _LASTING:
            return NotImplemented
        if "<locals>" in thing.__qualname__ or "<lambda>" in thing.__qualname__:
            return NotImplemented  # pickle refuses it: what it holds on to is not looked at
        return _described, (thing.__qualname__, id(thing))


def _described(*facts: object) -> None:
    """What stands for an array, a class or a function."""


def _joined(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The large ones, and one of all small ones: a forest has hundreds. Shapes are known."""
    large = [array for array in arrays if array.nbytes >= _SMALL]
    small = b"".join(array for array in arrays if array.nbytes < _SMALL)  # pyright: ignore[reportArgumentType]
    return [*large, np.frombuffer(small, np.uint8)]


def _each(sums: Callable[[np.ndarray], bytes], arrays: Sequence[np.ndarray]) -> Iterable[bytes]:
    """Of large arrays, several at once: NumPy works on several cores."""
    if sum(array.nbytes for array in arrays) < _LARGE:
        return map(sums, arrays)
    with ThreadPoolExecutor(min(budget.num_cores(), _MOST_THREADS)) as pool:
        return list(pool.map(sums, arrays))


def _sums(array: np.ndarray) -> bytes:
    """Bytes that differ where the content does; of a large array far fewer.

    Each word is multiplied by an odd random number; before, its upper half is mixed into the lower
    one, because of two flipped signs in it nothing would be left.
    """
    content = array.reshape(-1).view(np.uint8)
    words = content[: len(content) // 8 * 8].view(np.uint64)
    factors, sums = _factors(), np.empty(-(-len(words) // _WORDS), np.uint64)
    mixed = np.empty_like(factors)
    for number, start in enumerate(range(0, len(words), _WORDS)):
        some = words[start : start + _WORDS]
        part = np.right_shift(some, np.uint64(32), out=mixed[: len(some)])
        part ^= some
        part *= factors[: len(some)]
        sums[number] = np.add.reduce(part)
    return sums.tobytes() + content[8 * len(words) :].tobytes()


@cache
def _factors() -> np.ndarray:
    return np.random.default_rng(0).integers(2**64, size=_WORDS, dtype=np.uint64) | np.uint64(1)
