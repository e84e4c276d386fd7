"""Models of trees: walked on the host in float64, or a sum in JAX."""

from __future__ import annotations

import numpy as np

from lime_jax.models.boosted.trees import MARGIN_IS_EXACT
from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError
from lime_jax.models.convert.compose import linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import two_symmetric
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.spark.bucket_sets import without_sets_of_bins
from lime_jax.models.spark.fitted import FittedStage, on_host
from lime_jax.models.spark.trees import FittedTrees
from lime_jax.models.structure import TreeSum

_VALUES = ("DecisionTreeRegressionModel", "RandomForestRegressionModel", "GBTRegressionModel")
_SHARES = ("DecisionTreeClassificationModel", "RandomForestClassificationModel")
_BOOSTED = "GBTClassificationModel"


@on_host(*_VALUES, *_SHARES, _BOOSTED)
def trees_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """The sum over trees, each walked as Spark does."""
    trees, values = stage.facts["trees"], columns[0]
    total, rows = np.zeros((len(values), trees.value.shape[1])), np.arange(len(values))
    for root in trees.roots:
        node = np.full(len(values), root)
        while (inner := trees.feature[node] >= 0).any():
            x = values[rows, np.maximum(trees.feature[node], 0)]
            goes_left = x <= trees.threshold[node]
            for k in trees.sets.keys() & set(np.unique(node).tolist()):
                here = node == k
                goes_left[here] = trees.sets[k].goes_left(x[here])
            node = np.where(inner, np.where(goes_left, trees.left[node], trees.right[node]), node)
        total += trees.value[node]
    return [total]


@register_converter(
    *(f"pyspark.{kind}" for kind in _SHARES), methods=("predict_proba",), exact=("predict_proba",)
)
@register_converter(
    *(f"pyspark.{kind}" for kind in _VALUES), methods=("predict",), exact=("predict",)
)
@register_converter(
    f"pyspark.{_BOOSTED}",
    methods=("predict_proba", "decision_function"),
    exact=("decision_function",),
    why_not=MARGIN_IS_EXACT,
)
def convert_trees(stage: FittedStage, method: str, features: Features) -> Converted:
    """A sum of trees, or what its link makes of it."""
    converted = sum_of_trees(_tree_sum(stage.facts["trees"], features), features)
    if stage.kind == _BOOSTED and method == "predict_proba":
        return linked(converted, two_symmetric, MARGIN_IS_EXACT)
    return converted


def _tree_sum(fitted: FittedTrees, features: Features) -> TreeSum:
    fitted = without_sets_of_bins(fitted, features.columns)
    level_set, known = np.full(len(fitted.feature), -1, np.int32), LevelSets()
    for node, categories in fitted.sets.items():
        column = features.columns[fitted.feature[node]]
        if not isinstance(column, LevelColumn):
            raise NotConvertibleError(
                f"{features.raw_name(column.raw)} has categories to its trees, but is numeric "
                "here; name it in `categorical_features`"
            )
        level_set[node] = known.number(categories.goes_left(column.numbers()))
    return TreeSum(
        column=fitted.feature.astype(np.int32),
        threshold=fitted.threshold,
        missing_left=fitted.missing_left,
        level_set=level_set,
        left=fitted.left.astype(np.int32),
        right=fitted.right.astype(np.int32),
        value=fitted.value,
        roots=fitted.roots.astype(np.int32),
        output=np.zeros(len(fitted.roots), np.int32),
        level_sets=known.all(),
        base=np.zeros(fitted.value.shape[1]),
        num_features=len(features),
    )
