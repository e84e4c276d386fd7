"""How the model is asked about each text: by counts on the device, by counts, or by strings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lime_jax.masked.ways import DEVICE, HOST, NEAR, Ways, agree, by_head
from lime_jax.text.documents import Document, Replace
from lime_jax.text.grams import GramRows, GramScores
from lime_jax.text.model import TextModel
from lime_jax.text.token_model import TokenModel
from lime_jax.text.token_texts import token_texts
from lime_jax.text.vectorizers import CountPipeline

_TRIED = 64
"""Masked texts of each text that the model is asked for as strings, too."""

_TRIED_OF_SURE = 4
"""The same, where words cannot grow together."""

STRINGS = "strings"

TOKENS = "tokens"

_WORDS = {
    DEVICE: "word counts in JAX",
    HOST: "word counts on the host",
    TOKENS: "token ids",
    STRINGS: "masked texts",
}


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
    if model.tokens is not None:
        return _by_tokens(model.tokens, documents, replace, ids)
    pipeline, head, no_head = model.words.pipeline, model.words.head, model.words.why
    rows = np.flatnonzero([document.num_players > 0 for document in documents])
    if not isinstance(pipeline, CountPipeline) or not len(rows):
        return Ways(strings, nowhere, no_head, _WORDS)
    counted = [documents[row] for row in rows.tolist()]
    counts = pipeline.counting.rows(counted, replace)
    local = np.flatnonzero(counts.local())
    why = "" if len(local) == len(rows) else "some words are not counted one by one"
    if not len(local):
        return Ways(strings, nowhere, why, _WORDS)
    masks = [_some_masks(pipeline, counted[k], int(ids[rows[k]])) for k in local]
    texts = [
        text
        for k, some in zip(local, masks, strict=True)
        for text in counted[k].masked(some, replace)
    ]
    said, way, place = model(texts), strings, nowhere
    place[rows] = np.arange(len(rows))
    owner = np.repeat(np.arange(len(local)), list(map(len, masks)))
    if pipeline.scored is not None and isinstance(counts, GramRows):
        scores = GramScores(counts.texts, pipeline.scored)
        found = scores.under(local, masks)
        if agree(
            model.checked(pipeline.scored.outputs(found), len(texts)), said, owner, 1e-9
        ).all():
            way[rows[local]] = HOST
            return Ways(way, place, no_head or why, _WORDS, pipeline.scored, scores)
    tried = counts.under(local, masks)
    same = agree(model.checked(pipeline.outputs(tried.copy()), len(texts)), said, owner, 1e-9)
    near = np.zeros(len(local), bool)
    if head is not None and not model.is_doubled:
        near = same & agree(by_head(pipeline, head, tried), said, owner, NEAR)
    way[rows[local[same]]] = HOST
    way[rows[local[near]][~on_host[rows[local[near]]]]] = DEVICE
    return Ways(way, place, no_head or why, _WORDS, pipeline, counts, head)


def _by_tokens(
    model: TokenModel, documents: Sequence[Document], replace: Replace | None, ids: np.ndarray
) -> Ways:
    """Texts whose tokens are those of their pieces, also in some masked texts."""
    texts, way = token_texts(documents, replace, model.tokens), np.full(len(documents), "", object)
    for row, document in enumerate(documents):
        if document.num_players:
            masks = _drawn(_TRIED, document.num_players, int(ids[row]))
            said = texts.is_said(row, masks, list(document.masked(masks, replace)))
            way[row] = TOKENS if said else STRINGS
    why = "of some, tokens are not those of their pieces" if STRINGS in way else ""
    return Ways(way, np.arange(len(documents)), why, _WORDS, model, texts)


def _some_masks(pipeline: CountPipeline, document: Document, seed: int) -> np.ndarray:
    """Some masks of a text, first that of no word."""
    tried = _TRIED_OF_SURE if _cannot_join(pipeline, document) else _TRIED
    return _drawn(tried, document.num_players, seed)


def _drawn(count: int, players: int, seed: int) -> np.ndarray:
    """Some masks, first that of no player."""
    masks = np.random.default_rng(seed).random((count, players)) < 0.5
    masks[0] = False
    return masks


def _cannot_join(pipeline: CountPipeline, document: Document) -> bool:
    """Whether what is between pieces ends words, however many pieces are hidden."""
    text, (starts, ends, _) = document.text, document.spans
    breaks = pipeline.counting.breaks
    if breaks is None or "\u03a3" in text:  # a sigma becomes small as others stand by it
        return False
    between = {text[a:b] for a, b in zip(ends[:-1].tolist(), starts[1:].tolist(), strict=True)}
    return all(map(breaks, between))
