"""Models that stay on the host, each for a reason of its own."""

from __future__ import annotations

from typing import NoReturn

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import register_converter
from lime_jax.typing import Estimator


@register_converter("sklearn.KNeighborsClassifier", "sklearn.KNeighborsRegressor")
def refuse_neighbors(model: Estimator, method: str, features: Features) -> NoReturn:
    """Its neighbors hang on the last digits of distances; and it is faster where it searches."""
    raise NotConvertibleError(
        f"{type(model).__name__}: which neighbors are the nearest is decided by the last digits of "
        "its own distances"
    )
