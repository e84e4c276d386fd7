"""What defines an explanation of sparse rows."""

from __future__ import annotations

import dataclasses
import inspect
import math
from typing import Any

from lime_jax.fits.shapley import LINKS
from lime_jax.front.checks import check_choices
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.front.settings import read_settings
from lime_jax.masked.settings import (
    LimeOfRemovals,
    MaskSettings,
    ShapleyOfRemovals,
    check_numbers,
)
from lime_jax.stages.kernels import METRICS

_WIDTH = 0.75
"""Of the kernel, as for tables: there it is times the root of the number of columns."""

_OF_TABLES = (
    *("discretizer", "sample_around_instance", "encoding", "distance_space", "design"),
    *("categorical_features", "categorical_names", "features", "groups", "summarize"),
)
_OPTIONS_OF_TABLES = ("tolerance", "effective_num_samples", "held_out_score")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseSettings(MaskSettings):
    """What both algorithms have; attributes are as in `TabularExplainer`."""

    subject = "non-zeros"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseLime(SparseSettings, LimeOfRemovals):
    """The settings of LIME; distances are shares of the largest."""

    relative = True

    @property
    def width(self) -> float:
        """Of the kernel, in units of the distance."""
        return _WIDTH if self.kernel_width is None else float(self.kernel_width)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseShap(SparseSettings, ShapleyOfRemovals):
    """The settings of KernelSHAP."""


_SETTINGS = {"lime": SparseLime, "kernel_shap": SparseShap}


def sparse_settings(explainer: ExplainerLike) -> Any:
    """What a `TabularExplainer` of sparse rows is set to, checked."""
    defaults = inspect.signature(type(explainer).__init__).parameters
    for name in _OF_TABLES:
        value = getattr(explainer, name)
        if not (value is defaults[name].default or value == defaults[name].default):
            raise ValueError(
                f"`{name}`: is no setting for sparse rows, whose players are their non-zeros, got "
                f"{value!r}; leave it out, or pass X.toarray()"
            )
    check_choices(explainer, {"distance": METRICS, "link": LINKS})
    limits = {"kernel_width": math.inf, "alpha": math.inf}
    if explainer.kernel_width is None:
        del limits["kernel_width"]
    check_numbers(explainer, limits)
    return read_settings(explainer, _SETTINGS)


def check_options(settings: Any, options: ExplainOptions) -> None:
    """Refuse options of `explain` that belong to tables, or to the other algorithm."""
    usual = ExplainOptions()
    for name in _OPTIONS_OF_TABLES:
        if getattr(options, name) != getattr(usual, name):
            raise ValueError(
                f"`{name}`: is no option for sparse rows, got {getattr(options, name)!r}; leave it "
                "out"
            )
    settings.check(options)
