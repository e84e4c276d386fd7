"""What defines an explanation of texts: the settings of each algorithm, and what they ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from lime_jax import engine
from lime_jax.fits.shapley import LINKS, ShapleyMethod, make_shapley_method
from lime_jax.front.checks import check_choices
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.front.ragged import padded_width
from lime_jax.front.settings import read_settings
from lime_jax.stages.designs import make_design
from lime_jax.stages.kernels import METRICS, exponential_kernel
from lime_jax.stages.select import resolve_selection
from lime_jax.text.all_masks import (
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
from lime_jax.text.documents import PLAYERS, Replace
from lime_jax.text.lime import TextLimeMethod, columns_of
from lime_jax.text.pieces import check_split, mask_of
from lime_jax.typing import Float, LinearFit

DEFAULT_SAMPLES = 5000
"""Masked texts of LIME, as in `lime`."""

UNKNOWN_WORD = "UNKWORDZ"
"""What `lime` puts in place of a word."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings:
    """The settings of `TextExplainer` that both algorithms have; attributes are as there."""

    split: Any
    players: Any
    hide: Any
    mask: str | None
    seed: int

    @property
    def replace(self) -> Replace | None:
        """What stands in place of hidden pieces; None: nothing."""
        if callable(self.hide):
            return _checked_replacement(self.hide)
        if self.hide == "remove":
            return None
        mask = self.mask or mask_of(self.split) or UNKNOWN_WORD
        return lambda piece: mask


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextLimeSettings(TextSettings):
    """The settings of LIME; attributes are as in `TextExplainer`."""

    kernel_width: float | int
    alpha: float | int
    distance: str
    kernel: Callable[..., Any] | None
    feature_selection: str

    def check(self, options: ExplainOptions) -> None:
        """Refuse options that do not go with LIME."""
        if options.num_samples == "auto":
            raise ValueError(
                "`num_samples`: 'auto' is for algorithm='kernel_shap'; LIME takes a whole number"
            )
        resolve_selection(self.feature_selection, options.num_features)

    def budget(self, options: ExplainOptions) -> int:
        """Masks of a text, about."""
        return options.first_size(DEFAULT_SAMPLES)

    def method(self, players: int, options: ExplainOptions) -> TextLimeMethod:
        """Which masks there are, padded, and the fit: texts of other numbers run the same."""
        columns = columns_of(padded_width(players))
        return TextLimeMethod(
            design=make_design("iid", self.budget(options), columns),
            kernel_width=float(self.kernel_width),
            alpha=float(self.alpha),
            distance=self.distance,
            kernel=self.kernel or exponential_kernel,
            feature_selection=self.feature_selection,
            num_features=options.num_features,
        )

    def rule_of_all(self, players: int, options: ExplainOptions) -> MaskWeights:
        """What all masks of so many players count."""
        kernel = self.kernel or exponential_kernel
        width = float(self.kernel_width)
        return lime_weights(players, self.budget(options), self.distance, kernel, width)

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
        """The fit of outputs that are sums over words."""
        kernel, width = self.kernel or exponential_kernel, float(self.kernel_width)
        budget = self.budget(options)
        masses = lime_masses(slopes.shape[1], budget, self.distance, kernel, width)
        gram = Gram.of_sizes(masses)
        return linear_fit(gram, base, slopes, self.feature_selection, options.num_features)

    def program_of(self, players: int) -> int:
        """Texts of one such number are explained together."""
        return padded_width(players)

    def enough(self, players: np.ndarray) -> np.ndarray:
        """Effective samples that texts of so many players need."""
        return players + 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextShapSettings(TextSettings):
    """The settings of KernelSHAP; attributes are as in `TextExplainer`."""

    link: str

    kernel_width = float("nan")

    def check(self, options: ExplainOptions) -> None:
        """Refuse options that do not go with KernelSHAP."""
        if options.num_features is not None:
            raise ValueError(
                "`num_features`: belongs to LIME; Shapley values are of all words (views show as "
                "many as you ask for)"
            )

    def budget(self, options: ExplainOptions) -> int:
        """Coalitions of a text, where that is a number."""
        return options.first_size(2**MOST_ALL)

    def method(self, players: int, options: ExplainOptions) -> ShapleyMethod:
        """Which coalitions there are, padded, and the fit: texts of other numbers run the same."""
        key, _ = engine.keys_of(self.seed)
        wanted = options.num_samples or "auto"
        return make_shapley_method(key, players, wanted, self.link, padded_width(players))

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
        """The values of outputs that are sums over words: the words' own parts."""
        del options
        return linear_fit(Gram(0.5, 0.25, 0.0), base, slopes, "none", None)

    def program_of(self, players: int) -> int:
        """Texts of one such number are explained together."""
        return players

    def enough(self, players: np.ndarray) -> np.ndarray:
        """Any number of coalitions will do."""
        return np.zeros_like(players)


_SETTINGS = {"lime": TextLimeSettings, "kernel_shap": TextShapSettings}


def text_settings(explainer: ExplainerLike) -> TextLimeSettings | TextShapSettings:
    """What a `TextExplainer` is set to, checked."""
    check_choices(explainer, {"distance": METRICS, "link": LINKS})
    for name in ("kernel_width", "alpha"):
        value = getattr(explainer, name)
        is_number = isinstance(value, int | float | np.number)
        if not is_number or not (0 < value < np.inf or (name == "alpha" and value == 0)):
            raise ValueError(f"`{name}`: expected a positive number, got {value!r}")
    if explainer.kernel is not None and not callable(explainer.kernel):
        raise ValueError(
            "`kernel`: expected a function (distances, kernel_width) -> weights, or None, "
            f"got {explainer.kernel!r}"
        )
    check_split(explainer.split)
    _check_players(explainer.players)
    _check_hide(explainer)
    return read_settings(explainer, _SETTINGS)


def _check_players(players: Any) -> None:
    is_list = isinstance(players, list | tuple)
    if (
        not (isinstance(players, str) and players in PLAYERS)
        and not callable(players)
        and not is_list
    ):
        raise ValueError(
            f"`players`: expected one of {', '.join(PLAYERS)}, a function of a text that returns "
            f"(start, end) of its players, or a list of these for each text, got {players!r}"
        )


def _check_hide(explainer: ExplainerLike) -> None:
    hide, mask = explainer.hide, explainer.mask
    if not callable(hide) and hide not in ("remove", "mask"):
        raise ValueError(
            "`hide`: expected 'remove', 'mask' or a function of a hidden piece that returns what "
            f"stands in its place, got {hide!r}"
        )
    if mask is not None and (not isinstance(mask, str) or hide != "mask"):
        raise ValueError(
            f"`mask`: expected a text, and hide='mask', got {mask!r} with hide={hide!r}"
        )


def _checked_replacement(hide: Callable[[str], Any]) -> Replace:
    def replace(piece: str) -> str:
        found = hide(piece)
        if not isinstance(found, str):
            raise ValueError(
                f"`hide`: expected the function to return a text, got {found!r} for {piece!r}"
            )
        return found

    return replace
