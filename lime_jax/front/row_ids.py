"""A row's identity in 32 bits: from what it holds, or from the id it was given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64, UInt32

_ROWS = 2**12
"""That are hashed together, so that copies of them stay small."""


def row_ids(encoded: Float64[np.ndarray, "rows features"]) -> UInt32[np.ndarray, " rows"]:
    """Hash each row's content, so that a row keeps its id in any order, slice or batch.

    -0.0 counts as 0.0, and every NaN as the same. Equal rows have equal ids; n different rows share
    about n²/2³³.

    Example:
        >>> row_ids(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
        array([ 823025843, 2396036955,  823025843], dtype=uint32)
    """
    starts = range(0, len(encoded), _ROWS)
    parts = [_state(encoded[start : start + _ROWS]) for start in starts]
    return _upper(np.concatenate([np.zeros(0, np.uint64), *parts]))


def _state(encoded: np.ndarray) -> np.ndarray:
    """64 bits of each of some rows."""
    values = encoded.T + 0.0  # -0.0 + 0.0 is 0.0
    values[np.isnan(values)] = np.nan
    state = np.full(values.shape[1], values.shape[0], np.uint64)
    for column in _mix(values.view(np.uint64)):
        state = _mix(state * np.uint64(0x9E3779B97F4A7C15) + column)
    return state


def hash_ids(ids: Iterable[object], num_rows: int | None = None) -> UInt32[np.ndarray, " rows"]:
    """Hash given ids to 32 bits: the same in every process and on every platform.

    Integers hash by value, whatever their type; what is no number, text or bytes as it prints.

    Example:
        >>> hash_ids([7, 7 + 2**40, "seven"])
        array([ 313405475,  232886665, 1588552467], dtype=uint32)
    """
    values = ids if isinstance(ids, np.ndarray) else list(ids)
    shape = np.shape(values) if isinstance(values, np.ndarray) else (len(values),)
    if len(shape) != 1 or (num_rows is not None and shape != (num_rows,)):
        raise ValueError(
            f"`row_ids` must have one id per row of `X`, shape ({num_rows},), got shape {shape}."
        )
    if isinstance(values, list) and {type(v) for v in values} == {int}:
        values = np.array(values)  # of objects, if wider than 64 bits
    if isinstance(values, np.ndarray) and values.dtype.kind in "biu":
        return _upper(
            _mix(values.astype(np.int64 if values.dtype.kind == "i" else np.uint64).view(np.uint64))
        )
    return _upper(np.fromiter(map(_to_64_bits, values), np.uint64, shape[0]))


def _to_64_bits(value: object) -> int:
    """A fixed 64-bit number for one id. Python's own `hash` differs from process to process."""
    if isinstance(value, int | np.integer | np.bool_):
        value = int(value)
        if -(2**63) <= value < 2**64:
            return int(_mix(np.array([value % 2**64], np.uint64))[0])
    data = value if isinstance(value, bytes) else str(value).encode()
    kind = b"b" if isinstance(value, bytes) else b"s" if isinstance(value, str) else b"o"
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=kind).digest(), "little")


def _mix(bits: np.ndarray) -> np.ndarray:
    """The 64-bit finalizer of MurmurHash3 (Stafford's variant 13, as in SplitMix64), bijective."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _upper(bits: np.ndarray) -> np.ndarray:
    return (bits >> np.uint64(32)).astype(np.uint32)
