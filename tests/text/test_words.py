"""Words of any script, as Unicode's rules cut them (UAX #29), and characters with their marks."""

import pytest

from lime_jax.text.words import character_spans, word_spans


def words(text):
    return [text[start:end] for start, end in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The good, the bad", ["The", "good", "the", "bad"]),
        ("don't can\u2019t o'clock", ["don't", "can\u2019t", "o'clock"]),
        ("'quoted' rock'n'roll'", ["quoted", "rock'n'roll"]),
        ("3.14 and 1,000,000. 7,", ["3.14", "and", "1,000,000", "7"]),
        ("e.g. a.b snake_case B2B", ["e.g", "a.b", "snake_case", "B2B"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ไม่ดี", ["ไม่ดี"]),
        ("cafe\u0301 nai\u0308ve", ["cafe\u0301", "nai\u0308ve"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("你好 world", ["你", "好", "world"]),
        ("カタカナ ひら", ["カタカナ", "ひ", "ら"]),
        ("Привет, мир", ["Привет", "мир"]),
        ("so 😀 good 👍🏽!", ["so", "😀", "good", "👍🏽"]),
        ("👩‍👩‍👧 🇩🇪🇫🇷", ["👩‍👩‍👧", "🇩🇪", "🇫🇷"]),
        ("soft\u00adhyphen", ["soft\u00adhyphen"]),
        ("", []),
        ("... -- !?", []),
        ("a" * 20_000, ["a" * 20_000]),
    ],
)
def test_words_are_those_that_readers_see(text, expected):
    assert words(text) == expected


def test_characters_keep_their_marks_and_are_all_there():
    text = "cafe\u0301 हि 👩‍👧🇩🇪\r\n"
    spans = character_spans(text)
    characters = [text[start:end] for start, end in spans]
    assert "".join(characters) == text
    assert characters[:6] == ["c", "a", "f", "e\u0301", " ", "हि"]
    assert characters[7:9] == ["👩‍👧", "🇩🇪"]
