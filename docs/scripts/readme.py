"""Puts the four figures of README.md in step with the committed results of the benchmarks."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def measured() -> dict[str, str]:
    """From the name of a measurement to its line as README.md shows it: without the target."""
    found = {}
    for name in ("results.md", "scale.md"):
        for line in (ROOT / "benchmarks" / name).read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("| ") and len(cells) == 6:
                found[cells[0]] = "| " + " | ".join(cells[:4]) + " |"
    return found


def updated(text: str) -> str:
    """README.md with the lines of today."""
    lines, known = [], measured()
    for line in text.splitlines():
        name = line.strip("|").split("|")[0].strip()
        is_figure = line.startswith("| ") and name in known and name != "what"
        lines.append(known[name] if is_figure else line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
