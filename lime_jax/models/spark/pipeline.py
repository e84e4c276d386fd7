"""A pipeline of Spark ML in this process: called with tables, converted stage by stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy.special import expit, softmax

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import (
    METHODS,
    Converted,
    HostMethod,
    convert_by_name,
    of_members,
    register_converter,
    register_methods,
    transform_by_name,
)
from lime_jax.models.spark.fitted import ON_HOST, FittedStage, table_columns
from lime_jax.typing import Estimator, Table

_OF_MARGINS = (
    *("LogisticRegressionModel", "LinearSVCModel", "FMClassificationModel"),
    *("GBTClassificationModel", "SparkXGBClassifierModel"),
)
_SHARES = ("DecisionTreeClassificationModel", "RandomForestClassificationModel")
_READS_COLUMNS = (
    *("VectorAssembler", "StringIndexerModel", "Bucketizer", "ImputerModel", "OneHotEncoderModel"),
)
"""Stages that read columns of the table, and no vectors."""


@dataclasses.dataclass(frozen=True, eq=False)
class FittedPipeline:
    """A pipeline of Spark ML as it was fitted, in plain arrays: `transform`, without Spark.

    Attributes:
        before: the stages that the model's columns come from, in their order.
        model: the stage that predicts.
        classes: of a classifier: the texts that stand for its numbers, or these; else None.
        width: columns of the vector, where the first stage reads one; else 0.
    """

    before: tuple[FittedStage, ...]
    model: FittedStage
    classes: tuple[Any, ...] | None
    width: int = 0

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns of the table that it reads."""
        made = {name for step in self.before for name in step.outputs}
        wanted = [name for step in (*self.before, self.model) for name in step.inputs]
        return tuple(dict.fromkeys(name for name in wanted if name not in made))

    @property
    def n_features_in_(self) -> int:
        """Columns of the table that it needs."""
        return self.width or len(self.reads)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Their names; of a vector's columns there are none."""
        if self.width:
            raise AttributeError("feature_names_in_")
        return np.array(self.reads, object)

    @property
    def classes_(self) -> np.ndarray:
        """The classes of a classifier."""
        if self.classes is None:
            raise AttributeError("classes_")
        return np.array(self.classes)

    @property
    def predict_proba(self) -> Any:
        """A function of tables: Spark's column of probabilities."""
        if self.classes is None or self.model.kind == "LinearSVCModel":
            raise AttributeError("predict_proba")
        return self._probabilities

    @property
    def decision_function(self) -> Any:
        """A function of tables: Spark's raw predictions; of two classes, that of the second."""
        if self.model.kind not in _OF_MARGINS:
            raise AttributeError("decision_function")
        return self._raw

    def predict(self, batch: Table) -> np.ndarray:
        """Spark's column of predictions; of a classifier the classes they stand for."""
        if self.classes is None:
            return self._raw(batch)[:, 0]
        return self.classes_[self._numbers(batch)]

    def fit(self, X: Table, y: object = None) -> FittedPipeline:
        """Refused: it was fitted by Spark."""
        raise TypeError("a pipeline of Spark ML is fitted by Spark")

    def _probabilities(self, batch: Table) -> np.ndarray:
        raw = self._raw(batch)
        if self.model.kind in _SHARES:
            return raw
        if raw.shape[1] == 1:
            doubled = 2 if self.model.kind == "GBTClassificationModel" else 1
            return np.concatenate([expit(-doubled * raw), expit(doubled * raw)], axis=1)
        return softmax(raw, axis=1)

    def _numbers(self, batch: Table) -> np.ndarray:
        """Of each row the number of the class that Spark chooses, by its thresholds."""
        facts = self.model.facts
        if self.model.kind == "LinearSVCModel":
            return (self._raw(batch)[:, 0] > facts["threshold"]).astype(np.int64)
        probability, thresholds = self._probabilities(batch), facts.get("thresholds")
        if self.model.kind == "LogisticRegressionModel" and probability.shape[1] == 2:
            first, second = thresholds or (1 - facts["threshold"], facts["threshold"])
            return (probability[:, 1] > 1 / (1 + first / second)).astype(np.int64)
        if thresholds:
            with np.errstate(divide="ignore", invalid="ignore"):
                probability = probability / np.asarray(thresholds)
        return probability.argmax(axis=1)

    def _raw(self, batch: Table) -> Float64[np.ndarray, "rows outputs"]:
        (raw,) = ON_HOST[self.model.kind](self.model, [self._vector(batch)])
        return raw

    def _vector(self, batch: Table) -> np.ndarray:
        """The model's columns, made of a table's."""
        there = self._there(batch)
        for step in self.before:
            made = ON_HOST[step.kind](step, [there[name] for name in step.inputs])
            there.update(zip(step.outputs, made, strict=True))
        return there[self.model.inputs[0]]

    def _there(self, batch: Table) -> dict[str, np.ndarray]:
        if self.width and isinstance(batch, np.ndarray):
            return {self.reads[0]: np.asarray(batch, np.float64)}
        if self.width:
            import narwhals as nw

            frame = nw.from_native(batch, eager_only=True)
            return {self.reads[0]: np.asarray(frame.to_numpy(), np.float64)}
        there = table_columns(batch, self.reads)
        lacking = list(self.reads if there is None else set(self.reads) - there.keys())
        if there is None or lacking:
            came = "an array" if there is None else "a table without"
            raise ValueError(
                f"`model`: this pipeline of Spark ML reads the columns {list(self.reads)}, got "
                f"{came}{'' if there is None else f' {sorted(lacking)}'}; fit and explain a "
                "frame that has them"
            )
        return there


@register_methods(FittedPipeline)
def pipeline_method(model: Estimator, method: str) -> HostMethod | None:
    """It has scikit-learn's methods."""
    return None


@register_converter(FittedPipeline, "pyspark.PipelineModel", **of_members(*METHODS))
def convert_pipeline(pipeline: Any, method: str, features: Features) -> Converted:
    """The model on the columns that the steps make."""
    parts = _columns_of(pipeline, features)
    for step in pipeline.before:
        made = transform_by_name(f"pyspark.{step.kind}", step, [parts[n] for n in step.inputs])
        parts.update(zip(step.outputs, made, strict=True))
    model = pipeline.model
    return convert_by_name(f"pyspark.{model.kind}", model, method, parts[model.inputs[0]])


def _columns_of(pipeline: FittedPipeline, features: Features) -> dict[str, Features]:
    if pipeline.width:
        return {pipeline.reads[0]: features}
    if features.names is None or not set(pipeline.reads) <= set(features.names):
        raise NotConvertibleError(f"it reads the columns {list(pipeline.reads)} by name")
    return {name: features.take([features.names.index(name)]) for name in pipeline.reads}


def pipeline_of(
    stages: Sequence[FittedStage],
    model: FittedStage,
    classes: tuple[object, ...] | None,
    width: int,
) -> FittedPipeline:
    """The stages that the model's columns come from; what nobody reads is left out.

    Args:
        width: columns of the model's vector, or of the first stage's, if the table is one.
    """
    wanted, steps = set(model.inputs), []
    for stage in reversed(stages):
        if wanted.isdisjoint(stage.outputs):
            continue
        stage = _wanted_of(stage, wanted)
        wanted.update(stage.inputs)
        steps.append(stage)
    steps.reverse()
    first = steps[0] if steps else model
    is_vector = first.kind not in _READS_COLUMNS
    return FittedPipeline(tuple(steps), model, classes, width if is_vector else 0)


def _wanted_of(stage: FittedStage, wanted: set[str]) -> FittedStage:
    """A stage that maps columns one by one, without those that nobody reads."""
    if len(stage.inputs) != len(stage.outputs) or len(stage.inputs) == 1:
        return stage
    places = [k for k, name in enumerate(stage.outputs) if name in wanted]
    each = ("labelsArray", "categorySizes", "splits", "surrogates")
    facts = {
        name: [value[k] for k in places] if name in each else value
        for name, value in stage.facts.items()
    }
    inputs, outputs = ([names[k] for k in places] for names in (stage.inputs, stage.outputs))
    return FittedStage(stage.kind, tuple(inputs), tuple(outputs), facts)
