"""The fits of a batch of texts; see `masked.fits`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from lime_jax.engine.work import RowNumbers
from lime_jax.front.call import Outcome
from lime_jax.masked.domain import MaskedDomain, Players
from lime_jax.masked.fits import Asked, MaskTask, mask_fits, width_of
from lime_jax.masked.ways import Ways
from lime_jax.stages.masks import MaskSamples
from lime_jax.text.documents import Document, Replace
from lime_jax.text.model import TextModel
from lime_jax.text.settings import TextLimeSettings, TextShapSettings
from lime_jax.text.ways import STRINGS, choose_ways

_BYTES = 8
"""Of a number: texts are counted in these."""


@dataclasses.dataclass(frozen=True, eq=False)
class TextTask(MaskTask):
    """Texts to explain, and how."""

    instance = "text"
    shares_masks = True

    settings: TextLimeSettings | TextShapSettings
    model: TextModel
    documents: Sequence[Document]

    @cached_property
    def replace(self) -> Replace | None:
        """What stands in place of hidden pieces; None: nothing."""
        tokens = self.model.tokens
        return self.settings.replacing(None if tokens is None else tokens.tokenizer)

    @cached_property
    def ways(self) -> Ways:
        """How the model is asked about each."""
        ids = self.request.ids
        return choose_ways(self.model, self.documents, self.replace, ids, self.all_asked)

    def outputs(self, rows: list[int], masks: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """What the model says under masks; strings of all texts are asked together."""
        by_strings = self.ways.way == STRINGS
        texts: list[str] = []
        for row, some in zip(rows, masks, strict=True):
            if by_strings[row]:
                texts += self.documents[row].masked(some, self.replace)
        said, start = self.model(texts) if texts else np.zeros((0, 0)), 0
        for row, some in zip(rows, masks, strict=True):
            if by_strings[row]:
                yield said[start : start + len(some)]
                start += len(some)
            else:
                yield self.ways.outputs(self.model, row, some)

    def asked(self, rows: np.ndarray) -> Asked:
        """How the engine asks the model of texts that go one way."""
        is_text = self.ways.way[rows[0]] == STRINGS
        return _by_strings(self, rows) if is_text else super().asked(rows)


def text_fits(task: TextTask) -> Outcome:
    """Explain texts."""
    times = np.zeros((len(task.players), int(task.players.max(initial=0))))
    for row, document in enumerate(task.documents):
        times[row, : document.num_players] = document.times
    return mask_fits(task, times, times > 0)


def _by_strings(task: TextTask, rows: np.ndarray) -> Asked:
    """Masked texts are made and asked."""
    documents, replace = [task.documents[row] for row in rows], task.replace
    width = width_of(task, rows)
    longest = max(len(document.text) for document in documents) // _BYTES

    def inputs_of(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
        masks = np.asarray(samples.masks)
        found = np.empty(masks.shape[:3], object)
        for place, row in enumerate(np.arange(len(documents))[taken]):
            masked = documents[row].masked(masks[place].reshape(-1, width), replace)
            found[place].reshape(-1)[:] = list(masked)
        return found

    domain = MaskedDomain(sample_size=max(width, 2 ** longest.bit_length()))
    present = np.arange(width) < task.players[rows][:, None]
    return domain, Players(present), task.model.target, inputs_of
