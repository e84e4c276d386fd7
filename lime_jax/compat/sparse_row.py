"""A sparse row of a `LimeTabularExplainer`, by samples: what is not zero is hidden, by zero.

It goes through the explainer's `base`, and nothing is compiled: programs for rows of all widths
take longer than thousands of rows here. The numbers are those of `tabular.sparse`, not
`lime`'s.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from lime_jax.compat.explanation import Explanation
from lime_jax.compat.outputs import called
from lime_jax.compat.packed import Samples, names_of, packed
from lime_jax.compat.table_results import output_facts
from lime_jax.compat.table_samples import distances
from lime_jax.compat.table_state import TableExplainer
from lime_jax.compat.tables import Asked
from lime_jax.tabular.sparse.explanations import SparseExplanations
from lime_jax.tabular.sparse.rows import as_csr, player_rows


def explain_row(owner: TableExplainer, row: Any, predict_fn: object, asked: Asked) -> Explanation:
    """One row by samples that `owner.base` explains."""
    row = as_csr(row, "data_row")
    columns = row.indices.astype(np.int64)
    masks = _masks(owner.random_state, asked.num_samples, len(columns))
    said = called(predict_fn, owner.mode)(player_rows(row).masked(0, masks))
    outputs = owner.checked_outputs(said, len(masks))
    found = owner.started(row, outputs[0], row)
    if owner.mode == "regression":
        found.min_value, found.max_value = outputs.min(), outputs.max()
    # A row of zeros has one player, who never does anything.
    data = masks.astype(np.float64) if len(columns) else np.zeros((len(masks), 1))
    away = _distances(owner, data, asked.distance_metric, row.shape[1])

    def pack(found: Explanation, samples: Samples) -> Any:
        players = columns if len(columns) else np.array([-1])
        facts = dict(
            values=np.resize(row.data, len(players)).astype(np.float64)[None],
            names=names_of("player", len(players)),
            columns=players[None],
            column_names=tuple(map(str, owner.feature_names)),
            **output_facts(owner, samples.outputs),
        )
        return packed(SparseExplanations, found, owner.base, samples, facts, asked.model_regressor)

    owner.fill(found, Samples(data, outputs, away), asked, pack)
    return by_column(found, columns, asked.num_features, row.shape[1])


def _masks(random: np.random.RandomState, count: int, players: int) -> np.ndarray:
    """(samples, players) who is there: first all, then any smaller number is as likely.

    Example:
        >>> _masks(np.random.RandomState(0), 3, 2).shape
        (3, 2)
    """
    masks = np.ones((count, players), bool)
    again = np.arange(1, count if players else 1)
    while len(again):
        drawn = random.uniform(size=(len(again), players))
        masks[again] = drawn < random.uniform(size=(len(again), 1))
        again = again[masks[again].all(1)]
    return masks


def _distances(owner: TableExplainer, data: np.ndarray, metric: object, width: int) -> np.ndarray:
    """(samples,) from the row; without a width of the user's own, as shares of the largest."""
    away = distances(data, metric)
    if owner.has_width:
        return away
    ends = np.stack([np.ones(data.shape[1]), np.zeros(data.shape[1])])
    return away * np.sqrt(width) / distances(ends, metric)[1]


def by_column(found: Explanation, columns: np.ndarray, count: int, width: int) -> Explanation:
    """Weights by number of column, and zeros of other columns up to `count`, as `lime` has them."""
    numbers = columns.tolist() or [0]
    taken = set(numbers)
    for label, pairs in found.local_exp.items():
        listed = [(numbers[place], weight) for place, weight in pairs]
        others = (k for k in range(width) if k not in taken)
        more = itertools.islice(others, max(count - len(listed), 0))
        found.local_exp[label] = listed + [(k, 0.0) for k in more]
    found.places = {column: place for place, column in enumerate(numbers)}
    return found
