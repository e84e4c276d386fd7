"""Forked processes: JAX's threads stay in the parent, and its child would wait for them forever."""

from __future__ import annotations

import os
from pathlib import Path

_USERS: set[int] = set()
"""Processes that have used JAX; a child inherits those above it."""


def check_not_forked() -> None:
    """Refuse to work in a forked child of a process that has used JAX, where it would hang."""
    if _USERS and os.getpid() not in _USERS:
        raise RuntimeError(
            "JAX was used before this process was forked, and hangs in a forked child. Start "
            "processes afresh: multiprocessing.get_context('spawn'), joblib.Parallel (its loky "
            "backend), or lime_jax.distributed.ray.explain, which shares out the rows by itself. "
            "Often none is needed: one call of `explain` uses all cores"
        )


def use_jax() -> None:
    """Note that this process uses JAX; refuse it in a forked child, as `check_not_forked`."""
    check_not_forked()
    _USERS.add(os.getpid())


def _note_others() -> None:
    """See, just before a fork, whether anyone else has used JAX here: XLA's threads say so."""
    names = Path("/proc/self/task").glob("*/comm")  # none but on Linux
    try:
        if any(name.read_text().startswith("tf_XLA") for name in names):
            _USERS.add(os.getpid())
    except OSError:  # a thread has just ended
        pass


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_note_others)
