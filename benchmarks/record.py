"""What a measurement returns, and how a list of them reads as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Record:
    """One measurement, next to its peer's and its target.

    `ratio` is the number that the target is about; `at_least` and `at_most` bound it, or neither
    does and the record only informs.
    """

    name: str
    ours: float
    peer: float | None
    ratio: float
    unit: str
    how: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        low, high = self.at_least, self.at_most
        if low is not None and high is not None:
            return f"{low:g} to {high:g}"
        if low is not None:
            return f"≥ {low:,g}"
        return "" if high is None else f"≤ {high:g}"

    @property
    def met(self) -> bool | None:
        """None: there is no target."""
        if self.at_least is None and self.at_most is None:
            return None
        above = self.at_least is None or self.ratio >= self.at_least
        return above and (self.at_most is None or self.ratio <= self.at_most)

    def as_dict(self) -> dict[str, object]:
        """Everything, as JSON takes it."""
        return {**dataclasses.asdict(self), "target": self.target, "met": self.met}


def faster(name: str, ours: float, peer: float, unit: str, how: str, target: float) -> Record:
    """A record of rates: ours over the peer's, at least `target`."""
    return Record(name, ours, peer, ours / peer, unit, how, at_least=target)


def smaller(name: str, ours: float, peer: float, unit: str, how: str, target: float) -> Record:
    """A record of costs: ours over the peer's, at most `target`."""
    return Record(name, ours, peer, ours / peer, unit, how, at_most=target)


def at_most(name: str, ours: float, unit: str, how: str, target: float) -> Record:
    """A record without a peer, at most `target`."""
    return Record(name, ours, None, ours, unit, how, at_most=target)


def as_table(records: Iterable[Record]) -> str:
    """The records as a Markdown table."""
    lines = [
        "| what | ours | peer | ratio | target | met |",
        "|---|---:|---:|---:|---:|:---:|",
    ]
    for r in records:
        peer = "" if r.peer is None else f"{_short(r.peer)} {r.unit}".strip()
        met = {True: "yes", False: "**no**", None: ""}[r.met]
        lines.append(
            f"| {r.name} | {f'{_short(r.ours)} {r.unit}'.strip()} | {peer} | {_short(r.ratio)} "
            f"| {r.target} | {met} |"
        )
    return "\n".join(lines) + "\n"


def as_notes(records: Iterable[Record]) -> str:
    """How each was measured, as a Markdown list."""
    return "\n".join(f"- **{r.name}**: {r.how}" for r in records) + "\n"


def _short(number: float) -> str:
    """Three significant digits, with thousands marked."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"
