"""Draws the chart of questions of the page "How to choose", on a light and on a dark ground."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "pictures"
WIDTH, HEIGHT, HIGH = 760, 330, 46

# left, top, width, lines, whether it is an answer
BOXES = {
    "add": (255, 6, 250, ("Must the numbers add up", "to the prediction?"), False),
    "lime": (40, 90, 250, ("LIME", "TabularExplainer()"), True),
    "shap": (470, 90, 250, ("Shapley values", 'TabularExplainer("kernel_shap")'), True),
    "exact": (255, 174, 250, ("Is there a closed form?", "forest, margin, linear model"), False),
    "none": (40, 258, 250, ("exact: no samples, no error", "nothing to choose"), True),
    "errors": (470, 258, 250, ("sampled: look at std_error", "and, of LIME, at score"), True),
}
ARROWS = [
    ("add", "lime", "no"),
    ("add", "shap", "yes"),
    ("lime", "exact", ""),
    ("shap", "exact", ""),
    ("exact", "none", "yes"),
    ("exact", "errors", "no"),
]


def picture(dark: bool) -> str:
    """The chart as SVG."""
    ink, paper, edge = ("#e6e6e6", "#23303f", "#7aa6d8") if dark else ("#222", "#eef4fb", "#3b74b4")
    parts = [_arrow(*arrow, ink, edge) for arrow in ARROWS]
    for left, top, wide, lines, is_answer in BOXES.values():
        fill = paper if is_answer else "none"
        parts.append(
            f'<rect x="{left}" y="{top}" width="{wide}" height="{HIGH}" rx="6" fill="{fill}" '
            f'stroke="{edge}"/>'
        )
        for number, line in enumerate(lines):
            weight = ' font-weight="bold"' if number == 0 else ' font-size="12"'
            parts.append(
                f'<text x="{left + wide / 2:g}" y="{top + 20 + 17 * number}" text-anchor="middle" '
                f'fill="{ink}"{weight}>{line}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="14">{"".join(parts)}</svg>\n'
    )


def _arrow(start: str, end: str, word: str, ink: str, edge: str) -> str:
    left, top, wide, *_ = BOXES[start]
    x1, y1 = left + wide / 2, top + HIGH
    left, top, wide, *_ = BOXES[end]
    x2, y2 = left + wide / 2, top
    line = f'<path d="M{x1:g},{y1} L{x2:g},{y2}" stroke="{edge}" fill="none"/>'
    text = f'<text x="{(x1 + x2) / 2:g}" y="{(y1 + y2) / 2 - 4:g}" fill="{ink}" '
    return line + (f'{text}text-anchor="middle" font-size="12">{word}</text>' if word else "")


if __name__ == "__main__":
    (FOLDER / "choose.svg").write_text(picture(dark=False))
    (FOLDER / "choose-dark.svg").write_text(picture(dark=True))
