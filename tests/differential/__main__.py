"""Run many triples: `make differential N=10000`; one line for each that is wrong.

Options:
    --first SEED: the first of the seeds (0).
    --seed SEED: this one alone, with all that is known of it.
    --processes COUNT: that run at a time (2).
    --refused: also show what was refused.
    --size COUNT: samples in each replicate of LIME's oracle, a power of two (1024).
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import functools
import multiprocessing
import sys
import time
from collections.abc import Iterator

from tests.differential.lime_oracle import SIZE
from tests.differential.triple import FAMILY, Result, run

FAMILIES_OF_A_PROCESS = 25
"""Compiled programs take memory maps, which Linux counts: a new process has all of them."""


def results(seeds: range, processes: int, size: int) -> Iterator[Result]:
    """The results of seeds, as they come.

    Args:
        seeds: of the triples.
        processes: that run at a time.
        size: samples in each replicate of LIME's oracle.

    Yields:
        A result for each seed.
    """
    with concurrent.futures.ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=FAMILIES_OF_A_PROCESS,
    ) as pool:
        yield from pool.map(functools.partial(run, size=size), seeds, chunksize=FAMILY)


def main() -> int:
    """Run the triples that the command line names.

    Returns:
        1 if one of them is wrong, else 0.
    """
    parser = argparse.ArgumentParser("python -m tests.differential")
    parser.add_argument("count", nargs="?", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--refused", action="store_true")
    parser.add_argument("--size", type=int, default=SIZE)
    chosen = parser.parse_args()
    if chosen.seed is not None:
        found = run(chosen.seed, chosen.size)
        print(found)
        return int(found.failed)
    seeds = range(chosen.first, chosen.first + chosen.count)
    passed, failed = collections.Counter[str](), collections.Counter[str]()
    start = time.perf_counter()
    for found in results(seeds, chosen.processes, chosen.size):
        (failed if found.failed else passed)[found.kind] += 1
        if found.failed or (chosen.refused and found.kind.startswith("refused")):
            print(found, flush=True)
    seconds = time.perf_counter() - start
    print(f"{len(seeds)} triples in {seconds:.0f} s, {len(seeds) / seconds:.2f} a second")
    for word, kinds in (("passed", passed), ("WRONG", failed)):
        for kind, count in kinds.most_common():
            print(f"{count:6d} {word}: {kind}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
