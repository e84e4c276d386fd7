"""Draws how the package is built, from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "lime_jax"
ABOUT = {
    "typing": "arrays, records, types",
    "stages": "pure functions of one row",
    "fits": "a method's fit: LIME, KernelSHAP",
    "models": "any model as a function of rows",
    "engine": "runs a domain and a method; the one jit",
    "views": "pictures and pages",
    "results": "explanations of many rows",
    "front": "what every call does",
    "masked": "players that are there or hidden",
    "tabular": "tables",
    "image": "images",
    "text": "texts",
    "series": "series",
    "distributed": "Ray, Spark, workers",
    "jobs": "files of any length",
    "examples": "photos, a network",
    "compat": "lime's own face",
    "cli": "the command line",
}


def edges() -> set[tuple[str, str]]:
    """(room, room that it imports from), types included."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                names += [
                    f"{node.module}.{a.name}" for a in node.names if node.module == "lime_jax"
                ]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                root, _, rest = name.partition(".")
                room = rest.partition(".")[0]
                if root == "lime_jax" and room in ABOUT and room != parts[0]:
                    found.add((parts[0], room))
    return {(a, b) for a, b in found if a in ABOUT}


def floors() -> list[list[str]]:
    """Rooms by the longest way down: what imports nothing is at the bottom."""
    below: dict[str, set[str]] = {room: set() for room in ABOUT if (PACKAGE / room).exists()}
    below["typing"] = set()
    for high, low in edges():
        below[high].add(low)
    height: dict[str, int] = {}
    while len(height) < len(below):
        for room, rooms in below.items():
            if room not in height and rooms <= set(height):
                height[room] = 1 + max((height[low] for low in rooms), default=-1)
    count = 1 + max(height.values())
    return [[room for room in ABOUT if height.get(room) == floor] for floor in range(count)]


def picture(dark: bool) -> str:
    """The floors as a picture, the highest on top; pointing at a room tells what it leans on."""
    ink, paper, edge = ("#e6e6e6", "#23303f", "#7aa6d8") if dark else ("#222", "#eef4fb", "#3b74b4")
    rows = floors()[::-1]
    width, high, gap = 760, 44, 12
    parts, top = [], 4
    leans = edges()
    for rooms in rows:
        wide = (width - 8 - gap * (len(rooms) - 1)) / len(rooms)
        for number, room in enumerate(rooms):
            left = 4 + number * (wide + gap)
            uses = sum(a == room for a, _ in leans)
            used = sum(b == room for _, b in leans)
            parts.append(
                f"<g><title>{room}: imports from {uses} rooms, {used} import from it</title>"
                f'<rect x="{left:.0f}" y="{top}" width="{wide:.0f}" height="{high}" rx="6" '
                f'fill="{paper}" stroke="{edge}"/>'
                f'<text x="{left + wide / 2:.0f}" y="{top + 18}" font-weight="bold" '
                f'text-anchor="middle" fill="{ink}">{room}</text>'
                f'<text x="{left + wide / 2:.0f}" y="{top + 34}" font-size="11" '
                f'text-anchor="middle" fill="{ink}">{ABOUT[room]}</text></g>'
            )
        top += high + gap
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" '
        f'font-family="system-ui, sans-serif" font-size="14">{"".join(parts)}</svg>\n'
    )
