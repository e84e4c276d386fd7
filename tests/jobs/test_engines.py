"""Ray and Spark make the parts that this process makes."""

from __future__ import annotations

import os
import shutil
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeRegressor

import lime_jax
from lime_jax.jobs import explain_file

pytestmark = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully support pandas:FutureWarning"
)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A job, and its folder of this process."""
    home = tmp_path_factory.mktemp("engines")
    rng = np.random.default_rng(4)
    X = pd.DataFrame({"a": rng.normal(size=50), "b": rng.choice(["x", "y"], 50)})
    X.to_parquet(home / "a.parquet")
    model = DecisionTreeRegressor(random_state=0, max_depth=3).fit(X[["a"]], X.a * (X.b == "x"))
    explainer = lime_jax.TabularExplainer().fit(X[["a"]])

    def run(name, **changes):
        options = {"rows_per_part": 12, "num_samples": 64, "method": "sampled", **changes}
        asked = options.pop("model", model)
        return explain_file(explainer, home / "a.parquet", asked, home / name, **options)

    run("local")
    run.rows = X
    return run


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_TQDM_PATCH_PRINT", "0")  # else Ray puts its own in place of `print`
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_same(stored, local):
    assert len(stored) == len(local) == 50
    np.testing.assert_array_equal(stored[:].row_ids, local[:].row_ids)
    np.testing.assert_array_equal(stored[:].bins, local[:].bins)
    np.testing.assert_allclose(stored[:].coef, local[:].coef, atol=1e-5)
    table = pd.read_parquet(stored.folder)
    assert table.row_id.tolist() == list(range(50))
    for path in sorted(local.folder.glob("*.parquet")):
        assert (stored.folder / path.name).read_bytes() == path.read_bytes()


@pytest.fixture(params=["ray", "spark"])
def engine(request):
    if request.param == "spark" and not shutil.which("java"):
        pytest.skip("Spark needs Java")
    pytest.importorskip({"ray": "ray", "spark": "pyspark"}[request.param])
    return request.param


def test_an_engine_makes_the_same_parts(job, quiet, engine):
    stored = job(engine, engine=engine, num_workers=1)
    local = job("local", resume=True)
    assert_same(stored, local)
    # And this process goes on where the engine stopped.
    os.unlink(stored.folder / "part-00002.parquet")
    assert_same(job(engine, resume=True), local)


def test_a_part_that_fails_is_noted_and_all_others_made(job, quiet, engine):
    value = job.rows.a[20]

    def fails(table):
        if (np.asarray(table)[:, 0] == value).any():
            raise RuntimeError("such a row")
        return np.asarray(table)[:, 0]

    with pytest.warns(UserWarning, match="rows 12 to 23: RuntimeError: such a row"):
        stored = job(f"{engine} fails", model=fails, engine=engine, on_error="record")
    assert stored[:].row_ids.tolist() == [*range(12), *range(24, 50)]
    assert [each.part for each in stored.failures] == [1]
