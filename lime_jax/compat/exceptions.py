"""The errors that `lime` has a name for."""

from __future__ import annotations


class LimeError(Exception):
    """What cannot be explained as it was asked for."""
