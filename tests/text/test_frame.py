"""Texts in a column of a frame: each row keeps its other columns."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import lime_jax
from tests.house import all_coalitions, shapley_values

WORDS = ("clean", "dirty", "kind", "rude")
RNG = np.random.default_rng(3)
TEXTS = [" ".join(RNG.permutation(WORDS)[: RNG.integers(1, 5)]) for _ in range(40)]
FRAME = pd.DataFrame(
    {
        "nights": RNG.integers(0, 5, 40),
        "review": TEXTS,
        "city": pd.Categorical(RNG.choice(["Kyiv", "Oslo"], 40)),
    },
    index=[f"stay {k}" for k in range(40)],
)
COLUMNS = ColumnTransformer(
    [
        ("words", TfidfVectorizer(), "review"),
        ("city", OneHotEncoder(), ["city"]),
        ("nights", "passthrough", ["nights"]),
    ]
)
BAD = ["dirty" in text or nights > 3 for text, nights in zip(TEXTS, FRAME.nights, strict=True)]
PIPELINE = make_pipeline(COLUMNS, LogisticRegression(C=10)).fit(FRAME, BAD)
ROWS = FRAME.iloc[:5].assign(
    review=["clean kind rude", "dirty rude", "clean kind rude", "kind", "rude dirty clean"],
    nights=[0, 4, 3, 1, 2],
)


def values_of(row):
    """Shapley values of each distinct word, from the pipeline's own words on all masked rows."""
    words = row.review.split()
    masks = all_coalitions(len(words))
    masked = pd.concat([row.to_frame().T] * len(masks)).infer_objects()
    hidden = [row.review] * len(masks)
    for number, mask in enumerate(masks):
        for word, is_there in zip(words, mask, strict=True):
            if not is_there:
                hidden[number] = hidden[number].replace(word, "")
    masked["review"] = hidden
    return shapley_values(PIPELINE.predict_proba(masked)[:, 1:])[0]


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
def test_values_are_those_of_the_rows_that_the_pipeline_sees(make):
    pipeline = PIPELINE
    if make is pl.from_pandas:
        pipeline = lambda rows: PIPELINE.predict_proba(rows.to_pandas())  # noqa: E731
    explainer = lime_jax.TextExplainer("kernel_shap", class_names=["good", "bad"])
    found = explainer.explain(make(ROWS), pipeline, column="review", labels=[1])
    for number, (_, row) in enumerate(ROWS.iterrows()):
        count = len(row.review.split())
        np.testing.assert_allclose(found.coef[number, 0, :count], values_of(row), atol=1e-6)
    np.testing.assert_allclose(
        found.prediction[:, 1], PIPELINE.predict_proba(ROWS)[:, 1], atol=1e-7
    )
    assert type(found[0].text) is str


def test_equal_texts_of_two_rows_are_asked_with_the_values_of_each():
    found = lime_jax.TextExplainer().explain(ROWS, PIPELINE, column="review", labels=[True])
    assert ROWS.review.iloc[0] == ROWS.review.iloc[2]
    assert abs(found.coef[0] - found.coef[2]).max() > 1e-3
    again = lime_jax.TextExplainer().explain(ROWS[2:3], PIPELINE, column="review", labels=[True])
    np.testing.assert_allclose(again.coef[0], found.coef[2, :, :3], atol=1e-7)


KIND = {
    "pandas": lambda frame, name: frame.dtypes[name],
    "polars": lambda frame, name: frame.schema[name],
    "arrow": lambda frame, name: frame.schema.field(name).type,
}


@pytest.mark.parametrize("library", list(KIND))
def test_all_other_columns_come_as_they_are(library):
    seen = []

    def count(rows):
        seen.append(rows)
        return np.array([len(str(text)) for text in rows["review"]], float)

    makers = {"pandas": pd.DataFrame, "polars": pl.from_pandas, "arrow": pa.Table.from_pandas}
    frame = makers[library](ROWS)
    lime_jax.TextExplainer().explain(frame, count, column="review")
    words = {night: set(text.split()) for night, text in zip(ROWS.nights, ROWS.review, strict=True)}
    for rows in seen:
        assert type(rows) is type(frame)
        for name in ("nights", "city"):
            assert KIND[library](rows, name) == KIND[library](frame, name)
        for night, text in zip(list(rows["nights"]), list(rows["review"]), strict=True):
            assert set(str(text).split()) <= words[int(str(night))]


def test_a_row_without_text_has_no_explanation():
    rows = ROWS.assign(review=["clean kind", None, np.nan, "rude", "dirty"])
    found = lime_jax.TextExplainer().explain(rows, PIPELINE, column="review")
    assert [bool(problem) for problem in found.problems] == [False, True, True, False, False]
    assert list(found.row_ids) == list(ROWS.index)


def test_what_cannot_be_is_refused_by_the_name_of_its_argument():
    explainer = lime_jax.TextExplainer()
    with pytest.raises(ValueError, match=r"`column`: expected one of the columns .*'nights'"):
        explainer.explain(ROWS, PIPELINE, column="text")
    with pytest.raises(ValueError, match=r"`texts`: expected a frame.*got list"):
        explainer.explain(["clean"], PIPELINE, column="review")
    with pytest.raises(ValueError, match="`column` of `explain` names the column"):
        explainer.explain(ROWS, PIPELINE)
    with pytest.raises(ValueError, match=r"`texts`: .*unique column names"):
        explainer.explain(ROWS[["review", "review"]], PIPELINE, column="review")


def test_a_column_may_be_called_by_a_number():
    frame = ROWS[["review", "nights"]].set_axis([0, 1], axis=1)

    def nights(rows):
        return rows[1].to_numpy() + rows[0].str.len().to_numpy() / 100

    found = lime_jax.TextExplainer().explain(frame, nights, column=0)
    np.testing.assert_allclose(found.prediction[:, 0] // 1, ROWS.nights)
