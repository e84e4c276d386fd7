"""From the command line to an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable

from lime_jax.cli.arguments import parse
from lime_jax.cli.errors import InputError, one_line
from lime_jax.cli.terminal import say


def main(argv: list[str] | None = None) -> int:
    """Run one command: 0 when done, 2 on bad input (one line on stderr), 130 when interrupted."""
    try:
        arguments = parse(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            _command(arguments)(arguments)
            sys.stdout.flush()
    except BrokenPipeError:  # `lime-jax demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InputError, ValueError, ImportError, OSError) as error:
        say(
            "; ".join(["error: " + str(error), *getattr(error, "__notes__", ())]), arguments.command
        )
        return 2
    except KeyboardInterrupt as stop:
        say("; ".join(["interrupted", *getattr(stop, "__notes__", ())]), arguments.command)
        return 130
    return 0


def _show_warning(message: Warning | str, *_: object) -> None:
    print(f"lime-jax: warning: {one_line(message)}", file=sys.stderr)


def _command(arguments: Namespace) -> Callable[[Namespace], None]:
    """The function of a command, from the module of its name; what it needs is heavy."""
    from lime_jax.cli.files import is_folder

    if arguments.command == "explain" and arguments.text_column is not None:
        from lime_jax.cli.texts import explain_texts

        return explain_texts
    if arguments.command == "explain" and arguments.data.lower().endswith(".npz"):
        from lime_jax.cli.sparse import explain_sparse

        return explain_sparse
    if arguments.command == "explain" and is_folder(arguments.out):
        from lime_jax.cli.job import explain_into_folder

        return explain_into_folder
    name = arguments.command.replace("-", "_")
    return getattr(importlib.import_module(f"lime_jax.cli.{name}"), name)
