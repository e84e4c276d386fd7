"""`lime-jax explain --out DIR/` says in one line what it did, or why not."""

from __future__ import annotations

import json
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import lime_jax
import lime_jax.jobs
from lime_jax.cli import job as job_command
from lime_jax.cli import main
from lime_jax.cli.files import is_folder
from lime_jax.jobs import run as jobs_run
from lime_jax.jobs import sample as jobs_sample
from lime_jax.results.parts import MANIFEST

COLUMNS = ["age", "income", "debt"]
SAMPLES = 64


def make_frame(rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=COLUMNS)
    frame["kind"] = np.where(frame.age + frame.debt > 0, "good", "bad")
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows and models on disk; nothing in here may be changed."""
    folder = tmp_path_factory.mktemp("inputs")
    train, test = make_frame(90, 0), make_frame(50, 1)
    train.to_csv(folder / "train.csv", index=False)
    for name, frame in {"test": test, "empty": test[:0]}.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    train[COLUMNS].assign(age="old").to_csv(folder / "words.csv", index=False)
    test.drop(columns="debt").to_csv(folder / "no_debt.csv", index=False)
    model = LogisticRegression().fit(train[COLUMNS], train.kind)
    joblib.dump(model, folder / "by_name.joblib")
    by_position = LogisticRegression().fit(train[COLUMNS].values, train.kind)
    joblib.dump(by_position, folder / "by_position.joblib")
    return folder


@pytest.fixture
def cli(folder, monkeypatch, tmp_path):
    """Run the command on the files; options are changed by name, None leaves one out."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(job_command, "use_compilation_cache", lambda: None)  # a global setting

    def run(*more, **changes):
        options = {
            "model": "by_name.joblib",
            "data": "test.csv",
            "background": "train.csv",
            "target": "kind",
            "num_samples": str(SAMPLES),
            "rows_per_part": "20",
            "out": f"{tmp_path}/out/",
            **changes,
        }
        given = [f"--{name.replace('_', '-')}={v}" for name, v in options.items() if v is not None]
        return main(["explain", "--trust-pickle", *given, *more])

    return run


def expected(folder, training, model="by_name.joblib"):
    explainer = lime_jax.TabularExplainer().fit(training)
    rows = make_frame(50, 1)[COLUMNS]
    return explainer.explain(rows, joblib.load(folder / model), num_samples=SAMPLES)


def assert_same(stored, wanted):
    np.testing.assert_array_equal(stored[:].bins, wanted.bins)
    np.testing.assert_allclose(stored[:].coef, wanted.coef, atol=1e-5)
    assert stored[:].conditions == wanted.conditions


@pytest.mark.parametrize("data", ["test.csv", "test.parquet"])
def test_a_folder_holds_what_the_library_gives(cli, folder, tmp_path, capsys, data):
    assert cli(data=data) == 0
    assert_same(lime_jax.load(tmp_path / "out"), expected(folder, make_frame(90, 0)[COLUMNS]))
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("explained 50 rows in 3 parts, 3 of them made in ")
    assert said.out.rstrip().endswith(f"wrote {tmp_path}/out")


def test_a_model_of_arrays_gets_arrays(cli, folder, tmp_path):
    assert cli(model="by_position.joblib") == 0
    wanted = expected(folder, make_frame(90, 0)[COLUMNS], "by_name.joblib")
    np.testing.assert_allclose(lime_jax.load(tmp_path / "out")[:].coef, wanted.coef, atol=1e-5)


@pytest.mark.parametrize(
    ("most", "step", "said"),
    [
        (100, 1, "no --background: all rows of --data are also the training rows"),
        (49, 2, "no --background: every 2nd row of --data, 25 of 50 are also the training rows"),
        (20, 4, "no --background: every 4th row of --data, 13 of 50 are also the training rows"),
    ],
)
@pytest.mark.parametrize("data", ["test.csv", "test.parquet"])
def test_without_background_the_job_learns_from_the_data(
    cli, folder, tmp_path, capsys, monkeypatch, data, most, step, said
):
    monkeypatch.setattr(jobs_sample, "_MOST_ROWS", most)
    assert cli(background=None, data=data) == 0
    assert capsys.readouterr().err == f"lime-jax explain: {said}\n"
    stored = lime_jax.load(tmp_path / "out")
    assert_same(stored, expected(folder, make_frame(50, 1)[COLUMNS][::step]))
    assert stored.manifest["facts"]["background"].endswith("row of the data, 25 of 50") is (
        step == 2
    )


@pytest.mark.parametrize(
    ("model", "read"),
    [("by_name.joblib", [*COLUMNS, "kind"]), ("by_position.joblib", [*COLUMNS, "kind", "note"])],
)
def test_only_columns_that_the_model_knows_are_learned_from(
    cli, folder, tmp_path, monkeypatch, model, read
):
    frame = make_frame(50, 1).assign(note="long")
    frame.to_parquet(tmp_path / "wide.parquet", index=False)
    asked, sample = [], lime_jax.jobs.sample_rows

    def note(source, columns):
        asked.append(list(columns))
        return sample(source, [name for name in columns if name != "note"])

    monkeypatch.setattr(lime_jax.jobs, "sample_rows", note)
    assert cli(background=None, data=f"{tmp_path}/wide.parquet", model=model) == 0
    assert asked == [read]


def test_rows_keep_their_numbers(cli, tmp_path):
    assert cli(rows="11:34") == 0
    assert pd.read_parquet(tmp_path / "out").row_id.tolist() == list(range(11, 34))


def test_resume_makes_the_rest_and_then_nothing(cli, tmp_path, capsys):
    assert cli() == 0
    part = tmp_path / "out" / "part-00001.parquet"
    before = part.read_bytes()
    part.unlink()
    assert cli("--resume") == 0
    assert "explained 50 rows in 3 parts, 1 of them made in" in capsys.readouterr().out
    assert part.read_bytes() == before
    assert cli("--resume") == 0
    said = capsys.readouterr()
    assert said.out == f"nothing to do: {tmp_path}/out is finished, 50 rows in 3 parts\n"


def test_an_interrupted_run_says_how_to_go_on(cli, tmp_path, capsys, monkeypatch):
    write = jobs_run.write_part

    def interrupted(folder, number, table):
        if number == 2:
            raise KeyboardInterrupt
        write(folder, number, table)

    monkeypatch.setattr(jobs_run, "write_part", interrupted)
    assert cli() == 130
    assert capsys.readouterr().err == (
        f"lime-jax explain: interrupted; 2 of 3 parts are finished and stay in {tmp_path}/out; "
        "run it again with --resume (`resume=True`) to make the others\n"
    )
    monkeypatch.setattr(jobs_run, "write_part", write)
    assert cli("--resume") == 0


def test_no_rows_are_a_finished_job(cli, tmp_path, capsys):
    assert cli(data="empty.parquet") == 0
    assert capsys.readouterr().out.startswith("explained 0 rows in 0 parts")
    assert len(lime_jax.load(tmp_path / "out")) == 0
    assert [p.name for p in (tmp_path / "out").iterdir() if p.suffix] == [MANIFEST]


def test_the_manifest_knows_the_files(cli, tmp_path):
    assert cli("--seed=5") == 0
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    facts = manifest["facts"]
    assert len(facts["model"]) == len(facts["background"]) == 64
    assert "model" not in manifest
    assert manifest["explainer"]["seed"] == 5
    assert str(tmp_path) not in json.dumps(manifest)


@pytest.mark.parametrize(
    ("path", "folder"),
    [("out/", True), ("out", True), ("out.d/", True), ("out.csv", False), ("out.xlsx", False)],
)
def test_a_slash_or_no_suffix_makes_a_folder(path, folder):
    assert is_folder(path) is folder


def test_a_folder_that_is_there_is_a_folder_whatever_its_name(tmp_path):
    (tmp_path / "out.csv").mkdir()
    assert is_folder(str(tmp_path / "out.csv"))


HOSTILE = {
    "resume into a file": (
        {"out": "e.csv", "rows_per_part": None},
        ["--resume"],
        "--resume: needs",
    ),
    "workers into a file": (
        {"out": "e.csv", "rows_per_part": None},
        ["--workers=2"],
        "--workers: ",
    ),
    "parts in a file": (
        {"out": "e.csv"},
        [],
        "--rows-per-part: needs a folder as --out, such as e/",
    ),
    "a report": ({}, ["--report=r.html"], "--report: needs a file as --out"),
    "no workers": ({}, ["--workers=0"], "argument --workers: expected a whole number from 1 up"),
    "workers here": ({}, ["--workers=2"], "the local engine is one process that uses all cores"),
    "unknown engine": ({}, ["--engine=dask"], "argument --engine: invalid choice: 'dask'"),
    "nothing to resume": ({}, ["--resume"], "there is nothing to resume"),
    "no data": ({"data": "none.csv"}, [], "--data: no such file: none.csv"),
    "data lack a column": ({"data": "no_debt.csv"}, [], "--model: --data has no column 'debt'"),
    "nothing to learn from": (
        {"data": "empty.csv", "background": None},
        [],
        "--background: is need",
    ),
    "rows beyond the end": ({"rows": "40:60"}, [], "`rows`: 40:60 is not a part of the file's 50"),
    "out is a file": ({"out": "LICENSE"}, [], "expected a folder, and LICENSE is a file"),
    "another model": (
        {"background": "words.csv", "target": None, "model": "by_position.joblib"},
        [],
        "--model: fails on the first training row",
    ),
    "unknown label": ({}, ["--labels=ugly"], "`labels`"),
}


# scikit-learn's own line about another model, which is right.
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
@pytest.mark.parametrize("case", HOSTILE)
def test_bad_input_is_one_clear_line(cli, tmp_path, capsys, folder, case):
    changes, more, message = HOSTILE[case]
    (folder / "LICENSE").touch()
    before = sorted(folder.iterdir())
    assert cli(*more, **changes) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = [line for line in said.err.splitlines() if "no --background" not in line]
    assert "error: " in line
    assert message in line
    assert sorted(folder.iterdir()) == before


def test_an_engine_that_is_missing_names_its_extra(cli, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert cli("--engine=ray", "--workers=2") == 2
    assert 'pip install "lime_jax[ray]"' in capsys.readouterr().err


def test_spark_without_java_is_a_clear_line(cli, capsys, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    assert cli("--engine=spark") == 2
    assert "error: --engine: Spark needs Java 17 or newer" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made(cli, capsys, tmp_path):
    (tmp_path / "file").touch()
    assert cli(out=f"{tmp_path}/file/out/") == 2
    assert "cannot write to the folder" in capsys.readouterr().err
