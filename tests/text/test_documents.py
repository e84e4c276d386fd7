"""Texts as they come, and masked texts, against `lime`'s own strings."""

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
from lime.lime_text import IndexedString

from lime_jax.text.documents import Document, read_document, read_texts
from tests.house import all_coalitions

TEXT = "The good, the bad -- and the ugly, good."


def masked(document, masks, replace=None):
    return list(document.masked(np.atleast_2d(masks), replace))


@pytest.mark.parametrize("is_bag", [True, False])
def test_masked_texts_are_those_of_lime(is_bag):
    indexed = IndexedString(TEXT, bow=is_bag, mask_string="UNKWORDZ")
    document = read_document(TEXT, r"\W+", "distinct" if is_bag else "positions")
    players = indexed.num_words()
    assert document.num_players == players == (6 if is_bag else 8)
    masks = all_coalitions(players)
    expected = [indexed.inverse_removing(np.flatnonzero(~mask)) for mask in masks]
    found = masked(document, masks, None if is_bag else lambda piece: "UNKWORDZ")
    assert found == expected


def test_places_of_a_distinct_word_go_together():
    document = read_document(TEXT, "word", "distinct")
    assert document.times.tolist() == [1, 2, 2, 1, 1, 1]
    mask = np.ones(6, bool)
    mask[1] = False
    assert masked(document, mask) == ["The , the bad -- and the ugly, ."]
    assert masked(document, mask, str.upper) == ["The GOOD, the bad -- and the ugly, GOOD."]


def test_padding_is_not_looked_at():
    document = read_document("a b", "word", "distinct")
    assert masked(document, [[True, False, True], [False, True, False]]) == ["a ", " b"]


def test_other_players():
    text = "One. Two three. Four"
    assert read_document(text, "word", "sentences").num_players == 3
    some = read_document(text, "word", [(5, 8), (0, 3)])
    assert masked(some, [False, True]) == [". Two three. Four"]
    by_function = read_document(text, "word", lambda text: [(0, 4)])
    assert masked(by_function, [False]) == [" Two three. Four"]


def test_an_empty_text_and_one_without_words():
    for text in ("", " ..."):
        document = read_document(text, "word", "distinct")
        assert (document.num_players, document.problem) == (0, "")
        assert masked(document, np.zeros((2, 0), bool)) == [text, text]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (None, "missing (None)"),
        (float("nan"), "missing (nan)"),
        (pandas.NA, "missing (<NA>)"),
        (3.5, "expected a text, got float"),
        (b"bytes", "expected a text, got bytes"),
        (["a"], "expected a text, got list"),
        ("\ud800", "surrogate"),
    ],
)
def test_what_is_no_text_says_why(cell, why):
    document = read_document(cell, "word", "distinct")
    assert why in document.problem
    assert document.num_players == 0


def test_what_cannot_be_cut_says_why():
    lower = read_document("Good", lambda text: [text.lower()], "distinct")
    assert "'good' is not found" in lower.problem
    assert lower.text == "Good"
    long = read_document(" ".join(map(str, range(3001))), "word", "distinct")
    assert "the text has 3,001, and an explanation is of 3,000 at most" in long.problem


def test_texts_come_in_many_ways():
    texts = ["a b", "c"]
    for came in (
        *(texts, tuple(texts), np.array(texts), np.array(texts, object), iter(texts)),
        *(pandas.Series(texts), polars.Series(texts), pa.array(texts), pa.chunked_array([texts])),
    ):
        assert read_texts(came) == texts
    assert read_texts("a b") == ["a b"]
    assert all(type(cell) is str for cell in read_texts(np.array(texts)))
    for wrong in (pandas.DataFrame({"a": texts}), {"a": texts}, 3):
        with pytest.raises(ValueError, match="`texts`: expected texts, such as a list"):
            read_texts(wrong)


def test_a_long_token_takes_no_more_memory_than_itself():
    text = "x" * 20_000 + " " + "y " * 5_000
    document = read_document(text, "word", "distinct")
    assert isinstance(document, Document)
    assert document.spans.nbytes < 100_000
    assert masked(document, [False, True]) == [" " + "y " * 5_000]
