"""Fitted models of Spark ML, read: a few calls of Spark for each, none for a row or a node."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.registry import why_on_host
from lime_jax.models.spark.fitted import HANDLE, FittedStage, setting
from lime_jax.models.spark.pipeline import FittedPipeline, pipeline_of
from lime_jax.models.spark.trees import fitted_trees
from lime_jax.models.spark.xgboost_models import (
    CLASSIFIER,
    XGBOOST,
    count_classes,
    named_columns,
    read_xgboost,
)

_KEEP = {HANDLE: "keep"}
_SEARCHES = ("CrossValidatorModel", "TrainValidationSplitModel")


def read_model(model: object) -> FittedPipeline:
    """A fitted model of Spark ML, by itself or in a pipeline, in plain arrays.

    NotConvertibleError where a stage that the prediction needs is not known; it says which.
    """
    stages = flat_stages(model)
    at = [k for k, stage in enumerate(stages) if _kind(stage) in _MODELS]
    if not at:
        raise NotConvertibleError(f"{_kind(stages[-1])}: {_why(stages[-1])}")
    predictor = stages[at[-1]]
    vector = predictor.getOrDefault("featuresCol")
    wanted, steps = {vector}, []
    if names := named_columns(predictor):
        wanted, steps = set(names), [FittedStage("VectorAssembler", names, (vector,), _KEEP)]
    for stage in reversed(stages[: at[-1]]):
        made = _names(stage, "output")
        if _kind(stage) not in _STEPS and (_kind(stage) == "SQLTransformer" or not made):
            raise NotConvertibleError(f"{_kind(stage)}: {_why(stage)}")
        if wanted.isdisjoint(made):
            continue
        if _kind(stage) not in _STEPS:
            raise NotConvertibleError(f"{_kind(stage)}: {_why(stage)}")
        wanted.update(_names(stage, "input"))
        steps.append(_step(stage))
    read = _MODELS[_kind(predictor)](predictor)
    fitted = FittedStage(_kind(predictor), (vector,), (), read)
    steps.reverse()
    return pipeline_of(steps, fitted, classes_of(predictor, stages), _width(predictor, steps))


def flat_stages(model: Any) -> list[Any]:
    """The stages of pipelines within pipelines, and the best models of searches."""
    if _kind(model) in _SEARCHES:
        return flat_stages(model.bestModel)
    if _kind(model) == "PipelineModel":
        return [one for stage in model.stages for one in flat_stages(stage)]
    return [model]


def _kind(stage: object) -> str:
    return type(stage).__name__


def _why(stage: object) -> str:
    return why_on_host(f"pyspark.{_kind(stage)}") or "has no JAX form here"


def _names(stage: object, end: str) -> tuple[str, ...]:
    """The columns that a stage reads ("input") or makes ("output")."""
    several, one = setting(stage, f"{end}Cols"), setting(stage, f"{end}Col")
    return tuple(several) if several else (one,) if one else ()


def _step(stage: Any) -> FittedStage:
    facts = {name: setting(stage, name) for name in (HANDLE, "dropLast") if stage.hasParam(name)}
    facts.update(_STEPS[_kind(stage)](stage))
    inputs, outputs = _names(stage, "input"), _names(stage, "output")
    return FittedStage(_kind(stage), inputs, outputs, facts)


def _imputer(stage: Any) -> dict[str, Any]:
    surrogates = stage.surrogateDF.first().asDict()
    found = [float(surrogates[name]) for name in _names(stage, "input")]
    return {"surrogates": found, "missingValue": float(setting(stage, "missingValue"))}


def _scaler(*learned: str, settings: Sequence[str]) -> Callable[[Any], dict[str, Any]]:
    def read(stage: object) -> dict[str, Any]:
        return {name: getattr(stage, name).toArray() for name in learned} | {
            name: setting(stage, name) for name in settings
        }

    return read


_STEPS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "StringIndexerModel": lambda stage: {"labelsArray": [list(a) for a in stage.labelsArray]},
    "OneHotEncoderModel": lambda stage: {"categorySizes": list(stage.categorySizes)},
    "VectorAssembler": lambda stage: {},
    "StandardScalerModel": _scaler("mean", "std", settings=("withMean", "withStd")),
    "MinMaxScalerModel": _scaler("originalMin", "originalMax", settings=("min", "max")),
    "Bucketizer": lambda stage: {
        "splits": [
            np.array(one) for one in setting(stage, "splitsArray") or [setting(stage, "splits")]
        ]
    },
    "ImputerModel": _imputer,
    "PCAModel": lambda stage: {"pc": stage.pc.toArray()},
}


def _line(model: Any) -> dict[str, Any]:
    return {
        "coefficients": model.coefficients.toArray()[None],
        "intercept": np.array([model.intercept]),
        "threshold": setting(model, "threshold"),
    }


def _logistic(model: Any) -> dict[str, Any]:
    return {
        "coefficients": model.coefficientMatrix.toArray(),
        "intercept": model.interceptVector.toArray(),
        "threshold": setting(model, "threshold"),
        "thresholds": setting(model, "thresholds"),
    }


def _bayes(model: Any) -> dict[str, Any]:
    kind = setting(model, "modelType")
    facts = {"modelType": kind, "pi": model.pi.toArray(), "theta": model.theta.toArray()}
    if kind == "gaussian":
        facts["sigma"] = model.sigma.toArray()
    return {**facts, "thresholds": setting(model, "thresholds")}


def _perceptron(model: Any) -> dict[str, Any]:
    facts = {"layers": list(setting(model, "layers")), "weights": model.weights.toArray()}
    return {**facts, "thresholds": setting(model, "thresholds")}


def _machine(model: Any) -> dict[str, Any]:
    facts = {"factors": model.factors.toArray(), "linear": model.linear.toArray()}
    return {**facts, "intercept": model.intercept, "thresholds": setting(model, "thresholds")}


def _forest(model: Any) -> dict[str, Any]:
    kind = _kind(model)
    shares = kind in ("DecisionTreeClassificationModel", "RandomForestClassificationModel")
    trees = _nodes(model)
    weights = np.ones(len(trees)) / len(trees)
    if kind.startswith("GBT"):
        weights = np.array(model.treeWeights)
    facts: dict[str, Any] = {"trees": fitted_trees(trees, weights.tolist(), shares)}
    return {**facts, "thresholds": setting(model, "thresholds")}


_MODELS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "LinearRegressionModel": _line,
    "LinearSVCModel": _line,
    "LogisticRegressionModel": _logistic,
    "NaiveBayesModel": _bayes,
    "MultilayerPerceptronClassificationModel": _perceptron,
    **dict.fromkeys(("FMRegressionModel", "FMClassificationModel"), _machine),
    **{
        f"{kind}{what}Model": _forest
        for kind in ("DecisionTree", "RandomForest", "GBT")
        for what in ("Classification", "Regression")
    },
    **dict.fromkeys(XGBOOST, read_xgboost),
}


def _nodes(model: Any) -> list[list[Mapping[str, Any]]]:
    """The nodes of each tree, in the order of their ids, as Spark's files hold them."""
    if not hasattr(model._java_obj, "_target_id"):  # of a server of Spark Connect
        return _saved_nodes(model)
    from pyspark import SparkContext

    jvm: Any = SparkContext._active_spark_context._jvm  # pyright: ignore[reportOptionalMemberAccess]
    single = model._java_obj
    trees = list(single.trees()) if hasattr(model, "treeWeights") else [single]
    nodes = _scala_object(jvm, "org.apache.spark.ml.tree.DecisionTreeModelReadWrite$NodeData$")
    formats = _scala_object(jvm, "org.json4s.DefaultFormats$")
    writer = _scala_object(jvm, "org.json4s.jackson.Serialization$")
    built = jvm.PythonUtils.toSeq([nodes.build(tree.rootNode(), 0)._1() for tree in trees])
    return json.loads(writer.write(built, formats))


def _scala_object(jvm: object, name: str) -> Any:
    return getattr(getattr(jvm, name), "MODULE$")


def _saved_nodes(model: Any) -> list[list[Mapping[str, Any]]]:
    """The same by way of a folder of the server, which alone holds the model."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    folder = f"/tmp/lime_jax-{uuid.uuid4().hex}"
    model.write().overwrite().save(folder)
    rows = session.read.parquet(f"{folder}/data").toArrow().to_pylist()
    _remove(session, folder)
    by_tree: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_tree.setdefault(row.get("treeID", 0), []).append(row.get("nodeData", row))
    return [sorted(nodes, key=lambda n: n["id"]) for _, nodes in sorted(by_tree.items())]


def _remove(session: Any, folder: str) -> None:
    """Empty a folder of the server; a database that has it takes it along when it is dropped."""
    session.range(0).write.mode("overwrite").parquet(folder)
    name = folder.rpartition("/")[2].replace("-", "_")
    with contextlib.suppress(Exception):  # a catalog that makes none: an empty folder stays
        session.sql(f"CREATE DATABASE {name} LOCATION '{folder}'")
        session.sql(f"DROP DATABASE {name} CASCADE")


def classes_in(model: object) -> int | None:
    """How many classes a classifier has; None: it is none."""
    return (
        count_classes(model) if _kind(model) == CLASSIFIER else getattr(model, "numClasses", None)
    )


def classes_of(model: Any, stages: Sequence[Any]) -> tuple[Any, ...] | None:
    """The texts of a classifier's labels where a stage knows them, else their numbers."""
    count = classes_in(model)
    if count is None:
        return None
    for stage in stages:
        if _kind(stage) == "IndexToString" and setting(stage, "labels"):
            if setting(stage, "inputCol") == setting(model, "predictionCol"):
                return tuple(setting(stage, "labels"))
        elif _kind(stage) == "StringIndexerModel" and setting(model, "labelCol") in (
            outputs := _names(stage, "output")
        ):
            labels = list(stage.labelsArray[outputs.index(setting(model, "labelCol"))])
            return tuple(labels) if len(labels) == count else tuple(range(count))
    return tuple(range(count))


def _width(model: Any, steps: Sequence[FittedStage]) -> int:
    """Columns of the vector that is read first."""
    learned = ("mean", "originalMin", "pc")
    widths = [len(steps[0].facts[name]) for name in learned if steps and name in steps[0].facts]
    if widths:
        return int(widths[0])
    is_xgboost = _kind(model) in XGBOOST
    return model.get_booster().num_features() if is_xgboost else int(model.numFeatures)
