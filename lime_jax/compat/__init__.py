"""`lime`'s modules, classes and signatures, on top of everything here: change one import.

    from lime_jax.compat.lime_tabular import LimeTabularExplainer  # was: from lime.lime_tabular

Modules are imported when they are first asked for, also as attributes: `compat.lime_text`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

MODULES = (
    "discretize",
    "exceptions",
    "explanation",
    "lime_base",
    "lime_image",
    "lime_tabular",
    "lime_text",
    "submodular_pick",
    "utils",
    "wrappers",
)


def __getattr__(name: str) -> ModuleType:
    if name in MODULES:
        return importlib.import_module(f"lime_jax.compat.{name}")
    raise AttributeError(f"module 'lime_jax.compat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(MODULES)
