"""A function becomes a program: the one module that jits.

How hard the compiler tries may change bits. So it depends on the table and the method, never on the
rows: a row's numbers are the same whatever other rows there are, and however many cores.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache, update_wrapper, wraps
from pathlib import Path
from typing import Any, Generic, TypeVar

import jax
from jax.core import Tracer

_T = TypeVar("_T")

_PLAIN = {"xla_cpu_use_fusion_emitters": False}
_OPTIONS: dict[str, dict[str, Any]] = {
    "full": {},
    "light": _PLAIN
    | {"xla_cpu_parallel_codegen_split_count": 1, "xla_llvm_disable_expensive_passes": True},
    "quick": _PLAIN
    | {"xla_cpu_parallel_codegen_split_count": 1, "xla_backend_optimization_level": 0},
}
"""By effort, on a CPU. "light" takes half the compile time, and is as fast where products, lookups
and small solves take the time; "quick" takes a fifth, and is three to ten times slower."""

_LIBRARY = "LIBRARY_FUSION_TYPE_INDIVIDUAL_"
_IN_ORDER = {"xla_cpu_experimental_ynn_fusion_type": f"{_LIBRARY}DOT,{_LIBRARY}CONVOLUTION"}
"""Products may be another library's, sums not: it cuts them among the cores, as many as there are,
and with these the last bits would change."""

_MAPS, _MOST_MAPS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
_SHARE_OF_MAPS = 0.6
"""A program takes some of the memory maps that Linux allows a process, dozens of 65,530; where none
are left, XLA's compiler ends the process: one that has met some thousand shapes of tables."""


class Program(Generic[_T]):
    """A function that is compiled, with some effort: "full", "light" or "quick".

    Args:
        static: names of arguments that are part of the program.
    """

    def __init__(
        self, fn: Callable[..., _T], static: tuple[str, ...], effort: str = "full"
    ) -> None:
        self._fn, self._static, self._effort = fn, static, effort
        self._jitted: dict[str, Any] = {}
        self._traces = 0
        update_wrapper(self, fn)

    def __call__(self, *arguments: Any, effort: Any = None, **named: Any) -> _T:
        """Call it, maybe compiled with another effort than usual."""
        effort = effort or self._effort
        if effort not in self._jitted:
            # What devices there are is not asked before it is needed.
            options = _options(effort)
            jitted = jax.jit(self._traced, static_argnames=self._static, compiler_options=options)
            self._jitted[effort] = jitted
        traces = self._traces
        result = self._jitted[effort](*arguments, **named)
        if self._traces > traces and not _is_traced(result):
            _make_room()
        return result

    @property
    def _traced(self) -> Callable[..., _T]:
        """The function, which counts how often it is traced."""

        @wraps(self._fn)
        def traced(*arguments: Any, **named: Any) -> _T:
            self._traces += 1
            return self._fn(*arguments, **named)

        return traced

    def trace(self, *arguments: object, effort: object = None, **named: object) -> Any:
        """See `jax.stages.Wrapped`."""
        del effort
        return jax.jit(self._fn, static_argnames=self._static).trace(*arguments, **named)


def compiled(*static: str, effort: str = "full") -> Callable[[Callable[..., _T]], Program[_T]]:
    """Make a function a program; see `Program`."""
    return lambda fn: Program(fn, static, effort)


def part(fn: Callable[..., _T]) -> Callable[..., _T]:
    """A function that a program calls in several places, traced once."""
    return jax.jit(fn)


def _is_traced(result: object) -> bool:
    """Whether a program is being made, of which this one is a part."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(result))


def _make_room() -> None:
    """Drop what is compiled, where so much is that the next programs could find no memory maps."""
    if not (_MAPS.exists() and _MOST_MAPS.exists()):
        return
    if _MAPS.read_bytes().count(b"\n") > _SHARE_OF_MAPS * int(_MOST_MAPS.read_text()):
        jax.clear_caches()
        gc.collect()


def _options(effort: str) -> dict[str, Any]:
    """What the compiler is told; nothing but on a CPU."""
    if jax.default_backend() != "cpu":
        return {}
    in_order = _IN_ORDER if _knows("order") else {}
    return in_order | (_OPTIONS[effort] if _knows("effort") else {})


@cache
def _knows(options: str) -> bool:
    """Whether this version of XLA has the options."""
    asked = {"order": _IN_ORDER, "effort": _OPTIONS["quick"]}[options]
    try:
        jax.jit(lambda: 0, compiler_options=asked).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
