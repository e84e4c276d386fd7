"""`lime.utils.generic_utils`."""

from __future__ import annotations

import inspect
from typing import Any


def has_arg(fn: Any, arg_name: Any) -> bool:
    """Whether a function can be called with an argument of this name.

    Args:
        fn: a function, or an object that can be called.
        arg_name: of the argument.

    Returns:
        False also where it would only be one of `**kwargs`.

    Example:
        >>> has_arg(sorted, "key"), has_arg(sorted, "iterable")
        (True, False)
    """
    parameter = inspect.signature(fn).parameters.get(arg_name)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return parameter is not None and parameter.kind in named
