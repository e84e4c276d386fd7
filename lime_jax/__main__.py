"""`python -m lime_jax` is `lime-jax`."""

from __future__ import annotations

import sys

from lime_jax.cli import main

if __name__ == "__main__":
    sys.exit(main())
