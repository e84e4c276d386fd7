"""What an explainer of any kind of data answers, so that engines, jobs and files need no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from lime_jax.typing import Pytree, Table

ExplainerLike: TypeAlias = Any
"""An explainer as it is handed over: whether it is an `Explainer` is seen later."""


@runtime_checkable
class Rows(Protocol):
    """Rows that can be counted, and cut by a slice into what `explain` takes."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, part: slice, /) -> Table:
        """Some of them."""
        ...


@runtime_checkable
class Explainer(Protocol):
    """An explainer of one kind of data: all that Ray, Spark and jobs ask of it.

    Its parameters are those of `__init__` (`get_params`, as scikit-learn's `BaseEstimator` has it),
    and it can be pickled.
    """

    min_block_rows: ClassVar[int]
    """Rows that are worth a block of their own."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of a file, of Ray or of Spark that rows are read from."""
        ...

    @property
    def learned(self) -> Pytree:
        """What `fit` has learned, arrays and plain values; with the parameters it says all."""
        ...

    def rows(self, X: Table) -> Rows:
        """The rows of `X`, which can be counted and cut, and each part be explained by itself."""
        ...

    def rows_of(self, batch: Table, columns: Sequence[str]) -> Table:
        """Rows as `explain` takes them, from columns of an Arrow table, a frame or a mapping."""
        ...

    @property
    def explain(self) -> Callable[..., Any]:
        """Explanations of rows by a model; `row_ids` and `progress` are among the options."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        ...
