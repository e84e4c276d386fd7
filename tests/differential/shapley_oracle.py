"""Shapley values from all coalitions, through the model's own answer, on the host in float64."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np

from tests.differential.models import Model
from tests.differential.settings import Settings
from tests.differential.tables import ROWS, TRAINING, Table
from tests.house import shapley_values


@dataclasses.dataclass(frozen=True)
class Shapley:
    """What KernelSHAP has to say.

    Attributes:
        values: (rows, outputs, players).
        base: (rows, outputs) the mean of the background, under the link.
        worth: (rows, coalitions, outputs), coalitions in the order of their bits.
        spread: of the outputs that went into the values.
        size: the largest output.
        resolution: of the model's own outputs, where they are 32-bit numbers.
    """

    values: np.ndarray
    base: np.ndarray
    worth: np.ndarray
    spread: float
    size: float
    resolution: float


def players_of(settings: Settings, count: int) -> list[list[int]]:
    """The columns of each player, in the order of their first ones."""
    groups = [sorted(group) for group in settings.explainer.get("groups", [])]
    played = settings.explainer.get("features", range(count))
    taken = {k for group in groups for k in group}
    return sorted(groups + [[k] for k in played if k not in taken])


def shapley(table: Table, model: Model, settings: Settings) -> Shapley:
    """All coalitions of all rows.

    Args:
        table: its first `settings.fitted` rows are the background.
        model: that is asked.
        settings: groups, columns that play, link and weights.

    Returns:
        The values.
    """
    count, fitted = len(table.columns), settings.fitted
    players = players_of(settings, count)
    weight = np.ones(fitted) if settings.sample_weight is None else settings.sample_weight
    weight = weight / weight.sum()
    held = [k for k in range(count) if all(k not in player for player in players)]
    worth, low, high, size, resolution = [], math.inf, -math.inf, 0.0, 0.0
    masks = list(itertools.product([False, True], repeat=len(players)))
    for row in range(TRAINING, ROWS):
        cells = np.tile(np.arange(fitted)[None, :, None], (len(masks), 1, count))
        cells[:, :, held] = row
        for number, mask in enumerate(masks):
            shown = [k for player, on in zip(players, mask, strict=True) if on for k in player]
            cells[number][:, shown] = row
        outputs = model.ask(table.cells(cells.reshape(-1, count)))
        by_coalition = outputs.reshape(len(masks), fitted, -1)
        means = np.einsum("b,cbo->co", weight, by_coalition - by_coalition[:1, :1])
        means = means + by_coalition[0, 0]
        if settings.explainer.get("link") == "logit":
            shares = np.clip(means, 1e-6, 1 - 1e-6)
            means = np.log(shares / (1 - shares))
        worth.append(means)
        spread = (by_coalition - by_coalition[0, 0]).reshape(-1, outputs.shape[1])
        low, high = min(low, float(spread.min())), max(high, float(spread.max()))
        size = max(size, float(np.abs(outputs).max()))
        resolution = max(resolution, resolution_of(outputs))
    games = np.stack(worth)
    values = np.stack([shapley_values(game) for game in games])
    return Shapley(values, games[:, 0], games, high - low, size, resolution)


def resolution_of(outputs: np.ndarray) -> float:
    """What outputs cannot tell apart; 0 for those in float64."""
    same = np.array_equal(outputs, outputs.astype(np.float32))
    return 2e-7 * float(np.abs(outputs).max()) if same else 0.0
