"""Sparse rows of a `LimeTabularExplainer` without noise, where there are closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lime_jax.compat import tables
from lime_jax.compat.engine_tables import as_asked, fill, opened, seed_of, tell
from lime_jax.compat.explanation import Explanation
from lime_jax.compat.outputs import label_numbers
from lime_jax.compat.sparse_row import by_column
from lime_jax.compat.table_state import TableExplainer
from lime_jax.compat.tables import Asked
from lime_jax.tabular.explainer import TabularExplainer
from lime_jax.tabular.sparse.explanations import SparseExplanations
from lime_jax.tabular.sparse.rows import as_csr


def explain_rows(
    owner: TableExplainer, rows: Any, predict_fn: object, asked: Asked
) -> list[Explanation]:
    """Rows by our own explainer, in one call."""
    rows = as_csr(rows, "rows")
    model, first = opened(owner, rows, predict_fn, as_it_is=True)
    is_class = owner.mode == "classification"
    wanted = asked.labels if is_class and not asked.top_labels else ()
    numbers, _ = label_numbers(wanted, None, first, owner.class_names)
    names = owner.class_names if is_class and len(owner.class_names) == len(first) else None
    found = _explained(owner, rows, model, asked, names, numbers)
    results = []
    for k in range(len(found)):
        result = owner.started(rows[[k]], found.prediction[k], rows[[k]])
        result.result = found[k]
        fill(result, found, k, asked, numbers)
        if not is_class:
            ends = [float(found.prediction[k, 0]), float(found.intercept[k, 0])]
            result.min_value, result.max_value = min(ends), max(ends)
            tables.both_signs(result)
        if owner.base.verbose:
            tell(result, found, k)
        columns = found.columns[k][found.present[k]]
        results.append(by_column(result, columns, asked.num_features, rows.shape[1]))
    return results


def _explained(
    owner: TableExplainer,
    rows: Any,
    model: Any,
    asked: Asked,
    class_names: Any,
    labels: Sequence[int],
) -> SparseExplanations:
    explainer = TabularExplainer(
        mode=owner.mode,
        feature_names=list(map(str, owner.feature_names)),
        class_names=None if class_names is None else list(map(str, class_names)),
        feature_selection=owner.feature_selection,
        distance=asked.distance_metric,
        seed=seed_of(owner),
    ).fit(rows[:1])
    found = explainer.explain(
        rows,
        model,
        num_features=asked.num_features,
        num_samples=asked.num_samples,
        progress=False,
        **as_asked(model, asked, owner.mode, labels),
    )
    assert isinstance(found, SparseExplanations)
    return found
