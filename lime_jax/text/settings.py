"""What defines an explanation of texts: the settings of each algorithm, and what they ask for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from lime_jax.fits.shapley import LINKS
from lime_jax.front.checks import check_choices
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.settings import read_settings
from lime_jax.masked.settings import (
    LimeOfRemovals,
    MaskSettings,
    ShapleyOfRemovals,
    check_numbers,
)
from lime_jax.stages.kernels import METRICS
from lime_jax.text.documents import PLAYERS, Replace
from lime_jax.text.pieces import check_split, mask_of, pad_of

UNKNOWN_WORD = "UNKWORDZ"
"""What `lime` puts in place of a word."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(MaskSettings):
    """The settings of `TextExplainer` that both algorithms have; attributes are as there."""

    subject = "words"

    split: Any
    players: Any
    hide: Any
    mask: str | None

    def replacing(self, tokenizer: Any) -> Replace | None:
        """What stands in place of hidden pieces; None: nothing.

        Args:
            tokenizer: of the model; None: it is none of token ids.
        """
        if callable(self.hide):
            return _checked_replacement(self.hide)
        if self.hide == "remove":
            return None
        stand_in = pad_of if self.hide == "pad" else mask_of
        mask = self.mask or stand_in(tokenizer) or stand_in(self.split) or UNKNOWN_WORD
        return lambda piece: mask


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextLimeSettings(TextSettings, LimeOfRemovals):
    """The settings of LIME; attributes are as in `TextExplainer`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextShapSettings(TextSettings, ShapleyOfRemovals):
    """The settings of KernelSHAP; attributes are as in `TextExplainer`."""


_SETTINGS = {"lime": TextLimeSettings, "kernel_shap": TextShapSettings}


def text_settings(
    explainer: ExplainerLike, tokenizer: Any = None
) -> TextLimeSettings | TextShapSettings:
    """What a `TextExplainer` is set to, checked; `tokenizer` is the model's, if it has one."""
    check_choices(explainer, {"distance": METRICS, "link": LINKS})
    check_numbers(explainer, {"kernel_width": math.inf, "alpha": math.inf})
    check_split(explainer.split)
    _check_players(explainer.players)
    _check_hide(explainer, tokenizer)
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


def _check_hide(explainer: ExplainerLike, tokenizer: Any) -> None:
    hide, mask = explainer.hide, explainer.mask
    if not callable(hide) and hide not in ("remove", "mask", "pad"):
        raise ValueError(
            "`hide`: expected 'remove', 'mask', 'pad' or a function of a hidden piece that returns "
            f"what stands in its place, got {hide!r}"
        )
    if hide == "pad" and (pad_of(tokenizer) or pad_of(explainer.split)) is None:
        raise ValueError(
            "`hide`: 'pad' needs a tokenizer with a padding token as `split`, or that of a "
            f"`TokenModel`, got split={explainer.split!r:.60}; use hide='mask' with `mask`"
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
