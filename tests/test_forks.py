"""A forked child of a process that has used JAX says so at once, and does not hang."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")

START = """
import multiprocessing, os, sys, warnings
warnings.simplefilter("ignore")  # JAX's own, of the fork
import numpy as np, lime_jax

X = np.random.default_rng(0).normal(size=(40, 3))
context = multiprocessing.get_context(sys.argv[1])

def fitted():
    return lime_jax.TabularExplainer().fit(X)

def total(rows):
    return rows.sum(1)

def work(explainer):
    explainer = fitted() if explainer is None else explainer
    try:
        return explainer.explain(X[:1], total, num_samples=64).coef.shape
    except RuntimeError as error:
        return str(error)

def learn(_):
    try:
        return str(fitted())
    except RuntimeError as error:
        return str(error)

def ask(function, argument):
    with context.Pool(1) as pool:
        print(pool.apply_async(function, (argument,)).get(timeout=120))

if __name__ == "__main__":
"""

FORKS = {
    "explain after explain": "fitted().explain(X[:1], total, num_samples=64); ask(work, fitted())",
    "explain after fit": "ask(work, fitted())",
    "fit after fit": "fitted(); ask(learn, None)",
    "after someone else's JAX": "import jax; jax.numpy.ones(3).sum(); ask(learn, None)",
}


def run(tmp_path, main, method):
    script = tmp_path / "script.py"
    script.write_text(START + f"    {main}\n")
    command = [sys.executable, str(script), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", FORKS)
def test_a_forked_child_is_told_what_works(tmp_path, name):
    if "else" in name and not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells the names of threads")
    said = run(tmp_path, FORKS[name], "fork")
    for word in ("JAX was used before this process was forked", "'spawn'", "joblib", "ray.explain"):
        assert word in said


def test_a_fork_before_jax_is_used_works(tmp_path):
    assert run(tmp_path, "ask(work, None)", "fork") == "(1, 1, 3)"


def test_a_spawned_process_works(tmp_path):
    assert run(tmp_path, "ask(work, fitted())", "spawn") == "(1, 1, 3)"
