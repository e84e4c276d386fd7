"""XGBoost's models in pipelines of Spark: called by XGBoost on the host, in JAX as any of its."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lime_jax.models.boosted.trees import MARGIN_IS_EXACT, of_margins
from lime_jax.models.boosted.xgboost import convert_xgboost
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.spark.fitted import FittedStage, on_host, setting

CLASSIFIER = "SparkXGBClassifierModel"
_WRAPPERS = {
    CLASSIFIER: "XGBClassifier",
    "SparkXGBRegressorModel": "XGBRegressor",
    "SparkXGBRankerModel": "XGBRanker",
}
XGBOOST = tuple(_WRAPPERS)
_UNREAD = {
    "enable_sparse_data_optim": "takes what a sparse vector leaves out for missing",
    "base_margin_col": "adds a column of margins",
    "iteration_range": "predicts by a part of its trees",
}


def read_xgboost(model: Any) -> dict[str, Any]:
    """The model of XGBoost in a stage, as the wrapper that is not Spark's."""
    import xgboost

    kind = type(model).__name__
    for name, does in _UNREAD.items():
        if setting(model, name):
            raise NotConvertibleError(f"{kind}: {does} (`{name}`)")
    wrapper = getattr(xgboost, _WRAPPERS[kind])(missing=model.getOrDefault("missing"))
    wrapper.load_model(bytearray(model.get_booster().save_raw("ubj")))
    return {"wrapper": wrapper}


def named_columns(model: Any) -> tuple[str, ...]:
    """The columns of numbers that it was fitted on; none where that was a vector."""
    return tuple(setting(model, "features_cols") or ())


def count_classes(model: Any) -> int:
    """How many classes a classifier has."""
    learner = json.loads(model.get_booster().save_config())["learner"]
    return max(2, int(learner["learner_model_param"]["num_class"]))


@on_host(*XGBOOST)
def xgboost_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Margins of a classifier, else what it predicts."""
    is_margin, values = stage.kind == CLASSIFIER, columns[0]
    said = stage.facts["wrapper"].predict(values, output_margin=is_margin)
    return [np.asarray(said, np.float64).reshape(len(values), -1)]


@register_converter(f"pyspark.{CLASSIFIER}", **of_margins("predict_proba"))
@register_converter(
    *(f"pyspark.{kind}" for kind in XGBOOST[1:]),
    methods=("predict",),
    exact=("predict",),
    why_not=MARGIN_IS_EXACT,
)
def convert_xgboost_stage(stage: FittedStage, method: str, features: Features) -> Converted:
    """A sum of trees, or what its link makes of it."""
    return convert_xgboost(stage.facts["wrapper"], method, features)
