"""Series under masks, LIME and Shapley values, written anew: by pandas, by sums over all masks."""

import itertools
import math

import numpy as np
import pandas as pd


def masked(series, segments, mask, hide, fill=None):
    """A series (time, channels) with segments hidden, channel by channel."""
    shown = mask[segments]
    found = np.empty(series.shape)
    for k in range(series.shape[1]):
        column = pd.Series(np.where(shown[:, k], series[:, k], np.nan))
        if hide == "last":
            column = column.ffill().bfill()
        elif hide == "interpolate":
            column = column.interpolate(limit_direction="both")
        gap = series[:, k].mean() if fill is None else fill[:, k]
        found[:, k] = np.where(column.isna(), gap, column)
    return found


def all_masks(players):
    return np.array(list(itertools.product([False, True], repeat=players)))


def worth(model, series, segments, hide, fills=(None,)):
    """What a model says under every mask, averaged over fills."""
    masks = all_masks(int(segments.max()) + 1)
    said = [
        model(np.stack([masked(series, segments, mask, hide, fill) for mask in masks]))
        for fill in fills
    ]
    return masks, np.mean(said, axis=0)


def lime(masks, y, num_samples, width=0.25):
    """Least squares under `lime`'s law of masks and its kernel."""
    players, kept = masks.shape[1], masks.sum(1)
    law = np.array([1 / math.comb(players, k) / players for k in kept]) * (1 - 1 / num_samples)
    law[kept == players] = 1 / num_samples
    law *= np.exp(-0.5 * ((1 - np.sqrt(kept / players)) / width) ** 2)
    design = np.column_stack([np.ones(len(masks)), masks])
    root = np.sqrt(law)[:, None]
    return np.linalg.lstsq(root * design, root[:, 0] * y, rcond=None)[0][1:]


def shapley(masks, y):
    """By the definition, over all orders."""
    of = {tuple(mask): value for mask, value in zip(masks.tolist(), y, strict=True)}
    players = masks.shape[1]
    found = np.zeros(players)
    for order in itertools.permutations(range(players)):
        inside = [False] * players
        for player in order:
            before = of[tuple(inside)]
            inside[player] = True
            found[player] += of[tuple(inside)] - before
    return found / math.factorial(players)
