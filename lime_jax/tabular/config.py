"""`TabularConfig`: the choices that make a tabular LIME, and the domain and method they name."""

from __future__ import annotations

from typing import Literal, overload

import jax.numpy as jnp
import numpy as np

from lime_jax.arguments import check_one_of, column_numbers
from lime_jax.fits.independent import IndependentMethod
from lime_jax.fits.linear import Kernel, LinearMethod
from lime_jax.placing import placed
from lime_jax.stages.designs import Design, make_design
from lime_jax.stages.kernels import METRICS, exponential_kernel
from lime_jax.stages.select import resolve_selection
from lime_jax.tabular.domain import DISTANCE_SPACES, ENCODINGS, SAMPLINGS, TabularDomain
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Bool, Float, pytree, static

WIDE_COLUMN = 32
"""A column with more bins is compared code by code: one-hot products cost as much as its bins."""


@pytree
class TabularConfig:
    """How to explain a row of a table. Any combination that means something is allowed.

    `lime`'s default is "bins", "same_bin", "encoded"; undiscretized `lime` is "normal" (or
    "around"), "standardized", "encoded".

    Attributes:
        kernel_width: in units of the distance; None: 0.75 times the root of the number of columns.
        alpha: ridge penalty, compared with sums over the samples.
        num_samples: rounded up to whole replicates.
        sampling: "bins" (by the training bins), "normal" (around the column means) or "around" x.
        encoding: "same_bin", "one_hot" or "standardized": what the surrogate is linear in.
        distance_space: "encoded" or "standardized": where distances are measured.
        distance: "euclidean", "cosine" or "manhattan".
        kernel: `(distances, kernel_width) -> weights`; None: the exponential kernel.
        feature_selection: "auto", "none", "highest_weights", "forward_selection" or "lasso_path".
        num_features: how many to keep; None keeps all.
        design: "sobol", "latin_hypercube" or "iid".
        features: columns that are perturbed, the others keep x's values; None: all.
        held_out_score: whether to score the surrogate on samples that it was not fitted to.

    Example:
        >>> TabularConfig(num_samples=1024, encoding="one_hot").encoding
        'one_hot'
    """

    kernel_width: Float[Array, "*batch"] | float | int | None = None
    alpha: Float[Array, "*batch"] | float | int = 1.0
    num_samples: int = static(default=4096)
    sampling: str = static(default="bins")
    encoding: str = static(default="same_bin")
    distance_space: str = static(default="encoded")
    distance: str = static(default="euclidean")
    kernel: Kernel | None = static(default=None)
    feature_selection: str = static(default="auto")
    num_features: int | None = static(default=None)
    design: str = static(default="sobol")
    features: tuple[int, ...] | None = static(default=None)
    held_out_score: bool = static(default=False)

    def held_columns(self, count: int) -> Bool[np.ndarray, " features"]:
        """Which of the columns keep x's value; `features` are known to exist."""
        held = np.full(count, self.features is not None)
        held[list(self.features or ())] = False
        return held

    def check(self) -> None:
        """Refuse what does not exist or does not go together.

        Raises:
            ValueError: naming the argument, what was expected and what came.
        """
        for name, known in (
            ("sampling", SAMPLINGS),
            ("encoding", ENCODINGS),
            ("distance_space", DISTANCE_SPACES),
            ("distance", METRICS),
        ):
            check_one_of(name, getattr(self, name), known)
        method = resolve_selection(self.feature_selection, self.num_features)
        if self.encoding == "one_hot" and self.num_features is not None:
            allowed = ("none", "highest_weights")
            if method not in allowed and self.feature_selection != "auto":
                raise ValueError(
                    f"`feature_selection`: with one-hot encoding a feature is several variables, "
                    f"expected one of {', '.join(allowed)}, got {self.feature_selection!r}"
                )
        for name in ("kernel_width", "alpha"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not (
                value > 0 or (name == "alpha" and value == 0)
            ):
                raise ValueError(f"`{name}`: expected a positive number, got {value}")


def make_domain(stats: TabularStats, config: TabularConfig) -> TabularDomain:
    """The domain that a configuration names.

    Raises:
        ValueError: if the configuration does not fit together or not to the table.
    """
    config.check()
    count = stats.num_features
    perturbed = np.ones(count, bool)
    if config.features is not None:
        numbers = column_numbers(tuple(map(str, range(count))), config.features, "features")
        if not numbers:
            raise ValueError("`features`: expected columns to perturb, got no columns")
        perturbed[:] = False
        perturbed[numbers] = True
    return TabularDomain(
        stats,
        placed(perturbed),
        sampling=config.sampling,
        encoding=config.encoding,
        distance_space=config.distance_space,
        all_perturbed=bool(perturbed.all()),
        has_levels=bool(stats.categorical_columns),
    )


def kernel_width_of(stats: TabularStats, config: TabularConfig) -> Float[Array, ""] | float:
    """The kernel width of a configuration.

    Returns:
        Its own, or `lime`'s: 0.75 times the root of the number of columns.
    """
    width = config.kernel_width
    return 0.75 * stats.num_features**0.5 if width is None else width


@overload
def make_method(
    stats: TabularStats, config: TabularConfig, *, shared: Literal[False]
) -> LinearMethod: ...
@overload
def make_method(
    stats: TabularStats, config: TabularConfig, *, shared: bool
) -> LinearMethod | IndependentMethod: ...
def make_method(
    stats: TabularStats, config: TabularConfig, *, shared: bool
) -> LinearMethod | IndependentMethod:
    """The method that a configuration names.

    Args:
        shared: whether all rows use one neighborhood, so that the closed-form Gram matrix serves.
    """
    in_bins = config.sampling == "bins"
    discrete = np.zeros(stats.num_features, bool)
    by_frequency = (*stats.categorical_columns, *stats.valued_columns)
    discrete[list(stats.discrete_columns if in_bins else by_frequency)] = True
    design = make_design(config.design, config.num_samples, stats.num_features, discrete)
    selection = config.feature_selection
    if selection == "auto" and config.encoding == "one_hot":
        selection = "highest_weights"
    product_kernel = config.kernel is None and config.distance == "euclidean"
    independent = (config.sampling, config.encoding, config.distance_space) == (
        "bins",
        "same_bin",
        "encoded",
    )
    if shared and independent and product_kernel and config.features is None:
        return _independent_method(stats, config, design, selection)
    return LinearMethod(
        design=design,
        kernel_width=kernel_width_of(stats, config),
        alpha=config.alpha,
        distance=config.distance,
        kernel=config.kernel or exponential_kernel,
        feature_selection=selection,
        num_features=config.num_features,
        held_out=config.held_out_score,
    )


def _independent_method(
    stats: TabularStats, config: TabularConfig, design: Design, selection: str
) -> IndependentMethod:
    """The method with the columns parted into narrow and wide ones."""
    narrow = np.diff(stats.offsets) <= WIDE_COLUMN
    float_ = jnp.result_type(float)
    return IndependentMethod(
        design=design,
        kernel_width=placed(kernel_width_of(stats, config), float_),
        alpha=placed(config.alpha, float_),
        probability=placed(stats.probability, float_),
        bin_feature=placed(stats.bin_feature),
        narrow_columns=placed(np.flatnonzero(narrow), jnp.int32),
        wide_columns=placed(np.flatnonzero(~narrow), jnp.int32),
        narrow_bins=placed(np.flatnonzero(narrow[stats.bin_feature]), jnp.int32),
        feature_selection=selection,
        num_features=config.num_features,
        held_out=config.held_out_score,
    )
