"""Rows of any file are those of a parquet file: text as it stands, categories, compression."""

from __future__ import annotations

import gzip

import joblib
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

import lime_jax
from lime_jax.cli import explain as explain_command
from lime_jax.cli import job as job_command
from lime_jax.cli import main
from lime_jax.cli.encoders import encoded_texts, fitted_categories
from lime_jax.cli.errors import InputError

RNG = np.random.default_rng(0)
ROWS = 60
FRAME = pd.DataFrame(
    {
        "zip": [f"0{k}" for k in RNG.integers(1000, 1004, ROWS)],
        "region": RNG.choice(["NA", "EU", "null"], ROWS),
        "amount": RNG.normal(size=ROWS),
        "when": ["2024-01-01"] * ROWS,
    }
)
TARGET = ((FRAME.region == "NA") | (FRAME.zip == "01003")).to_numpy().astype(int)
CODES = ["zip", "region"]


def behind(encoder, columns=CODES):
    encoded = make_column_transformer((encoder, columns), remainder="drop")
    return make_pipeline(encoded, LogisticRegression())


MODELS = {
    "one-hot": lambda: behind(OneHotEncoder(handle_unknown="ignore")),
    "ordinal": lambda: behind(OrdinalEncoder()),
    "by number": lambda: behind(OneHotEncoder(), [0, 1]),
    "by mask": lambda: behind(OneHotEncoder(), [True, True, False, False]),
    "behind an imputer": lambda: behind(
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    ),
    "in a search": lambda: GridSearchCV(behind(OneHotEncoder()), {}, cv=2),
}


def write(frame, path):
    name = path.name.removesuffix(".gz")
    separator = "\t" if ".tsv" in name else ","
    if ".jsonl" in name:
        text = frame.to_json(orient="records", lines=True)
    elif ".parquet" in name:
        frame.to_parquet(path)
        return
    else:
        text = frame.to_csv(index=False, sep=separator)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Explain a file with a model; the explanations, or the message."""
    monkeypatch.chdir(tmp_path)
    for command in (explain_command, job_command):
        monkeypatch.setattr(command, "use_compilation_cache", lambda: None)

    def run(model, name, *more, out="e.npz", frame=FRAME, **files):
        joblib.dump(model, "m.joblib")
        write(frame, tmp_path / name)
        for other, rows in files.items():
            write(rows, tmp_path / other.replace("_", "."))
        command = ["explain", "--trust-pickle", "--model=m.joblib", f"--data={name}"]
        command += [f"--out={out}", "--num-samples=64", "--no-progress", *more]
        if main(command):
            return None
        found = lime_jax.load(tmp_path / out)
        return found[:] if out.endswith("/") else found

    return run


def assert_same(found, wanted):
    assert found.row_ids.tolist() == wanted.row_ids.tolist()
    np.testing.assert_array_equal(found.bins, wanted.bins)
    np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-5)
    assert found.conditions == wanted.conditions


@pytest.mark.parametrize("name", MODELS)
def test_what_an_encoder_knows_as_text_is_text(cli, name):
    model = MODELS[name]().fit(FRAME, TARGET)
    assert_same(cli(model, "a.csv"), cli(model, "a.parquet"))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv", "a.tsv.gz", "a.jsonl", "a.jsonl.gz"])
@pytest.mark.parametrize("out", ["e.npz", "e/"])
def test_every_format_gives_the_same(cli, name, out):
    model = MODELS["one-hot"]().fit(FRAME, TARGET)
    wanted = cli(model, "a.parquet")
    found = cli(model, name, out=out)
    np.testing.assert_array_equal(found.bins, wanted.bins)
    np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-5)


def by_code(rows):
    return np.stack([rows["zip"] == "01003", rows["zip"] != "01003"], axis=1).astype(float)


@pytest.mark.parametrize("out", ["e.npz", "e/"])
def test_text_is_what_the_one_who_asks_says(cli, out):
    found = cli(by_code, "a.csv", "--text", "zip", "--text", "region", out=out)
    assert "zip = 01003" in found.conditions
    assert "region = null" in found.conditions
    wanted = cli(by_code, "a.parquet")
    np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-5)


def test_a_text_column_that_is_not_there_is_named(cli, capsys):
    assert cli(by_code, "a.csv", "--text", "postcode") is None
    assert "--text: there is no column 'postcode'; there are ['zip'" in capsys.readouterr().err


def test_rows_are_read_as_the_training_rows_were(cli):
    numbers = FRAME.assign(zip="1003")  # alone it would be a column of numbers
    command = ["--background=b.parquet"]
    found = cli(by_code, "a.csv", *command, frame=numbers[:5], b_parquet=FRAME)
    assert found.value(0, 0) in ("1003", "unseen")
    assert found.names.categorical[0]


def test_words_for_nothing_are_missing_where_the_model_fills_gaps(cli):
    frame = FRAME.assign(region=RNG.choice(["EU", "AS", None], ROWS))
    model = MODELS["behind an imputer"]().fit(frame, TARGET)
    wanted = cli(model, "a.parquet", frame=frame)
    assert_same(cli(model, "a.csv", frame=frame.fillna({"region": "NA"})), wanted)


CATEGORIES = FRAME.drop(columns="when").assign(
    zip=FRAME.zip.astype("category"),
    region=pd.Categorical(FRAME.region, ["null", "NA", "EU"]),
    level=pd.Categorical(RNG.integers(3, 6, ROWS)),
)
BOOSTED = {
    "LightGBM": lambda: LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1),
    "XGBoost": lambda: XGBClassifier(n_estimators=3, enable_categorical=True),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=3),
}


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("name", BOOSTED)
@pytest.mark.parametrize("file", ["a.csv", "a.jsonl"])
def test_categories_are_those_of_the_model(cli, name, file):
    model = BOOSTED[name]().fit(CATEGORIES, TARGET)
    wanted, found = (cli(model, one, frame=CATEGORIES) for one in ("a.parquet", file))
    numbers = [model.predict_proba(CATEGORIES), found.prediction]
    np.testing.assert_allclose(numbers[1], numbers[0], atol=1e-6)
    np.testing.assert_allclose(found.prediction, wanted.prediction, atol=1e-6)
    if name != "histograms":  # whose numbers of a level stay numbers
        np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-5)


def test_categories_that_fit_no_column_are_named():
    model = LGBMClassifier(n_estimators=1, min_child_samples=2, verbose=-1)
    booster = model.fit(CATEGORIES[["region", "amount"]], TARGET).booster_
    with pytest.raises(InputError, match=r"1 category columns \(\['null', 'NA', 'EU'\]\).*parquet"):
        fitted_categories(booster, ["a", "b"], lambda name: {"x"})


def test_models_without_encoders_know_no_text():
    assert encoded_texts(LogisticRegression(), ["a"]) == {}
    assert encoded_texts(by_code, ["a"]) == {}


def test_lines_that_are_no_json_are_named(cli, capsys, tmp_path):
    model = MODELS["one-hot"]().fit(FRAME, TARGET)
    for text, words in {"{": "line 1 is no JSON", "[1]": "line 1 holds no object"}.items():
        (tmp_path / "b.jsonl").write_text(text + "\n")
        assert cli(model, "a.csv", "--background=b.jsonl") is None
        assert f"--background: cannot read b.jsonl ({words}" in capsys.readouterr().err


def test_another_encoding_is_named(cli, capsys, tmp_path):
    (tmp_path / "b.csv").write_bytes("zip,region\nKöln,EU\n".encode("latin-1"))
    assert cli(by_code, "a.csv", "--background=b.csv") is None
    assert "save it in the encoding UTF-8" in capsys.readouterr().err


UNCLEAR = {
    "semicolons": ("a;b\n1;2\n", "'a;b', which seems to be several, with ';' between"),
    "text for numbers": (
        "zip,region,amount,when\n01001,EU,much,x\n",
        "'amount' holds text such as",
    ),
    "another encoding": ("zip".encode("utf-16"), "save it in the encoding UTF-8"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_files_that_do_not_fit_say_why(cli, capsys, tmp_path, name):
    text, words = UNCLEAR[name]
    (tmp_path / "b.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    model = MODELS["one-hot"]().fit(FRAME, TARGET)
    assert cli(model, "a.csv", "--background=a.csv", "--data=b.csv") is None
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_a_model_that_fails_hears_which_columns_are_text(cli, capsys):
    model = LogisticRegression().fit(FRAME[["amount"]], TARGET)
    assert cli(model, "a.csv", frame=FRAME.assign(amount="much")) is None
    assert "the columns of text are 'amount' ('much', ...)" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["e.npz", "e/"])
def test_it_says_which_method_it_took(cli, capsys, out):
    exact = cli(DecisionTreeClassifier().fit(FRAME[["amount"]], TARGET), "a.csv", out=out)
    said = capsys.readouterr().out
    assert exact.method == "exact"
    assert "s, exact; model: jax: " in said
    assert "samples" not in said
    cli(by_code, "a.csv", "--text", "zip", out=out.replace("e", "s", 1))
    assert "sampled (64 samples); model: host: " in capsys.readouterr().out
