"""One call of `TextExplainer.explain`: texts, the pieces of each, and what hidden ones are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.front import call
from lime_jax.front.row_ids import hash_ids
from lime_jax.models.labels import is_missing
from lime_jax.text.documents import (
    REFINED,
    Document,
    read_by,
    read_document,
    read_texts,
    refined,
)
from lime_jax.text.explanations import TextExplanations
from lime_jax.text.fits import TextTask, text_fits
from lime_jax.text.frame import RowText, TextFrame
from lime_jax.text.model import TextModel, open_text_model
from lime_jax.text.settings import TextLimeSettings, TextShapSettings
from lime_jax.text.tokens import Tokens
from lime_jax.typing import LinearFit, ModelLike, Table
from lime_jax.warn import warn


class TextCall(call.Call[TextModel, TextExplanations]):
    """Texts to be explained."""

    def __init__(
        self,
        explainer: call.CommonSettings,
        settings: TextLimeSettings | TextShapSettings,
        texts: Table,
        batch_size: int | None,
        column: str | int | None,
    ) -> None:
        self.explainer, self.settings, self.X = explainer, settings, texts
        self.batch_size = batch_size
        self.frame = None if column is None else TextFrame(texts, column)
        cells = read_texts(texts) if self.frame is None else self.frame.cells()
        if cells and not any(isinstance(cell, str) or is_missing(cell) for cell in cells):
            raise ValueError(
                f"`texts`: expected texts, got {type(cells[0]).__name__}: {cells[0]!r:.60}; tables "
                "are for `TabularExplainer`"
            )
        self.documents = _documents(settings, cells)
        self.prediction = np.zeros((0, 0))
        if not self.documents:
            raise ValueError("`texts`: expected some texts, got none")
        if all(document.is_lost for document in self.documents):
            raise ValueError(self.documents[0].problem)

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.documents)

    def content_ids(self) -> np.ndarray:
        """A hash of each text."""
        return hash_ids([document.text for document in self.documents])

    def open_model(self, model: ModelLike) -> TextModel:
        """See what a model is, and call it with texts."""
        explainer = self.explainer
        asked = explainer.output, explainer.class_names, self.batch_size, self.frame
        opened = open_text_model(model, *asked)
        if opened.tokens is not None:
            tokens = opened.tokens.tokens
            self.documents = [read_by(document, tokens) for document in self.documents]
            _warn_of_unread(self.documents, tokens)
        return opened

    def why_not_exact(self, model: TextModel) -> str:
        """Why outputs are not sums over words."""
        if self.explainer.link != "identity":
            return f"the weights are on the scale of a {self.explainer.link}"
        return model.words.why_not_linear

    def predict(self, model: TextModel, batch_size: int | None) -> np.ndarray:
        """The model's outputs for whole texts; of what is no text, those of another one."""
        del batch_size
        usable = np.array([not document.problem for document in self.documents])
        texts = [document.text for document in self.documents if not document.problem]
        outputs = model(texts or ["" if self.frame is None else RowText("", 0)])
        self.prediction = outputs[np.maximum(np.cumsum(usable) - 1, 0)]
        return self.prediction

    def fit(self, model: TextModel, request: call.Request) -> list[call.Outcome]:
        """Explain the texts: one outcome."""
        if self.settings.players == "refined":
            self._refine(model, request)
        return [self._fits(model, request, range(len(self)))]

    def _refine(self, model: TextModel, request: call.Request) -> None:
        """Explain sentences, and cut the strongest of each text into words."""
        split, few = self.settings.split, range(REFINED)
        counts = np.array([document.num_players for document in self.documents])
        many = np.flatnonzero(counts > REFINED).tolist()
        chosen = dict.fromkeys(range(len(self)), few)
        if many:
            options = dataclasses.replace(request.options, num_features=None)
            request = dataclasses.replace(request, options=options, tick=None)
            strength = np.abs(self._fits(model, request, many).fit.coef).max(1)
            strongest = np.argsort(-strength, axis=1, kind="stable")[:, :REFINED]
            chosen |= dict(zip(many, strongest.tolist(), strict=True))
        self.documents = [
            document if document.problem else refined(document, split, chosen[row])
            for row, document in enumerate(self.documents)
        ]

    def _fits(self, model: TextModel, request: call.Request, rows: Sequence[int]) -> call.Outcome:
        """Explain some of the texts, as they are cut."""
        documents, numbers = [self.documents[row] for row in rows], list(rows)
        players = np.array([document.num_players for document in documents], np.int64)
        ids, labels = request.ids[numbers], request.labels[numbers]
        request = dataclasses.replace(request, ids=ids, labels=labels)
        found = (players, self.prediction[numbers], request, documents)
        return text_fits(TextTask(self.settings, model, *found))

    def pack(self, fit: LinearFit, **fields: Any) -> TextExplanations:
        """The explanations, with the texts; of what is no text nothing is known."""
        problems = tuple(document.problem for document in self.documents)
        lost = np.array([bool(problem) for problem in problems])
        fields["prediction"] = np.where(lost[:, None], np.nan, fields["prediction"])
        found = TextExplanations.of_fit(
            fit,
            **fields,
            documents=tuple(str(document.text) for document in self.documents),
            spans=tuple(document.spans for document in self.documents),
            problems=problems,
            read=np.array([len(document.seen) for document in self.documents], np.int64),
        )
        if not lost.any():
            return found
        unknown = {
            name: np.where(lost[:, None], np.nan, getattr(found, name))
            for name in ("intercept", "local_pred")
        }
        return dataclasses.replace(found, **unknown)


def _warn_of_unread(documents: Sequence[Document], tokens: Tokens) -> None:
    """Say which texts are longer than the model reads."""
    cut = [row for row, document in enumerate(documents) if document.read is not None]
    if not cut:
        return
    first = documents[cut[0]]
    warn(
        f"{len(cut):,} of {len(documents):,} texts are longer than the {tokens.longest:,} tokens "
        f"that the model reads; of text {cut[0]} it has not read {first.text[first.read :]!r:.60}; "
        "that part is not explained, `unread` has it"
    )


def _documents(settings: TextLimeSettings | TextShapSettings, cells: list[Any]) -> list[Document]:
    """The texts, cut into pieces."""
    players, split = settings.players, settings.split
    if not isinstance(players, list | tuple):
        return [read_document(cell, split, players) for cell in cells]
    if len(players) != len(cells):
        raise ValueError(
            f"`players`: expected places for each of {len(cells)} texts, got {len(players)}"
        )
    return [
        read_document(cell, split, of_text) for cell, of_text in zip(cells, players, strict=True)
    ]
