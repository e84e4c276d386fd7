"""What every worker does, on any engine: rows in, a table of explanations out."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from sklearn.utils.validation import check_is_fitted

from lime_jax.arguments import check_one_of
from lime_jax.front.explainer import ExplainerLike
from lime_jax.models.registry import at_hand
from lime_jax.models.unchanging import Unchanging
from lime_jax.optional import require
from lime_jax.results.arrow import long_table, rows_table
from lime_jax.tabular.asking import ask_ahead
from lime_jax.typing import ModelLike

if TYPE_CHECKING:
    import pyarrow

_FAILURE = b"lime_jax_failure"
ON_ERROR = ("raise", "record")
FORMS = {"rows": rows_table, "long": long_table, "numbers": partial(rows_table, texts=False)}
_OWN = ("self", "X", "images", "texts", "model", "row_ids", "progress", "mesh")
"""Arguments of `explain` that are not the same for all chunks, or have no meaning in a worker."""
_ASKED = ("explain", "get_params", "rows", "rows_of", "columns", "learned", "min_block_rows")
"""What engines and jobs ask of an `Explainer`."""


class ModelFactory:
    """A model that every worker makes for itself, because it cannot or need not be sent.

    Args:
        make: an importable function that returns the model, such as `joblib.load`.
        *arguments: of `make`.
        **keywords: of `make`.

    Example:
        >>> from operator import attrgetter
        >>> ModelFactory(attrgetter, "real").make_model()(3.0)
        3.0
    """

    def __init__(self, make: object, *arguments: object, **keywords: object) -> None:
        if not callable(make):
            raise ValueError(f"`make`: expected a function that returns a model, got {make!r}")
        self.make, self.arguments, self.keywords = make, arguments, keywords

    def make_model(self) -> Any:
        """The model; it is made when it is first asked for, and kept in this process.

        Returns:
            What `make` returned.
        """
        return self._model

    @cached_property
    def _model(self) -> Any:
        return self.make(*self.arguments, **self.keywords)

    def __getstate__(self) -> dict[str, Any]:
        """Without the model that was made here."""
        return {name: value for name, value in self.__dict__.items() if name != "_model"}


def _in_64_bits() -> bool:
    return jnp.result_type(float) == jnp.float64


@dataclasses.dataclass
class ChunkSpec:
    """All that the explanation of a row is a function of, but the row: what workers are sent.

    Attributes:
        explainer: fitted; a `TabularExplainer`, an `ImageExplainer`, or of a kind of your own.
        model: as `explain` takes it, or a `ModelFactory`.
        options: of `explain`, by name, but for `row_ids`, `progress` and `mesh`.
        form: of the tables: "rows", "long", or "numbers", which are rows without their texts; see
            `lime_jax.results.arrow`.
        enable_x64: whether JAX counts in 64 bits, as it does where the spec was made.
        on_error: "raise", or "record": the table of a chunk that fails has no rows, and
            `failure_of` tells why.
        promise: by which all blocks know that their model is the same.

    Raises:
        ValueError: if an option is unknown, or belongs to the engine.
        NotFittedError: if the explainer is not fitted.

    Example:
        >>> import lime_jax
        >>> import numpy as np
        >>> X = np.arange(8.0).reshape(4, 2)
        >>> explainer = lime_jax.TabularExplainer().fit(X)
        >>> spec = ChunkSpec(explainer, lambda batch: batch.sum(1), {"num_samples": 512})
        >>> explain_chunk(spec, X[:2], ["a", "b"])["row_id"].to_pylist()
        ['a', 'b']
    """

    explainer: ExplainerLike
    model: ModelLike
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    form: str = "rows"
    enable_x64: bool = dataclasses.field(default_factory=_in_64_bits)
    on_error: str = "raise"

    promise: bytes = dataclasses.field(
        default_factory=lambda: uuid.uuid4().bytes, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        lacking = [name for name in _ASKED if not hasattr(type(self.explainer), name)]
        if lacking:
            raise ValueError(
                f"`explainer`: expected an explainer, such as a TabularExplainer, got "
                f"{type(self.explainer).__name__}, which has no `{lacking[0]}`"
            )
        self.model = at_hand(self.model)
        if hasattr(self.explainer, "fit"):
            check_is_fitted(self.explainer)
        check_one_of("form", self.form, FORMS)
        check_one_of("on_error", self.on_error, ON_ERROR)
        known = list(inspect.signature(self.explainer.explain).parameters)
        for name in self.options:
            if name not in known or name in _OWN:
                usable = ", ".join(name for name in known if name not in _OWN)
                raise ValueError(
                    f"`{name}`: no option of a distributed `explain`; there are {usable}"
                )

    def ask_ahead(self) -> None:
        """Have a model on the host answer for samples that all rows share, before it is sent.

        What cannot be asked here, the workers will ask, or say why not.
        """
        if isinstance(self.model, ModelFactory):
            return
        with contextlib.suppress(Exception), warnings.catch_warnings(), self.in_its_bits():
            warnings.simplefilter("ignore")
            ask_ahead(self.explainer, Unchanging(self.model, self.promise), self.options)

    @contextlib.contextmanager
    def in_its_bits(self) -> Iterator[None]:
        """JAX counts as it does in the process that made this."""
        with contextlib.ExitStack() as stack:
            if _in_64_bits() != self.enable_x64:
                stack.enter_context(jax.enable_x64(self.enable_x64))
            yield


def explain_chunk(
    spec: ChunkSpec, X: object, row_ids: Iterable[object] | None = None
) -> pyarrow.Table:
    """Explain some rows: the one function that engines call.

    Args:
        spec: what to do; the same in all workers.
        X: rows, in the form the explainer takes, or images.
        row_ids: of the rows, numbers or text; None: a frame's index, else a hash of the content,
            which is all that a chunk can say of its rows.

    Returns:
        A table of `arrow.row_schema`, or of `arrow.long_schema` where the spec's form is "long";
        of a failure that is to be recorded, a table without rows.

    Raises:
        ValueError: if rows or options are not usable.
        ImportError: if pyarrow is missing.
    """
    try:
        return _explained(spec, X, row_ids)
    except Exception as error:
        if spec.on_error != "record":
            raise
        return _failed(error)


def _explained(spec: ChunkSpec, X: object, row_ids: Iterable[object] | None) -> pyarrow.Table:
    with spec.in_its_bits():
        model = spec.model.make_model() if isinstance(spec.model, ModelFactory) else spec.model
        explanations = spec.explainer.explain(
            X, Unchanging(model, spec.promise), row_ids=row_ids, progress=False, **spec.options
        )
    is_counted = row_ids is None and not explanations.row_names
    # The numbers of a chunk's rows say nothing of where it was cut from.
    return FORMS[spec.form](explanations, explanations.key_ids if is_counted else None)


def _failed(error: Exception) -> pyarrow.Table:
    """A table without rows that says why."""
    pa = require("pyarrow", extra="cli")
    said = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    schema = pa.schema([("row_id", pa.int64())], metadata={_FAILURE: said.encode()})
    return schema.empty_table()


def failure_of(table: pyarrow.Table) -> str | None:
    """What went wrong with the rows of `explain_chunk`, in words; None: nothing."""
    said = (table.schema.metadata or {}).get(_FAILURE)
    return None if said is None else said.decode()


def ids_of(column: Any) -> Any:
    """Row ids from an Arrow column of whole numbers or text; ValueError if one is null."""
    import pyarrow as pa

    if column.null_count:
        raise ValueError(
            f"`id_col`: expected an id for every row, but {column.null_count} of {len(column)} "
            "are null; leave `id_col` out to use the rows' content"
        )
    is_whole = pa.types.is_integer(column.type)
    return column.to_numpy(zero_copy_only=False) if is_whole else column.to_pylist()


def check_ids(row_ids: Iterable[object] | None, num_rows: int, name: str = "row_ids") -> None:
    """Refuse ids that do not tell the rows apart; `name` is that of their argument."""
    if row_ids is None:
        return
    ids = list(row_ids)
    if len(ids) != num_rows:
        raise ValueError(f"`{name}`: expected one for each of {num_rows} rows, got {len(ids)}")
    if len(set(ids)) < num_rows:
        first: dict[Any, int] = {}
        row = next(row for row, value in enumerate(ids) if first.setdefault(value, row) != row)
        raise ValueError(
            f"`{name}`: expected another id for every row, but rows {first[ids[row]]} and {row} "
            f"are both {ids[row]!r}; leave `{name}` out to use the rows' content"
        )
