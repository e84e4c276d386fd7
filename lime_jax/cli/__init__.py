"""The command line: `lime-jax demo`, `demo-image` and `explain`.

Heavy modules are imported inside the functions that need them, so `lime-jax --help` is quick.
"""

from __future__ import annotations

from lime_jax.cli.run import main as main

__all__ = ["main"]
