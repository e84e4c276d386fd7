"""Explanations as files of NumPy arrays and a JSON text, without pickle."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.kinds import kind_named, row_fields, shared_fields
from lime_jax.results.names import FeatureNames
from lime_jax.results.row_index import restore_ids, store_ids
from lime_jax.results.whole_files import replacing

DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What reading raises where a file holds something else than was written."""


def save(explanations: ExplanationArrays, path: Path) -> None:
    """Write an `.npz` file, which appears only when it is complete."""
    arrays, facts = stored_arrays(explanations), stored_facts(explanations)
    with replacing(path) as aside, open(aside, "wb") as file:
        np.savez_compressed(file, meta=np.array(json.dumps(facts)), **arrays)


def read(path: Path) -> Any:
    """The explanations in an `.npz` file."""
    wanted = "`path`: expected a file of `Explanations.save`"
    try:
        opened = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{wanted}, got {path}") from error
    with opened as file:
        try:
            facts = json.loads(str(file["meta"]))
            kind = kind_named(facts["kind"])
            arrays = {
                name: _ragged(file, name, field.axes) if field.is_ragged else file[name]
                for name, field in row_fields(kind).items()
            }
            return restored(facts, arrays, restore_ids(file, facts["row_names"]))
        except KeyError as error:
            raise ValueError(
                f"{wanted}, but {path} lacks what such a file holds ({error.args[0]})"
            ) from error
        except DAMAGED as error:  # pickled objects too, which are never read
            raise ValueError(
                f"{wanted}, but {path} holds something else ({type(error).__name__}: {error})"
            ) from error


def stored_arrays(explanations: ExplanationArrays) -> dict[str, Any]:
    """The arrays of a file, by name."""
    arrays: dict[str, Any] = store_ids(explanations.row_ids, explanations.row_names)
    for name, field in row_fields(explanations).items():
        values = getattr(explanations, name)
        if field.axes == "text":
            arrays[name] = np.array(json.dumps(values))
        elif field.is_ragged:
            arrays[f"{name}_count"] = np.array(len(values))
            arrays |= {f"{name}_{row}": value for row, value in enumerate(values)}
        else:
            arrays[name] = values
    return arrays


def _ragged(file: Mapping[str, Any], name: str, axes: str) -> tuple[Any, ...]:
    if axes == "text":
        return tuple(json.loads(str(file[name])))
    return tuple(file[f"{name}_{row}"] for row in range(int(file[f"{name}_count"])))


def stored_facts(explanations: ExplanationArrays) -> dict[str, Any]:
    """What all rows share, as JSON takes it."""
    facts = {name: getattr(explanations, name) for name in shared_fields(explanations)}
    names = dataclasses.asdict(explanations.names)
    return {"version": 2, "kind": explanations.kind, "names": names, **facts}


def restored(facts: Mapping[str, Any], arrays: Mapping[str, object], row_ids: np.ndarray) -> Any:
    """The explanations that facts and arrays were stored of; KeyError if one is missing."""
    kind = kind_named(facts["kind"])
    shared = {name: _as_tuples(facts[name]) for name in shared_fields(kind)}
    names = FeatureNames.restored(facts["names"])
    return kind(**arrays, **shared, names=names, row_ids=row_ids)


def _as_tuples(value: object) -> Any:
    """What JSON has made lists of, as it was."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
