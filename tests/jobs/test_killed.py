"""Jobs of a process that is killed, and of one that is watched: what only a process can show.

One process imports everything once and forks a child for every run, before JAX starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PARENT = r'''
import json, os, random, resource, shutil, signal, sys, time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow, pyarrow.parquet, pyarrow.csv
import jax
import lime_jax
from lime_jax.jobs import explain_file

home = Path(sys.argv[1])
rng = np.random.default_rng(11)


def write(rows, path):
    """Without memory of its own, which a child would inherit."""
    with open(path, "w") as file:
        file.write("a,b,c,note\n")
        for _ in range(rows):
            file.write(",".join(map(str, rng.normal(size=3))) + "," + "x" * 300 + "\n")


def model(table):
    return table["a"].to_numpy() * (table["b"].to_numpy() > 0) - table["c"].to_numpy()


def run(data, out, resume, size=25, samples=64):
    training = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 3)), columns=list("abc"))
    explainer = lime_jax.TabularExplainer().fit(training)
    explain_file(
        explainer, data, model, out, rows_per_part=size, resume=resume, num_samples=samples
    )


def child(*arguments, before=lambda: None):
    """Start a run in a process of its own."""
    number = os.fork()
    if number:
        return number
    try:
        before()
        run(*arguments)
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def ended(number):
    _, status, usage = os.wait4(number, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss


def has_ended(number):
    return os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def parts(out):
    return len(list(out.glob("part-*.parquet")))


def content(out):
    return {p.name: p.read_bytes() for p in sorted(out.iterdir()) if not p.name.startswith(".")}


def killed():
    """Ten kills, each a moment after some part, and one between a part's last byte and its name."""
    data, calm, out = home / "a.csv", home / "calm", home / "out"
    write(1000, data)
    assert ended(child(data, home / "first", False))[0] == 0  # fills the compilation cache
    assert ended(child(data, calm, False))[0] == 0
    chance, seen, overtaken = random.Random(3), [], 0
    while len(seen) < 10:
        if parts(out) == parts(calm):
            shutil.rmtree(out)
        number = child(data, out, (out / "_manifest.json").exists())
        wanted = parts(out) + chance.randrange(1 + parts(calm) - parts(out))
        while parts(out) < wanted and not has_ended(number):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(number, signal.SIGKILL)
        code, _ = ended(number)
        if code == -signal.SIGKILL:
            seen.append(parts(out))
        else:
            overtaken += 1
            assert overtaken < 50

    def die_at_the_rename():
        def replace(aside, path):
            if path.name == "part-00007.parquet":
                os.kill(os.getpid(), signal.SIGKILL)
            os.rename(aside, path)

        os.replace = replace

    (out / "part-00007.parquet").unlink(missing_ok=True)
    there = (out / "_manifest.json").exists()
    earlier = {p.name for p in out.glob(".part*")} - {".part-00007.parquet.tmp"}
    code, _ = ended(child(data, out, there, before=die_at_the_rename))
    aside = sorted({p.name for p in out.glob(".part*")} - earlier)
    last = ended(child(data, out, True))[0]
    same = content(out) == content(calm)
    left = sorted(p.name for p in out.iterdir() if p.name.startswith("."))
    rows = pyarrow.parquet.read_table(out)["row_id"].to_pylist()
    return {
        "seen": seen,
        "code": code,
        "aside": aside,
        "last": last,
        "same": same,
        "left": left,
        "once": rows == list(range(1000)),
        "parts": parts(calm),
    }


def memory():
    """Kilobytes resident at most, of a file and of one ten times as large."""
    peaks = {}
    for number, rows in enumerate((8_000, 24_000, 240_000)):  # the first one compiles
        data = home / f"{rows}.csv"
        write(rows, data)
        code, peaks[rows] = ended(child(data, home / f"memory {number}", False, 2000, 16))
        assert code == 0
    return list(peaks.values())[1:]


print(json.dumps({"killed": killed(), "memory": memory()}))
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    home = tmp_path_factory.mktemp("killed")
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": os.environ.get(
            "JAX_COMPILATION_CACHE_DIR", str(home / "cache")
        ),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(home)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_ten_kills_lose_and_double_nothing(found):
    killed = found["killed"]
    assert len(killed["seen"]) == 10
    assert any(0 < seen < killed["parts"] for seen in killed["seen"])  # in the middle of the work
    assert killed["last"] == 0
    assert killed["once"]
    assert killed["same"]


def test_a_part_without_its_name_is_made_again(found):
    killed = found["killed"]
    assert killed["code"] == -9
    assert killed["aside"] == [".part-00007.parquet.tmp"]
    assert killed["left"] == [".digests", ".lock"]


def test_memory_does_not_grow_with_the_file(found):
    """The larger file alone has 72 MB more, and its explanations 110 MB."""
    small, large = found["memory"]
    assert large < small + 70_000
