"""How much of the background is in each box with the help of each coalition: once, in NumPy."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt32

from lime_jax.tabular.exact.shapley.tables import WORD, Game, Patterns

_LONGEST_TABLE = 12
"""Positions; a table doubles with each. A longer box compares patterns with coalitions."""

_CELLS_AT_ONCE = 2**20
"""Boxes times coalitions, patterns times coalitions or cells of tables in memory together."""


def background_shares(
    game: Game,
    patterns: Patterns,
    coalitions: Bool[np.ndarray, "coalitions players"],
    kind: np.dtype,
) -> Float[np.ndarray, "boxes coalitions"]:
    """Shares of the background.

    Args:
        patterns: which positions of each box the background rows miss.
        coalitions: whose players take their values from a row that meets all conditions.
        kind: dtype of the shares, which are sums in float64.

    Returns:
        Weight of the background rows that meet all conditions of the other players.
    """
    players = _players_of(game, coalitions.shape[1])
    keeps = np.concatenate([coalitions.T, np.ones((1, len(coalitions)), bool)])  # a held column
    shares = np.empty((len(game.size), len(coalitions)), kind)
    for size in np.unique(game.size):
        boxes = np.flatnonzero(game.size == size)
        of_some = _by_table if size <= _LONGEST_TABLE else _by_pattern
        each = max(keeps.shape[1], 2 ** min(int(size), _LONGEST_TABLE))
        for some in np.array_split(boxes, -(-len(boxes) * each // _CELLS_AT_ONCE)):
            of_boxes = players[np.cumsum(game.size)[some, None] - size + np.arange(size)]
            shares[some] = of_some(some, patterns, of_boxes, keeps)
    return shares


def coalition_words(
    coalitions: Bool[np.ndarray, "coalitions players"],
) -> UInt32[np.ndarray, "words coalitions"]:
    """Coalitions as bits by player, in words of 32.

    Example:
        >>> coalition_words(np.array([[True, False, True]])).tolist()
        [[5]]
    """
    words = -(-coalitions.shape[1] // WORD)
    bits = np.zeros((words * WORD, len(coalitions)), np.uint32)
    bits[: coalitions.shape[1]] = coalitions.T
    bits <<= (np.arange(words * WORD, dtype=np.uint32) % WORD)[:, None]
    return np.bitwise_or.reduce(bits.reshape(words, WORD, -1), axis=1)


def _players_of(game: Game, num_players: int) -> Int[np.ndarray, " positions"]:
    """The player of each position, box after box; a held one has the number after the last."""
    players = np.full(int(game.size.sum()), num_players)
    first = np.cumsum(game.size) - game.size
    players[first[game.slot_box] + game.slot_position] = game.slot_player
    return players


def _by_table(
    boxes: Int[np.ndarray, " some"],
    patterns: Patterns,
    players: Int[np.ndarray, "some positions"],
    keeps: Bool[np.ndarray, "players coalitions"],
) -> Float64[np.ndarray, "some coalitions"]:
    """Boxes with a table of the share for every set of positions that may be missed."""
    size = players.shape[1]
    count = np.diff(patterns.first)[boxes]
    number = np.repeat(np.arange(len(boxes)), count)
    pattern = np.arange(int(count.sum())) + np.repeat(
        patterns.first[boxes] - (np.cumsum(count) - count), count
    )
    share = np.zeros((len(boxes), 2**size))
    share[number, patterns.missed[pattern, 0]] = patterns.weight[pattern]
    for k in range(size):
        halves = share.reshape(len(boxes), -1, 2, 2**k)
        halves[:, :, 1] += halves[:, :, 0]
    place = np.zeros((len(boxes), keeps.shape[1]), np.uint16)
    for k in range(size):
        place |= keeps[players[:, k]].astype(np.uint16) << np.uint16(k)
    return np.take_along_axis(share, place, axis=1)


def _by_pattern(
    boxes: Int[np.ndarray, " some"],
    patterns: Patterns,
    players: Int[np.ndarray, "some positions"],
    keeps: Bool[np.ndarray, "players coalitions"],
) -> Float64[np.ndarray, "some coalitions"]:
    """Boxes that compare the pattern of every background row with every coalition."""
    shares = np.empty((len(boxes), keeps.shape[1]))
    for number, (box, of_box) in enumerate(zip(boxes, players, strict=True)):
        asked = coalition_words(~keeps[of_box].T)
        mine = slice(patterns.first[box], patterns.first[box + 1])
        missed = patterns.missed[mine]
        fails = np.zeros((len(missed), keeps.shape[1]), bool)
        for word, bits in enumerate(asked):
            fails |= (missed[:, word, None] & bits) != 0
        shares[number] = patterns.weight[mine] @ ~fails
    return shares
