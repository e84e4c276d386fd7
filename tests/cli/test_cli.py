"""The command line gives what the library gives, and says what is wrong in one line."""

import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import skops.io
from sklearn.linear_model import LinearRegression, LogisticRegression

import lime_jax
from lime_jax.cli import demo as demo_command
from lime_jax.cli import explain as explain_command
from lime_jax.cli import files, main, tables, terminal
from lime_jax.cli import job as job_command
from lime_jax.models import opening

SAMPLES = 256
COLUMNS = ["age", "income", "debt"]


class Odd(LogisticRegression):
    """A type that skops does not know."""


class Trap:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


def make_frame(rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)) / 3, columns=COLUMNS)
    frame["kind"] = np.where(frame.age + frame.debt > 0, "good", "bad")
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows and models on disk; nothing in here may be changed."""
    folder = tmp_path_factory.mktemp("inputs")
    train, test = make_frame(90, 0), make_frame(12, 1)
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    test.drop(columns="kind").to_csv(folder / "no_target.csv", index=False)
    test.drop(columns="debt").to_csv(folder / "no_debt.csv", index=False)
    test.to_parquet(folder / "test.parquet", index=False)
    pyarrow.feather.write_feather(test, folder / "test.feather")
    arrow = pa.Table.from_pandas(test, preserve_index=False)
    with pa.ipc.new_stream(str(folder / "stream.arrow"), arrow.schema) as stream:
        stream.write_table(arrow)
    X, y = train[COLUMNS], train.kind
    by_name, by_position = LogisticRegression().fit(X, y), LogisticRegression().fit(X.values, y)
    skops.io.dump(by_name, folder / "by_name.skops")
    skops.io.dump(by_position, folder / "by_position.skops")
    skops.io.dump(Odd().fit(X, y), folder / "odd.skops")
    joblib.dump(by_name, folder / "by_name.joblib")
    (folder / "by_name.pkl").write_bytes(pickle.dumps(by_name))
    (folder / "no_model.pkl").write_bytes(pickle.dumps({"a": 1}))
    (folder / "broken.pkl").write_bytes(b"not a pickle")
    (folder / "broken.skops").write_bytes(b"not a zip")
    (folder / "broken.parquet").write_bytes(b"not parquet")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "rows.txt").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture(autouse=True)
def global_config_stays(monkeypatch):
    """The cache is JAX's global setting; one test turns it on, in a process of its own."""
    for command in (demo_command, explain_command, job_command):
        monkeypatch.setattr(command, "use_compilation_cache", lambda: None)


@pytest.fixture
def cli(folder, monkeypatch):
    """Run `lime-jax explain` on the files; options are changed by name, None leaves one out."""
    monkeypatch.chdir(folder)

    def run(out, *more, **changes):
        options = {
            "model": "by_name.skops",
            "data": "test.csv",
            "background": "train.csv",
            "target": "kind",
            "num_samples": str(SAMPLES),
            "out": str(out),
            **changes,
        }
        given = [
            f"--{name.replace('_', '-')}={value}"
            for name, value in options.items()
            if value is not None
        ]
        return main(["explain", *given, *more])

    return run


@pytest.fixture(scope="module")
def expected(folder):
    """The library's answer for the same files."""
    model = joblib.load(folder / "by_name.joblib")
    explainer = lime_jax.TabularExplainer().fit(make_frame(90, 0)[COLUMNS])
    return explainer.explain(make_frame(12, 1)[COLUMNS], model, num_samples=SAMPLES)


def read(path):
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def assert_same_table(table, explanations):
    wanted = explanations.to_pandas()
    assert list(table.columns) == list(wanted.columns)
    for name in ("row_id", "label", "feature", "condition"):
        assert table[name].tolist() == wanted[name].tolist()
    for name in ("weight", "std_error"):
        np.testing.assert_allclose(table[name], wanted[name], rtol=1e-6)


# What comes out


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_is_the_librarys(cli, expected, tmp_path, capsys, suffix):
    out = tmp_path / f"e{suffix}"
    assert cli(out) == 0
    assert_same_table(read(out), expected)
    said = capsys.readouterr()
    assert said.out.startswith("explained 12 rows, 2 outputs each, in ")
    assert said.out.rstrip().endswith(f"wrote {out}")
    assert said.err == ""


def test_npz_is_read_back_by_load(cli, expected, tmp_path):
    assert cli(tmp_path / "e.npz") == 0
    loaded, wanted = lime_jax.load(tmp_path / "e.npz"), expected
    np.testing.assert_array_equal(loaded.coef, wanted.coef)
    np.testing.assert_array_equal(loaded.std_error, wanted.std_error)
    assert loaded[3].as_list() == wanted[3].as_list()


@pytest.mark.parametrize("label", ["2", "-1", "2.0"])
def test_labels_are_classes(cli, folder, tmp_path, label):
    train = make_frame(90, 0)
    y = np.where(train.kind == "good", 2, -1)
    joblib.dump(LogisticRegression().fit(train[COLUMNS], y), tmp_path / "numbers.joblib")
    out, model = tmp_path / "e.csv", tmp_path / "numbers.joblib"
    assert cli(out, "--trust-pickle", "--labels", label, model=model) == 0
    assert set(read(out).label) == {int(float(label))}


@pytest.mark.parametrize("folder_of_parts", [False, True])
def test_the_model_is_converted_once(cli, tmp_path, monkeypatch, folder_of_parts):
    conversions, convert = [], opening.convert

    def counted(*arguments):
        conversions.append(arguments)
        return convert(*arguments)

    monkeypatch.setattr(opening, "convert", counted)
    assert cli(tmp_path / ("parts" if folder_of_parts else "e.csv"), "--labels", "good") == 0
    assert len(conversions) == 1


@pytest.fixture
def asked(monkeypatch):
    """What the explainer is asked, in place of an answer."""
    call = {}

    def explain(explainer, X, model, **options):
        call.update(explainer=explainer, X=X, model=model, options=options)
        raise ValueError("asked")

    monkeypatch.setattr(lime_jax.TabularExplainer, "explain", explain)
    return call


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {"labels": None, "top_labels": None, "num_features": None, "progress": None}),
        (["--labels", "good"], {"labels": ["good"]}),
        (["--labels", "1", "bad"], {"labels": [1, "bad"]}),
        (["--top-labels", "1"], {"top_labels": 1}),
        (["--num-features", "2"], {"num_features": 2}),
        (["--num-samples", "512"], {"num_samples": 512}),
        (["--method", "exact"], {"method": "exact"}),
        (["--no-progress"], {"progress": False}),
    ],
)
def test_options_reach_the_library(cli, asked, tmp_path, capsys, arguments, options):
    assert cli(tmp_path / "e.csv", *arguments) == 2
    assert capsys.readouterr().err == "lime-jax explain: error: asked\n"
    assert {name: asked["options"][name] for name in options} == options


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--seed", "3"], {"seed": 3}),
        (["--algorithm", "lime"], {"algorithm": "lime"}),
        (["--output", "margin"], {"output": "margin"}),
        (["--discretizer", "decile"], {"discretizer": "decile"}),
        (["--discretizer", "entropy"], {"discretizer": "entropy"}),
        (["--discretizer", "none"], {"discretizer": None}),
        (["--categorical", "debt", "age"], {"categorical_features": ["debt", "age"]}),
    ],
)
def test_settings_reach_the_explainer(cli, asked, tmp_path, arguments, settings):
    cli(tmp_path / "e.csv", *arguments)
    train = make_frame(90, 0)
    wanted = lime_jax.TabularExplainer(**settings).fit(train[COLUMNS], train.kind)
    assert asked["explainer"].get_params() == wanted.get_params()
    jax.tree.map(np.testing.assert_array_equal, asked["explainer"].stats_, wanted.stats_)


@pytest.mark.parametrize(
    ("rows", "kept"), [("4:9", range(4, 9)), (":3", range(3)), ("9:", [9, 10, 11])]
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_keep_their_number_and_their_explanation(cli, tmp_path, rows, kept, suffix):
    assert cli(tmp_path / "all.csv") == 0
    assert cli(tmp_path / f"some{suffix}", rows=rows) == 0
    some, whole = read(tmp_path / f"some{suffix}"), read(tmp_path / "all.csv")
    whole = whole[whole.row_id.isin(list(kept))]
    assert some.row_id.tolist() == whole.row_id.tolist()
    np.testing.assert_allclose(some.weight, whole.weight, atol=1e-5)


def test_the_report_names_the_file_and_its_rows(cli, tmp_path):
    assert cli(tmp_path / "e.csv", rows="4:9", report=str(tmp_path / "r.html")) == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<title>test.csv, rows 4 to 8</title>" in page


def test_results_have_ordinary_permissions_and_replace_old_ones(cli, tmp_path):
    out, other = tmp_path / "e.csv", tmp_path / "other"
    out.write_text("old")
    other.touch()
    assert cli(out) == 0
    assert out.stat().st_mode == other.stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.csv", "other"]


def test_a_link_stays_a_link(cli, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "e.csv").symlink_to(tmp_path / "real" / "e.csv")
    assert cli(tmp_path / "e.csv") == 0
    assert (tmp_path / "e.csv").is_symlink()
    assert len(read(tmp_path / "real" / "e.csv")) == 12 * 2 * 3


# What goes in


@pytest.mark.parametrize("name", ["test.csv", "test.parquet", "test.feather", "stream.arrow"])
@pytest.mark.parametrize("pandas", [True, False])
def test_every_format_holds_the_same_rows(folder, monkeypatch, name, pandas):
    monkeypatch.setattr(tables, "is_installed", lambda library: pandas)
    table = tables.read_table(folder / name, "--data")
    assert table.implementation.is_pandas() == pandas
    frame = make_frame(12, 1)
    assert table.columns == list(frame.columns)
    np.testing.assert_array_equal(tables.to_matrix(table.select(COLUMNS)), frame[COLUMNS].values)
    assert table.get_column("kind").to_list() == frame.kind.tolist()


def test_without_pandas_the_rows_come_from_arrow(cli, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "is_installed", lambda library: False)
    assert cli(tmp_path / "e.csv") == 0
    assert_same_table(read(tmp_path / "e.csv"), expected)


def test_without_background_the_data_are_the_training_rows(cli, folder, tmp_path, capsys):
    assert cli(tmp_path / "e.csv", background=None, rows="0:5") == 0
    assert "the 12 rows of --data are also the training rows" in capsys.readouterr().err
    rows = make_frame(12, 1)[COLUMNS]
    model = joblib.load(folder / "by_name.joblib")
    wanted = lime_jax.TabularExplainer().fit(rows).explain(rows[:5], model, num_samples=SAMPLES)
    assert_same_table(read(tmp_path / "e.csv"), wanted)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "no_target.csv"},  # the target is only needed where the bins come from it
        {"target": None},  # the model's own names leave it out
        {"model": "by_position.skops"},
    ],
)
def test_the_model_gets_the_columns_it_was_fitted_on(cli, expected, tmp_path, changes):
    assert cli(tmp_path / "e.csv", **changes) == 0
    assert_same_table(read(tmp_path / "e.csv"), expected)


@pytest.mark.parametrize("model", ["by_name.joblib", "by_name.pkl"])
def test_a_trusted_pickle_is_loaded(cli, expected, tmp_path, model):
    assert cli(tmp_path / "e.csv", "--trust-pickle", model=model) == 0
    assert_same_table(read(tmp_path / "e.csv"), expected)


def test_a_trusted_type_is_loaded(cli, expected, tmp_path):
    more = ["--trust-type", "test_cli.Odd", "test_cli.NotThere"]
    assert cli(tmp_path / "e.csv", *more, model="odd.skops") == 0
    assert_same_table(read(tmp_path / "e.csv"), expected)


def test_a_pickle_that_is_not_trusted_never_runs(cli, tmp_path, capsys):
    mark, trap = tmp_path / "mark", tmp_path / "trap.pkl"
    trap.write_bytes(pickle.dumps(Trap(mark)))
    assert cli(tmp_path / "e.csv", model=str(trap)) == 2
    assert "--trust-pickle" in capsys.readouterr().err
    assert not mark.exists()
    cli(tmp_path / "e.csv", "--trust-pickle", model=str(trap))
    assert mark.exists()  # so the trap works


def test_true_and_false_columns_are_categories_for_a_model_of_arrays(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = make_frame(40, 2).assign(member=np.arange(40) % 2 == 0)[[*COLUMNS, "member"]]
    frame.to_csv("rows.csv", index=False)
    skops.io.dump(LinearRegression().fit(frame.values.astype(float), frame.debt), "m.skops")
    main(["explain", "--model", "m.skops", "--data", "rows.csv", "--out", "e.csv"])
    np.testing.assert_array_equal(asked["X"], frame.values.astype(float))
    assert asked["explainer"].feature_names == [*COLUMNS, "member"]
    assert asked["explainer"].categorical_features == ["member"]


@pytest.mark.parametrize(
    ("names", "found"),
    [(["a", "b"], ["a", "b"]), (["Column_0", "Column_1"], None), (None, None)],
)
def test_names_that_a_library_made_up_are_no_names(names, found):
    model = LogisticRegression()
    if names:
        model.feature_names_in_ = np.array(names, object)
    assert tables.fitted_names(model) == found


# What is wrong

HOSTILE = {
    "no model file": ({"model": "none.skops"}, [], "--model: no such file: none.skops"),
    "no data file": ({"data": "none.csv"}, [], "--data: no such file: none.csv"),
    "no background file": ({"background": "none.csv"}, [], "--background: no such file"),
    "a folder": ({"data": "."}, [], "--data: expected a file that ends in .csv"),
    "unknown data suffix": ({"data": "rows.txt"}, [], "--data: expected a file that ends in .csv"),
    "unknown model suffix": ({"model": "rows.txt"}, [], "--model: expected a file that ends in"),
    "unknown out suffix": ({"out": "e.xlsx"}, [], "--out: expected a file that ends in .parquet"),
    "unknown report suffix": ({"report": "r.pdf"}, [], "--report: expected a file that ends in"),
    "broken parquet": ({"data": "broken.parquet"}, [], "--data: cannot read broken.parquet"),
    "empty csv": ({"data": "empty.csv"}, [], "--data: cannot read empty.csv"),
    "broken skops": ({"model": "broken.skops"}, [], "--model: cannot load broken.skops"),
    "untrusted type": ({"model": "odd.skops"}, [], "pass --trust-type test_cli.Odd"),
    "untrusted pickle": ({"model": "by_name.pkl"}, [], "pass --trust-pickle"),
    "broken pickle": ({"model": "broken.pkl"}, ["--trust-pickle"], "cannot load broken.pkl"),
    "no model in it": ({"model": "no_model.pkl"}, ["--trust-pickle"], "holds a dict"),
    "unknown target": ({"target": "nope"}, [], "--target: --background has no column 'nope'"),
    "target is a feature": ({"target": "debt"}, [], "--target: 'debt' is a column that the model"),
    "data lack a column": ({"data": "no_debt.csv"}, [], "--model: --data has no column 'debt'"),
    "background lacks one": ({"background": "no_debt.csv"}, [], "--background has no column"),
    "too many columns": (
        {"model": "by_position.skops", "target": None},
        [],
        "--model: was fitted on 3 columns, the data have 4 (age, income, debt, kind); name the",
    ),
    "unknown category": ({}, ["--categorical", "x"], "--categorical: --background has no column"),
    "rows beyond the end": ({"rows": "5:13"}, [], "--rows: 5:13 is not a part of the file's 12"),
    "no rows": ({"rows": "5:5"}, [], "--rows: 5:5 is not a part"),
    "rows backwards": ({"rows": "7:5"}, [], "--rows: 7:5 is not a part"),
    "no range": ({"rows": "five"}, [], "argument --rows: expected a range such as 0:100"),
    "negative range": ({"rows": "0:-1"}, [], "argument --rows: expected a range such as 0:100"),
    "no folder": ({"out": "none/e.csv"}, [], "--out: cannot write to the folder"),
    "out is a folder": ({"out": "folder.csv"}, [], "--out: cannot write to the folder"),
    "out is the data": ({"out": "test.csv"}, [], "--out: test.csv is the file of --data"),
    "no samples": ({"num_samples": "0"}, [], "argument --num-samples: expected a whole number"),
    "half a feature": ({}, ["--num-features", "1.5"], "argument --num-features: expected a whole"),
    "unknown discretizer": ({}, ["--discretizer", "x"], "discretizer"),
    "entropy of nothing": ({"target": None}, ["--discretizer", "entropy"], "--target"),
    "unknown algorithm": ({}, ["--algorithm", "x"], "`algorithm`: expected one of lime"),
    "unknown label": ({}, ["--labels", "ugly"], "`labels`"),
    "label out of range": ({}, ["--labels", "7"], "`labels`"),
    "too many labels": ({}, ["--top-labels", "7"], "`top_labels`"),
    "labels twice": ({}, ["--labels", "good", "--top-labels", "1"], "not allowed with argument"),
    "unknown option": ({}, ["--frobnicate"], "unrecognized arguments: --frobnicate"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bad_input_is_one_clear_line(cli, tmp_path, capsys, folder, case):
    changes, more, message = HOSTILE[case]
    before = sorted(folder.iterdir())
    changes = dict(changes)
    out = changes.pop("out", str(tmp_path / "e.csv"))
    if out == "folder.csv":
        out = str(folder / "rows.txt" / "e.csv")  # the folder is a file
    assert cli(out, *more, **changes) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1
    assert re.match("lime-jax( explain)?: error: ", lines[0])
    assert message in lines[0]
    assert sorted(folder.iterdir()) == before
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_read_the_columns_is_named(cli, folder, tmp_path, capsys):
    frame = make_frame(12, 1).assign(debt="much")
    frame.to_csv(tmp_path / "text.csv", index=False)
    text = str(tmp_path / "text.csv")
    assert cli(tmp_path / "e.csv", data=text, background=text) == 2
    assert "--model: fails on the first row to explain (ValueError: " in capsys.readouterr().err


def test_file_names_cannot_write_to_the_terminal(cli, tmp_path, capsys):
    assert cli(tmp_path / "e.csv", data="\x1b[2J\nrows.csv") == 2
    assert capsys.readouterr().err.rstrip("\n").isprintable()


def test_warnings_are_one_line_too(cli, tmp_path, capsys, monkeypatch):
    def explain(inputs, arguments):
        warnings.warn("mind\nthe gap", stacklevel=1)
        raise ValueError("and stop")

    monkeypatch.setattr(explain_command, "_explain", explain)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert cli(tmp_path / "e.csv") == 2
    assert capsys.readouterr().err.splitlines() == [
        "lime-jax: warning: mind the gap",
        "lime-jax explain: error: and stop",
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt(), 130), (OSError("disk full"), 2)])
def test_a_stopped_run_leaves_the_old_file(cli, tmp_path, monkeypatch, suffix, stop, code):
    out = tmp_path / f"e{suffix}"
    out.write_bytes(b"old")

    def write_half(explanations, path, *_):
        path.write_bytes(b"half")
        raise stop

    monkeypatch.setattr(files, "_write_csv", write_half)
    monkeypatch.setattr(files, "_write_parquet", write_half)
    monkeypatch.setattr(lime_jax.Explanations, "save", write_half)
    assert cli(out) == code
    assert out.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [out]


# The rest


def test_help_is_quick_and_shows_examples():
    script = (
        "import sys; from lime_jax.cli import main\n"
        "codes = [main(a) for a in (['--help'], ['demo', '--help'], ['explain', '--help'])]\n"
        "heavy = {'jax', 'numpy', 'sklearn', 'pandas', 'rich'} & set(sys.modules)\n"
        "assert codes == [0, 0, 0] and not heavy, (codes, heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("examples:\n  ") == 3


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lime-jax {lime_jax.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["explode"], ["explain"]])
def test_without_a_command_it_says_what_is_missing(capsys, argv):
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "--help" in said


def test_the_demo_in_a_process_of_its_own_fills_the_cache(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-m", "lime_jax", "demo", "--out", str(tmp_path / "a" / "b")],
        capture_output=True,
        text=True,
        timeout=110,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    made = {path.name for path in (tmp_path / "a" / "b").iterdir()}
    assert made == {"report.html", "summary.png", "explanations.parquet"}
    assert read(tmp_path / "a" / "b" / "explanations.parquet").row_id.nunique() == 114
    conditions = re.findall(r"^  .*(?:<|>).*  [+-]0\.\d{4}  +0\.\d{4}$", done.stdout, re.M)
    assert len(conditions) == 10
    ranking = done.stdout.partition("All 114 test rows")[2]
    strongest = re.findall(r"^  ([a-z ]+?)  +0\.\d{4}  +0\.\d{4}$", ranking, re.M)
    known = {"worst perimeter", "worst concave points", "worst area", "worst radius"}
    assert len(strongest) == 10
    assert known <= set(strongest[:5])
    assert re.search(r"^[\d,]+ rows per second: 114 rows in ", done.stdout, re.M)
    assert done.stdout.splitlines()[-4].startswith("Three things to try next")
    assert str(tmp_path / "a" / "b" / "report.html") in done.stdout.splitlines()[-3]
    assert any((tmp_path / "cache" / "lime_jax").iterdir())


def test_the_demo_without_extras(expected, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo_command, "_explain", lambda *_: (expected, 3.0, 0.5))
    monkeypatch.setattr(demo_command, "is_installed", lambda library: False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert_same_table(read(tmp_path / "explanations.csv"), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["explanations.csv", "report.html"]
    said = capsys.readouterr()
    assert "24 rows per second: 12 rows in 0.50 s" in said.out
    assert "no summary.png" in said.err


def test_the_demo_needs_a_folder(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "deeper")]) == 2
    assert "error: --out: cannot make the folder" in capsys.readouterr().err


def test_tables_on_a_terminal_show_names_literally(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    terminal.print_table("[b]title", ["name", "weight"], [["[red]a[/red]\x1b[2J", "+0.1"]])
    said = capsys.readouterr().out
    assert "[b]title" in said
    assert "[red]a[/red]\\x1b[2J" in said
    assert "━" in said  # drawn by rich
