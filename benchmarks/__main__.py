"""`python -m benchmarks [group ...] [--quick] [--out FOLDER]`; no group: all of them."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.record import Record, as_notes, as_table

GROUPS = (
    "speed",
    "exact",
    "few_rows",
    "compat_rows",
    "new_tables",
    "no_slower",
    "models",
    "converted",
    "images",
    "text",
    "series",
    "shapley",
    "tree_shapley",
    "spark",
    "growth",
    "noise",
    "memory",
    "startup",
)
PACKAGES = (
    *("jax", "numpy", "scipy", "scikit-learn", "lime", "shap", "xgboost-cpu", "keras"),
    *("onnxruntime", "scikit-image"),
)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write what was measured in one run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: only to see it run")
    parser.add_argument("--out", type=Path, help="folder; by default a full run writes here")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.groups) - set(GROUPS))
    if unknown:
        parser.error(f"unknown group {unknown[0]!r}; expected some of {', '.join(GROUPS)}")
    groups = options.groups or GROUPS
    found = (
        importlib.import_module(f"benchmarks.{name}").records(options.quick) for name in groups
    )
    records = run(found)
    print(f"\n{machine_line()}\n\n{as_table(records)}")
    out = options.out
    if out is None and set(groups) == set(GROUPS) and not options.quick:
        out = Path(__file__).parent
    if out is not None:
        write(records, out)
    return 0


def run(groups: Iterable[Iterable[Record]]) -> list[Record]:
    """The records of some groups, each shown as soon as it is there."""
    records = []
    for group in groups:
        for record in group:
            print(as_table([record]).splitlines()[-1], file=sys.stderr, flush=True)
            records.append(record)
    return records


def write(records: list[Record], out: Path) -> None:
    """`results.json` and `results.md`."""
    out.mkdir(parents=True, exist_ok=True)
    everything = {"machine": machine(), "records": [record.as_dict() for record in records]}
    (out / "results.json").write_text(json.dumps(everything, indent=2) + "\n")
    page = f"{machine_line()}\n\n{as_table(records)}\nHow:\n\n{as_notes(records)}"
    (out / "results.md").write_text(page)


def machine(packages: Iterable[str] = PACKAGES) -> dict[str, str | int]:
    """What the numbers were measured on."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def machine_line(packages: Iterable[str] = ("jax", "numpy", "scikit-learn", "lime")) -> str:
    """The same in words."""
    facts = machine(packages)
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", *packages))
    return f"{facts['cpu']}, {facts['cores']} cores; {versions}."


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
