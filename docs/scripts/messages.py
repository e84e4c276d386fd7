"""Every warning and every error message of the package, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
    found: dict[tuple[str, str], Message] = {}
    for path in sorted(folder.rglob("*.py")):
        module = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        for kind, text in _said(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault((kind, text), Message(kind, text, module.removesuffix(".__init__")))
    return list(found.values())


def _said(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = ast.unparse(call.func).rpartition(".")[2]
        is_error = isinstance(node, ast.Raise) and name.endswith("Error") and name not in INSIDE
        if is_error or name == "warn":
            text = _text(call.args[0])
            if any(letter.isalpha() for letter in text):
                yield ("warning" if name == "warn" else name), text


def _text(node: ast.expr) -> str:
    """The words of an expression that is text; "…" for what is not known before it runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return "…"


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
