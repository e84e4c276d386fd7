"""How far a sample is from the explained row, and how much it counts."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from lime_jax.typing import Array, Float

METRICS = ("euclidean", "cosine", "manhattan")


def distance(
    points: Float[Array, "samples dims"], origin: Float[Array, " dims"], metric: str = "euclidean"
) -> Float[Array, " samples"]:
    """Distance of every point to one origin.

    Args:
        points: `(samples, dims)`.
        origin: `(dims,)`.
        metric: `"euclidean"`, `"cosine"` or `"manhattan"`; static.

    Returns:
        `sklearn.metrics.pairwise_distances(points, origin[None], metric)`, `(samples,)`. Its
        gradient is finite everywhere, and 0 where a point meets the origin.

    Raises:
        ValueError: if `metric` is not one of the three.

    Example:
        >>> import jax.numpy as jnp
        >>> distance(jnp.array([[3.0, 4.0], [0.0, 0.0]]), jnp.zeros(2)).tolist()
        [5.0, 0.0]
    """
    if metric == "euclidean":
        return _root(((points - origin) ** 2).sum(-1))
    if metric == "manhattan":
        return jnp.abs(points - origin).sum(-1)
    if metric == "cosine":
        cosine = jnp.matmul(_unit(points), _unit(origin), precision="highest")
        return jnp.clip(1 - cosine, 0, 2)
    raise ValueError(
        f"`metric` should be one of 'euclidean', 'cosine', 'manhattan', got {metric!r}. "
        "For another one, compute the distances yourself and hand them to the kernel."
    )


def exponential_kernel(
    distance: Float[Array, "*shape"], kernel_width: Float[Array, ""] | float | int
) -> Float[Array, "*shape"]:
    """Weight of a sample at a distance: `exp(-distance² / (2 kernel_width²))`.

    Args:
        distance: of any shape.
        kernel_width: in units of the distance, positive.

    Returns:
        Weights in [0, 1], same shape: `lime`'s kernel.

    Example:
        >>> import jax.numpy as jnp
        >>> weights = exponential_kernel(jnp.array([0.0, 2.0]), kernel_width=1.0)
        >>> [round(float(weight), 4) for weight in weights]
        [1.0, 0.1353]
    """
    return jnp.exp(-0.5 * (distance / kernel_width) ** 2)


def shapley_kernel(num_players: int) -> Float[np.ndarray, " sizes"]:
    """Weight of a coalition by its size, such that the slopes are the Shapley values.

    Args:
        num_players: at least 1.

    Returns:
        `(M - 1) / (C(M, size) size (M - size))` for the sizes from 1 to M - 1, in float64 on the
        host (Lundberg and Lee, 2017). The weights of the empty and the full coalition are
        infinite; they are left out.

    Example:
        >>> shapley_kernel(4).round(4).tolist()
        [0.25, 0.125, 0.25]
    """
    sizes = np.arange(1, num_players)
    return (num_players - 1) / (sizes * (num_players - sizes)) * inverse_choose(num_players)[1:-1]


def inverse_choose(num_players: int) -> Float[np.ndarray, " sizes"]:
    """One over the number of coalitions of each size from 0 to M, in float64 on the host.

    0 where there are more than a number can hold.
    """
    sizes = np.arange(1, num_players + 1)
    half = np.cumprod((sizes / (num_players + 1 - sizes))[: num_players // 2])
    half = np.append(1.0, half)
    return np.append(half, half[: (num_players + 1) // 2][::-1])


def effective_sample_size(weights: Float[Array, " samples"]) -> Float[Array, ""]:
    """How many equally weighted samples these weighted ones are worth.

    Args:
        weights: not negative, `(samples,)`.

    Returns:
        `(Σw)² / Σw²` (Kish, 1965): the number of samples where all weights are equal, 1 where
        one has all the weight, 0 where none has any.

    Example:
        >>> import jax.numpy as jnp
        >>> float(effective_sample_size(jnp.array([1.0, 1.0, 0.0])))
        2.0
    """
    largest = weights.max()
    # Scaled, because the square of a very small weight is 0 in float32.
    scaled = weights / jnp.where(largest > 0, largest, 1)
    return scaled.sum() ** 2 / jnp.where(largest > 0, (scaled**2).sum(), 1)


def _root(squared: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The square root, with gradient 0 at 0 in place of infinity (and NaN after it)."""
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)


def _unit(vectors: Float[Array, "*shape dims"]) -> Float[Array, "*shape dims"]:
    """Vectors of length one; a zero vector stays one."""
    length = _root((vectors**2).sum(-1, keepdims=True))
    return vectors / jnp.where(length > 0, length, 1)
