"""How the model is asked about each text: by counts on the device, by counts, or by strings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from lime_jax import engine
from lime_jax.text.counted_domain import CountedInstance
from lime_jax.text.counts import CountPipeline, WordCounts, word_counts
from lime_jax.text.documents import Document, Replace
from lime_jax.text.linear_heads import LinearHead, counted_instances
from lime_jax.text.model import TextModel

_TRIED = 64
"""Masked texts of each text that the model is asked for as strings, too."""

_TRIED_OF_SURE = 4
"""The same, where words cannot grow together."""

_NEAR = 2e-4
"""By what outputs in 32 bits may differ, of 1 or of their size."""

DEVICE, COUNTS, STRINGS = "device", "counts", "strings"


@dataclasses.dataclass(frozen=True, eq=False)
class Ways:
    """Which way each text takes; all give the same.

    Attributes:
        way: (texts,) of `DEVICE`, `COUNTS` and `STRINGS`; "" where nothing is hidden.
        place: (texts,) of a text among those that are counted; -1: it is not.
        why: what keeps the model from being asked by counts on the device.
    """

    way: np.ndarray
    place: np.ndarray
    why: str
    pipeline: CountPipeline | None = None
    counts: WordCounts | None = None
    head: LinearHead | None = None

    @cached_property
    def route(self) -> str:
        """The ways in words."""
        words = {
            DEVICE: "word counts in JAX",
            COUNTS: "word counts on the host",
            STRINGS: "masked texts",
        }
        numbers = {way: int((self.way == way).sum()) for way in words}
        taken = [f"{numbers[way]:,} by {words[way]}" for way in words if numbers[way]]
        return ", ".join(taken) + (f" ({self.why})" if self.why else "")

    def outputs(self, model: TextModel, row: int, masks: np.ndarray) -> np.ndarray:
        """What the model says of a text under masks, by its counts."""
        assert self.pipeline is not None
        assert self.counts is not None
        counts = self.counts.masked(int(self.place[row]), masks)
        return model.checked(self.pipeline.outputs(counts), len(masks))

    def sums(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Of a text whose outputs are sums over words: what is always there, and each word's part.

        (outputs,) and (outputs, players), where outputs are linear scores.
        """
        assert self.pipeline is not None
        assert self.counts is not None
        assert self.head is not None
        place = int(self.place[row])
        start, stop = self.counts.start[place : place + 2]
        slopes = self.head.slopes(self.counts.added[start:stop]).T
        nothing = self.counts.masked(place, np.zeros((1, stop - start), bool))
        return np.asarray(self.pipeline.outputs(nothing), np.float64).reshape(-1), slopes

    def instances(
        self, rows: np.ndarray, players: np.ndarray, width: int
    ) -> tuple[CountedInstance, np.ndarray]:
        """Some texts as the device counts them, and how many columns their words share."""
        assert self.head is not None
        assert self.counts is not None
        return counted_instances(self.head, self.counts, self.place[rows], players, width)


def choose_ways(
    model: TextModel,
    documents: Sequence[Document],
    replace: Replace | None,
    ids: np.ndarray,
    on_host: np.ndarray,
) -> Ways:
    """See which texts can be counted; what is counted is compared with real masked texts.

    `on_host` says which texts the device does not draw masks for.
    """
    strings = np.array([STRINGS if document.num_players else "" for document in documents], object)
    nowhere = np.full(len(documents), -1)
    pipeline, head, no_head = model.words.pipeline, model.words.head, model.words.why
    rows = np.flatnonzero([document.num_players > 0 for document in documents])
    if pipeline is None or not len(rows):
        return Ways(strings, nowhere, no_head)
    counted = [documents[row] for row in rows.tolist()]
    counts = word_counts(pipeline, counted, replace)
    local = np.flatnonzero(counts.local())
    why = "" if len(local) == len(rows) else "some words are not counted one by one"
    if not len(local):
        return Ways(strings, nowhere, why)
    masks = [_some_masks(pipeline, counted[k], int(ids[rows[k]])) for k in local]
    texts = [
        text
        for k, some in zip(local, masks, strict=True)
        for text in counted[k].masked(some, replace)
    ]
    said, tried = model(texts), counts.under(local, masks)
    owner = np.repeat(np.arange(len(local)), list(map(len, masks)))
    same = _agree(model.checked(pipeline.outputs(tried.copy()), len(texts)), said, owner, 1e-9)
    near = np.zeros(len(local), bool)
    if head is not None and not model.is_doubled:
        near = same & _agree(_by_head(pipeline, head, tried), said, owner, _NEAR)
    way, place = strings, nowhere
    place[rows] = np.arange(len(rows))
    way[rows[local[same]]] = COUNTS
    way[rows[local[near]][~on_host[rows[local[near]]]]] = DEVICE
    return Ways(way, place, no_head or why, pipeline, counts, head)


def _some_masks(pipeline: CountPipeline, document: Document, seed: int) -> np.ndarray:
    """Some masks of a text, first that of no word."""
    tried = _TRIED_OF_SURE if _cannot_join(pipeline, document) else _TRIED
    masks = np.random.default_rng(seed).random((tried, document.num_players)) < 0.5
    masks[0] = False
    return masks


def _cannot_join(pipeline: CountPipeline, document: Document) -> bool:
    """Whether what is between pieces ends words, however many pieces are hidden."""
    text, (starts, ends, _) = document.text, document.spans
    if pipeline.breaks is None or "\u03a3" in text:  # a sigma becomes small as others stand by it
        return False
    between = {text[a:b] for a, b in zip(ends[:-1].tolist(), starts[1:].tolist(), strict=True)}
    return all(map(pipeline.breaks, between))


def _agree(found: np.ndarray, said: np.ndarray, owner: np.ndarray, tolerance: float) -> np.ndarray:
    """For each text whether its outputs are those of the real texts."""
    texts = int(owner[-1]) + 1
    if found.shape != said.shape:
        return np.zeros(texts, bool)
    near = np.abs(found - said) <= tolerance * np.maximum(1, np.abs(said))
    return np.bincount(owner, ~near.all(1), texts) == 0


def _by_head(pipeline: CountPipeline, head: LinearHead, counts: object) -> np.ndarray:
    """What the scores' link says of counted texts, on the device."""
    rows = counts
    for step in pipeline.steps:
        rows = step(rows)
    scores = np.asarray(rows @ head.coef)
    found = np.asarray(engine.predict_rows(head.link, scores), np.float64)
    return found.reshape(len(scores), -1)
