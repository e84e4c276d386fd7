"""The few sizes that arrays of programs have, so that things of similar size share one program."""

from __future__ import annotations


def size_for(count: int, least: int = 8, parts: int = 2) -> int:
    """The next of the sizes that arrays are padded to.

    Args:
        least: smallest size.
        parts: how many sizes there are from one power of two to the next.

    Returns:
        A power of two, or so many equal steps between two of them; 0 for 0.

    Example:
        >>> [size_for(count) for count in (0, 3, 9, 17, 33, 100)]
        [0, 8, 12, 24, 48, 128]
    """
    if count <= least:
        return least if count else 0
    step = max(1, 2 ** ((count - 1).bit_length() - 1) // parts)
    return -(-count // step) * step
