"""Kernel widths that were tried: which one to take, and what they do to a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def choose_width(explanations: Sequence[Any]) -> float:
    """The kernel width whose surrogates predict the model best on samples they never saw.

    A wide kernel asks a line to follow the model too far; a narrow one leaves few effective
    samples, and the line follows their noise. Held-out R² sees both.

    Args:
        explanations: one for each width, of the same rows, as from `TabularExplainer.sweep`.

    Returns:
        The `kernel_width` of the best mean `held_out_score` over rows and labels that are finite
        at every width; of equals, the largest. A width at which most rows have no score, since
        they rest on few samples there, is left out.

    Raises:
        ValueError: if there are no explanations, if they are not of the same rows and labels, or
            if no row has a finite score.

    Example:
        >>> from types import SimpleNamespace
        >>> tried = [
        ...     SimpleNamespace(kernel_width=0.5, held_out_score=np.array([[0.2], [0.1]])),
        ...     SimpleNamespace(kernel_width=2.0, held_out_score=np.array([[0.4], [0.3]])),
        ... ]
        >>> choose_width(tried)
        2.0
    """
    if not len(explanations):
        raise ValueError("`explanations`: expected one for each width, got none")
    shapes = {np.shape(each.held_out_score) for each in explanations}
    if len(shapes) > 1:
        raise ValueError(
            f"`explanations`: expected the same rows and labels at every width, got {len(shapes)} "
            f"shapes of `held_out_score`: {sorted(shapes)}"
        )
    scores = np.stack([np.asarray(each.held_out_score, np.float64) for each in explanations])
    known = np.isfinite(scores)
    anywhere = known.any(0)
    useful = 2 * known.reshape(len(scores), -1).sum(1) >= max(1, anywhere.sum())
    finite = known[useful].all(0)
    if not useful.any() or not finite.any():
        raise ValueError(
            "`explanations`: no row has a finite `held_out_score` at every width that has any; "
            "explain with `sweep`, or with `held_out_score=True` and `method='sampled'`, from two "
            "replicates on; or leave out the narrowest"
        )
    means = np.where(useful, scores[:, finite].mean(1), -np.inf)
    return max(
        float(each.kernel_width)
        for each, mean in zip(explanations, means, strict=True)
        if mean == means.max()
    )


def width_figure(
    explanations: Sequence[Any], row: int = 0, label: Any = None, max_features: int = 5
) -> Figure:
    """One row's weights, R² and effective samples along the kernel widths, as a picture.

    Args:
        explanations: one for each width, of the same rows, as from `TabularExplainer.sweep`.
        row: its number.
        label: class, name or number of an output; None: of the first width the predicted class.
        max_features: how many weights to show.

    Returns:
        A matplotlib figure; the width that `choose_width` takes is marked.

    Raises:
        ValueError: if there are no explanations, or `label` was not explained.

    Example:
        >>> tried = explainer.sweep(X, lambda batch: batch.sum(1), kernel_width=[0.5, 1.0, 2.0])
        >>> width_figure(tried, row=0).savefig(folder / "widths.png")
    """
    from lime_jax.views.plots import width_curve

    chosen = choose_width(explanations)
    first = explanations[0]
    where = first.position(row, label)

    def along(name: str) -> np.ndarray:
        values = [getattr(each, name)[row] for each in explanations]
        return np.stack([v if np.ndim(v) == 0 else v[where] for v in values]).astype(np.float64)

    name = first.output_names[first.labels[row, where]]
    return width_curve(
        [each.kernel_width for each in explanations],
        along("coef"),
        along("std_error"),
        [first.condition(row, k) for k in range(len(first.feature_names))],
        along("score"),
        along("effective_samples"),
        held_out_scores=along("held_out_score"),
        chosen=chosen,
        degrees_of_freedom=first.replicates_of(row) - 1 if first.num_replicates else None,
        max_features=max_features,
        title=f"row {row}: {name}",
    )
