"""One call of `explain`, whatever is explained: the steps that every kind of data takes.

A new kind of data inherits from `Call` and hands it to `explain`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64, UInt32

from lime_jax.engine.mesh_checks import check_model_on, check_same_rows
from lime_jax.front.batch_model import BatchModel
from lime_jax.front.checks import check_fit, errors_noted
from lime_jax.front.options import ExplainOptions, check_method
from lime_jax.front.progress import progress_bar
from lime_jax.front.row_ids import hash_ids
from lime_jax.models.labels import OutputLabels, choose_labels, name_outputs
from lime_jax.models.outputs import check_probabilities, output_kind
from lime_jax.models.unchanging import Unchanging
from lime_jax.results.explanations import Explanations
from lime_jax.results.names import FeatureNames
from lime_jax.results.row_index import RowIndex, row_index
from lime_jax.typing import LinearFit, ModelLike, Scalar, Table, replaced

M = TypeVar("M", bound=BatchModel)
E = TypeVar("E", bound=Explanations, covariant=True)


@runtime_checkable
class CommonSettings(Protocol):
    """The settings that explainers of all kinds of data have, as a call reads them."""

    algorithm: str
    link: str
    mode: str | None
    output: str | None
    class_names: Sequence[Scalar] | np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Request:
    """What a fit is asked for.

    Random numbers come from `ids`; `both_add_up`: the outputs are two probabilities; `tick` counts
    rows that are done; of a model that is promised to be the last one again, `promise` says which.
    """

    options: ExplainOptions
    ids: UInt32[np.ndarray, " rows"]
    labels: Int64[np.ndarray, "rows labels"]
    is_exact: bool
    both_add_up: bool
    tick: Callable[[int], None] | None = None
    promise: bytes | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """A fit of all rows, and what explanations say about it.

    Attributes:
        fit: with a leading axis of rows, on the host.
        names: of features and levels.
        values: (rows, features) the rows as numbers and level codes.
        samples_used: (rows,) drawn for each row.
        num_samples: of the largest neighborhood.
        num_replicates: of the largest neighborhood; 0 where exact.
        enough: effective samples that a row needs; 0: any number will do.
        conditions: text of every bin.
        bins: (rows, features) index into `conditions`; None: there are no bins.
        variables: (rows, features) the rows' interpretable variables; None: all are 1.
        kernel_width: NaN where a kernel has none.
        groups: names of the columns of each feature, where features can be groups.
        value_kind: of KernelSHAP.
        route: which of several ways that give the same the model took, and why.
    """

    fit: LinearFit
    names: FeatureNames
    values: np.ndarray
    samples_used: np.ndarray
    num_samples: int
    num_replicates: int
    enough: float | int | np.ndarray = 0
    conditions: tuple[str, ...] = ()
    bins: np.ndarray | None = None
    variables: np.ndarray | None = None
    kernel_width: float = float("nan")
    groups: tuple[tuple[str, ...], ...] = ()
    value_kind: str = "shapley"
    route: str = ""


@runtime_checkable
class Call(Protocol[M, E]):
    """The rows of one call, and what their kind of data knows about them.

    A kind of data inherits from it; what has no body here it has to say itself.

    Attributes:
        X: the rows as they came, for the names in a frame's index.
    """

    explainer: CommonSettings
    X: Table

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def content_ids(self) -> UInt32[np.ndarray, " rows"]:
        """A hash of each row's content; see `front.row_ids`."""
        ...

    def open_model(self, model: ModelLike) -> M:
        """See what a model is, and how to call it."""
        ...

    def predict(self, model: M, batch_size: int | None) -> Float64[np.ndarray, "rows outputs"]:
        """The model's outputs for the rows."""
        ...

    def fit(self, model: M, request: Request) -> list[Outcome]:
        """Explain the rows: an outcome for every choice of settings, mostly one."""
        ...

    def pack(self, fit: LinearFit, **fields: object) -> E:
        """The explanations: mostly `of_fit` of this kind's class."""
        ...

    def why_not_exact(self, model: M) -> str:
        """Why there is no closed form; empty if there is one."""
        del model
        return "it is not known for this kind of data"

    def note_of(self, error: Exception) -> str:
        """What may be behind an error of the model; empty if nothing is known."""
        del error
        return ""


def explain(call: Call[M, E], model: ModelLike, options: ExplainOptions) -> list[E]:
    """Explain rows: open the model, predict, name outputs and rows, fit, check, pack."""
    explainer, promised = call.explainer, model if isinstance(model, Unchanging) else None
    opened = call.open_model(model if promised is None else promised.model)
    check_model_on(options.mesh, opened.model.predict, opened.on_device)
    why_not_exact = call.why_not_exact(opened)
    check_method(options.method, why_not_exact)
    prediction = call.predict(opened, options.batch_size)
    if explainer.link == "logit":
        check_probabilities(prediction)
    kind, outputs = _outputs(explainer, opened, prediction)
    ids, index = _identify(call, options)
    request = Request(
        options,
        ids,
        labels=choose_labels(
            options.labels, options.most_labels(len(outputs.names)), prediction, outputs
        ),
        is_exact=options.method != "sampled" and not why_not_exact,
        both_add_up=_add_up(opened, kind, prediction),
        promise=None if promised is None else promised.token,
    )
    with progress_bar(len(call), options.progress) as tick, errors_noted(call.note_of):
        outcomes = call.fit(opened, dataclasses.replace(request, tick=tick))
    facts = dict(
        algorithm=explainer.algorithm,
        link=explainer.link,
        method="exact" if request.is_exact else "sampled",
        output_kind=kind,
        output_names=outputs.names,
        classes=outputs.classes,
        prediction=prediction,
        labels=request.labels,
        key_ids=ids,
        row_ids=index.ids,
        row_names=index.names,
    )
    return [
        call.pack(
            _checked(call, opened, outcome, request.is_exact),
            **_fields(outcome),
            **facts,
            model_path=_path(opened, outcome),
        )
        for outcome in outcomes
    ]


def _checked(
    call: Call[Any, Any], opened: BatchModel, outcome: Outcome, is_exact: bool
) -> LinearFit:
    """The fit; a row that rests on few samples has no held-out score: a handful gives any."""
    fit, link = outcome.fit, call.explainer.link
    with errors_noted(call.note_of):
        check_fit(fit, outcome.enough, is_exact, opened.hidden_error, link)
    if is_exact or fit.held_out_score is None:
        return fit
    few = np.asarray(fit.effective_samples) < outcome.enough
    return replaced(fit, held_out_score=np.where(few[:, None], np.nan, fit.held_out_score))


def _path(opened: BatchModel, outcome: Outcome) -> str:
    """How the model was run, and which way was taken."""
    path = f"{opened.model.path}: {opened.model.reason}"
    return "; ".join(filter(None, (path, outcome.route)))


def _outputs(
    explainer: CommonSettings, opened: BatchModel, prediction: np.ndarray
) -> tuple[str, OutputLabels]:
    """What the outputs of a model are, and what they are called."""
    model, count = opened.model, prediction.shape[1]
    outputs = name_outputs(count, model.classes, opened.output_columns, explainer.class_names)
    has_classes = model.classes is not None
    kind = output_kind(model.output_kind, explainer.mode, prediction, model.exclusive, has_classes)
    return kind, outputs


def _identify(call: Call[Any, Any], options: ExplainOptions) -> tuple[np.ndarray, RowIndex]:
    """What the rows' random numbers come from, and what the rows are called."""
    row_ids = options.row_ids
    if row_ids is not None and not hasattr(row_ids, "__len__"):
        row_ids = list(row_ids)
    ids = call.content_ids() if row_ids is None else hash_ids(row_ids, len(call))
    if options.mesh is not None:
        check_same_rows(options.mesh, ids if row_ids is None else call.content_ids(), ids)
    return ids, row_index(call.X, len(call), row_ids)


def _add_up(opened: BatchModel, kind: str, prediction: np.ndarray) -> bool:
    """Whether outputs are two probabilities, of which one says all."""
    are_two = opened.model.exclusive and kind == "probability" and prediction.shape[1] == 2
    return are_two and bool(np.allclose(prediction.sum(1), 1, rtol=0, atol=1e-5))


def _fields(outcome: Outcome) -> dict[str, Any]:
    """The attributes of explanations that an outcome has, but for those of its fit."""
    fields = {field.name: getattr(outcome, field.name) for field in dataclasses.fields(outcome)}
    del fields["fit"], fields["enough"], fields["route"]
    shape = outcome.values.shape
    if outcome.bins is None:
        fields["bins"] = np.full(shape, -1, np.int32)
    if outcome.variables is None:
        fields["variables"] = np.ones(shape, np.float32)
    return fields
