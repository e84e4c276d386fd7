"""The options of one call of `explain`, and what is refused of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from lime_jax.arguments import check_one_of, check_whole, is_whole
from lime_jax.engine.mesh_checks import check_mesh

METHODS = ("auto", "sampled", "exact")

AUTO_LABELS = 5
"""Outputs that `top_labels="auto"` explains, of a model that has as many."""


@dataclasses.dataclass(frozen=True)
class ExplainOptions:
    """What varies from call to call: arguments of `TabularExplainer.explain`."""

    labels: Sequence[Any] | np.ndarray | None = None
    top_labels: int | str | None = None
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

    @classmethod
    def of_sweep(cls, options: Mapping[str, object]) -> ExplainOptions:
        """Options by name that several kernel widths share; R² is held out, to choose one by."""
        unknown = sorted(set(options) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"`{unknown[0]}`: expected an option of `explain`, got {unknown[0]!r}")
        if options.get("num_samples") == "auto":
            raise ValueError("`num_samples`: expected a number, all widths share their samples")
        return cls(**{"held_out_score": True, **options})

    def first_size(self, default: int) -> int:
        """Samples of the first, or only, size of a neighborhood."""
        return int(self.num_samples) if is_whole(self.num_samples) else default

    def most_labels(self, count: int) -> int | None:
        """How many of a model's highest outputs to explain; None: those of `labels`, or all."""
        if self.top_labels != "auto":
            return None if self.top_labels is None else int(self.top_labels)
        return min(AUTO_LABELS, count) if self.labels is None else None

    def check(self) -> None:
        """Refuse what is not usable."""
        for name in ("top_labels", "num_features", "effective_num_samples", "batch_size"):
            value = getattr(self, name)
            if value is not None and (name, value) != ("top_labels", "auto"):
                check_whole(name, value)
        if self.labels is not None and self.top_labels not in (None, "auto"):
            raise ValueError("`top_labels`: expected either `labels` or `top_labels`, got both")
        check_num_samples(self.num_samples, self.tolerance)
        check_mesh(self.mesh)


def check_num_samples(num_samples: object, tolerance: object) -> None:
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
    check_one_of("method", method, METHODS)
    if method == "exact" and why_not_exact:
        raise ValueError(
            f"`method`: there is no closed form for this model and these settings: "
            f"{why_not_exact}; use 'sampled' or 'auto'"
        )
