"""Run many tables: `python -m tests.strange_tables COUNT [FIRST]`; a line for each wrong one."""

from __future__ import annotations

import collections
import sys
import time

import jax

from tests.strange_tables.case import run


def main() -> int:
    """Run the seeds that the command line names; 1 if one of them is wrong."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    start, kinds = time.perf_counter(), collections.Counter[str]()
    for number, seed in enumerate(range(first, first + count), 1):
        found = run(seed)
        kinds[found.kind] += 1
        if found.kind == "WRONG":
            print(found, flush=True)
        if number % 500 == 0 or number == count:
            took = time.perf_counter() - start
            jax.clear_caches()  # each program takes memory maps, of which a process has 65,530
            print(f"{number} tables in {took:.0f} s: {dict(kinds)}", flush=True)
    return int(kinds["WRONG"] > 0)


if __name__ == "__main__":
    sys.exit(main())
