"""Players: columns, or groups of columns that are shown and hidden together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from lime_jax.arguments import as_list, column_number, column_numbers
from lime_jax.results.names import FeatureNames
from lime_jax.tabular import frames


@dataclasses.dataclass(frozen=True)
class Players:
    """Which columns belong to which player.

    Attributes:
        columns: numbers of the columns of each.
        player_of: (features,) the player of every column; -1: it always keeps the row's value.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    player_of: np.ndarray

    def __len__(self) -> int:
        """Number of players."""
        return len(self.names)

    def values_of(self, values: np.ndarray) -> np.ndarray:
        """(rows, players): a column's own number; NaN for a group, which has several."""
        if self.columns == tuple((k,) for k in range(values.shape[1])):
            return values
        found = values[:, [columns[0] for columns in self.columns]]
        found[:, [len(columns) > 1 for columns in self.columns]] = np.nan
        return found

    def feature_names(self, names: FeatureNames) -> FeatureNames:
        """Of the players, from those of the columns; a group of columns has no levels."""
        alone = [columns[0] if len(columns) == 1 else None for columns in self.columns]
        return FeatureNames(
            self.names,
            tuple(None if k is None else names.levels[k] for k in alone),
            tuple(None if k is None else names.times[k] for k in alone),
            tuple(2 if k is None else names.decimals[k] for k in alone),
        )


def make_players(schema: frames.Schema, groups: object, features: object) -> Players:
    """See which columns play together.

    Args:
        groups: names or numbers of the columns of each group, by its name or in a list; columns
            that are in none play alone.
        features: names or numbers of the columns that play at all; None: all.

    Raises:
        ValueError: if a column is in two groups, or a group is empty or not played as a whole.

    Example:
        >>> schema = frames.Schema("array", ("a", "b", "c"), (False,) * 3, (None,) * 3)
        >>> make_players(schema, {"ac": ["a", "c"]}, None).names
        ('ac', 'b')
    """
    played = set(range(len(schema.columns)))
    if features is not None:
        played = set(column_numbers(schema.columns, as_list(features), "features"))
        if not played:
            raise ValueError("`features`: expected columns that play, got no columns")
    named = _named_groups(schema, groups)
    seen: dict[int, str] = {}
    for name, columns in named.items():
        for column in columns:
            if column in seen:
                raise ValueError(
                    f"`groups`: column {schema.columns[column]!r} is in {seen[column]!r} and in "
                    f"{name!r}; a column plays in one group"
                )
            seen[column] = name
        if not played.issuperset(columns):
            raise ValueError(f"`features`: expected all or no columns of the group {name!r}")
    named |= {schema.columns[k]: (k,) for k in sorted(played - set(seen))}
    order = sorted(named, key=lambda name: named[name][0])
    player_of = np.full(len(schema.columns), -1, np.int32)
    for number, name in enumerate(order):
        player_of[list(named[name])] = number
    return Players(tuple(order), tuple(named[name] for name in order), player_of)


def _named_groups(schema: frames.Schema, groups: object) -> dict[str, tuple[int, ...]]:
    if groups is None:
        return {}
    if isinstance(groups, str) or not isinstance(groups, Mapping | Sequence | np.ndarray):
        raise ValueError(
            "`groups`: expected lists of columns, or a mapping from a name to such a list, "
            f"got {type(groups).__name__}"
        )
    numbered = {}
    for name, columns in groups.items() if isinstance(groups, Mapping) else enumerate(groups):
        if isinstance(columns, str) or not hasattr(columns, "__iter__"):
            raise ValueError(f"`groups`: expected a list of columns for {name!r}, got {columns!r}")
        found = tuple(sorted(column_number(schema.columns, c, "groups") for c in as_list(columns)))
        if not found:
            raise ValueError(f"`groups`: expected at least one column in {name!r}, got none")
        if not isinstance(name, str):
            name = " & ".join(schema.columns[k] for k in found)
        if len(set(found)) < len(found):
            raise ValueError(f"`groups`: a column is twice in {name!r}")
        numbered[name] = found
    taken = {k for found in numbered.values() for k in found}
    alone = {column for k, column in enumerate(schema.columns) if k not in taken}
    clash = sorted(alone & set(numbered))
    if clash:
        raise ValueError(f"`groups`: {clash[0]!r} is also the name of a column; choose another")
    return numbered
