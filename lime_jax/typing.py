"""The words every other file shares: arrays, keys, pytrees, and the protocols of the design."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, dataclass_transform, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from jaxtyping import UInt32 as UInt32

PredictFn: TypeAlias = Callable[..., Any]
"""Batch in, batch out: `(samples, ...) -> (samples,)` or `(samples, outputs)`."""

# What cannot be said of foreign objects by a type, said by a name.
AnyArray: TypeAlias = jax.Array | np.ndarray
"""For code that runs on the host and on the device."""
Index: TypeAlias = Int[Array, ""] | int
"""Of a replicate or a block."""
Pytree: TypeAlias = Any
"""Arrays in containers, as JAX takes them apart."""
ModelLike: TypeAlias = Any
"""A model as it is handed over: an estimator, its bound method, a function, a module, a session."""
Estimator: TypeAlias = Any
"""A fitted model, or a step of a pipeline: scikit-learn's, XGBoost's, or of a class like them."""
Table: TypeAlias = Any
"""Rows as a user has them: an array, or a frame of pandas, polars, pyarrow or narwhals."""
Column: TypeAlias = Any
"""One column of a frame, in its library's own type."""
DType: TypeAlias = Any
"""The type of a column, in its library's own words."""
Scalar: TypeAlias = Any
"""A number, text, flag, moment or None: a cell, a level, a class, a row's id."""

_T = TypeVar("_T")


def static(**options: Any) -> Pytree:
    """A field of a `pytree` that is part of the structure (hashable), not a leaf."""
    return dataclasses.field(metadata={"static": True}, **options)


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
def pytree(cls: type[_T]) -> type[_T]:
    """Make a frozen dataclass whose fields are pytree leaves, except the `static` ones.

    Unflattening does not go through `__init__`, because JAX puts placeholders into the leaves;
    so `__init__` may check, and in the tests it does check, the annotated shapes.
    """
    cls = dataclasses.dataclass(frozen=True, eq=False)(cls)  # arrays have no single truth value
    fields = dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]
    leaves = tuple(f.name for f in fields if not f.metadata.get("static"))
    meta = tuple(f.name for f in fields if f.metadata.get("static"))

    def flatten_with_keys(node: Pytree) -> Pytree:
        children = tuple((jax.tree_util.GetAttrKey(n), getattr(node, n)) for n in leaves)
        return children, tuple(getattr(node, n) for n in meta)

    def flatten(node: Pytree) -> Pytree:
        return tuple(getattr(node, n) for n in leaves), tuple(getattr(node, n) for n in meta)

    def unflatten(aux: Pytree, children: Pytree) -> Pytree:
        node = object.__new__(cls)
        for name, value in zip(meta, aux, strict=True):
            object.__setattr__(node, name, value)
        for name, value in zip(leaves, children, strict=True):
            object.__setattr__(node, name, value)
        return node

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def replaced(node: _T, **changes: object) -> _T:
    """A copy of a `pytree` with other leaves, also NumPy's: it does not go through `__init__`."""
    copy = object.__new__(type(node))
    for field in dataclasses.fields(node):  # pyright: ignore[reportArgumentType]
        object.__setattr__(copy, field.name, changes.get(field.name, getattr(node, field.name)))
    return copy


class Support(enum.IntEnum):
    """What the samples can say of x's own bin or level."""

    FULL = 0
    """Every replicate met it."""
    RARE = 1
    """Some replicate never met it: the standard error comes from the pooled samples."""
    NONE = 2
    """It has no training mass: the weight is 0 by definition, not by measurement."""


@pytree
class LinearFit:
    """One explanation: the local linear model of every output.

    Attributes:
        coef: weight of every feature, 0 where not selected; in units of the output per unit of
            the interpretable variable (1: "in x's own bin", or one standard deviation).
        std_error: delete-one-replicate jackknife standard error of `coef`; NaN where not selected.
        selected: which features the surrogate kept.
        intercept: of the surrogate.
        score: weighted R² of the surrogate on the neighborhood.
        local_pred: the surrogate's value at x.
        effective_samples: (sum of weights)² / sum of squared weights.
        support: what the samples can say of x's bins, a `Support`.
        held_out_score: R² on samples that the surrogate was not fitted to: on every replicate,
            the surrogate of the others; at most `score`, but for noise. None: an exact fit,
            where it is `score`.

    Example:
        >>> import lime_jax
        >>> key, stats = jax.random.key(0), lime_jax.fit_tabular(np.eye(4))
        >>> fit = lime_jax.explain_tabular(key, jax.numpy.eye(4)[0], stats, lambda X: X.sum(1))
        >>> fit.coef.shape, fit.score.shape
        ((1, 4), (1,))
    """

    coef: Float[Array, "*batch outputs features"]
    std_error: Float[Array, "*batch outputs features"]
    selected: Bool[Array, "*batch outputs features"]
    intercept: Float[Array, "*batch outputs"]
    score: Float[Array, "*batch outputs"]
    local_pred: Float[Array, "*batch outputs"]
    effective_samples: Float[Array, "*batch"]
    support: Int[Array, "*batch features"]
    held_out_score: Float[Array, "*batch outputs"] | None = None

    @classmethod
    def of_no_rows(cls, num_outputs: int, num_features: int) -> LinearFit:
        """The fits of a data set without rows.

        Args:
            num_outputs: that are explained.
            num_features: of each explanation.

        Returns:
            Fits with a leading axis of no rows, on the host.

        Example:
            >>> LinearFit.of_no_rows(2, 5).coef.shape
            (0, 2, 5)
        """
        kind, shape = jnp.result_type(float), (0, num_outputs, num_features)
        # Put in place: what makes them there is compiled.
        wide, narrow = jax.device_put((np.zeros(shape, kind), np.zeros(shape[:2], kind)))
        fit = cls(
            coef=wide,
            std_error=wide,
            selected=jax.device_put(np.zeros(shape, bool)),
            intercept=narrow,
            score=narrow,
            local_pred=narrow,
            effective_samples=jax.device_put(np.zeros(0, kind)),
            support=jax.device_put(np.zeros((0, num_features), np.int32)),
        )
        return jax.tree.map(np.asarray, fit)


@pytree
class View:
    """How one row sees the samples of a neighborhood.

    Attributes:
        z: interpretable variables of the samples.
        points: the samples where distances are measured.
    """

    z: Float[Array, "*batch samples variables"]
    points: Float[Array, "*batch samples dimensions"]
    origin: Float[Array, "*batch dimensions"]


@pytree
class Coordinates:
    """Which interpretable variables belong to which feature, for one row.

    Attributes:
        variable: for every feature the variable whose coefficient is its weight.
        feature: for every variable its feature.
        varies: False for a feature that is held fixed or whose bin has no training mass.
        support: what is known of x's bin, a `Support`.
    """

    z: Float[Array, "*batch variables"]
    variable: Int[Array, "*batch features"]
    feature: Int[Array, "*batch variables"]
    varies: Bool[Array, "*batch features"]
    support: Int[Array, "*batch features"]


@runtime_checkable
class Domain(Protocol):
    """What a sample is: draws into samples, samples into interpretable variables; one row."""

    @property
    def shared(self) -> bool:
        """Whether the samples do not depend on x, so that all rows can use the same ones."""
        ...

    @property
    def sample_size(self) -> int:
        """Numbers that one sample consists of; memory is planned with it."""
        ...

    def realize(self, instance: Pytree, draws: Pytree) -> Pytree:
        """Samples from draws, around `instance` (None where `shared`)."""
        ...

    @property
    def background_weights(self) -> Pytree:
        """Weights (K,) of the inputs that one sample has, which the model is averaged over.

        None: a sample has one input, and `inputs` no such axis.
        """
        ...

    def inputs(self, instance: Pytree, samples: Pytree) -> Array:
        """What a JAX model is called with: (..., samples, [K,] ...); `instance` as in `realize`."""
        ...

    def view(self, instance: Pytree, samples: Pytree) -> View:
        """The samples as x sees them."""
        ...

    def coordinates(self, instance: Pytree) -> Coordinates:
        """X's own interpretable variables."""
        ...


@runtime_checkable
class SampleDesign(Protocol):
    """How many samples there are: replicates, each made in blocks of one size."""

    @property
    def num_replicates(self) -> int:
        """Independent repetitions, from which standard errors come."""
        ...

    @property
    def num_groups(self) -> int:
        """Groups of replicates that standard errors come from."""
        ...

    @property
    def num_blocks(self) -> int:
        """Blocks in one replicate."""
        ...

    @property
    def block_size(self) -> int:
        """Samples in one block."""
        ...

    @property
    def num_samples(self) -> int:
        """Samples in all replicates together."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """Which draws to make."""

    @property
    def design(self) -> SampleDesign:
        """How many draws there are, in which replicates and blocks."""
        ...

    def draws(self, key: Key[Array, ""], replicate: Index, block: Index) -> Pytree:
        """One block of draws, a function of nothing but these arguments."""
        ...


@runtime_checkable
class Method(Sampler, Protocol):
    """Which draws to make, how to weigh the samples, and how to fit; one row."""

    def summarize(self, view: View, y: Float[Array, "samples outputs"]) -> Pytree:
        """What the fit needs of some samples; `merge` of two of them is exact."""
        ...

    def merge(self, first: Pytree, second: Pytree) -> Pytree:
        """The summary of both sets of samples."""
        ...

    def solve(self, summaries: Pytree, coordinates: Coordinates) -> LinearFit:
        """The explanation, from one summary per replicate."""
        ...


@runtime_checkable
class SharedMethod(Sampler, Protocol):
    """A method for a neighborhood that all rows share; arrays are (replicates, blocks, ...)."""

    @property
    def rows_at_once(self) -> int:
        """Rows that are worth working on together."""
        ...

    def retain(self, samples: Pytree) -> Pytree:
        """The part of the domain's samples that the fits read."""
        ...

    def lay_out(self, samples: Pytree) -> Pytree:
        """The retained samples as the fits read them; once, whatever the model."""
        ...

    def adjust(
        self, layout: Pytree, y: Float[Array, "replicates blocks samples outputs"]
    ) -> Pytree:
        """The layout with the model's outputs; once per model, whatever the rows."""
        ...

    def sum_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Pytree,
        labels: Int[Array, " labels"] | None,
    ) -> Pytree:
        """What one row's explanation needs of the samples."""
        ...

    def solve_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Pytree,
        sums: Pytree,
        labels: Int[Array, " labels"] | None,
    ) -> LinearFit:
        """One row's explanation."""
        ...


@runtime_checkable
class ClosedForm(Protocol):
    """The explanation of every row as a formula: what sampling converges to."""

    @property
    def rows_at_once(self) -> int:
        """Rows that are worth working on together."""
        ...

    def explain_block(
        self,
        instances: Pytree,
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None,
    ) -> LinearFit:
        """Explanations of a block of rows.

        `variance` is that of these outputs in each row's neighborhood, for the score; None: it is
        not asked for.
        """
        ...
