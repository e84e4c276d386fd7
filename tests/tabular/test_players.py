"""Players are columns, or the groups of columns that are named."""

import numpy as np
import pytest

from lime_jax.tabular import frames
from lime_jax.tabular.players import make_players

SCHEMA = frames.learn_schema(np.zeros((1, 4)), feature_names=["a", "b", "c", "d"])

PLAYERS = {
    "columns": (None, None, ("a", "b", "c", "d"), [0, 1, 2, 3]),
    "a named group": ({"g": ["b", "d"]}, None, ("a", "g", "c"), [0, 1, 2, 1]),
    "a list, by number and name": ([[3, "b"]], None, ("a", "b & d", "c"), [0, 1, 2, 1]),
    "an array": ([np.array([0, 1])], None, ("a & b", "c", "d"), [0, 0, 1, 2]),
    "all columns in one": ({"all": range(4)}, None, ("all",), [0, 0, 0, 0]),
    "a group of one column": ({"g": ["a"]}, None, ("g", "b", "c", "d"), [0, 1, 2, 3]),
    "two groups": ([["d", "a"], ["c", "b"]], None, ("a & d", "b & c"), [0, 1, 1, 0]),
    "no groups": ([], None, ("a", "b", "c", "d"), [0, 1, 2, 3]),
    "held columns": (None, ["c", 0], ("a", "c"), [0, -1, 1, -1]),
    "groups and held columns": ({"g": ["d", "b"]}, [1, 3, 2], ("g", "c"), [-1, 0, 1, 0]),
    "columns in an array": (None, np.array([2]), ("c",), [-1, -1, 0, -1]),
    "a group in the name of its column": ({"a": ["a", "c"]}, None, ("a", "b", "d"), [0, 1, 0, 2]),
}


@pytest.mark.parametrize("name", PLAYERS)
def test_who_plays(name):
    groups, features, names, player_of = PLAYERS[name]
    players = make_players(SCHEMA, groups, features)
    assert players.names == names
    assert len(players) == len(names)
    assert players.player_of.tolist() == player_of
    for number, columns in enumerate(players.columns):
        assert columns == tuple(np.flatnonzero(players.player_of == number))


REFUSED = {
    "a column in two groups": (
        [["a", "b"], ["b"]],
        None,
        r"`groups`: column 'b' is in 'a & b' and",
    ),
    "a column twice": ({"g": ["a", 0]}, None, r"`groups`: a column is twice in 'g'"),
    "an empty group": ({"g": []}, None, r"`groups`: expected at least one column in 'g', got none"),
    "an empty list": ([[]], None, r"`groups`: expected at least one column in 0, got none"),
    "no such column": ([["z"]], None, r"`groups`: expected names or numbers.*got 'z'"),
    "no such number": ([[4]], None, r"`groups`: expected names or numbers of the 4 columns, got 4"),
    "text": ("ab", None, r"`groups`: expected lists of columns, or a mapping.*got str"),
    "text for a list": (
        {"g": "ab"},
        None,
        r"`groups`: expected a list of columns for 'g', got 'ab'",
    ),
    "a list of text": (["a", "b"], None, r"`groups`: expected a list of columns for 0, got 'a'"),
    "a number": (3, None, r"`groups`: expected lists of columns.*got int"),
    "the name of another column": ({"a": ["b", "c"]}, None, r"`groups`: 'a' is also the name of"),
    "a group that plays in part": ({"g": ["a", "b"]}, ["a"], r"`features`: .*the group 'g'"),
    "nobody plays": (None, [], r"`features`: .*got no columns"),
    "no such feature": (None, ["z"], r"`features`: expected names or numbers.*got 'z'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_players_is_refused(name):
    groups, features, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        make_players(SCHEMA, groups, features)


def test_names_of_lists_may_not_be_the_same():
    names = ["a", "b & c", "b", "c"]
    schema = frames.learn_schema(np.zeros((1, 4)), feature_names=names)
    with pytest.raises(ValueError, match=r"`groups`: 'b & c' is also the name of a column"):
        make_players(schema, [["b", "c"]], None)
