"""Opening a model: its form on the device, checked against itself, or a reason for the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import Model
from lime_jax.models.registry import at_hand
from lime_jax.tabular import frames
from lime_jax.tabular.opening.fingerprint import fingerprint
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.resolution import needs_resolution, on_host_if_far
from lime_jax.tabular.opening.sample_facts import SampleFacts
from lime_jax.tabular.opening.self_check import difference_from_itself
from lime_jax.typing import ModelLike

_MOST_MODELS = 4
_CHECKED_ROWS = 8
_CHECKED_THRESHOLDS = 256
"""Of all columns together."""


class RecentModels:
    """The models that an explainer opened last, so that the next call need not; for any thread."""

    def __init__(self) -> None:
        self.opened: tuple[OpenedModel, ...] = ()

    def open(
        self,
        model: ModelLike,
        output: str | None,
        schema: frames.Schema,
        values: np.ndarray,
        samples: SampleFacts,
    ) -> OpenedModel:
        """See what a model is, or recognize it."""
        model = at_hand(model)
        content = fingerprint(model, output)
        if content is None:
            return open_model(model, output, schema, values, samples)
        same = (one for one in self.opened if one.fingerprint == content)
        found = next((one for one in same if _begin_with(one.schema.levels, schema.levels)), None)
        if found is None:
            found = open_model(model, output, schema, values, samples, content)
        others = (one for one in self.opened if one.fingerprint != content)
        self.opened = (found, *others)[:_MOST_MODELS]
        return found.view(schema=schema)

    def __getstate__(self) -> dict[str, tuple[OpenedModel, ...]]:
        """Nothing: it only saves time."""
        return {"opened": ()}


def open_model(
    model: ModelLike,
    output: str | None,
    schema: frames.Schema,
    values: np.ndarray,
    samples: SampleFacts,
    content: bytes | None = None,
) -> OpenedModel:
    """See what a model is.

    A converted model is compared with itself on a few rows that hold every level, and on some that
    lie on its thresholds; if the two differ, it runs on the host. So it does where 32 bits do not
    hold how its outputs differ.
    """
    names = schema.columns if schema.kind == "frame" else None
    table = RawTable(names, schema.levels, schema.is_single, schema.backend)
    opened = as_predict_fn(model, output, table)
    if opened.host is not None:
        opened = _where_faster(_checked(opened, schema, values, samples))
    # Of no rows nothing was checked: look again.
    return OpenedModel(opened, schema, content if len(values) else None)


def _where_faster(opened: Model) -> Model:
    """The model on the host where that is faster; its structure stays."""
    why = "" if opened.converted is None else opened.converted.faster_on_host
    on_cpu = opened.path == "jax" and jax.default_backend() == "cpu"
    return opened.on_host(why) if why and on_cpu else opened


def _checked(
    opened: Model, schema: frames.Schema, values: np.ndarray, samples: SampleFacts
) -> Model:
    """A converted model on the device if it is the same there, else on the host."""
    known = values[:_CHECKED_ROWS]
    known = np.where((known < 0) & np.array(schema.categorical), 0, known)
    # Samples hold every level: what the model says of one that it refuses leaves `explain`.
    certain = np.concatenate([known, _every_level(schema, known[:1])])
    typical = np.zeros((0, values.shape[1]))
    if samples.typical_rows is not None and needs_resolution():
        typical = samples.typical_rows()
    said, of_typical = _answers(opened, schema, certain, typical)
    difference = ""
    if len(values):
        possible = _possible_rows(opened, schema, known, samples.may_miss)
        itself = OpenedModel(opened, schema)
        difference = difference_from_itself(itself, certain, possible, said)
    if difference:
        return dataclasses.replace(
            opened.on_host(difference),
            structure=None,
            why_not_exact=f"{difference}, so it runs on the host",
            host=None,
        )
    opened = _for_samples(opened, schema, samples)
    return opened if of_typical is None else on_host_if_far(opened, of_typical)


def _answers(
    opened: Model, schema: frames.Schema, certain: np.ndarray, typical: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """What the model on the host says of both, in one call if it takes them; None: it does not."""
    itself, count = OpenedModel(opened, schema).on_host(), len(certain)
    if len(typical):
        try:
            both = itself(np.concatenate([certain, typical]))
            return both[:count], both[count:]
        except Exception:  # the user's own, of rows that nobody asked for
            itself = itself.view()
    return (itself(certain) if count else np.zeros((0, 1))), None


def _begin_with(levels: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """Whether each column's levels are the wanted ones, maybe with more behind them."""
    return len(levels) == len(wanted) and all(
        a == b or (a is not None and b is not None and a[: len(b)] == b)
        for a, b in zip(levels, wanted, strict=True)
    )


def _for_samples(model: Model, schema: frames.Schema, samples: SampleFacts) -> Model:
    """The model as samples need it."""
    if model.path == "host" or model.converted is None:
        return model
    if samples.blurred:
        name = schema.columns[samples.blurred[0]]
        return model.on_host(f"{_precision()} does not hold the spread of column {name!r}")
    try:
        return dataclasses.replace(model, predict=model.on_samples(samples.spikes))
    except ValueError as error:
        return model.on_host(str(error))


def _precision() -> str:
    return str(np.dtype(jnp.result_type(float)))


def _possible_rows(
    model: Model, schema: frames.Schema, rows: np.ndarray, may_miss: np.ndarray
) -> list[np.ndarray]:
    """Rows that samples may be: with missing numbers, on the thresholds."""
    possible = []
    if may_miss.any():
        possible.append(np.where(may_miss, np.nan, rows))
    if model.rows is not None:
        possible.append(_on_thresholds(model.rows.columns.thresholds(), rows))
    return [part for part in possible if len(part)]


def _on_thresholds(thresholds: Mapping[int, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Rows with one column each on one of its thresholds, of all columns in turn."""
    finite = {k: known[np.isfinite(known)] for k, known in thresholds.items()}
    columns = _evenly(np.array([k for k, known in finite.items() if len(known)], np.int64))
    each = _CHECKED_THRESHOLDS // max(1, len(columns))
    chosen = {k: _evenly(finite[k], max(1, min(8, each))) for k in columns.tolist()}
    column = np.repeat(columns, [len(some) for some in chosen.values()])
    on_them = rows[np.arange(len(column)) % len(rows)]
    if len(column):
        on_them[np.arange(len(column)), column] = np.concatenate(list(chosen.values()))
    return on_them


def _evenly(values: np.ndarray, most: int = _CHECKED_THRESHOLDS) -> np.ndarray:
    """At most so many of some values, from the first to the last."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).astype(np.int64)]


def _every_level(schema: frames.Schema, row: np.ndarray) -> np.ndarray:
    """The row with each level of each column in turn: samples hold them all, a model may not."""
    sizes = np.array([0 if levels is None else len(levels) for levels in schema.levels])
    rows = np.repeat(row, sizes.max(initial=0), axis=0)
    codes = np.minimum(np.arange(len(rows))[:, None], np.maximum(sizes - 1, 0))
    return np.where(sizes > 0, codes, rows).astype(row.dtype)
