"""What `lime` keeps under `utils`."""

from __future__ import annotations

from lime_jax.compat.utils import generic_utils as generic_utils
