"""Sparse rows in jobs, on Ray and by the command line have the numbers of one call."""

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

import lime_jax
from lime_jax.cli import job as job_command
from lime_jax.cli import main
from lime_jax.cli import sparse as sparse_command
from lime_jax.jobs import explain_file

COLUMNS = 30


@pytest.fixture(scope="module")
def rows():
    made = sparse.random_array((7, COLUMNS), density=0.15, rng=np.random.default_rng(0))
    return sparse.csr_array(made)


@pytest.fixture(scope="module")
def model(rows):
    return LogisticRegression().fit(rows, np.arange(7) % 2)


@pytest.fixture(scope="module")
def explainer(rows):
    return lime_jax.TabularExplainer().fit(rows)


@pytest.fixture(scope="module")
def wanted(explainer, rows, model):
    return explainer.explain(rows, model)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, rows, model):
    folder = tmp_path_factory.mktemp("sparse")
    sparse.save_npz(folder / "rows.npz", rows)
    sparse.save_npz(folder / "fewer.npz", rows[:, :5])
    np.savez(folder / "other.npz", weights=np.zeros(3))
    joblib.dump(model, folder / "model.joblib")
    (folder / "rows.csv").write_text("a,b\n1,2\n")
    return folder


def same(found, wanted):
    np.testing.assert_array_equal(found.columns, wanted.columns)
    np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-6)


def test_a_job(explainer, model, folder, tmp_path, wanted):
    stored = explain_file(explainer, folder / "rows.npz", model, tmp_path, rows_per_part=3)
    same(stored[:], wanted)
    assert stored.manifest["num_parts"] == 3


def test_blocks_of_ray_and_its_results(explainer, model, rows, wanted):
    """What Ray does with blocks, in this process."""
    from lime_jax.distributed.blocks import Blocks
    from lime_jax.distributed.worker import ChunkSpec, explain_chunk
    from lime_jax.results.arrow import explanations_of

    blocks = Blocks(explainer, rows)
    parts = [
        blocks.name(explanations_of(explain_chunk(ChunkSpec(explainer, model), X)), a, b)
        for a, b in blocks.bounds(2, batch_size=4)
        for X, _ in [blocks.cut(a, b)]
    ]
    same(lime_jax.concatenate(parts), wanted)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("rows.csv", "fitted on sparse rows, got .*write them by scipy.sparse.save_npz"),
        ("fewer.npz", "expected 30 columns as in `fit`, .* has 5"),
        ("other.npz", "expected a sparse matrix in .*other.npz"),
    ],
)
def test_other_files_are_refused(explainer, model, folder, tmp_path, file, why):
    with pytest.raises(ValueError, match=why):
        explain_file(explainer, folder / file, model, tmp_path)


def test_an_explainer_of_dense_rows_is_refused(rows, model, folder, tmp_path):
    dense = lime_jax.TabularExplainer().fit(rows.toarray())
    with pytest.raises(ValueError, match="holds sparse rows; fit the explainer on a sparse"):
        explain_file(dense, folder / "rows.npz", model, tmp_path)


def test_frames_of_spark_are_refused(explainer, model):
    from lime_jax.distributed import spark

    with pytest.raises(ValueError, match=r"fitted on sparse rows, .* engine='spark'"):
        spark.explain(None, explainer, model)


class TestTheCommand:
    @pytest.fixture
    def cli(self, folder, monkeypatch, tmp_path):
        monkeypatch.chdir(folder)
        for command in (job_command, sparse_command):
            monkeypatch.setattr(command, "use_compilation_cache", lambda: None)

        def run(**changes):
            usual = {"model": "model.joblib", "data": "rows.npz", "out": f"{tmp_path}/found.npz"}
            given = [f"--{name}={value}" for name, value in {**usual, **changes}.items()]
            return main(["explain", "--trust-pickle", *given])

        return run

    def test_a_file_and_a_folder(self, cli, tmp_path, wanted, capsys):
        assert cli() == 0
        same(lime_jax.load(tmp_path / "found.npz"), wanted)
        assert capsys.readouterr().out.startswith("explained 7 rows, 2 outputs each, in ")
        assert cli(out=f"{tmp_path}/out/", background="rows.npz") == 0
        same(lime_jax.load(tmp_path / "out")[:], wanted)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"target": "a"}, "--target: belongs to tables, not to sparse rows"),
            ({"data": "fewer.npz"}, "--model: fails on the first sparse row"),
            ({"background": "rows.csv"}, "--background: expected a sparse matrix in rows.csv"),
            ({"data": "other.npz"}, "--data: expected a sparse matrix in other.npz"),
            ({"data": "none.npz"}, "No such file"),
        ],
    )
    def test_what_cannot_work_is_said_in_a_line(self, cli, capsys, changes, why):
        assert cli(**changes) == 2
        assert why in capsys.readouterr().err
