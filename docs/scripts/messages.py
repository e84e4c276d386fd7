"""Every warning and every error message of the package, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wordings import Wordings

PACKAGE = Path(__file__).parents[2] / "lime_jax"
# Not for users: they are caught inside, or are a part of a sentence that is.
INSIDE = {"NotConvertibleError", "StepError", "NotMirroredError", "AssertionError"}


class Message(NamedTuple):
    """What is said: `kind` is "warning" or the name of an error, "…" stands for what differs."""

    kind: str
    text: str
    module: str


def messages(folder: Path = PACKAGE) -> list[Message]:
    """All of them, each once, in the order of the modules."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))
    }
    package = Wordings(trees.values())
    found: dict[tuple[str, str], Message] = {}
    for path, tree in trees.items():
        module = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        for kind, text in _said(tree, package):
            found.setdefault((kind, text), Message(kind, text, module.removesuffix(".__init__")))
    return list(found.values())


def _said(tree: ast.Module, package: Wordings) -> Iterator[tuple[str, str]]:
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for call in _calls_that_say(function):
            name = ast.unparse(call.func).rpartition(".")[2]
            is_warning = name == "warn"
            # What a warning says stands on a page by hand, with its gaps.
            words = Wordings([]) if is_warning else package
            local = {} if is_warning else package.names(function)
            for text in words.of(call.args[0], local):
                if any(letter.isalpha() for letter in text):
                    yield ("warning" if is_warning else name), text


def _calls_that_say(function: ast.FunctionDef) -> Iterator[ast.Call]:
    """Errors that are raised, or made for others to raise, and warnings."""
    for node in ast.walk(function):
        made = isinstance(node, ast.Raise | ast.Return)
        call = (node.exc if isinstance(node, ast.Raise) else node.value) if made else node
        if isinstance(call, ast.Call) and call.args:
            name = ast.unparse(call.func).rpartition(".")[2]
            if (made and name.endswith("Error") and name not in INSIDE) or name == "warn":
                yield call


ROOMS = {
    "tabular": "Tables",
    "image": "Images",
    "text": "Texts",
    "series": "Series",
    "masked": "Texts, images, sparse rows",
    "models": "Models",
    "results": "Explanations",
    "views": "Pictures and pages",
    "front": "Every call",
    "engine": "Every call",
    "fits": "Every call",
    "stages": "Stages",
    "distributed": "Ray and Spark",
    "jobs": "Jobs",
    "cli": "The command line",
    "compat": "compat",
    "examples": "Examples",
}


def page() -> str:
    """All error messages by what they are about, to be searched by their words."""
    found: dict[str, list[Message]] = {}
    for message in messages():
        if message.kind != "warning":
            room = message.module.split(".")[1] if "." in message.module else ""
            found.setdefault(ROOMS.get(room, "Anywhere"), []).append(message)
    parts = []
    for title in dict.fromkeys([*ROOMS.values(), "Anywhere"]):
        if title in found:
            parts += [f"## {title}\n"]
            parts += [f"- {_quoted(m.text)} *({m.kind})*" for m in found[title]]
            parts += [""]
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """As code, whatever backticks it has itself."""
    text = " ".join(text.split())
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if fence == "``" else f"`{text}`"
