"""Tables of the site that follow from the code and the benchmarks: models, figures, gallery."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

from since import since

from lime_jax.models import supported

ROOT = Path(__file__).parents[2]


def models() -> str:
    """What is converted and what is exact, one table for each library."""
    rows = supported()
    parts = []
    for library in dict.fromkeys(row.library for row in rows):
        known = [row for row in rows if row.library == library]
        parts += [f"## {library}\n", *_versions(known), _HEAD]
        parts += [_line(row) for row in known]
        parts += [""]
    return "\n".join(parts)


_HEAD = (
    "| class | since | runs in JAX | exact LIME | exact Shapley values | what is not, and why |\n"
    "|---|---|---|---|---|---|"
)


def _versions(rows) -> list[str]:
    """A library is tried as a whole."""
    low, high = rows[0].versions
    if not low:
        return []
    return [f"Tried with {low}.\n" if low == high else f"Tried with {low} to {high}.\n"]


def _line(row) -> str:
    cells = [f"`{row.name}`", since(row.library, row.name)]
    cells += [", ".join(row.converted) or "on the host"]
    cells += [", ".join(row.exact_lime) or "no", ", ".join(row.exact_shapley) or "no", row.why_not]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def flights() -> str:
    """The lines of the job over a file."""
    lines = (ROOT / "benchmarks/scale.md").read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith("| 336,776 flights")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")][:2] for line in found]
    named = [[name.rpartition(": ")[2], value] for name, value in cells]
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in named)


def forecast() -> str:
    """The table of rows and workers."""
    text = (ROOT / "benchmarks/scale.md").read_text(encoding="utf-8")
    table = text.partition("## Extrapolation")[2]
    return "\n".join(line for line in table.splitlines() if line.startswith("|")) + "\n"


def benchmarks(name: str) -> str:
    """A file of results; its headings one level lower."""
    text = (ROOT / "benchmarks" / name).read_text(encoding="utf-8")
    return re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)


def gallery(folder: Path) -> str:
    """Copies the notebooks into a folder, and makes a card with a picture for each."""
    folder.mkdir(parents=True, exist_ok=True)
    place = f"{folder.parent.name}/{folder.name}"
    cards = ["::::{grid} 1 2 2 3", ":gutter: 3", ""]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(path, folder / path.name)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        title, _, rest = "".join(notebook["cells"][0]["source"]).partition("\n")
        about = re.split(r"(?<=[.?!])\s", rest.strip())[0]
        cards += [":::{grid-item-card} " + title.lstrip("# ").strip()]
        cards += [f":link: /{place}/{path.stem}", ":link-type: doc"]
        picture = _thumbnail(notebook, folder / path.stem)
        if picture is not None:
            cards += [f":img-top: /{place}/{picture}", f":img-alt: A picture of {path.name}"]
        cards += ["", about, ":::", ""]
    names = sorted(path.stem for path in folder.glob("*.ipynb"))
    tree = ["```{toctree}", ":hidden:", "", *[f"/{place}/{name}" for name in names], "```"]
    return "\n".join([*cards, "::::", "", *tree, ""])


def _thumbnail(notebook, stem: Path) -> str | None:
    """The last picture among the outputs, which shows most, as a file; its name."""
    found = [
        (kind, output["data"][f"image/{kind}"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        for kind in ("png", "jpeg")
        if f"image/{kind}" in output.get("data", {})
    ]
    if not found:
        return None
    kind, data = found[-1]
    path = stem.with_suffix(f".{kind}")
    path.write_bytes(base64.b64decode(data if isinstance(data, str) else "".join(data)))
    return path.name


def coverage() -> str:
    """How often intervals hold, of the benchmarks."""
    lines = (ROOT / "benchmarks/results.md").read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith("| 95 % intervals: ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")][:2] for line in found]
    rows = [f"| {name.partition(': ')[2]} | {value} |\n" for name, value in cells]
    return "| 95 % intervals | that hold |\n|---|---:|\n" + "".join(rows)
