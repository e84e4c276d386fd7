"""Percentile and entropy bins, digitize, one-hot, and the statistics of every bin.

A column's bins are `(-inf, edge_0], (edge_0, edge_1], ..., (edge_last, inf)`. Tables have columns
with 2 and with 4,000 bins, so the bins of all columns lie one after the other in flat arrays with
`offsets`; nothing is padded to the widest column.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64, Int32, Shaped

from lime_jax.typing import Array, Float, Int

QUARTILES = (25.0, 50.0, 75.0)
DECILES = tuple(float(p) for p in range(10, 100, 10))


def percentile_edges(
    values: Float[Array, " rows"], percentiles: Sequence[float] = QUARTILES
) -> Float[Array, " edges"]:
    """Bin edges of one column: its percentiles, by linear interpolation.

    Args:
        values: the column, in its own units.
        percentiles: from 0 to 100, ascending.

    Returns:
        One edge per percentile, ascending; equal edges (a spiked column) are kept, since their
        number may not depend on the data inside `jit`.

    Example:
        >>> percentile_edges(jnp.arange(5.0))
        Array([1., 2., 3.], dtype=float32)

    Equals `numpy.percentile`.
    """
    return jnp.percentile(values, jnp.asarray(percentiles, dtype=values.dtype))


def weighted_percentiles(
    values: Float64[np.ndarray, " rows"],
    percentiles: Sequence[float],
    sample_weight: Float64[np.ndarray, " rows"] | None = None,
) -> Float64[np.ndarray, " edges"]:
    """Percentiles of a weighted column, on the host: `numpy.percentile` of repeated rows.

    A weight of 2 counts as the row twice. Weights that are not whole numbers are scaled to a mean
    of 1 first.
    """
    if sample_weight is None:
        return np.percentile(values, percentiles)
    keep = sample_weight > 0
    values, weight = values[keep], sample_weight[keep]
    if np.any(weight != np.round(weight)):
        weight = weight * (len(weight) / weight.sum())
    order = np.argsort(values, kind="stable")
    values, cumulative = values[order], np.cumsum(weight[order])
    rank = max(cumulative[-1] - 1, 0) * (np.asarray(percentiles) / 100)
    low = np.floor(rank)
    share = rank - low
    tolerance = 1e-9 * cumulative[-1]  # of the running sum

    def at(rank: Float64[np.ndarray, " edges"]) -> Float64[np.ndarray, " edges"]:
        index = np.searchsorted(cumulative, rank + 1 - tolerance)
        return values[np.minimum(index, len(values) - 1)]

    lower, upper = at(low), at(low + 1)
    step = upper - lower  # bit for bit NumPy's, so that a value on an edge stays on it
    return np.where(share < 0.5, lower + step * share, upper - step * (1 - share))


FEW_VALUES = 10
"""A column of at most so many values, each met twice on average, has its values as bins."""


def value_edges(
    distinct: Float64[np.ndarray, " values"], rows: float | int, most: int = FEW_VALUES
) -> Float64[np.ndarray, " edges"] | None:
    """All values but the largest as edges, so that each is a bin; None where they are too many.

    A weight of 2 counts as two `rows`.

    Example:
        >>> value_edges(np.array([0.0, 1, 3]), 6)
        array([0., 1.])
    """
    return distinct[:-1] if len(distinct) <= min(most, rows / 2) else None


def isolate_spikes(
    edges: Float64[np.ndarray, " edges"],
    distinct: Float64[np.ndarray, " values"],
    mass: Shaped[np.ndarray, " values"],
    most: float,
) -> tuple[Float64[np.ndarray, " _"], Float64[np.ndarray, " spikes"]]:
    """Edges that give each value with more than the share `most` of the mass a bin; those values.

    Percentiles of a spiked column coincide with the spike; at the column's maximum such an edge
    has nothing above it, and the spike would share its bin with all that is below. No edge is
    returned above which or up to which there is no value.

    Example:
        >>> isolate_spikes(np.array([5.0]), np.array([1.0, 2, 5]), np.array([1, 1, 4]), 0.25)
        (array([2.]), array([5.]))
    """
    inner = edges[(edges >= distinct[0]) & (edges < distinct[-1])]
    spikes = np.flatnonzero(mass > most * mass.sum())
    # An edge anywhere between two neighbors parts them; another one there has nothing to part.
    parted, first = np.unique(np.searchsorted(distinct, inner, side="right") - 1, return_index=True)
    inner = inner[first]
    wanted = np.union1d(spikes - 1, spikes)
    wanted = wanted[(wanted >= 0) & (wanted < len(distinct) - 1)]
    fresh = np.setdiff1d(wanted, parted)
    edges = np.union1d(inner, distinct[fresh])
    if len(spikes):
        edges = _without_slivers(edges, distinct, mass, spikes, most)
    return edges, distinct[spikes]


def _without_slivers(
    edges: Float64[np.ndarray, " edges"],
    distinct: Float64[np.ndarray, " values"],
    mass: Shaped[np.ndarray, " values"],
    spikes: Int[np.ndarray, " spikes"],
    most: float,
) -> Float64[np.ndarray, " _"]:
    """Without edges to what little is left between a percentile and a spike."""
    while len(edges):
        bin_of = np.searchsorted(edges, distinct, side="left")
        share = np.bincount(bin_of, weights=mass) / mass.sum()
        share[bin_of[spikes]] = np.inf
        neighbors = np.stack([np.append(np.inf, share[:-1]), np.append(share[1:], np.inf)])
        small = (share < most / 4) & np.isfinite(neighbors.min(axis=0))
        if not small.any():
            break
        bin_ = int(np.argmin(np.where(small, share, np.inf)))
        edges = np.delete(edges, bin_ - 1 + int(neighbors[:, bin_].argmin()))
    return edges


def entropy_edges(
    values: Float64[np.ndarray, " rows"],
    y: Shaped[np.ndarray, " rows"],
    sample_weight: Float64[np.ndarray, " rows"] | None = None,
) -> Float64[np.ndarray, " edges"]:
    """Bin edges of one column that separate the classes: the splits of a depth-3 entropy tree.

    Args:
        values: the column, without missing values.
        y: the class of every row.
        sample_weight: non-negative; None: all 1.

    Returns:
        The thresholds, ascending; the median where the tree finds no split.

    Example:
        >>> entropy_edges(np.array([0.0, 1.0, 4.0, 5.0]), np.array([0, 0, 1, 1]))
        array([2.5])

    Equals `lime`'s EntropyDiscretizer.
    """
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(criterion="entropy", max_depth=3, random_state=0)
    unit = _unit_in_float32(values)
    fitted = tree.fit(values[:, None] / unit, y, sample_weight=sample_weight).tree_
    edges = np.sort(fitted.threshold[fitted.children_left > -1]) * unit
    if len(edges) == 0:
        edges = weighted_percentiles(values, [50.0], sample_weight)
    return edges.astype(np.float64)


def _unit_in_float32(values: np.ndarray) -> float:
    """A power of two in which the trees of scikit-learn, in float32, hold the largest value."""
    _, exponent = np.frexp(np.abs(values).max(initial=0.0))
    return 2.0 ** max(0, int(exponent) - 120)


def digitize(
    values: Float[Array, " *batch"], edges: Float[Array, " edges"]
) -> Int32[Array, " *batch"]:
    """Bin of each value in one column: the number of edges below it.

    Args:
        values: of the column, in its own units.
        edges: ascending.

    Returns:
        0 to `edges`; a value equal to an edge stays in the lower bin.

    Example:
        >>> digitize(jnp.array([0.5, 1.0, 9.0]), jnp.array([1.0, 2.0]))
        Array([0, 0, 2], dtype=int32)

    Equals `numpy.searchsorted(edges, values, side="left")`.
    """
    return jnp.searchsorted(edges, values, side="left").astype(jnp.int32)


def one_hot(codes: Int[Array, " *batch"], num_bins: int) -> Float[Array, "*batch {num_bins}"]:
    """One column of 0/1 per bin.

    Args:
        codes: bins; a code outside `0..num_bins-1` gives zeros.
        num_bins: how many there are.

    Returns:
        1 where the code is the column's number.

    Example:
        >>> one_hot(jnp.array([0, 2]), 3)
        Array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)

    Equals scikit-learn's `OneHotEncoder`.
    """
    return (codes[..., None] == jnp.arange(num_bins)).astype(jnp.result_type(float))


def ragged_search(
    values: Float[Array, "*batch features"],
    bounds: Float[Array, " bins"],
    offsets: Int[Array, " features_plus_1"],
    max_bins: int,
) -> Int32[Array, "*batch features"]:
    """First of each column's own bounds that is not below the value: bisection over ragged bins.

    Equals `numpy.searchsorted(side="left")` in the columns' ascending upper `bounds`, but that a
    value above a column's last bound gets the last one. `max_bins` is of the widest column, and
    static: the number of steps follows from it.
    """
    low = jnp.broadcast_to(offsets[:-1], values.shape).astype(jnp.int32)
    high = jnp.broadcast_to(offsets[1:] - 1, values.shape).astype(jnp.int32)
    for _ in range(max(max_bins - 1, 0).bit_length()):
        middle = (low + high) // 2
        above = values > bounds[middle]
        low = jnp.where(above, jnp.minimum(middle + 1, high), low)
        high = jnp.where(above, high, middle)
    return low


def one_hot_bins(
    bins: Int[Array, "*batch features"], bin_feature: Int[Array, " bins"]
) -> Float[Array, "*batch bins"]:
    """All bins of all columns as 0/1 columns; the flat bin -1 is none of them."""
    number = jnp.arange(bin_feature.shape[0])
    return (jnp.take(bins, bin_feature, axis=-1) == number).astype(jnp.result_type(float))


def tilt(
    probability: Float[Array, " *batch"], kernel_width: Float[Array, ""] | float
) -> Float[Array, " *batch"]:
    """Chance that a kernel-weighted sample falls in x's own bin, of training mass `probability`.

    `p / (p + (1 - p) exp(-1 / 2 width²))`: Garreau & von Luxburg (2020).
    """
    miss = jnp.exp(-0.5 / jnp.square(jnp.asarray(kernel_width, probability.dtype)))
    total = probability + (1 - probability) * miss
    # Under a very narrow kernel a bin without mass has nothing to be compared with.
    return probability / jnp.where(total > 0, total, 1)
