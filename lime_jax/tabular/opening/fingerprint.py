"""What a fitted model consists of, in a few bytes: read on each call, so it has to be fast.

Arrays are not copied, and summed up in words of 64 bits: a cryptographic hash of 100 MB takes
longer than an explanation.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import jax.numpy as jnp
import numpy as np

from lime_jax.engine import budget
from lime_jax.models.registry import has_methods, opener_of
from lime_jax.typing import ModelLike

_WORDS = 2**14
_LARGE, _MOST_THREADS = 2**24, 4  # memory gives no more than a few cores can sum up


def fingerprint(model: ModelLike, output: str | None) -> bytes | None:
    """Of all that a fitted model consists of; a model that was fitted again has another one.

    Returns:
        None for what is no fitted model, or cannot be read.
    """
    owner = getattr(model, "__self__", model)
    if not (hasattr(owner, "fit") or has_methods(owner)) or opener_of(owner)[0] is not None:
        return None
    arrays: list[pickle.PickleBuffer] = []
    try:
        facts = (model, output, str(jnp.result_type(float)))
        content = hashlib.blake2b(pickle.dumps(facts, protocol=5, buffer_callback=arrays.append))
        for sums in _each(_sums, [array.raw() for array in arrays]):
            content.update(sums)
    except Exception:  # whatever a stranger's object raises when it is asked for its state
        return None
    return content.digest()


def _each(sums: Callable[[memoryview], bytes], arrays: Sequence[memoryview]) -> Iterable[bytes]:
    """Of large arrays, several at once: NumPy works on several cores."""
    if sum(array.nbytes for array in arrays) < _LARGE:
        return map(sums, arrays)
    with ThreadPoolExecutor(min(budget.num_cores(), _MOST_THREADS)) as pool:
        return list(pool.map(sums, arrays))


def _sums(array: memoryview) -> bytes:
    """Bytes that differ where the content does, far fewer.

    Each word is multiplied by an odd random number; before, its upper half is mixed into the lower
    one, because of two flipped signs in it nothing would be left.
    """
    content = np.frombuffer(array, np.uint8) if array.nbytes else np.zeros(0, np.uint8)
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
