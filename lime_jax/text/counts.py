"""Words that are counted one by one: what each word of a text adds to the counts.

Under a mask the counts of a text are those that always stand there, and what each word adds that
is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from lime_jax.masked.rows import Csr, PlayerRows
from lime_jax.text.documents import Document, Replace


def word_counts(
    count: Callable[[Sequence[str]], Csr], documents: Sequence[Document], replace: Replace | None
) -> PlayerRows:
    """Count each distinct piece of some texts once, and see what the players are made of."""
    known: defaultdict[str, int] = defaultdict()
    known.default_factory = known.__len__
    start = np.cumsum([0, *(document.num_players for document in documents)])
    added, always = _Entries(), _Entries()
    for row, document in enumerate(documents):
        text, (starts, ends, players) = document.text, document.spans.tolist()
        pieces = [text[a:b] for a, b in zip(starts, ends, strict=True)]
        between = [text[a:b] for a, b in zip([0, *ends], [*starts, len(text)], strict=True)]
        mine = start[row] + np.array(players, np.int64)
        added.extend(mine, [known[piece] for piece in pieces], 1)
        if replace is not None:
            instead = [known[replace(piece)] for piece in pieces]
            added.extend(mine, instead, -1)
            always.extend(np.full(len(pieces), row), instead, 1)
        always.extend(np.full(len(between), row), [known[part] for part in between], 1)
    counted = sparse.csr_array(count(list(known)))
    whole = count([document.text for document in documents])
    shapes = (int(start[-1]), len(known)), (len(documents), len(known))
    parts = [
        one.matrix(shape, counted.dtype) @ counted
        for one, shape in zip((added, always), shapes, strict=True)
    ]
    for part in parts:
        part.eliminate_zeros()
        part.sort_indices()
    return PlayerRows(parts[0], parts[1], whole, start)


class _Entries:
    """Entries of a sparse matrix, those of one place added up."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = [np.zeros(0, np.int64)]
        self.columns: list[int] = []
        self.values: list[np.ndarray] = [np.zeros(0)]

    def extend(self, rows: np.ndarray, columns: list[int], value: int) -> None:
        self.rows.append(rows)
        self.columns += columns
        self.values.append(np.full(len(rows), value))

    def matrix(self, shape: tuple[int, int], dtype: Any) -> Csr:
        values = np.concatenate(self.values).astype(dtype)
        entries: Any = (values, (np.concatenate(self.rows), self.columns))
        return sparse.csr_array(entries, shape=shape)
