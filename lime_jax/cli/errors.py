"""What the user got wrong, and how to say it in one line."""

from __future__ import annotations


class InputError(Exception):
    """Bad input on the command line: one line on stderr, exit code 2, no traceback."""


def one_line(text: object) -> str:
    r"""A message as one printable line: file contents can hold line breaks and escape codes.

    Example:
        >>> one_line("two\nlines")
        'two lines'
    """
    joined = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


def describe(error: BaseException) -> str:
    """An exception of someone else's code in one line, with its type.

    Example:
        >>> describe(EOFError("Ran out of input"))
        'EOFError: Ran out of input'
    """
    message = one_line(error).partition(" Stack trace: ")[0]  # of XGBoost's C++
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
