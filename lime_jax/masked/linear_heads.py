"""Linear models as scores and what becomes of them: the columns of a text are enough."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.front.ragged import padded_width
from lime_jax.masked.counted_domain import CountedInstance, weighed
from lime_jax.masked.rows import Csr, PlayerRows, RowPipeline, Weighing
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict
from lime_jax.models.sklearn.linear import lines_of
from lime_jax.typing import Estimator, Float

_BAYES = ("MultinomialNB", "ComplementNB")


@dataclasses.dataclass(frozen=True, eq=False)
class LinearHead:
    """The last step of a pipeline, where it is linear in the columns.

    Attributes:
        coef: (columns, scores).
        link: scores less the intercept to outputs, on the device.
        host: the same on the host: the model's own method.
        is_identity: whether outputs are the scores and the intercept.
    """

    coef: np.ndarray
    link: DevicePredict[Any]
    host: Callable[[np.ndarray], Any]
    is_identity: bool
    weighing: Weighing

    @cached_property
    def factors(self) -> Float[np.ndarray, " columns"]:
        """What counts are multiplied by."""
        return np.ones(len(self.coef)) if self.weighing.idf is None else self.weighing.idf

    def outputs(self, rows: Float[np.ndarray, "rows scores"]) -> Any:
        """What the model says on the host of scores less the intercept."""
        return self.host(rows)

    @property
    def adds_up(self) -> bool:
        """Whether scores are sums over all that is counted."""
        weighing = self.weighing
        return not (weighing.binary or weighing.sublinear or weighing.norm)

    @property
    def why_not_linear(self) -> str:
        """Why outputs are not sums over words; "" if they are."""
        if not self.is_identity:
            return "its outputs are no sum over words; margins of linear classifiers are"
        if self.weighing.norm is not None:
            return f"the {self.weighing.norm} norm of a text is of all its words together"
        return "" if not self.weighing.sublinear else "sublinear counts are no sums over words"

    def slopes(self, added: Csr) -> Float[np.ndarray, "players scores"]:
        """What each player adds to the scores, where these are linear."""
        rows = added.astype(np.float64)
        if self.weighing.binary:
            rows.data = np.sign(rows.data)
        if self.weighing.idf is not None:
            rows.data = rows.data * self.weighing.idf[rows.indices]
        return np.asarray(rows @ self.coef)


@dataclasses.dataclass(frozen=True, eq=False)
class RowModel:
    """What a model does with sparse rows, as far as it is known.

    Attributes:
        pipeline: that takes them; None: there is none, and `why` says so.
        head: its last step, if that is linear; None: `why` says it is not.
    """

    pipeline: RowPipeline | None
    head: LinearHead | None
    why: str

    @property
    def why_not_linear(self) -> str:
        """Why outputs are not sums over words; "" if they are."""
        return self.why if self.head is None else self.head.why_not_linear


def linear_head(pipeline: RowPipeline) -> tuple[LinearHead | None, str]:
    """The last step as scores and a link; None, and why, where it is something else."""
    model, weighing = pipeline.last, pipeline.weighing
    name = type(model).__name__
    if weighing is None:
        return None, "between words and classifier there is more than tf-idf"
    is_bayes = name in _BAYES
    if hasattr(model, "means_") or not (is_bayes or hasattr(model, "coef_")):
        return None, f"{name} is not linear in the words"
    coef = model.feature_log_prob_ if is_bayes else lines_of(model)[0]
    coef = np.asarray(coef, np.float64).T
    small = _on_scores(model, coef.shape[1], is_bayes)
    on_host = getattr(small, pipeline.method)
    opened = as_predict_fn(on_host)
    if not isinstance(opened.predict, DevicePredict):
        return None, opened.reason
    is_identity = pipeline.method == "decision_function" or (
        pipeline.method == "predict" and not hasattr(model, "classes_")
    )
    is_identity = is_identity and not is_bayes
    return LinearHead(coef, opened.predict, on_host, is_identity, weighing), ""


def _on_scores(model: Estimator, scores: int, is_bayes: bool) -> Estimator:
    """The same model whose columns are its own scores."""
    small = copy.copy(model)
    same = np.eye(scores)
    if is_bayes:
        small.feature_log_prob_ = same
    else:
        small.coef_ = same[0] if np.ndim(model.coef_) == 1 else same
    small.n_features_in_ = scores
    return small


def counted_instances(
    head: LinearHead, counts: PlayerRows, rows: np.ndarray, players: np.ndarray, width: int
) -> tuple[CountedInstance, np.ndarray]:
    """Some texts as sums over their words, padded to `width` players.

    Returns:
        Instances with a leading axis, and how many shared columns each text has.
    """
    entries = _entries(counts, rows)
    shared_of, place = _shared_columns(entries, len(rows))
    columns = padded_width(int(shared_of.max(initial=0)))
    dtype, scores = jnp.result_type(float), head.coef.shape[1]
    lines, sizes = np.zeros((len(rows), width, scores)), np.zeros((len(rows), width))
    shared = np.zeros((len(rows), width, columns))
    base, factors = np.zeros((len(rows), columns)), np.zeros((len(rows), columns))
    shared_lines = np.zeros((len(rows), columns, scores))
    row, player, column, value = entries
    idf = head.factors
    single = place < 0
    weighing = head.weighing
    x = weighed(value[single], weighing.binary, weighing.sublinear, np) * idf[column[single]]
    np.add.at(lines, (row[single], player[single]), x[:, None] * head.coef[column[single]])
    size = x**2 if weighing.norm == "l2" else np.abs(x)
    np.add.at(sizes, (row[single], player[single]), size)
    some = ~single & (player >= 0)
    shared[row[some], player[some], place[some]] = value[some]
    always = ~single & (player < 0)
    base[row[always], place[always]] = value[always]
    factors[row[~single], place[~single]] = idf[column[~single]]
    shared_lines[row[~single], place[~single]] = head.coef[column[~single]]
    present = np.arange(width) < players[:, None]
    arrays = (lines, sizes, shared, base, factors, shared_lines)
    return CountedInstance(present, *(array.astype(dtype) for array in arrays)), shared_of


def _entries(counts: PlayerRows, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Text, player (-1: always there), column and value of all counts of some texts."""
    first, count = counts.start[rows], np.diff(counts.start)[rows]
    place = np.repeat(np.arange(len(rows)), count)
    before = np.repeat(np.cumsum(count) - count, count)
    player = np.arange(len(place)) - before
    added = counts.added[first[place] + player].tocoo()
    always = counts.always[rows].tocoo()
    return (
        np.concatenate([place[added.row], always.row]).astype(np.int64),
        np.concatenate([player[added.row], np.full(always.nnz, -1)]),
        np.concatenate([added.col, always.col]).astype(np.int64),
        np.concatenate([added.data, always.data]).astype(np.float64),
    )


def _shared_columns(entries: tuple[np.ndarray, ...], texts: int) -> tuple[np.ndarray, np.ndarray]:
    """How many shared columns each text has, and each entry's place among them; -1: its own."""
    row, player, column, _ = entries
    keys = row * (int(column.max(initial=0)) + 1) + column
    _, inverse, times = np.unique(keys, return_inverse=True, return_counts=True)
    fixed = np.zeros(len(times), bool)
    fixed[inverse[player < 0]] = True
    is_shared = (times > 1) | fixed
    row_of = np.zeros(len(times), np.int64)
    row_of[inverse] = row
    shared_of = np.bincount(row_of[is_shared], minlength=texts)
    first = np.concatenate([[0], np.cumsum(shared_of)])[:-1]
    rank = np.cumsum(is_shared) - 1 - first[row_of]  # keys are sorted by text
    return shared_of, np.where(is_shared, rank, -1)[inverse]
