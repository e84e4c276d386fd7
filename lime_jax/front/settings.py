"""The settings of an explainer's algorithm, as a record; those of other algorithms are refused."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from lime_jax.front.checks import check_choices, check_seed
from lime_jax.front.explainer import ExplainerLike

Record = TypeVar("Record")

MODES = ("classification", "regression", None)


def read_settings(explainer: ExplainerLike, records: Mapping[str, type[Record]]) -> Record:
    """What an explainer's algorithm is set to: a record whose fields are named like the settings.

    Settings that belong to another algorithm have to be as they are by default.
    """
    check_choices(explainer, {"algorithm": tuple(records), "mode": MODES})
    check_seed(explainer.seed)
    known = {algorithm: _names(record) for algorithm, record in records.items()}
    accepted = known[explainer.algorithm]
    defaults = _defaults(type(explainer))
    for name in (name for names in known.values() for name in names if name not in accepted):
        value, default = getattr(explainer, name), defaults[name]
        same = isinstance(value, str | int | float) and value == default
        if value is not default and not same:
            raise ValueError(
                f"`{name}`: is no setting of algorithm={explainer.algorithm!r}, got {value!r}; "
                "leave it out"
            )
    return records[explainer.algorithm](**{name: getattr(explainer, name) for name in accepted})


@cache
def _names(record: type) -> tuple[str, ...]:
    """Of the fields of a record."""
    return tuple(field.name for field in dataclasses.fields(record))


@cache
def _defaults(kind: type) -> dict[str, Any]:
    """Of the settings of a kind of explainer."""
    parameters = inspect.signature(kind).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}
