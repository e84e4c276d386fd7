"""`lime-jax explain --text-column`: a column of texts, to a table, a page or a folder."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import lime_jax
from lime_jax.cli import job as job_command
from lime_jax.cli import main
from lime_jax.cli import texts as texts_command

TEXTS = ["a great film", "dull and awful", "001 great, great", "NA", "an awful great day"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts and a model on disk; nothing in here may be changed."""
    folder = tmp_path_factory.mktemp("texts")
    frame = pd.DataFrame({"review": TEXTS, "stars": [5, 1, 5, 3, 2]})
    frame.to_csv(folder / "reviews.csv", index=False)
    frame.to_parquet(folder / "reviews.parquet", index=False)
    model = make_pipeline(CountVectorizer(token_pattern=r"\w+"), LogisticRegression())
    joblib.dump(model.fit(TEXTS, ["good", "bad", "good", "bad", "bad"]), folder / "model.joblib")
    joblib.dump(LogisticRegression().fit(np.eye(2), [0, 1]), folder / "numbers.joblib")
    return folder


@pytest.fixture
def cli(folder, monkeypatch, tmp_path):
    """Run the command on the files; options are changed by name, None leaves one out."""
    monkeypatch.chdir(folder)
    for command in (job_command, texts_command):
        monkeypatch.setattr(command, "use_compilation_cache", lambda: None)

    def run(**changes):
        options = {
            "model": "model.joblib",
            "data": "reviews.csv",
            "text_column": "review",
            "out": f"{tmp_path}/words.csv",
            **changes,
        }
        given = [f"--{name.replace('_', '-')}={v}" for name, v in options.items() if v is not None]
        return main(["explain", "--trust-pickle", *given])

    return run


@pytest.fixture(scope="module")
def wanted(folder):
    model = joblib.load(folder / "model.joblib")
    return lime_jax.TextExplainer().explain(TEXTS, model, top_labels=1)


@pytest.mark.parametrize("data", ["reviews.csv", "reviews.parquet"])
def test_a_table_and_a_page_of_texts(cli, wanted, tmp_path, capsys, data):
    page = tmp_path / "report.html"
    assert cli(data=data, top_labels=1, report=page) == 0
    found = pd.read_csv(tmp_path / "words.csv", keep_default_na=False)
    expected = wanted.to_pandas()
    assert found.feature.tolist() == expected.feature.tolist()
    np.testing.assert_allclose(found.weight, expected.weight, atol=1e-6)
    assert "great" in page.read_text()
    assert capsys.readouterr().out.startswith("explained 5 texts, 1 output each, in ")


def test_some_texts_keep_their_numbers(cli, tmp_path):
    assert cli(rows="2:4", num_features=1) == 0
    assert set(pd.read_csv(tmp_path / "words.csv").row_id) == {2, 3}


def test_a_folder_of_texts(cli, wanted, tmp_path, capsys):
    out = f"{tmp_path}/out/"
    assert cli(out=out, rows_per_part=2, top_labels=1) == 0
    stored = lime_jax.load(out)
    assert stored[:].words == wanted.words
    np.testing.assert_allclose(stored[:].coef, wanted.coef, atol=1e-6)
    assert capsys.readouterr().out.startswith("explained 5 texts in 3 parts, 3 of them made in ")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text_column": "body"}, "--data has no column 'body'; it has"),
        ({"background": "reviews.csv"}, "--background: belongs to tables"),
        ({"discretizer": "decile"}, "--discretizer: belongs to tables"),
        ({"model": "numbers.joblib"}, "--model: fails on the first text"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(cli, capsys, changes, why):
    assert cli(**changes) == 2
    assert why in capsys.readouterr().err
