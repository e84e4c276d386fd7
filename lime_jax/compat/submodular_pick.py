"""`lime.submodular_pick`: explanations that together show most of what a model does."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import check_random_state

from lime_jax.arguments import check_one_of, check_whole
from lime_jax.optional import require
from lime_jax.results.pick import greedy
from lime_jax.warn import warn

METHODS = ("sample", "full")


class SubmodularPick:
    """Explains rows or texts in one call, and picks those that cover most of what matters.

    Not as in `lime`, weights of several labels do not cancel, weights within two standard errors
    count as 0, and ties go to the stronger row, then to the first.

    Args:
        explainer: any with `explain_instances`, or with `explain_instance`.
        data: rows or texts, also a frame or a sparse matrix.
        predict_fn: the model, as the explainer takes it.
        method: "sample", some of the rows by chance, or "full", all of them.
        sample_size: how many for "sample".
        num_exps_desired: how many to pick; fewer where nothing more is to be gained.
        num_features: how many each explanation has, at most.
        **kwargs: of `explain_instance`; `top_labels` is 1 where neither it nor `labels` is there.

    Attributes:
        explanations: of all rows that were explained.
        sp_explanations: of those that were picked.
        V: their numbers among `explanations`.
        row_ids: for every explanation the number of its row in `data`.
        note: why fewer were picked than asked for; "" where they were not.

    Example:
        >>> from lime_jax.compat.lime_tabular import LimeTabularExplainer
        >>> X = np.arange(40.0).reshape(20, 2)
        >>> explainer = LimeTabularExplainer(X, mode="regression", random_state=0)
        >>> pick = SubmodularPick(explainer, X, lambda rows: rows[:, 0], "full", num_exps_desired=2)
        >>> len(pick.explanations), len(pick.sp_explanations)
        (20, 2)
    """

    def __init__(
        self,
        explainer: Any,
        data: object,
        predict_fn: Any,
        method: str = "sample",
        sample_size: int = 1000,
        num_exps_desired: Any = 5,
        num_features: int = 10,
        **kwargs: object,
    ) -> None:
        rows = _indexable(data)
        total = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        _check(method, num_exps_desired, sample_size, total)
        chosen = np.arange(total)
        if method == "sample":
            if sample_size > total:
                warn(f"`sample_size`: {sample_size:,} is more than the {total:,} rows there are")
            random = check_random_state(getattr(explainer, "random_state", None))
            chosen = random.permutation(total)[:sample_size]
        self.row_ids: list[int] = chosen.tolist()
        if "labels" not in kwargs:
            kwargs = {"top_labels": 1, **kwargs}
        some = rows[chosen] if hasattr(rows, "shape") else [rows[k] for k in self.row_ids]
        options = {"num_features": num_features, **kwargs}
        if hasattr(explainer, "explain_instances"):
            self.explanations = explainer.explain_instances(some, predict_fn, **options)
        else:
            explain = explainer.explain_instance
            self.explanations = [explain(row, predict_fn, **options) for row in some]
        if num_exps_desired > total:
            warn(f"`num_exps_desired`: {num_exps_desired:,} is more than the {total:,} rows")
        self._names, self._strength = _strengths(self.explanations)
        picked = greedy(self._strength, int(num_exps_desired))
        self.V: list[int] = picked.rows.tolist()
        self.gains, self.note = picked.gains, picked.note
        if self.note:
            warn(self.note)
        self.sp_explanations = [self.explanations[k] for k in self.V]

    @property
    def W(self) -> Any:
        """|Weights| summed over labels, as a frame: a line for each row, by its number."""
        pandas = require("pandas", extra="spark", needed_by="a table of weights")
        weights = self._strength.toarray()
        return pandas.DataFrame(weights, index=self.row_ids, columns=self._names)


def _indexable(data: Any) -> Any:
    """Rows that can be taken by number."""
    if scipy.sparse.issparse(data):
        return data.tocsr()
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    if isinstance(data, np.ndarray) and data.ndim > 1:
        return data
    return list(data)


def _check(method: str, count: object, sample_size: object, total: int) -> None:
    check_one_of("method", method, METHODS)
    check_whole("num_exps_desired", count)
    check_whole("sample_size", sample_size)
    if not total:
        raise ValueError("`data`: expected rows to pick from, got none")


def _strengths(explanations: list[Any]) -> tuple[list[str], scipy.sparse.csr_matrix]:
    """What the features of all explanations are called, and how strong each is in each."""
    known: dict[str, int] = {}
    rows, places, sizes = [], [], []
    for row, explanation in enumerate(explanations):
        is_class = explanation.mode == "classification"
        for label in explanation.available_labels() if is_class else [1]:
            named = explanation.as_list(label=label)
            for (name, weight), pair in zip(named, explanation.as_map()[label], strict=True):
                if abs(weight) > _noise(explanation, label, pair[0]):
                    rows.append(row)
                    places.append(known.setdefault(name, len(known)))
                    sizes.append(abs(weight))
                else:
                    known.setdefault(name, len(known))
    shape = len(explanations), max(len(known), 1)
    found = scipy.sparse.csr_matrix((sizes, (rows, places)), shape=shape, dtype=np.float64)
    return list(known) or [""], found


def _noise(explanation: object, label: object, feature: object) -> float:
    """Two standard errors of a weight, where they are known."""
    in_result = getattr(explanation, "in_result", None)
    error = float("nan") if in_result is None else in_result(label, feature)[1]
    return 0.0 if np.isnan(error) else 2 * error
