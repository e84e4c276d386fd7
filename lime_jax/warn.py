"""Warnings that point at the user's line, however deep in the package they come from."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

_AROUND = ("lime_jax", "jaxtyping", "beartype")
"""The package, and what checks the types of its calls."""


def warn(message: str) -> None:
    """Warn at the line that called the package."""
    frame = _user_frame(sys._getframe(1))
    names = frame.f_globals
    warnings.warn_explicit(
        message,
        UserWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=names.get("__name__"),
        registry=names.setdefault("__warningregistry__", {}),
    )


def calling_file() -> str:
    """The file of the line that called the package."""
    return _user_frame(sys._getframe(1)).f_code.co_filename


def _user_frame(frame: FrameType) -> FrameType:
    """The nearest frame out of the package, or the outermost one."""
    while frame.f_back is not None and _room(frame) in _AROUND:
        frame = frame.f_back
    return frame


def _room(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
