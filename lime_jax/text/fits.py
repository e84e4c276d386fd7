"""The fits of a batch of texts: of few words by all masks, of others by samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from lime_jax import engine
from lime_jax.engine.work import RowNumbers
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.front.call import Outcome, Request
from lime_jax.front.ragged import joined, padded_width
from lime_jax.results.names import FeatureNames
from lime_jax.stages.masks import MaskSamples
from lime_jax.text.all_masks import MaskWeights, asks_all, no_words
from lime_jax.text.documents import Document
from lime_jax.text.domain import TextDomain, TextInstance
from lime_jax.text.model import TextModel
from lime_jax.text.settings import TextLimeSettings, TextShapSettings
from lime_jax.typing import LinearFit

_TEXTS_AT_ONCE = 2**13
"""Masked texts that are made together, where all masks are asked."""

_BYTES = 8
"""Of a number: texts are counted in these."""


@dataclasses.dataclass(frozen=True)
class TextTask:
    """Texts to explain, and how.

    Attributes:
        prediction: (rows, outputs) what the model says of the texts.
    """

    settings: TextLimeSettings | TextShapSettings
    documents: Sequence[Document]
    prediction: np.ndarray
    request: Request

    @cached_property
    def players(self) -> np.ndarray:
        """(texts,) how many each has."""
        return np.array([document.num_players for document in self.documents], np.int64)

    @cached_property
    def all_asked(self) -> np.ndarray:
        """(texts,) of which all masks are asked."""
        budget = self.settings.budget(self.request.options)
        return np.array([asks_all(int(count), budget) for count in self.players], bool)


def text_fits(task: TextTask, model: TextModel) -> Outcome:
    """Explain texts; the fits are padded to the most players."""
    players, width = task.players, int(task.players.max(initial=0))
    used = np.zeros(len(players), np.int64)
    most, replicates = 0, 0
    parts = [_fit_empty(task, row) for row in np.flatnonzero(players == 0).tolist()]
    for rows in _few_together(task):
        parts += _fit_all(task, model, rows)
        used[rows] = 2 ** players[rows]
        most = max(most, int(used[rows].max()))
    for rows in _together(task):
        method = task.settings.method(int(players[rows[0]]), task.request.options)
        parts.append((_fit_sampled(task, method, model, rows), rows))
        design = method.design
        used[rows] = design.num_samples
        if not replicates or design.num_samples > most:
            most, replicates = max(most, design.num_samples), design.num_groups
    times = np.zeros((len(players), width))
    for row, document in enumerate(task.documents):
        times[row, : document.num_players] = document.times
    sampled = ~task.all_asked & (players > 0)
    return Outcome(
        fit=joined(parts, width),
        names=FeatureNames(tuple(f"word {number}" for number in range(width))),
        values=times,
        variables=(times > 0).astype(np.float32),
        samples_used=used,
        num_samples=most,
        num_replicates=replicates,
        enough=np.where(sampled, task.settings.enough(players), 0),
        kernel_width=float(task.settings.kernel_width),
    )


def _fit_empty(task: TextTask, row: int) -> tuple[LinearFit, np.ndarray]:
    outputs = task.prediction[row, task.request.labels[row]]
    return no_words(outputs), np.array([row])


def _few_together(task: TextTask) -> Iterator[list[int]]:
    """Numbers of texts of which all masks are asked in one go."""
    rows, size = [], 0
    for row in np.flatnonzero(task.all_asked).tolist():
        count = 2 ** int(task.players[row])
        if rows and size + count > _TEXTS_AT_ONCE:
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += count
    if rows:
        yield rows


def _fit_all(
    task: TextTask, model: TextModel, rows: list[int]
) -> list[tuple[LinearFit, np.ndarray]]:
    """Ask all masks of some texts, and fit each."""
    settings, options = task.settings, task.request.options
    rules: dict[int, MaskWeights] = {}
    texts: list[str] = []
    for row in rows:
        document = task.documents[row]
        players = document.num_players
        if players not in rules:
            rules[players] = settings.rule_of_all(players, options)
        texts += document.masked(rules[players].masks, settings.replace)
    y = model(texts)
    fits, start = [], 0
    for row in rows:
        rule = rules[task.documents[row].num_players]
        own = y[start : start + len(rule.masks), task.request.labels[row]]
        fits.append((settings.fit_all(rule, own, options), np.array([row])))
        start += len(rule.masks)
    if task.request.tick is not None:
        task.request.tick(len(rows))
    return fits


def _together(task: TextTask) -> list[np.ndarray]:
    """Numbers of the texts that one call of the engine explains by samples."""
    groups: dict[int, list[int]] = {}
    for row in np.flatnonzero(~task.all_asked & (task.players > 0)).tolist():
        groups.setdefault(task.settings.program_of(int(task.players[row])), []).append(row)
    return [np.array(rows) for _, rows in sorted(groups.items())]


def _fit_sampled(
    task: TextTask, method: LinearMethod | ShapleyMethod, model: TextModel, rows: np.ndarray
) -> LinearFit:
    """Explain texts whose padded numbers of players are one."""
    settings, request = task.settings, task.request
    documents = [task.documents[row] for row in rows]
    width = padded_width(int(task.players[rows[0]]))
    longest = max(len(document.text) for document in documents) // _BYTES
    replace = settings.replace

    def inputs_of(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
        masks = np.asarray(samples.masks)
        found = np.empty(masks.shape[:3], object)
        for place, row in enumerate(np.arange(len(documents))[taken]):
            masked = documents[row].masked(masks[place].reshape(-1, width), replace)
            found[place].reshape(-1)[:] = list(masked)
        return found

    work = engine.Work(
        settings.seed,
        TextDomain(sample_size=max(width, 2 ** longest.bit_length())),
        method,
        model.target,
        engine.Rows(
            TextInstance(np.arange(width) < task.players[rows][:, None]),
            request.ids[rows],
            request.labels[rows].astype(np.int32),
        ),
        inputs_of,
        None,
        request.tick,
        request.options.mesh,
        num_outputs=model.num_outputs,
    )
    try:
        return engine.explain(work)
    except Exception as error:
        numbers = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        error.add_note(f"the rows are texts {numbers}")
        raise
