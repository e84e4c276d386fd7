"""Since which version each class of models is known: written down once, when it is first seen."""

from __future__ import annotations

import json
from pathlib import Path

import lime_jax
from lime_jax.models import supported

PATH = Path(__file__).parent.parent / "since.json"


def written() -> dict[str, str]:
    """By library and class, the first version that knew it."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def since(library: str, name: str) -> str:
    """The version that first knew a class; this one, if it is not written down yet."""
    return written().get(f"{library}: {name}", lime_jax.__version__)


if __name__ == "__main__":
    keys = [f"{row.library}: {row.name}" for row in supported()]
    known = {**dict.fromkeys(keys, lime_jax.__version__), **written()}
    PATH.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
