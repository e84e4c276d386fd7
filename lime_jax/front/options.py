"""The options of one call of `explain`, and what is refused of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from lime_jax.engine.mesh_checks import check_mesh
from lime_jax.front.checks import check_whole, is_whole

METHODS = ("auto", "sampled", "exact")


@dataclasses.dataclass(frozen=True)
class ExplainOptions:
    """What varies from call to call; see `TabularExplainer.explain`.

    Attributes are the arguments of that name.
    """

    labels: Sequence[Any] | np.ndarray | None = None
    top_labels: int | None = None
    num_features: int | None = None
    num_samples: int | str | None = None
    tolerance: float | None = None
    method: str = "auto"
    effective_num_samples: int | None = None
    score: bool = True
    held_out_score: bool = False
    row_ids: Iterable[Any] | None = None
    batch_size: int | None = None
    mesh: Mesh | None = None
    progress: bool | None = None

    def first_size(self, default: int) -> int:
        """Samples of the first, or only, size of a neighborhood."""
        return int(self.num_samples) if is_whole(self.num_samples) else default

    def check(self) -> None:
        """Refuse what is not usable."""
        check_counts(
            self.labels,
            self.top_labels,
            {
                "top_labels": self.top_labels,
                "num_features": self.num_features,
                "effective_num_samples": self.effective_num_samples,
                "batch_size": self.batch_size,
            },
        )
        check_num_samples(self.num_samples, self.tolerance)
        check_mesh(self.mesh)


def check_counts(labels: Any, top_labels: Any, counts: Mapping[str, Any]) -> None:
    """Refuse what is not a count."""
    for name, value in counts.items():
        if value is not None:
            check_whole(name, value)
    if labels is not None and top_labels is not None:
        raise ValueError("`top_labels`: expected either `labels` or `top_labels`, got both")


def check_num_samples(num_samples: Any, tolerance: Any) -> None:
    """Refuse what is neither a number of samples nor "auto"."""
    if num_samples != "auto":
        if num_samples is not None:
            check_whole("num_samples", num_samples, 2, also=", or 'auto'")
        if tolerance is not None:
            raise ValueError(
                f"`tolerance`: only has a meaning with `num_samples='auto'`, got {tolerance!r} "
                f"with {num_samples!r}"
            )
    elif tolerance is not None and not (
        isinstance(tolerance, int | float | np.number) and tolerance > 0
    ):
        raise ValueError(f"`tolerance`: expected a positive number, got {tolerance!r}")


def check_method(method: str, why_not_exact: str) -> None:
    """Refuse an unknown method, and "exact" where there is no closed form."""
    if method not in METHODS:
        raise ValueError(f"`method`: expected one of {', '.join(METHODS)}, got {method!r}")
    if method == "exact" and why_not_exact:
        raise ValueError(
            f"`method`: there is no closed form for this model and these settings: "
            f"{why_not_exact}; use 'sampled' or 'auto'"
        )
