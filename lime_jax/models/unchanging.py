"""A promise about a model: that it answers the same whenever it is asked the same."""

from __future__ import annotations

import dataclasses
import uuid

from lime_jax.typing import ModelLike


@dataclasses.dataclass(frozen=True, eq=False)
class Unchanging:
    """A model with the promise of `unchanging`.

    Attributes:
        model: as it was handed over.
        token: of the promise; models with one token are the same model.
    """

    model: ModelLike
    token: bytes = dataclasses.field(default_factory=lambda: uuid.uuid4().bytes)


def unchanging(model: ModelLike) -> Unchanging:
    """Promise that a model answers the same whenever it is asked the same.

    What it said of samples that all rows share is then kept with the explainer: explaining block
    after block asks a model on the host about the samples once, not once for each block. Ray,
    Spark and jobs promise it by themselves for the time of their work.

    Args:
        model: as `explain` takes it.

    Returns:
        What to hand to `explain` in its place, call after call. A model that was changed needs a
        new promise.

    Example:
        >>> import lime_jax
        >>> asked = []
        >>> def service(batch):
        ...     asked.append(len(batch))
        ...     return batch.sum(1)
        >>> model = unchanging(service)
        >>> explainer = lime_jax.TabularExplainer().fit(np.arange(8.0).reshape(4, 2))
        >>> for row in np.ones((3, 1, 2)):
        ...     explanations = explainer.explain(row, model, num_samples=256)
        >>> sum(asked)
        259
    """
    return model if isinstance(model, Unchanging) else Unchanging(model)
