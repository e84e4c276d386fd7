"""Checks the links inside the built site: pages, anchors, pictures."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page points to, and what can be pointed to on it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = {"", "top"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.add(found.get("id") or "")
        target = found.get("href" if tag in ("a", "link") else "src")
        if target:
            self.targets.append(target)


def dead_links(site: Path) -> list[str]:
    """Each "page: link" that leads nowhere."""
    ours = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    pages = {path.resolve(): _read(path) for path in ours}
    dead = []
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            is_there = to.exists()
            if is_there and to in pages and parts.fragment:
                is_there = unquote(parts.fragment) in pages[to].anchors
            if not is_there:
                dead.append(f"{path.relative_to(site.resolve())}: {target}")
    return dead


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


if __name__ == "__main__":
    found = dead_links(Path(sys.argv[1]))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
