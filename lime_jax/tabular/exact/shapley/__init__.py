"""Shapley values without sampling, for models that are sums over trees or over columns.

The value of a coalition is the mean of the model over a background, where the coalition's columns
keep the row's own values: interventional Shapley values, as `shap.KernelExplainer` estimates them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int

from lime_jax.models.structure import Additive, MixedSum, Structure, TreeSum
from lime_jax.tabular.exact.shapley.additive import AdditiveGame, ShapleyAdditiveForm, additive_game
from lime_jax.tabular.exact.shapley.trees import TABLE_BYTES, ShapleyTreeForm, TreeGame, tree_game
from lime_jax.typing import ClosedForm

__all__ = ["shapley_form", "shapley_tables", "shapley_why_not"]


def shapley_why_not(
    structure: Structure | None,
    num_features: int,
    categorical: Bool[np.ndarray, " features"],
    link: str = "identity",
) -> str:
    """Why there is no closed form.

    Returns:
        The reason in words; empty if there is a closed form.

    Example:
        >>> shapley_why_not(None, 2, np.array([False, True]))
        'the model is not a sum over trees or over columns'
    """
    if structure is None:
        return "the model is not a sum over trees or over columns"
    if link != "identity":
        return f"behind a {link} link the model is no longer a sum over trees or over columns"
    if structure.num_features != num_features:
        return f"the model has {structure.num_features} columns, the table {num_features}"
    if isinstance(structure, MixedSum):
        asked = num_features, categorical, link
        return shapley_why_not(structure.trees, *asked) or shapley_why_not(
            structure.columns, *asked
        )
    if isinstance(structure, Additive):
        by_level, by_number = np.flatnonzero(np.diff(structure.level_offsets)), np.zeros(0, int)
    elif not structure.level_sets:
        return ""
    else:
        is_set = structure.level_set >= 0
        by_level = np.unique(structure.column[is_set])
        by_number = np.unique(structure.column[(structure.column >= 0) & ~is_set])
    numeric = by_level[~np.asarray(categorical)[by_level]]
    if len(numeric):
        return (
            f"the model splits column {numeric[0]} by levels, but here it is numeric; "
            "name it in `categorical_features`"
        )
    both = np.intersect1d(by_level, by_number)
    if len(both):
        return f"the model tests column {both[0]} both by levels and by numbers"
    return ""


def shapley_tables(
    structure: TreeSum | Additive,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    num_players: int,
    *,
    table_bytes: int = TABLE_BYTES,
) -> Any:
    """What does not depend on the rows to explain; for the caller to keep.

    Args:
        background: numbers, NaN where missing, and level codes, -1 for an unknown one.
        groups: player of each column, 0 to `num_players` - 1; -1 for a column that always keeps
            the row's own value.
        table_bytes: memory for tables of short boxes; the values are the same without.
    """
    if isinstance(structure, Additive):
        return additive_game(structure, background, weights, groups, num_players)
    return tree_game(structure, background, weights, groups, num_players, table_bytes)


def shapley_form(tables: TreeGame | AdditiveGame) -> ClosedForm:
    """The Shapley values of rows as a formula.

    Returns:
        A pytree; its instances are (rows, columns) of numbers and level codes.
    """
    if isinstance(tables, AdditiveGame):
        return ShapleyAdditiveForm(tables)
    return ShapleyTreeForm(tables)
