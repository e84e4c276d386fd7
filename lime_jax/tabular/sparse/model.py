"""A model of sparse rows on the host, and what is known of it."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

from lime_jax.front.batch_model import BatchModel
from lime_jax.masked.linear_heads import RowModel, linear_head
from lime_jax.masked.rows import RowPipeline, Weighing, then_tfidf
from lime_jax.models.opening import as_predict_fn
from lime_jax.typing import ModelLike


class SparseModel(BatchModel):
    """A model that is called with sparse rows."""

    def __call__(self, inputs: Any) -> np.ndarray:
        """The outputs for sparse rows."""
        return self.checked(self.model.predict(inputs), inputs.shape[0])

    @cached_property
    def rows(self) -> RowModel:
        """What it does with them."""
        pipeline = _pipeline_of(self.model.predict)
        return RowModel(pipeline, *linear_head(pipeline))


def open_sparse_model(model: ModelLike, output: str | None) -> SparseModel:
    """See what a model is, and call it with sparse rows."""
    opened = as_predict_fn(model, output)
    if opened.path == "jax":
        if opened.host is None:
            raise ValueError(
                "`model`: expected a function of sparse rows, got a JAX function, which takes "
                "arrays; pass X.toarray(), or wrap it in a Python function of a csr matrix"
            )
        opened = opened.on_host("it is called with sparse rows")
    reason = opened.reason.partition(" on the host:")[0]
    return SparseModel(dataclasses.replace(opened, reason=reason))


def _pipeline_of(predict: Any) -> RowPipeline:
    """The steps of a pipeline; of any other model there is the one."""
    estimator: Any = getattr(predict, "__self__", None)
    method = getattr(predict, "__name__", "")
    if type(estimator).__name__ != "Pipeline":
        return RowPipeline((), Weighing(), predict)
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    weighing: Weighing | None = Weighing()
    for step in steps[:-1]:
        is_tfidf = type(step).__name__ == "TfidfTransformer"
        weighing = then_tfidf(weighing, step) if is_tfidf else None
    between = tuple(step.transform for step in steps[:-1])
    return RowPipeline(between, weighing, getattr(steps[-1], method))
