"""JAX's persistent compilation cache: on in processes of ours, never in one that imports us."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """Where this user's compiled programs live."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # the XDG standard: relative paths are to be ignored
        return Path(base) / "lime_jax"
    try:
        return Path.home() / ".cache" / "lime_jax"
    except RuntimeError:
        return None


def use_compilation_cache() -> None:
    """Keep compiled programs for the next run, however small they are.

    A folder that the user gave to JAX by `JAX_COMPILATION_CACHE_DIR` stays. Without a folder that
    can be written to, nothing is kept.
    """
    import jax

    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    folder = cache_folder()
    try:
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
