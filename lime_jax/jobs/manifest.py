"""The manifest of a job: what it says, and how two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lime_jax.distributed.worker import ChunkSpec
from lime_jax.jobs.fingerprint import content_hash, in_words, model_hash, versions
from lime_jax.jobs.source import Source, file_hash

_FORMAT = 2
_NOT_COMPARED = ("file",)
"""A file may have moved; what it holds may not have changed."""


def make_manifest(
    spec: ChunkSpec,
    source: Source,
    columns: Sequence[str],
    rows: range,
    rows_in_file: int,
    rows_per_part: int,
    device: str,
    facts: Mapping[str, object],
) -> dict[str, Any]:
    """What the parts of a job are a function of, as JSON takes it, with no time and no machine.

    `facts` are what the caller knows beyond, such as hashes of files; the one named "model" stands
    for the model.
    """
    explainer = spec.explainer
    known = {} if "model" in facts else {"model": model_hash(spec.model)}
    manifest = {
        "format": _FORMAT,
        "num_rows": len(rows),
        "rows_per_part": rows_per_part,
        "num_parts": -(-len(rows) // rows_per_part),
        "first_row": rows.start,
        "file": source.path.name,
        "data": {
            "sha256": file_hash(source.path),
            "bytes": source.path.stat().st_size,
            "rows": rows_in_file,
            "columns": {field.name: str(field.type) for field in source.schema},
        },
        "explainer": {
            **in_words(explainer.get_params(deep=False)),
            "learned": content_hash(explainer.learned),
        },
        "columns": list(columns),
        **known,
        "facts": in_words(facts),
        "options": in_words(spec.options),
        "precision": "float64" if spec.enable_x64 else "float32",
        "device": device,
        "versions": versions(spec.model, getattr(explainer, "schema_", None)),
    }
    return json.loads(json.dumps(manifest))  # as it is read back


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """What two manifests do not have in common.

    Example:
        >>> differences({"explainer": {"seed": 0}}, {"explainer": {"seed": 1}})
        ['explainer.seed: 0 there, 1 here']
    """
    there, here = dict(_flat(old)), dict(_flat(new))
    return [
        f"{name}: {_short(there, name)} there, {_short(here, name)} here"
        for name in dict.fromkeys([*there, *here])
        if name not in _NOT_COMPARED and there.get(name, ...) != here.get(name, ...)
    ]


def _flat(value: Mapping[str, object], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, entry in value.items():
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{above}{name}.")
        else:
            yield above + name, entry


def _short(found: Mapping[str, object], name: str) -> str:
    text = json.dumps(found[name]) if name in found else "nothing"
    return text if len(text) <= 24 else f"{text[:21]}..."
