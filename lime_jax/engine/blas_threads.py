"""Threads of the library that solves systems on a CPU, SciPy's: they wait by spinning.

Of systems of some hundred unknowns they save little where cores are idle; where they are not, a
thread that has lost its core keeps the others spinning, for dozens of times as long as the work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

from threadpoolctl import ThreadpoolController

_MOST_UNKNOWNS = 512
"""Of larger systems several threads are worth it."""


class BlasThreads:
    """One thread for all callers at the same time; the last one puts back what there was."""

    def __init__(self) -> None:
        self._lock, self._callers = threading.Lock(), 0
        self._limits: list[Any] = []

    @cached_property
    def _controllers(self) -> list[ThreadpoolController]:
        """Of SciPy's library, if it is its own: what NumPy and models call keeps its threads."""
        import scipy.linalg  # noqa: F401  # which JAX calls

        found = ThreadpoolController().select(user_api="blas")
        paths = [library.filepath for library in found.lib_controllers]
        return [found.select(filepath=path) for path in paths if "scipy.libs" in path]

    @contextmanager
    def one(self) -> Iterator[None]:
        """While it is entered."""
        with self._lock:
            self._callers += 1
            if self._callers == 1:
                self._limits = [each.limit(limits=1) for each in self._controllers]
        try:
            yield
        finally:
            with self._lock:
                self._callers -= 1
                if self._callers == 0:
                    for limit in self._limits:
                        limit.restore_original_limits()


_THREADS = BlasThreads()
"""They are the process's, and so is the number of its callers."""


def solving(unknowns: int) -> AbstractContextManager[None]:
    """While systems of so many unknowns are solved."""
    return _THREADS.one() if unknowns <= _MOST_UNKNOWNS else nullcontext()
