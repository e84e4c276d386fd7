"""`python -m benchmarks.scale [group ...] [--quick] [--out FOLDER]`; no group: all of them."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from benchmarks.__main__ import machine, machine_line, run
from benchmarks.record import Record, as_notes, as_table
from benchmarks.scale import forecast

GROUPS = ("job", "ten_million", "server", "workers", "udf", "alibi", "devices", "forecast")
PACKAGES = ("jax", "numpy", "scikit-learn", "ray", "pyspark", "pyarrow", "pandas", "lime")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write what was measured in one run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: only to see it run")
    parser.add_argument("--out", type=Path, help="folder; by default a full run writes here")
    parser.add_argument(
        "--alibi-python", type=Path, help="of an environment with alibi; by default one is made"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.groups) - set(GROUPS))
    if unknown:
        parser.error(f"unknown group {unknown[0]!r}; expected some of {', '.join(GROUPS)}")
    groups = options.groups or GROUPS
    needs = {"alibi": {"python": options.alibi_python}}
    found = (
        importlib.import_module(f"benchmarks.scale.{name}").records(
            options.quick, **needs.get(name, {})
        )
        for name in groups
    )
    records = run(found)
    print(f"\n{page(records)}")
    out = options.out
    if out is None and set(groups) == set(GROUPS) and not options.quick:
        out = Path(__file__).parents[1]
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        everything = {"machine": machine(PACKAGES), "records": [r.as_dict() for r in records]}
        (out / "scale.json").write_text(json.dumps(everything, indent=2) + "\n")
        (out / "scale.md").write_text(page(records))
    return 0


def page(records: list[Record]) -> str:
    """All that was measured, and what would follow from it."""
    parts = [machine_line(PACKAGES), as_table(records), f"How:\n\n{as_notes(records)}"]
    return "\n\n".join(part.rstrip("\n") for part in [*parts, *forecast.section(records)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
