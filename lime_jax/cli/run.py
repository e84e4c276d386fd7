"""From the command line to an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import Namespace

from lime_jax.cli.arguments import parse
from lime_jax.cli.errors import InputError, one_line
from lime_jax.cli.terminal import say


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when done, 2 on bad input (with one line on stderr), 130 when interrupted.

    Example:
        >>> main(["--version"])  # doctest: +ELLIPSIS
        lime-jax ...
        0
    """
    try:
        arguments = parse(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    command = _COMMANDS[arguments.command]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            command(arguments)
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


def _demo(arguments: Namespace) -> None:
    from lime_jax.cli.demo import demo

    demo(arguments)


def _demo_image(arguments: Namespace) -> None:
    from lime_jax.cli.demo_image import demo_image

    demo_image(arguments)


def _explain(arguments: Namespace) -> None:
    from lime_jax.cli.files import is_folder

    if is_folder(arguments.out):
        from lime_jax.cli.job import explain_into_folder

        explain_into_folder(arguments)
        return
    from lime_jax.cli.explain import explain

    explain(arguments)


_COMMANDS = {"demo": _demo, "demo-image": _demo_image, "explain": _explain}
