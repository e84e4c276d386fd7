"""A model of texts: called with lists of them, no text twice, those of one length together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from lime_jax.front.batch_model import BatchModel
from lime_jax.front.returned import both_classes, is_one_probability
from lime_jax.masked.linear_heads import RowModel
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import Model
from lime_jax.text.frame import TextFrame
from lime_jax.text.token_model import TokenModel
from lime_jax.text.vectorizers import open_words
from lime_jax.typing import ModelLike

TEXTS_AT_ONCE = 1024
"""Texts of one call of a model, where nothing else is asked for."""


class TextModel(BatchModel):
    """A model of lists of texts on the host.

    Args:
        model: what was handed over, opened.
        class_names: of the explainer; with two of them one column becomes two.
        batch_size: texts of one call, at most.
        frame: whose rows it is called with; None: with lists of texts.
    """

    def __init__(
        self,
        model: Model,
        class_names: Sequence[Any] | np.ndarray | None,
        batch_size: int | None,
        frame: TextFrame | None = None,
    ) -> None:
        super().__init__(model)
        self.frame = frame
        self.batch_size = batch_size or TEXTS_AT_ONCE
        self.has_two_names = class_names is not None and len(class_names) == 2
        self.is_doubled: bool | None = None

    @property
    def tokens(self) -> TokenModel | None:
        """The model of token ids that it is; None: it is called with texts."""
        predict = self.model.predict
        return predict if isinstance(predict, TokenModel) else None

    @cached_property
    def words(self) -> RowModel:
        """How it counts words, if it does."""
        if self.frame is not None:
            return RowModel(None, None, "it is called with rows of a frame")
        return open_words(self.model.predict)

    def __call__(self, inputs: Any) -> np.ndarray:
        """The outputs for texts, each asked once."""
        keys = inputs if self.frame is None else [(text.row, text) for text in inputs]
        numbers: dict[Any, int] = {}
        places = [numbers.setdefault(key, len(numbers)) for key in keys]
        texts = list(numbers) if self.frame is None else [text for _, text in numbers]
        # Texts of one length together: those of transformers are padded to the longest.
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        parts = []
        for start in range(0, len(order), self.batch_size):
            batch = [texts[k] for k in order[start : start + self.batch_size]]
            rows = batch if self.frame is None else self.frame.rows(batch)
            parts.append(self.checked(self.model.predict(rows), len(batch)))
        outputs = np.concatenate(parts)
        outputs[order] = outputs.copy()
        return outputs[places]

    def checked(self, raw: object, count: int, first_row: int | None = None) -> np.ndarray:
        """What came back for `count` texts, as (count, outputs) numbers."""
        if self.is_doubled:
            self.num_outputs = 1
        outputs = super().checked(raw, count, first_row)
        if self.is_doubled is None:
            self.is_doubled = self.has_two_names and is_one_probability(outputs)
        if self.is_doubled:
            outputs = both_classes(outputs)
            self.num_outputs, self.output_columns = 2, None
        return outputs


def open_text_model(
    model: ModelLike,
    output: str | None,
    class_names: Sequence[Any] | np.ndarray | None,
    batch_size: int | None,
    frame: TextFrame | None = None,
) -> TextModel:
    """See what a model is, and call it with texts, or with rows of a frame."""
    if isinstance(model, TokenModel):
        if frame is not None:
            raise ValueError(
                "`column`: a `TokenModel` reads texts and no other column; hand over that column"
            )
        return _open_tokens(model, output, class_names)
    opened = as_predict_fn(model, output)
    if opened.path == "jax":
        if opened.host is None:
            raise ValueError(
                "`model`: expected a function of a list of texts, got a JAX function, which takes "
                "no texts; wrap it in a Python function that makes its numbers of texts"
            )
        opened = opened.on_host("it is called with texts")
    # Why a pipeline was not converted for numbers is no matter of texts.
    opened = dataclasses.replace(opened, reason=opened.reason.partition(" on the host:")[0])
    return TextModel(opened, class_names, batch_size, frame)


def _open_tokens(
    model: TokenModel, output: str | None, class_names: Sequence[Any] | np.ndarray | None
) -> TextModel:
    """Of token ids: it sees to the sizes of batches itself."""
    opened = model.opened
    if output is not None and opened.output_kind not in (None, output):
        raise ValueError(
            f"`output`: this model gives its {opened.output_kind}, got {output!r}; hand over "
            "another method as `head` of `TokenModel`"
        )
    kind = output or opened.output_kind
    called = dataclasses.replace(opened, predict=model, output_kind=kind, structure=None)
    return TextModel(called, class_names, TEXTS_AT_ONCE)
