"""What the engine is asked for: rows, a model, and how to explain the one by the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import budget
from lime_jax.engine.keys import keys_of
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import AnyArray, Array, Domain, Pytree, Sampler, pytree

_MOST_MODELS = 4

HostPredict: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Inputs in float64 `(samples, ...)` to outputs `(samples, outputs)`."""

Predictor: TypeAlias = DevicePredict | HostPredict
"""A model on the device, or one on the host."""

RowNumbers: TypeAlias = slice | np.ndarray | None
"""Which rows samples belong to; None: all rows share them."""

HostInputs: TypeAlias = Callable[[Pytree, RowNumbers], np.ndarray]
"""The domain's samples to a host model's inputs in float64."""

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of rows that are done since the last call."""


@pytree
class Rows:
    """Rows to explain.

    Attributes:
        instances: as the domain knows them, with a leading axis.
        labels: outputs to explain, (rows, labels); None: all.
        variance: of these outputs in each row's neighborhood, (rows, labels); None: a closed form
            gives no scores, and what samples asks for none.
    """

    instances: Pytree
    ids: Pytree
    labels: Pytree = None
    variance: Pytree = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.ids)


@dataclasses.dataclass
class SharedNeighborhood:
    """What was drawn for a shared neighborhood, so that the next call need not draw it again.

    Attributes:
        samples: by group of units, as far as they are small enough to keep; and what the fits
            need of them.
        layout: of the samples, as the fits read them.
        seen: of the last models, the newest first: the model on the device, or what one on the host
            that stays as it is has said; the layout with its outputs; and the bytes of those.
        said: of the last models on the host that are promised to stay as they are, the newest
            first: the model, and its outputs by group of units.
    """

    samples: dict[int, tuple[Pytree, Pytree]] = dataclasses.field(default_factory=dict)
    inputs: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    layout: Pytree = None
    seen: tuple[tuple[object, Any, int], ...] = ()
    said: tuple[tuple[Hashable, dict[int, AnyArray]], ...] = ()

    @property
    def travels(self) -> bool:
        """Whether a copy in another process holds anything."""
        return bool(self.__getstate__()["said"])

    def __getstate__(self) -> dict[str, Any]:
        """Of what can be made again, only outputs of models on the host, where they are small."""
        said, room = [], budget.TRAVELS
        for model, filled in self.said:
            outputs = dict(filled)  # other threads may fill it
            room -= sum(array.nbytes for array in outputs.values())
            if outputs and room >= 0:
                said.append((model, outputs))
        return {**vars(SharedNeighborhood()), "said": tuple(said)}

    def seen_by(self, model: object) -> Any:
        """The layout with a model's outputs; None: it has to be made."""
        return next((seen for one, seen, _ in self.seen if one is model), None)

    def keep_seen(self, model: object, seen: Any, size: int) -> None:
        """Keep a layout with outputs, and of older ones what there is room for."""
        others = (entry for entry in self.seen if entry[0] is not model)
        newest = ((model, seen, size), *others)[:_MOST_MODELS]
        together = np.cumsum([size for _, _, size in newest])
        self.seen = newest[: int((together <= budget.KEPT_NEIGHBORHOOD).sum())]

    def said_by(self, model: Hashable) -> dict[int, AnyArray]:
        """The outputs of a model on the host, to be read and filled."""
        # Read once: other threads ask for other models at the same time.
        before = self.said
        outputs = next((outputs for one, outputs in before if one == model), {})
        others = (entry for entry in before if entry[0] != model)
        self.said = ((model, outputs), *others)[:_MOST_MODELS]
        return outputs


_AMethod = TypeVar("_AMethod", bound=Sampler, covariant=True)


@dataclasses.dataclass(frozen=True, eq=False)
class Work(Generic[_AMethod]):
    """Rows to explain by a model, and how.

    Attributes:
        seed: of the explainer.
        method: what to draw, how to weigh and fit: a `SharedMethod` if the domain is shared, else a
            `Method`.
        batch_size: largest batch of a host model; None: no limit.
        mesh: devices that share the work: rows over the first axis, samples over the second; where
            all rows share a neighborhood, or the model runs on the host, rows over both.
        neighborhood: of all rows, filled here, and read when it comes back filled; it belongs to
            one mesh.
        num_outputs: of the model; None: not known.
        said: the model's outputs for groups of the shared neighborhood, filled here, and read when
            they come back filled; they belong to one model and neighborhood. None: nobody keeps
            them.
        effort: of the compiler, where it is about rows of a shared neighborhood; see `programs`.
        calls_no_lapack: whether neither method nor model does. Then several threads of a CPU may
            work on several rows: two programs with LAPACK in them can wait for each other for ever.
    """

    seed: int
    domain: Domain
    method: _AMethod
    model: Predictor
    rows: Rows
    host_inputs: HostInputs
    batch_size: int | None = None
    progress: Progress | None = None
    mesh: Mesh | None = None
    neighborhood: SharedNeighborhood = dataclasses.field(default_factory=SharedNeighborhood)
    num_outputs: int | None = None
    said: dict[int, AnyArray] | None = None
    effort: str | None = None
    calls_no_lapack: bool = False

    @property
    def num_labels(self) -> int:
        """Outputs that each row asks for."""
        labels = self.rows.labels
        return (self.num_outputs or 1) if labels is None else labels.shape[1]

    @property
    def key(self) -> Array:
        """Of the shared neighborhood; or that rows fold their ids into."""
        shared, of_rows = keys_of(self.seed)
        return shared if self.domain.shared else of_rows
