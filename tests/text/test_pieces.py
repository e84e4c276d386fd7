"""How a text is cut: by names, patterns, functions and tokenizers; against `lime`."""

import re

import pytest
import tokenizers
from lime.lime_text import IndexedString

from lime_jax import TextExplainer
from lime_jax.text.pieces import check_split, checked_spans, mask_of, pad_of, pieces_of


def cut(text, split):
    return [text[start:end] for start, end in pieces_of(text, split)]


@pytest.mark.parametrize(
    "text", ["The good, the bad - and \n so on.", "x", " ..a", "tail...", "don't do"]
)
def test_a_pattern_cuts_as_it_does_in_lime(text):
    indexed = IndexedString(text, bow=False, split_expression=r"\W+")
    expected = [indexed.word(k) for k in range(indexed.num_words())]
    assert cut(text, r"\W+") == expected
    assert cut(text, re.compile(r"\W+")) == expected


def test_groups_of_a_pattern_are_no_pieces():
    assert cut("good, bad day", r"(\s|,)+") == ["good", "bad", "day"]
    assert cut("one1two22", r"(?P<n>\d)+") == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is. Is it? Yes!", ["It is.", "Is it?", "Yes!"]),
        ('He said "no." Then left…  Well', ['He said "no."', "Then left…", "Well"]),
        ("pi is 3.14 e.g. here\nnew line", ["pi is 3.14 e.g. here", "new line"]),
        ("你好。再见\uff01", ["你好。", "再见\uff01"]),
        ("एक वाक्य। दूसरा", ["एक वाक्य।", "दूसरा"]),
        ("no end", ["no end"]),
        (" \n ", []),
    ],
)
def test_sentences(text, expected):
    assert cut(text, "sentence") == expected


def test_a_function_gives_tokens_or_their_places():
    assert cut("to be or", str.split) == ["to", "be", "or"]
    assert cut("aa a", lambda text: ["a", "", "a"]) == ["a", "a"]
    assert pieces_of("abc", lambda text: [(2, 3), (0, 1)]) == [(0, 1), (2, 3)]
    assert pieces_of("abc", lambda text: []) == []


def test_tokens_that_are_not_in_the_text_are_refused():
    with pytest.raises(ValueError, match="'good' is not found after character 0"):
        pieces_of("Good day", lambda text: text.lower().split())


class Tokenizer:
    """As `tokenizers` has it: offsets by `encode`."""

    vocabulary = ("[MASK]",)

    def encode(self, text, add_special_tokens=True):
        assert not add_special_tokens
        words = [match.span() for match in re.finditer(r"\w{1,3}", text)]
        self.offsets = [(0, 0), *words, (len(text), len(text))]
        return self

    def token_to_id(self, token):
        return {"[MASK]": 4}.get(token)


class FastTokenizer:
    """As `transformers` has it: offsets by calling it."""

    mask_token = "<mask>"

    def __init__(self, is_fast=True):
        self.is_fast = is_fast

    def __call__(self, text, add_special_tokens, return_offsets_mapping):
        assert (add_special_tokens, return_offsets_mapping) == (False, True)
        return {"offset_mapping": [(0, 2), (2, 3), (2, 3), (3, 5)]}  # bytes of one character


def test_tokenizers_say_where_their_tokens_are():
    assert cut("unable is", Tokenizer()) == ["una", "ble", "is"]
    assert mask_of(Tokenizer()) == "[MASK]"
    assert pieces_of("abcde", FastTokenizer()) == [(0, 2), (2, 3), (3, 5)]
    assert mask_of(FastTokenizer()) == "<mask>"
    assert mask_of("word") is None
    with pytest.raises(ValueError, match="load its fast version"):
        pieces_of("abcde", FastTokenizer(is_fast=False))


def test_a_library_of_tokenizers():
    model = tokenizers.models.WordPiece({"[UNK]": 0, "un": 1, "##able": 2}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    assert cut("Unable", tokenizer) == ["Un", "able"]
    assert pad_of(tokenizer) is None
    tokenizer.enable_padding(pad_token="<none>")
    assert pad_of(tokenizer) == "<none>"
    asked = set()

    def length(texts):
        asked.update(texts)
        return [len(text) for text in texts]

    TextExplainer(split=tokenizer, hide="pad").explain("unable", length)
    assert asked == {"<none><none>", "un<none>", "<none>able", "unable"}
    with pytest.raises(ValueError, match="'pad' needs a tokenizer with a padding token"):
        TextExplainer(hide="pad").explain("unable", length)


@pytest.mark.parametrize(
    ("split", "why"),
    [("wrods", "'wrods'"), ("(", "unterminated|missing"), (3, "got 3"), (None, "got None")],
)
def test_what_cuts_nothing_is_refused(split, why):
    with pytest.raises(ValueError, match=rf"`split`: expected .*({why})"):
        check_split(split)


def test_places_lie_in_the_text_and_apart():
    assert checked_spans("abcd", [(2, 4), (0, 1)], "`players`") == [(0, 1), (2, 4)]
    for wrong, why in (([(0, 5)], "length"), ([(0, 2), (1, 3)], "overlap"), ([3], "pairs")):
        with pytest.raises(ValueError, match=f"`players`: .*{why}"):
            checked_spans("abcd", wrong, "`players`")
