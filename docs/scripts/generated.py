"""What the site makes of the code before it is built: everything in docs/generated and docs/api."""

from __future__ import annotations

import shutil
from pathlib import Path

import api
import floors
import life
import messages
import tables


def write(docs: Path) -> None:
    """Make both folders anew."""
    folder = docs / "generated"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    fragments = {
        "models.md": tables.models(),
        "flights.md": tables.flights(),
        "forecast.md": tables.forecast(),
        "coverage.md": tables.coverage(),
        "results.md": tables.benchmarks("results.md"),
        "scale.md": tables.benchmarks("scale.md"),
        "messages.md": messages.page(),
        "gallery.md": tables.gallery(folder / "notebooks"),
        "floors.svg": floors.picture(dark=False),
        "floors-dark.svg": floors.picture(dark=True),
        "life.svg": life.picture(dark=False),
        "life-dark.svg": life.picture(dark=True),
    }
    for name, text in fragments.items():
        (folder / name).write_text(text, encoding="utf-8")
    api.write(docs / "api")
