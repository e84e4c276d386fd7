"""The fits of a batch of instances: of few players by all masks, of others by samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np

from lime_jax import engine
from lime_jax.engine.work import HostInputs, Predictor, RowNumbers
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.front.batch_model import BatchModel
from lime_jax.front.call import Outcome, Request
from lime_jax.front.ragged import joined, padded_width
from lime_jax.masked.alike import alike_lime
from lime_jax.masked.all_masks import asks_all, no_players
from lime_jax.masked.counted_domain import CountedDomain
from lime_jax.masked.domain import MaskedDomain, Players
from lime_jax.masked.lime import RemovalLime
from lime_jax.masked.settings import LimeOfRemovals, ShapleyOfRemovals
from lime_jax.masked.ways import DEVICE, HOST, Ways
from lime_jax.results.names import FeatureNames
from lime_jax.stages.masks import MaskSamples
from lime_jax.typing import LinearFit

_AT_ONCE = 2**13
"""Masked instances that are made together, where all masks are asked."""

_MOST_NUMBERS = 2**24
"""In masks that are kept together."""

Asked: TypeAlias = tuple[MaskedDomain, Players, Predictor, HostInputs]
"""The domain, the instances as it knows them, whom to ask, by what if that is on the host."""


@dataclasses.dataclass(frozen=True, eq=False)
class MaskTask:
    """Instances to explain, and how: a kind of data inherits from it.

    Attributes:
        players: (instances,) how many each has.
        prediction: (instances, outputs) what the model says of them.
    """

    instance: ClassVar[str]
    """What messages call one of them."""

    shares_masks: ClassVar[bool] = False
    """Whether those of LIME are the same for instances of as many players."""

    settings: LimeOfRemovals | ShapleyOfRemovals
    model: BatchModel
    players: np.ndarray
    prediction: np.ndarray
    request: Request

    @property
    def draw_ids(self) -> np.ndarray:
        """(instances,) what random numbers come from: of LIME the number of players alone."""
        is_lime = self.shares_masks and isinstance(self.settings, LimeOfRemovals)
        return self.players.astype(np.uint32) if is_lime else self.request.ids

    def is_alike(self, row: int) -> bool:
        """Whether an instance is explained with others of as many players, by one set of masks."""
        settings, width = self.settings, padded_width(int(self.players[row]))
        if not self.shares_masks or not isinstance(settings, LimeOfRemovals):
            return False
        few = settings.budget(self.request.options) * width <= _MOST_NUMBERS
        return few and self.ways.way[row] == DEVICE

    @property
    def batch_size(self) -> int | None:
        """Inputs of one call of a model on the host, at most; None: the model sees to it."""
        return None

    @cached_property
    def ways(self) -> Ways:
        """How the model is asked about each."""
        raise NotImplementedError

    @cached_property
    def all_asked(self) -> np.ndarray:
        """(instances,) of which all masks are asked."""
        budget = self.settings.budget(self.request.options)
        return np.array([asks_all(int(count), budget) for count in self.players], bool)

    @cached_property
    def exact(self) -> dict[int, LinearFit]:
        """Fits of instances whose outputs are sums over players, by number."""
        if not self.request.is_exact:
            return {}
        found = {}
        for row in np.flatnonzero(self.ways.place >= 0).tolist():
            if self.ways.way[row] not in (DEVICE, HOST):
                continue
            base, slopes = self.ways.sums(row)
            whole, labels = self.prediction[row], self.request.labels[row]
            if np.allclose(base + slopes.sum(1), whole, rtol=0, atol=1e-9 * np.abs(whole).max()):
                options = self.request.options
                found[row] = self.settings.fit_linear(base[labels], slopes[labels], options)
        lost = [row for row in np.flatnonzero(self.players).tolist() if row not in found]
        if lost and self.request.options.method == "exact":
            raise ValueError(
                f"`method`: there is no closed form for {self.instance} {lost[0]}, whose outputs "
                f"are no sum over its {self.settings.subject}; use 'auto'"
            )
        return found

    @cached_property
    def is_sampled(self) -> np.ndarray:
        """(instances,) which are explained by samples."""
        found = ~self.all_asked & (self.players > 0)
        found[list(self.exact)] = False
        return found

    def outputs(self, rows: list[int], masks: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """What the model says of instances under masks of each."""
        for row, some in zip(rows, masks, strict=True):
            yield self.ways.outputs(self.model, row, some)

    def asked(self, rows: np.ndarray) -> Asked:
        """How the engine asks the model of instances that go one way."""
        return _on_device(self, rows) if self.ways.way[rows[0]] == DEVICE else _by_rows(self, rows)


def mask_fits(task: MaskTask, values: np.ndarray, variables: np.ndarray) -> Outcome:
    """Explain instances; the fits are padded to the most players.

    `values` and `variables` are (instances, players), as explanations have them.
    """
    players, width = task.players, values.shape[1]
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
        if task.is_alike(int(rows[0])):
            assert isinstance(method, RemovalLime)
            method = alike_lime(method, np.arange(width_of(task, rows)) < players[rows[0]])
        parts.append((_fit_sampled(task, method, rows), rows))
        design = method.design
        used[rows] = design.num_samples
        if not replicates or design.num_samples > most:
            most, replicates = max(most, design.num_samples), design.num_groups
    return Outcome(
        fit=joined(parts, width),
        names=FeatureNames(tuple(f"player {number}" for number in range(width))),
        values=values,
        variables=variables.astype(np.float32),
        samples_used=used,
        num_samples=most,
        num_replicates=replicates,
        enough=np.where(task.is_sampled, task.settings.enough(players), 0),
        kernel_width=task.settings.width,
        route=task.ways.route,
    )


def _fit_empty(task: MaskTask, row: int) -> tuple[LinearFit, np.ndarray]:
    outputs = task.prediction[row, task.request.labels[row]]
    return no_players(outputs), np.array([row])


def _few_together(task: MaskTask) -> Iterator[list[int]]:
    """Numbers of instances of which all masks are asked in one go."""
    rows, size = [], 0
    for row in np.flatnonzero(task.all_asked).tolist():
        if row in task.exact:
            continue
        count = 2 ** int(task.players[row])
        if rows and size + count > _AT_ONCE:
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += count
    if rows:
        yield rows


def _fit_all(task: MaskTask, rows: list[int]) -> list[tuple[LinearFit, np.ndarray]]:
    """Ask all masks of some instances, and fit each."""
    settings, request = task.settings, task.request
    counts = sorted({int(task.players[row]) for row in rows})
    rules = {players: settings.rule_of_all(players, request.options) for players in counts}
    masks = [rules[int(task.players[row])].masks for row in rows]
    fits = []
    for row, y in zip(rows, task.outputs(rows, masks), strict=True):
        rule = rules[int(task.players[row])]
        fit = settings.fit_all(rule, y[:, request.labels[row]], request.options)
        fits.append((fit, np.array([row])))
    if request.tick is not None:
        request.tick(len(rows))
    return fits


def _together(task: MaskTask) -> list[np.ndarray]:
    """Numbers of the instances that one call of the engine explains by samples."""
    groups: dict[tuple[str, int], list[int]] = {}
    for row in np.flatnonzero(task.is_sampled).tolist():
        players = int(task.players[row])
        program = players if task.is_alike(row) else task.settings.program_of(players)
        groups.setdefault((task.ways.way[row], program), []).append(row)
    return [np.array(rows) for _, rows in sorted(groups.items())]


def _fit_sampled(
    task: MaskTask, method: LinearMethod | ShapleyMethod, rows: np.ndarray
) -> LinearFit:
    """Explain instances whose padded numbers of players are one, and that go one way."""
    settings, request = task.settings, task.request
    domain, instances, model, inputs_of = task.asked(rows)
    ids = task.draw_ids[rows]
    work = engine.Work(
        settings.seed,
        domain,
        method,
        model,
        engine.Rows(instances, ids, request.labels[rows].astype(np.int32)),
        inputs_of,
        task.batch_size,
        request.tick,
        request.options.mesh,
        num_outputs=task.model.num_outputs,
    )
    try:
        if task.is_alike(int(rows[0])):
            drawn = engine.Rows(Players(instances.present[:1]), ids[:1])
            return engine.explain_alike(work, drawn)
        return engine.explain(work)
    except Exception as error:
        numbers = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        error.add_note(f"the rows are {task.instance}s {numbers}")
        raise


def width_of(task: MaskTask, rows: np.ndarray) -> int:
    """Players that instances of one program are padded to."""
    return padded_width(int(task.players[rows[0]]))


def _on_device(task: MaskTask, rows: np.ndarray) -> Asked:
    """Scores are sums over players, in the program that draws the masks."""
    head, width = task.ways.head, width_of(task, rows)
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


def _by_rows(task: MaskTask, rows: np.ndarray) -> Asked:
    """Masked rows go into the pipeline."""

    def said(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
        masks = np.asarray(samples.masks)
        numbers = rows[taken].tolist()
        found = [
            task.ways.outputs(task.model, row, asked.reshape(-1, asked.shape[-1])[:, :players])
            for asked, row, players in zip(
                masks, numbers, task.players[numbers].tolist(), strict=True
            )
        ]
        return np.stack(found).reshape(*masks.shape[:3], -1)

    width = width_of(task, rows)
    present = np.arange(width) < task.players[rows][:, None]
    return MaskedDomain(sample_size=2 * width), Players(present), _as_it_is, said


def _as_it_is(outputs: np.ndarray) -> np.ndarray:
    """The model was asked where its inputs would be made."""
    return outputs


def _never(samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
    raise AssertionError("the model runs on the device")
