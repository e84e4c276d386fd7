"""What both algorithms are set to where players are there or hidden, and what they ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from lime_jax import engine
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import ShapleyMethod, make_shapley_method
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.front.ragged import padded_width
from lime_jax.masked.all_masks import (
    MOST_ALL,
    Gram,
    MaskWeights,
    lime_fit,
    lime_masses,
    lime_weights,
    linear_fit,
    shapley_fit,
    shapley_weights,
)
from lime_jax.masked.lime import RemovalLime, columns_of
from lime_jax.stages.designs import make_design
from lime_jax.stages.kernels import exponential_kernel
from lime_jax.stages.select import resolve_selection
from lime_jax.typing import Float, LinearFit

DEFAULT_SAMPLES = 5000
"""Masks of one instance of LIME, as in `lime`'s of texts."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskSettings:
    """What both algorithms have."""

    subject: ClassVar[str]
    """What messages call the players."""

    seed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimeOfMasks(MaskSettings):
    """The settings of LIME; `relative`: distances are shares of the largest there can be."""

    relative: ClassVar[bool] = False

    kernel_width: float | int | None
    alpha: float | int
    distance: str
    kernel: Callable[..., Any] | None
    feature_selection: str

    @property
    def width(self) -> float:
        """Of the kernel, in units of the distance."""
        assert self.kernel_width is not None
        return float(self.kernel_width)

    def check(self, options: ExplainOptions) -> None:
        """Refuse options that do not go with LIME."""
        if options.num_samples == "auto":
            raise ValueError(
                "`num_samples`: 'auto' is for algorithm='kernel_shap'; LIME takes a whole number"
            )
        resolve_selection(self.feature_selection, options.num_features)

    def fit_settings(self, options: ExplainOptions) -> dict[str, Any]:
        """How samples are weighed and fitted."""
        return dict(
            kernel_width=self.width,
            alpha=float(self.alpha),
            distance=self.distance,
            kernel=self.kernel or exponential_kernel,
            feature_selection=self.feature_selection,
            num_features=options.num_features,
        )

    def program_of(self, players: int) -> int:
        """Instances of one such number are explained together."""
        return padded_width(players)

    def enough(self, players: np.ndarray) -> np.ndarray:
        """Effective samples that instances of so many players need."""
        return players + 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShapleyOfMasks(MaskSettings):
    """The settings of KernelSHAP."""

    link: str

    width = float("nan")

    def check(self, options: ExplainOptions) -> None:
        """Refuse options that do not go with KernelSHAP."""
        if options.num_features is not None:
            raise ValueError(
                f"`num_features`: belongs to LIME; Shapley values are of all {self.subject} (views "
                "show as many as you ask for)"
            )

    def method(self, players: int, options: ExplainOptions) -> ShapleyMethod:
        """Which coalitions there are, padded, and the fit: others of that width run the same."""
        key, _ = engine.keys_of(self.seed)
        wanted = options.num_samples or "auto"
        return make_shapley_method(key, players, wanted, self.link, padded_width(players))

    def program_of(self, players: int) -> int:
        """Instances of one such number are explained together."""
        return players

    def enough(self, players: np.ndarray) -> np.ndarray:
        """Any number of coalitions will do."""
        return np.zeros_like(players)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimeOfRemovals(LimeOfMasks):
    """LIME by `lime`'s law of masks: any number of hidden players is as likely."""

    def budget(self, options: ExplainOptions) -> int:
        """Masks of an instance, about."""
        return options.first_size(DEFAULT_SAMPLES)

    def method(self, players: int, options: ExplainOptions) -> LinearMethod:
        """Which masks there are, padded, and the fit: others of that width run the same."""
        columns = columns_of(padded_width(players))
        design = make_design("iid", self.budget(options), columns)
        return RemovalLime(design=design, relative=self.relative, **self.fit_settings(options))

    def rule_of_all(self, players: int, options: ExplainOptions) -> MaskWeights:
        """What all masks of so many players count."""
        return lime_weights(self._masses(players, options))

    def fit_all(
        self, rule: MaskWeights, y: Float[np.ndarray, "masks labels"], options: ExplainOptions
    ) -> LinearFit:
        """The fit of all masks."""
        return lime_fit(rule, y, self.feature_selection, options.num_features)

    def fit_linear(
        self,
        base: Float[np.ndarray, " labels"],
        slopes: Float[np.ndarray, "labels players"],
        options: ExplainOptions,
    ) -> LinearFit:
        """The fit of outputs that are sums over players."""
        gram = Gram.of_sizes(self._masses(slopes.shape[1], options))
        return linear_fit(gram, base, slopes, self.feature_selection, options.num_features)

    def _masses(self, players: int, options: ExplainOptions) -> Float[np.ndarray, " sizes"]:
        kernel, width = self.kernel or exponential_kernel, self.width
        budget = self.budget(options)
        return lime_masses(players, budget, self.distance, kernel, width, self.relative)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShapleyOfRemovals(ShapleyOfMasks):
    """KernelSHAP, with all coalitions where there are few."""

    def budget(self, options: ExplainOptions) -> int:
        """Coalitions of an instance, where that is a number."""
        return options.first_size(2**MOST_ALL)

    def rule_of_all(self, players: int, options: ExplainOptions) -> MaskWeights:
        """What all coalitions of so many players count."""
        del options
        return shapley_weights(players)

    def fit_all(
        self, rule: MaskWeights, y: Float[np.ndarray, "masks labels"], options: ExplainOptions
    ) -> LinearFit:
        """The values of all coalitions."""
        del options
        return shapley_fit(rule, y, self.link)

    def fit_linear(
        self,
        base: Float[np.ndarray, " labels"],
        slopes: Float[np.ndarray, "labels players"],
        options: ExplainOptions,
    ) -> LinearFit:
        """The values of outputs that are sums over players: their own parts."""
        del options
        return linear_fit(Gram(0.5, 0.25, 0.0), base, slopes, "none", None)


def check_numbers(explainer: ExplainerLike, limits: dict[str, float]) -> None:
    """Refuse settings that are no numbers between 0 and a limit, or a kernel that is no function.

    Only `alpha` may be 0.
    """
    for name, high in limits.items():
        value = getattr(explainer, name)
        is_number = isinstance(value, int | float | np.number)
        if not is_number or not (0 < value < high or (name == "alpha" and value == 0)):
            raise ValueError(f"`{name}`: expected a number between 0 and {high}, got {value!r}")
    if explainer.kernel is not None and not callable(explainer.kernel):
        raise ValueError(
            "`kernel`: expected a function (distances, kernel_width) -> weights, or None, "
            f"got {explainer.kernel!r}"
        )
