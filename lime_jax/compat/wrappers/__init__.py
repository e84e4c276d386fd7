"""What `lime` keeps under `wrappers`."""

from __future__ import annotations

from lime_jax.compat.wrappers import scikit_image as scikit_image
