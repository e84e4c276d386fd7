"""What runs in a Ray actor: blocks in; tables, warnings and exceptions out."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

from lime_jax.cache import use_compilation_cache
from lime_jax.distributed.sending import first_that_travels, portable, unpack
from lime_jax.distributed.worker import ChunkSpec, explain_chunk
from lime_jax.warn import calling_file

_THREADS = (
    *("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT"),
)
"""What libraries read when they are loaded; the first is XLA's, the last joblib's."""


def worker_environment(num_cpus: float | int, num_gpus: float | int) -> dict[str, str]:
    """The environment in which an actor takes no more of its machine than it was given."""
    found = dict.fromkeys(_THREADS, str(max(1, int(num_cpus))))
    if num_gpus == 0:
        found["JAX_PLATFORMS"] = "cpu"
    elif num_gpus < 1:  # several share a GPU, and its memory
        found["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.75 * num_gpus:.3f}"
    return found


class Worker:
    """Explains blocks; to be made an actor."""

    def __init__(self, packed: bytes, enable_x64: bool) -> None:
        self._packed, self._enable_x64 = packed, enable_x64

    @cached_property
    def specs(self) -> list[ChunkSpec]:
        """What to do with blocks."""
        return unpack(self._packed, self._enable_x64)

    def start(self) -> None:
        """Read what other workers of this machine have compiled; the answer says that it runs."""
        use_compilation_cache()

    def explain(self, which: int, block: bytes) -> tuple[Any, list[bytes], bytes | None]:
        """The table of a block or None, warnings, the exception that came or None; both pickled.

        The block, rows and row ids, is pickled, so that the model gets arrays that it may write to.
        """
        table, failure, engine = None, None, calling_file()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")  # each once; who shall see them, the driver decides
            try:
                rows, row_ids = unpack(block, self._enable_x64)
                table = explain_chunk(self.specs[which], rows, row_ids)
            except Exception as error:  # the model's: anything
                failure = portable(error, _dumps)
        return table, [_portable_warning(one, engine) for one in caught], failure


def _portable_warning(caught: warnings.WarningMessage, engine: str) -> bytes:
    """A warning and its place; none where that is the line of the engine that calls the worker."""
    plain = UserWarning(f"{caught.category.__name__}: {caught.message}")
    place = (None, 0) if caught.filename == engine else (caught.filename, caught.lineno)
    return first_that_travels((caught.message, *place), (plain, *place), _dumps)


def _dumps(value: object) -> bytes:
    from ray.cloudpickle import dumps  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]

    return dumps(value)
