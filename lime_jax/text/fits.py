"""The fits of a batch of texts: of few words by all masks, of others by samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np

from lime_jax import engine
from lime_jax.engine.work import HostInputs, Predictor, RowNumbers
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.front.call import Outcome, Request
from lime_jax.front.ragged import joined, padded_width
from lime_jax.results.names import FeatureNames
from lime_jax.stages.masks import MaskSamples
from lime_jax.text.all_masks import asks_all, no_words
from lime_jax.text.counted_domain import CountedDomain
from lime_jax.text.documents import Document
from lime_jax.text.domain import TextDomain, TextInstance
from lime_jax.text.model import TextModel
from lime_jax.text.settings import TextLimeSettings, TextShapSettings
from lime_jax.text.ways import COUNTS, DEVICE, STRINGS, Ways, choose_ways
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
    model: TextModel
    documents: Sequence[Document]
    prediction: np.ndarray
    request: Request

    @cached_property
    def players(self) -> np.ndarray:
        """(texts,) how many each has."""
        return np.array([document.num_players for document in self.documents], np.int64)

    @cached_property
    def ways(self) -> Ways:
        """How the model is asked about each."""
        replace, ids = self.settings.replace, self.request.ids
        return choose_ways(self.model, self.documents, replace, ids, self.all_asked)

    @cached_property
    def all_asked(self) -> np.ndarray:
        """(texts,) of which all masks are asked."""
        budget = self.settings.budget(self.request.options)
        return np.array([asks_all(int(count), budget) for count in self.players], bool)

    @cached_property
    def exact(self) -> dict[int, LinearFit]:
        """Fits of texts whose outputs are sums over words, by row."""
        if not self.request.is_exact:
            return {}
        found = {}
        for row in np.flatnonzero(self.ways.place >= 0).tolist():
            if self.ways.way[row] == STRINGS:
                continue
            base, slopes = self.ways.sums(row)
            whole, labels = self.prediction[row], self.request.labels[row]
            if np.allclose(base + slopes.sum(1), whole, rtol=0, atol=1e-9 * np.abs(whole).max()):
                options = self.request.options
                found[row] = self.settings.fit_linear(base[labels], slopes[labels], options)
        lost = [row for row in np.flatnonzero(self.players).tolist() if row not in found]
        if lost and self.request.options.method == "exact":
            raise ValueError(
                f"`method`: there is no closed form for text {lost[0]}, whose outputs are no sum "
                "over its words; use 'auto'"
            )
        return found

    @cached_property
    def is_sampled(self) -> np.ndarray:
        """(texts,) which are explained by samples."""
        found = ~self.all_asked & (self.players > 0)
        found[list(self.exact)] = False
        return found


def text_fits(task: TextTask) -> Outcome:
    """Explain texts; the fits are padded to the most players."""
    players, width = task.players, int(task.players.max(initial=0))
    used = np.zeros(len(players), np.int64)
    most, replicates = 0, 0
    parts = [_fit_empty(task, row) for row in np.flatnonzero(players == 0).tolist()]
    parts += [(fit, np.array([row])) for row, fit in task.exact.items()]
    for rows in _few_together(task):
        parts += _fit_all(task, rows)
        used[rows] = 2 ** players[rows]
        most = max(most, int(used[rows].max()))
    for rows in _together(task):
        method = task.settings.method(int(players[rows[0]]), task.request.options)
        parts.append((_fit_sampled(task, method, rows), rows))
        design = method.design
        used[rows] = design.num_samples
        if not replicates or design.num_samples > most:
            most, replicates = max(most, design.num_samples), design.num_groups
    times = np.zeros((len(players), width))
    for row, document in enumerate(task.documents):
        times[row, : document.num_players] = document.times
    sampled = task.is_sampled
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
        route=task.ways.route,
    )


def _fit_empty(task: TextTask, row: int) -> tuple[LinearFit, np.ndarray]:
    outputs = task.prediction[row, task.request.labels[row]]
    return no_words(outputs), np.array([row])


def _few_together(task: TextTask) -> Iterator[list[int]]:
    """Numbers of texts of which all masks are asked in one go."""
    rows, size = [], 0
    for row in np.flatnonzero(task.all_asked).tolist():
        if row in task.exact:
            continue
        count = 2 ** int(task.players[row])
        if rows and size + count > _TEXTS_AT_ONCE:
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += count
    if rows:
        yield rows


def _fit_all(task: TextTask, rows: list[int]) -> list[tuple[LinearFit, np.ndarray]]:
    """Ask all masks of some texts, and fit each."""
    settings, request = task.settings, task.request
    counts = sorted({task.documents[row].num_players for row in rows})
    rules = {players: settings.rule_of_all(players, request.options) for players in counts}
    masks = [rules[task.documents[row].num_players].masks for row in rows]
    fits = []
    for row, y in zip(rows, _outputs(task, rows, masks), strict=True):
        rule = rules[task.documents[row].num_players]
        fit = settings.fit_all(rule, y[:, request.labels[row]], request.options)
        fits.append((fit, np.array([row])))
    if request.tick is not None:
        request.tick(len(rows))
    return fits


def _outputs(task: TextTask, rows: list[int], masks: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """What the model says of texts under masks; strings of all of them are asked together."""
    texts: list[str] = []
    for row, some in zip(rows, masks, strict=True):
        if task.ways.way[row] == STRINGS:
            texts += task.documents[row].masked(some, task.settings.replace)
    said, start = task.model(texts) if texts else np.zeros((0, 0)), 0
    for row, some in zip(rows, masks, strict=True):
        if task.ways.way[row] == STRINGS:
            yield said[start : start + len(some)]
            start += len(some)
        else:
            yield task.ways.outputs(task.model, row, some)


def _together(task: TextTask) -> list[np.ndarray]:
    """Numbers of the texts that one call of the engine explains by samples."""
    groups: dict[tuple[str, int], list[int]] = {}
    for row in np.flatnonzero(task.is_sampled).tolist():
        program = task.settings.program_of(int(task.players[row]))
        groups.setdefault((task.ways.way[row], program), []).append(row)
    return [np.array(rows) for _, rows in sorted(groups.items())]


def _fit_sampled(
    task: TextTask, method: LinearMethod | ShapleyMethod, rows: np.ndarray
) -> LinearFit:
    """Explain texts whose padded numbers of players are one, and that go one way."""
    settings, request = task.settings, task.request
    ways = {DEVICE: _on_device, COUNTS: _by_counts, STRINGS: _by_strings}
    asked = ways[str(task.ways.way[rows[0]])]
    domain, instances, model, inputs_of = asked(task, rows)
    work = engine.Work(
        settings.seed,
        domain,
        method,
        model,
        engine.Rows(instances, request.ids[rows], request.labels[rows].astype(np.int32)),
        inputs_of,
        None,
        request.tick,
        request.options.mesh,
        num_outputs=task.model.num_outputs,
    )
    try:
        return engine.explain(work)
    except Exception as error:
        numbers = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        error.add_note(f"the rows are texts {numbers}")
        raise


_Asked: TypeAlias = tuple[TextDomain, TextInstance, Predictor, HostInputs]
"""The domain, the texts as it knows them, whom to ask, and by what if that is on the host."""


def _width(task: TextTask, rows: np.ndarray) -> int:
    return padded_width(int(task.players[rows[0]]))


def _on_device(task: TextTask, rows: np.ndarray) -> _Asked:
    """Scores are sums over words, in the program that draws the masks."""
    head, width = task.ways.head, _width(task, rows)
    assert head is not None
    instances, _ = task.ways.instances(rows, task.players[rows], width)
    weighing = head.weighing
    domain = CountedDomain(
        sample_size=width,
        binary=weighing.binary,
        sublinear=weighing.sublinear,
        norm=weighing.norm,
    )
    return domain, instances, head.link, _never


def _by_counts(task: TextTask, rows: np.ndarray) -> _Asked:
    """Rows of counts go into the pipeline after its vectorizer."""

    def said(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
        masks = np.asarray(samples.masks)
        numbers = rows[taken].tolist()
        found = [
            task.ways.outputs(task.model, row, own.reshape(-1, own.shape[-1])[:, :players])
            for own, row, players in zip(
                masks, numbers, task.players[numbers].tolist(), strict=True
            )
        ]
        return np.stack(found).reshape(*masks.shape[:3], -1)

    width = _width(task, rows)
    present = np.arange(width) < task.players[rows][:, None]
    return TextDomain(sample_size=2 * width), TextInstance(present), _as_it_is, said


def _by_strings(task: TextTask, rows: np.ndarray) -> _Asked:
    """Masked texts are made and asked."""
    documents, replace = [task.documents[row] for row in rows], task.settings.replace
    width = _width(task, rows)
    longest = max(len(document.text) for document in documents) // _BYTES

    def inputs_of(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
        masks = np.asarray(samples.masks)
        found = np.empty(masks.shape[:3], object)
        for place, row in enumerate(np.arange(len(documents))[taken]):
            masked = documents[row].masked(masks[place].reshape(-1, width), replace)
            found[place].reshape(-1)[:] = list(masked)
        return found

    domain = TextDomain(sample_size=max(width, 2 ** longest.bit_length()))
    present = np.arange(width) < task.players[rows][:, None]
    return domain, TextInstance(present), task.model.target, inputs_of


def _as_it_is(outputs: np.ndarray) -> np.ndarray:
    """The model was asked where its inputs would be made."""
    return outputs


def _never(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
    raise AssertionError("the model runs on the device")
