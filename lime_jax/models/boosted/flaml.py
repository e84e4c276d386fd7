"""FLAML: what its search found, on the columns as they are."""

from __future__ import annotations

from typing import Any

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import (
    METHODS,
    Converted,
    convert_on,
    of_members,
    register_converter,
    transform_on,
)


@register_converter("flaml.AutoML", **of_members(*METHODS))
def convert_search(model: Any, method: str, features: Features) -> Converted:
    """The model that was found, where FLAML changes its columns no more than to fill them in."""
    found = getattr(model.model, "estimator", None)
    if not hasattr(found, method):
        raise NotConvertibleError(f"AutoML: what it found has no `{method}` of its own")
    before: Any = getattr(model, "_transformer", None)
    changed = [getattr(before, name, ()) for name in ("_cat_columns", "_datetime_columns")]
    numbers = getattr(before, "_num_columns", None)
    if any(len(columns) for columns in changed) or (
        numbers is not None and len(numbers) not in (0, len(features))
    ):
        raise NotConvertibleError("AutoML: it makes other columns of dates, texts and categories")
    filled = getattr(before, "transformer", None)
    return convert_on(found, method, transform_on(filled, features) if filled else features)
