"""Two processes of four devices each give, both ways, the numbers of one process and no mesh."""

import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lime_jax import TabularExplainer, load

ROWS = 7
OWN = {0: slice(0, 4), 1: slice(4, 7)}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the two processes print, by process, and the folder of what they save."""
    folder = tmp_path_factory.mktemp("multihost")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    environment = {**os.environ, "XLA_FLAGS": flags, "NPROC": "5", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "lime_jax.examples.multihost", "--processes", "2"]
    command += ["--coordinator", f"localhost:{port}", "--rows", str(ROWS), "--out", str(folder)]
    running = [
        subprocess.Popen(
            [*command, "--process", str(process)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in OWN
    ]
    try:
        printed = [process.communicate(timeout=500)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], printed
    return folder, printed


@pytest.fixture(scope="module")
def alone():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    explainer = TabularExplainer(sample_around_instance=True).fit(X)
    return explainer.explain(X[:ROWS], model, num_samples=1024, row_ids=np.arange(ROWS))


@pytest.mark.parametrize("process", OWN)
@pytest.mark.parametrize("way", ["own", "everyone"])
def test_both_ways_give_the_numbers_of_one_process(said, alone, process, way):
    folder, _ = said
    found = load(folder / f"{way}-{process}.npz")
    rows = OWN[process] if way == "own" else slice(None)
    bound = 1e-12 if jax.config.jax_enable_x64 else 2e-6
    for name in ("coef", "std_error", "intercept", "score", "local_pred", "prediction"):
        ours, expected = getattr(found, name), getattr(alone, name)[rows]
        np.testing.assert_allclose(ours, expected, rtol=bound, atol=bound, err_msg=name)
    np.testing.assert_array_equal(found.row_ids, alone.row_ids[rows])


@pytest.mark.parametrize("process", OWN)
def test_each_process_says_what_it_did(said, process):
    rows = {0: 4, 1: 3}[process]
    expected = f"process {process} of 2: {rows} rows on 4 devices of its own, 7 rows on 8 devices"
    assert expected in said[1][process]
