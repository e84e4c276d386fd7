"""A job in parts gives what one call gives, and a folder is never half right."""

from __future__ import annotations

import json
import resource
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import lime_jax
from lime_jax.jobs import explain_file
from lime_jax.jobs import run as jobs_run
from lime_jax.results.parts import FAILURES, MANIFEST

ROWS, SIZE = 90, 20
PARTS = 5


def make_frame(rows=ROWS):
    """Columns that do not show in every block what they are."""
    rng = np.random.default_rng(5)
    whole = rng.integers(0, 9, rows).astype(object)
    whole[rows // 2 :: 7] = None  # whole numbers, and then gaps
    start = np.datetime64("2024-02-28T12:00:00", "us")
    return pd.DataFrame(
        {
            "real": rng.normal(size=rows),
            "whole": pd.array(whole, "Int64").to_numpy(float, na_value=np.nan),
            "count": np.where(np.arange(rows) < 60, rng.integers(0, 5, rows), 7),
            "text": np.where(np.arange(rows) % 11 == 3, None, rng.choice(["a b", "c,d"], rows)),
            "flag": rng.random(rows) < 0.4,
            "when": start + rng.integers(0, 10**11, rows).astype("timedelta64[us]"),
            "size": pd.Categorical(rng.choice(["s", "m"], rows), ["s", "m", "l"], ordered=True),
        }
    )


def model(table):
    """A function of every column's values and types."""
    if not isinstance(table, pd.DataFrame):
        table = pl.DataFrame(table).to_pandas()
    assert list(table.columns) == list(make_frame(1).columns)
    z = table["real"].to_numpy(float) + np.nan_to_num(table["whole"].to_numpy(float)) / 5
    z += table["count"].to_numpy(float) * (table["text"] == "a b").to_numpy(float)
    z += table["flag"].to_numpy(float) - (table["size"].astype(str) == "s").to_numpy(float)
    hour = pd.to_datetime(table["when"]).dt.hour.fillna(0).to_numpy(float)
    return 1 / (1 + np.exp(-z + hour / 24))


@pytest.fixture(scope="module")
def frame():
    return make_frame()


@pytest.fixture(scope="module")
def explainer(frame):
    return lime_jax.TabularExplainer(seed=3).fit(frame)


FEW = {"num_samples": 64}


@pytest.fixture(scope="module")
def whole(explainer, frame):
    """One call, all rows."""
    return explainer.explain(frame, model, **FEW)


@pytest.fixture(scope="module")
def data(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.parquet"
    frame.to_parquet(path, index=False, row_group_size=33)
    return path


@pytest.fixture(scope="module")
def finished(explainer, data, tmp_path_factory):
    """A job that nothing happened to."""
    out = tmp_path_factory.mktemp("finished") / "out"
    explain_file(explainer, data, model, out, rows_per_part=SIZE, **FEW)
    return out


@pytest.fixture
def job(explainer, data, tmp_path):
    """Run the same job elsewhere, with changes."""

    def run(**changes):
        given = {"rows_per_part": SIZE, "out": tmp_path / "out", "explainer": explainer, **FEW}
        given = {**given, "data": data, "model": model, **changes}
        return explain_file(given.pop("explainer"), given.pop("data"), given.pop("model"), **given)

    return run


def content(folder):
    """Every file a reader can see, byte for byte."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(".")}


def assert_same(stored, explanations, rows=slice(None)):
    found, wanted = stored[:], explanations[rows]
    for name in ("row_ids", "bins", "labels", "support"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    for name in ("coef", "std_error", "intercept", "prediction", "values"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-5)


# The numbers


def write_parquet(frame, path):
    frame.to_parquet(path, index=False, row_group_size=7)


def write_groups_of_all(frame, path):
    frame.to_parquet(path, index=False)


def write_feather(frame, path):
    pyarrow.feather.write_feather(frame, path, chunksize=13)


def write_stream(frame, path):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.ipc.new_stream(str(path), table.schema) as stream:
        stream.write_table(table, max_chunksize=31)


FILES = {
    "small groups.parquet": write_parquet,
    "one group.parquet": write_groups_of_all,
    "file.feather": write_feather,
    "stream.arrow": write_stream,
}


@pytest.mark.parametrize("name", FILES)
def test_parts_are_what_one_call_gives(job, frame, whole, tmp_path, name):
    FILES[name](frame, tmp_path / name)
    assert_same(job(data=tmp_path / name), whole)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_rows_come_in_the_library_that_was_fitted_on(frame, data, tmp_path, library):
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    native = pl.from_arrow(arrow) if library == "polars" else arrow
    kinds = set()

    def predict(table):
        kinds.add(type(table))
        return model(table)

    explainer = lime_jax.TabularExplainer(seed=3).fit(native)
    stored = explain_file(explainer, data, predict, tmp_path / "out", rows_per_part=SIZE, **FEW)
    assert kinds == {type(native)}
    assert_same(stored, explainer.explain(native, predict, **FEW))


def test_a_level_that_only_the_file_has_is_the_models_own(job, frame, tmp_path):
    """As a category and as text, the model sees the word, not a gap."""
    late = frame.assign(size=pd.Categorical(["xl"] * ROWS), text="new")
    late.to_parquet(tmp_path / "late.parquet")
    seen = {"size": set(), "text": set()}

    def predict(table):
        for name, words in seen.items():
            words.update(table[name].dropna().astype(str))
        return model(table)

    job(data=tmp_path / "late.parquet", model=predict)
    assert seen == {"size": {"s", "m", "xl"}, "text": {"a b", "c,d", "new"}}


def test_a_range_of_rows_keeps_the_files_numbers(job, whole, tmp_path):
    assert_same(job(rows=(31, 72)), whole, slice(31, 72))
    ids = pa.parquet.read_table(tmp_path / "out")["row_id"]
    assert ids.type == pa.int64()
    assert ids.to_pylist() == list(range(31, 72))


def test_the_folder_reads_as_one_table(finished, whole):
    table = pd.read_parquet(finished)
    assert table.row_id.tolist() == list(range(ROWS))
    np.testing.assert_allclose(np.stack(table.weight.map(np.vstack)), whole.coef, atol=1e-5)


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_and_next_to_nothing(job, frame, whole, tmp_path, rows):
    frame[:rows].to_parquet(tmp_path / "few.parquet")
    stored = job(data=tmp_path / "few.parquet")
    assert len(stored) == len(list(stored)) == rows
    assert len(list((tmp_path / "out").glob("part-*"))) == rows
    assert job(data=tmp_path / "few.parquet", resume=True).manifest == stored.manifest
    if rows:
        assert_same(stored, whole, slice(0, 1))


# Going on


def test_two_runs_write_the_same_bytes(job, finished, tmp_path):
    job()
    assert content(tmp_path / "out") == content(finished)
    assert len(content(finished)) == PARTS + 1


def spoil(path, how):
    if how == "gone":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:-500])
    elif how.startswith("a changed byte"):
        spoiled = bytearray(path.read_bytes())
        place = spoiled.index(b"PAR1", 4) - 100 if "footer" in how else len(spoiled) // 4
        spoiled[place] ^= 0xFF
        path.write_bytes(spoiled)
    else:
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path)[:-1], path)


@pytest.mark.parametrize(
    "how", ["gone", "cut off", "a changed byte", "a changed byte of the footer", "a row short"]
)
def test_resume_makes_what_is_missing_or_broken_and_no_more(
    job, finished, tmp_path, monkeypatch, how
):
    job()
    out = tmp_path / "out"
    for number in (1, PARTS - 1):
        spoil(out / f"part-{number:05d}.parquet", how)
    made, write = [], jobs_run.write_part

    def note(folder, number, table):
        made.append(number)
        write(folder, number, table)

    monkeypatch.setattr(jobs_run, "write_part", note)
    job(resume=True)
    assert made == [1, PARTS - 1]
    assert content(out) == content(finished)
    job(resume=True)
    assert made == [1, PARTS - 1]


CHANGES = {
    "seed": ({"seed": 4}, "explainer.seed: 3 there, 4 here"),
    "training rows": ({"fewer": True}, "explainer.learned: "),
    "samples": ({"num_samples": 128}, "options.num_samples: 64 there, 128 here"),
    "a new option": ({"top_labels": 1}, "options.top_labels: nothing there, 1 here"),
    "size of parts": ({"rows_per_part": 21}, "rows_per_part: 20 there, 21 here"),
    "rows": ({"rows": (0, 80)}, "num_rows: 90 there, 80 here"),
    "data": ({"data": True}, "data.sha256: "),
    "model": ({"model": np.negative}, "model: "),
    "facts": ({"facts": {"commit": "b"}}, 'facts.commit: nothing there, "b" here'),
    "facts named as we name ours": ({"facts": {"num_rows": 5}}, "facts.num_rows: nothing there, 5"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_resume_refuses_another_job_and_says_what_differs(
    job, frame, finished, tmp_path, case, explainer
):
    changes, message = CHANGES[case]
    changes = dict(changes)
    if "seed" in changes:
        changes["explainer"] = lime_jax.TabularExplainer(seed=changes.pop("seed")).fit(frame)
    if changes.pop("fewer", False):
        changes["explainer"] = lime_jax.TabularExplainer(seed=3).fit(frame[:50])
    if changes.pop("data", False):
        changes["data"] = tmp_path / "other.parquet"
        frame.assign(real=0.0).to_parquet(changes["data"])
    before = content(finished)
    with pytest.raises(ValueError, match=r"the job in .* is another one: ") as error:
        job(out=finished, resume=True, **changes)
    assert message in str(error.value)
    assert content(finished) == before


@pytest.fixture
def no_rows(frame, tmp_path):
    frame[:0].to_parquet(tmp_path / "none.parquet")
    return tmp_path / "none.parquet"


def test_resume_refuses_the_columns_of_an_array_in_another_order(frame, no_rows, tmp_path):
    names, out = ["real", "count"], tmp_path / "out"
    explainer = lime_jax.TabularExplainer().fit(frame[names].to_numpy())

    def run(columns, resume):
        given = (explainer, no_rows, lambda X: X[:, 0] - 2 * X[:, 1], out)
        explain_file(*given, columns=columns, resume=resume, **FEW)

    run(names, False)
    run(names, True)
    with pytest.raises(ValueError, match=r'columns: \["real", "count"\] there, \["count"'):
        run(names[::-1], True)


def test_resume_refuses_a_function_that_was_changed(frame, no_rows, tmp_path):
    def run(width, sign, resume):
        explainer = lime_jax.TabularExplainer(kernel=lambda d, w: jnp.exp(-d * width)).fit(frame)
        given = (explainer, no_rows, partial(signed, sign), tmp_path / "out")
        explain_file(*given, resume=resume, **FEW)

    run(1, 1, False)
    run(1, 1, True)
    with pytest.raises(ValueError, match=r"another one: explainer.kernel: "):
        run(9, 1, True)
    with pytest.raises(ValueError, match=r"another one: model: "):
        run(1, -1, True)


def signed(sign, table):
    return sign * model(table)


def test_a_finished_job_and_one_of_no_rows_start_no_engine(job, no_rows, tmp_path, monkeypatch):
    job()
    monkeypatch.setattr(jobs_run, "_tables_of", lambda engine: pytest.fail("it was started"))
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    job(resume=True, engine="ray")
    job(data=no_rows, out=tmp_path / "none", engine="spark")


def test_engines_that_compute_on_the_cpu_say_so(job, no_rows, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    for engine, device in {"local": "gpu", "ray": "cpu", "spark": "cpu"}.items():
        stored = job(data=no_rows, out=tmp_path / engine, engine=engine)
        assert stored.manifest["device"] == device


def test_a_file_may_move_between_runs(job, data, finished, tmp_path):
    moved = tmp_path / "moved.parquet"
    moved.write_bytes(data.read_bytes())
    assert len(job(out=finished, data=moved, resume=True)) == ROWS


def test_the_manifest_says_what_was_done(finished):
    manifest = json.loads((finished / MANIFEST).read_text())
    assert manifest["versions"]["jax"]
    assert manifest["options"] == FEW
    assert manifest["data"]["rows"] == ROWS
    assert manifest["columns"] == list(make_frame(1))
    assert {"pandas", "narwhals", "numpy"} < manifest["versions"].keys()
    assert manifest["precision"] in ("float32", "float64")


@pytest.mark.parametrize(
    ("weights", "rows"), [(1, 16384), (256, 16384), (257, 8192), (1000, 4096), (10**6, 256)]
)
def test_parts_of_wide_rows_have_fewer(weights, rows):
    assert jobs_run._rows_per_part(weights) == rows


def many_classes(X):
    return np.stack([X[:, 0] * k for k in range(100)], axis=1)


class Classifier:
    classes_ = np.arange(100)

    def predict_proba(self, X):
        return many_classes(X)


@pytest.mark.parametrize(
    ("model", "settings", "options", "rows"),
    [
        (many_classes, {}, {"labels": [4]}, 16384),
        (many_classes, {}, {"labels": list(range(100))}, 4096),
        (many_classes, {}, {"top_labels": 50}, 8192),
        (many_classes, {"class_names": list(map(str, range(100)))}, {}, 4096),
        (Classifier().predict_proba, {}, {}, 4096),
        (Classifier().predict_proba, {}, {"labels": [3]}, 16384),
    ],
)
def test_parts_of_many_outputs_have_fewer_rows(tmp_path, model, settings, options, rows):
    X = np.random.default_rng(0).normal(size=(20, 10))
    pd.DataFrame(X[:0]).rename(columns=str).to_parquet(tmp_path / "a.parquet")
    explainer = lime_jax.TabularExplainer(**settings).fit(X)
    names, out = list(map(str, range(10))), tmp_path / "out"
    stored = explain_file(
        explainer, tmp_path / "a.parquet", model, out, columns=names, num_samples=32, **options
    )
    assert stored.manifest["rows_per_part"] == rows


# What goes wrong on the way


def test_a_full_disk_leaves_finished_parts_alone(job, finished, tmp_path):
    job()
    out = tmp_path / "out"
    kept = content(out)
    kept.pop("part-00003.parquet")
    (out / "part-00003.parquet").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limits[1]))
    try:
        with pytest.raises(OSError, match=r"`out`: cannot write to .*out") as error:
            job(resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "4 of 5 parts are finished" in error.value.__notes__[-1]
    assert content(out) == kept
    assert sorted(p.name for p in out.iterdir() if p.name.startswith(".")) == [
        ".digests",
        ".lock",
    ]
    job(resume=True)
    assert content(out) == content(finished)


def test_a_models_exception_comes_back_with_what_was_done(job, tmp_path):
    calls = []

    def fails(table):
        calls.append(len(table))
        if len(calls) > 5:
            raise RuntimeError("no more")
        return model(table)

    with pytest.raises(RuntimeError, match="no more") as error:
        job(model=fails)
    assert "of 5 parts are finished and stay in" in error.value.__notes__[-1]
    assert "--resume" in error.value.__notes__[-1]
    assert content(tmp_path / "out").keys() > {MANIFEST}


def test_a_models_exception_says_which_rows_of_the_file(job, frame):
    def fails(table):
        if frame["real"][47] in set(table["real"]):
            raise RuntimeError("such a row")
        return model(table)

    with pytest.raises(RuntimeError, match="such a row") as error:
        job(model=fails, rows=(5, 90))
    assert "raised for block 2, rows 45 to 64 of the file" in error.value.__notes__


@pytest.fixture
def fragile(frame, tmp_path):
    """A model that fails on row 47, until it is mended."""
    mended = tmp_path / "mended"

    def fails(table):
        if frame["real"][47] in set(table["real"]) and not mended.exists():
            raise RuntimeError("such a row")
        return model(table)

    return fails, mended


class TestPartsThatFailAreNoted:
    """With `on_error="record"`."""

    def test_all_others_are_made(self, job, whole, fragile):
        with pytest.warns(UserWarning, match="20 rows in 1 of 5 parts could not be explained"):
            stored = job(model=fragile[0], on_error="record")
        others = np.r_[0:40, 60:ROWS]
        assert_same(stored, whole, others)
        assert len(stored) == len(list(stored)) == len(others)
        assert [len(part) for part in stored.parts()] == [20, 20, 20, 10]
        assert stored[45].row_id == 65
        assert stored[-1].row_id == ROWS - 1
        assert repr(stored).endswith("70 rows in 4 parts)")
        size, _ = stored.importance()
        np.testing.assert_allclose(size, whole[others].importance()[0], rtol=1e-4)

    def test_their_rows_and_the_error_are_named(self, job, fragile, tmp_path):
        with pytest.warns(UserWarning, match="rows 40 to 59: RuntimeError: such a row"):
            job(model=fragile[0], on_error="record")
        (failure,) = lime_jax.load(tmp_path / "out").failures
        assert (failure.part, failure.first_row, failure.last_row) == (2, 40, 59)
        assert failure.error.startswith("RuntimeError: such a row")

    def test_resume_makes_them(self, job, fragile, tmp_path):
        fails, mended = fragile
        with pytest.warns(UserWarning, match="could not be explained"):
            job(model=fails, on_error="record")
        mended.touch()
        stored = job(model=fails, resume=True)
        unbroken = job(model=fails, out=tmp_path / "unbroken")
        assert stored.failures == []
        assert content(tmp_path / "out") == content(unbroken.folder)

    def test_a_value_of_another_kind_is_one_of_them(self, job, frame, tmp_path):
        table = frame.astype({"count": object, "when": str, "size": str})
        table.loc[65, "count"] = "many"
        lime = lime_jax.TabularExplainer().fit(frame[["real", "count"]])
        path = tmp_path / "rows.csv"
        table[["real", "count"]].to_csv(path, index=False)
        options = {"data": path, "explainer": lime, "model": lambda t: t["real"] + t["count"]}
        with pytest.warns(UserWarning, match="rows 60 to 79: ValueError: .*count"):
            stored = job(on_error="record", **options)
        assert len(stored) == 70

    def test_a_model_that_always_fails_is_an_error(self, job):
        def fails(table):
            raise RuntimeError("no")

        with pytest.raises(ValueError, match=r"not one of 5 parts could be made; .*RuntimeError"):
            job(model=fails, on_error="record")

    def test_other_words_are_refused(self, job):
        with pytest.raises(ValueError, match="`on_error`: expected one of raise, record, got 'x'"):
            job(on_error="x")

    def test_a_damaged_list_is_named(self, job, fragile, tmp_path):
        with pytest.warns(UserWarning, match="could not be explained"):
            job(model=fragile[0], on_error="record")
        (tmp_path / "out" / FAILURES).write_text("{")
        with pytest.raises(ValueError, match=r"_failures\.json is no list of failures"):
            lime_jax.load(tmp_path / "out")


def test_a_manifest_that_cannot_be_written_is_a_clear_error(job, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))
    try:
        with pytest.raises(OSError, match=r"`out`: cannot write to .*out \("):
            job()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not content(tmp_path / "out")


def test_a_file_that_shrinks_meanwhile_is_noticed(job, frame, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs_run.Source, "count_rows", lambda self: ROWS + 1)
    with pytest.raises(ValueError, match="fewer rows than when the job began"):
        job()


def test_two_runs_do_not_write_one_folder(job, tmp_path):
    with (
        jobs_run.locked(tmp_path / "out"),
        pytest.raises(ValueError, match="another run is writing to"),
    ):
        job()
    job()  # the lock went with its holder, the file is still there


# What is wrong from the start


def a_folder(tmp_path, *names):
    folder = tmp_path / "out"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("here first")


ARRAY = {"explainer": lime_jax.TabularExplainer().fit(np.zeros((2, 2)))}
HOSTILE = {
    "a job is there": ({}, [MANIFEST], "add --resume to finish it, or choose another"),
    "other files": ({}, ["a.txt", "b.txt"], "holds 'a.txt' and 1 more"),
    "parts of nothing": ({}, ["part-00000.parquet"], "holds part-00000.parquet, but no"),
    "nothing to resume": ({"resume": True}, [], "there is nothing to resume"),
    "a spoiled manifest": ({"resume": True}, [MANIFEST], "is no manifest of a job"),
    "an engine": ({"engine": "dask"}, None, "`engine`: expected one of local, ray, spark"),
    "no workers": ({"num_workers": 0}, None, "`num_workers`: expected a whole number"),
    "workers here": ({"num_workers": 2}, None, "local engine is one process"),
    "empty parts": ({"rows_per_part": 0}, None, "`rows_per_part`: expected a whole number"),
    "rows beyond": ({"rows": (0, 91)}, None, "`rows`: 0:91 is not a part of the file's 90"),
    "an option": ({"mesh": None}, None, "`mesh`: no option of a distributed"),
    "no file": ({"data": "none.csv"}, None, "`data`: no such file: none.csv"),
    "no table": ({"data": "none.xlsx"}, None, "`data`: expected a file that ends in"),
    "no explainer": ({"explainer": "lime"}, None, "`explainer`: expected an explainer"),
    "columns of a frame": (
        {"columns": list(make_frame(1))},
        None,
        "`columns`: the explainer was fi",
    ),
    "columns": ({**ARRAY, "columns": ["real", "nope"]}, None, "has no column 'nope'"),
    "too few columns": ({**ARRAY, "columns": ["real"]}, None, "`columns`: expected 2 names"),
    "a column twice": ({**ARRAY, "columns": ["real"] * 2}, None, "each name once, got 'real' more"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bad_input_is_refused_before_anything_is_written(job, tmp_path, case):
    changes, there, message = HOSTILE[case]
    if there is not None:
        a_folder(tmp_path, *there)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        job(**changes)
    assert message in str(error.value)
    left = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert left - {".lock"} == set(there or [])


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.arrow"])
def test_a_damaged_file_is_named(job, tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=f"`data`: cannot read .*{name}"):
        job(data=tmp_path / name)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("count", "text", "column 'count' holds .*string, and the explainer was fitted on int64"),
        ("text", 1, "column 'text' holds int64, and the explainer was fitted on .*string"),
        ("when", 1.5, "column 'when' holds double, and the explainer was fitted on timestamp"),
    ],
)
def test_a_column_of_another_type_is_named(job, frame, tmp_path, column, values, message):
    frame.assign(**{column: values}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match=message):
        job(data=tmp_path / "other.parquet")


def test_a_value_of_another_kind_is_named_with_its_rows(tmp_path):
    training = pd.DataFrame({"a": np.arange(40.0)})
    training.astype(object).replace(3.0, "many").to_csv(tmp_path / "a.csv", index=False)
    explainer, out = lime_jax.TabularExplainer().fit(training), tmp_path / "out"
    with pytest.raises(ValueError, match=r"column 'a' was double in .* 'many'") as error:
        explain_file(explainer, tmp_path / "a.csv", lambda X: X["a"], out, rows_per_part=10)
    assert error.value.__notes__ == [
        "in one of rows 0 to 9 of the file",
        f"0 of 4 parts are finished and stay in {out}; run it again with --resume "
        "(`resume=True`) to make the others",
    ]


@pytest.mark.parametrize(("engine", "library"), [("ray", "ray"), ("spark", "pyspark")])
def test_an_engine_that_is_not_installed_is_named(job, monkeypatch, engine, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf'needs {library}: pip install "lime_jax\[{engine}\]"'):
        job(engine=engine)
