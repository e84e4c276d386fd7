"""A small session of Spark, and models of all kinds that it fits: what `transform` says is true."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.driver.memory": "1g",
    # Compilers and collectors of Java that are there for sessions of hours.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Of tables this small, compiling what is to be done takes longer than doing it.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
COLUMNS = ["age", "hours", "job", "city"]
TEXTS = {"predict_proba": "probability", "decision_function": "rawPrediction"}
OUTPUTS = {"predict_proba": "probability", "decision_function": "margin", "predict": "value"}


def small_session(**more):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2,3]")
    for name, value in {**SETTINGS, **more}.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        # JAX warns of forks; what Spark forks is another program at once.
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        return builder.getOrCreate()


def people(count=72):
    """Adults with an age that may be missing, and jobs that may be."""
    rng = np.random.default_rng(0)
    age = np.where(np.arange(count) % 9, rng.integers(18, 80, count), np.nan)
    frame = pd.DataFrame(
        {
            "age": age,
            "hours": rng.normal(40, 10, count),
            "job": rng.choice(["clerk", "nurse", "smith", None], count),
            "city": rng.choice(list("wxyz"), count),
        }
    )
    target = frame.age.fillna(40) / 10 + (frame.job == "nurse") * 2
    target += (frame.city == "x") * (frame.hours > 38) + rng.normal(size=count) / 9
    return frame.assign(
        target=target,
        pay=np.where(target > target.median(), "high", "low"),
        third=np.digitize(target, target.quantile([1 / 3, 2 / 3])).astype(float),
    )


def preparation():
    from pyspark.ml import Pipeline
    from pyspark.ml import feature as F

    def vector(inputs, output, **options):
        return F.VectorAssembler(inputCols=inputs, outputCol=output, **options)

    return Pipeline(
        stages=[
            F.Imputer(inputCols=["age"], outputCols=["age_filled"]),
            F.StringIndexer(
                inputCols=["job", "city"], outputCols=["job_index", "city_index"],
                handleInvalid="keep",
            ),
            F.StringIndexer(inputCol="pay", outputCol="pay_index"),
            F.OneHotEncoder(
                inputCols=["job_index", "city_index"], outputCols=["job_flags", "city_flags"],
                handleInvalid="keep",
            ),
            F.Bucketizer(
                inputCol="hours", outputCol="hours_bucket", handleInvalid="keep",
                splits=[-np.inf, 30, 40, 50, np.inf],
            ),
            vector(
                ["age_filled", "hours", "job_index", "city_index", "hours_bucket"], "for_trees",
                handleInvalid="keep",
            ),
            vector(["age_filled", "hours"], "numbers", handleInvalid="keep"),
            F.StandardScaler(inputCol="numbers", outputCol="scaled", withMean=True),
            F.MinMaxScaler(inputCol="numbers", outputCol="small"),
            vector(["scaled", "job_flags", "city_flags"], "for_lines"),
            vector(["small", "job_flags", "city_flags"], "positive"),
            vector(["job_flags", "city_flags"], "flags"),
            F.PCA(k=3, inputCol="for_lines", outputCol="mixed"),
        ]
    )  # fmt: skip


_TREES, _LINES = {"featuresCol": "for_trees"}, {"featuresCol": "for_lines"}
_TWO, _THREE, _VALUE = ({"labelCol": name} for name in ("pay_index", "third", "target"))
_FEW, _BOOSTED = {"maxDepth": 3, "seed": 1}, {"maxDepth": 2, "maxIter": 3, "seed": 1}
_SHORT = {"maxIter": 5}
ESTIMATORS = {  # by name: the class, and what it is told
    "tree": ("DecisionTreeClassifier", _TREES | _THREE | _FEW),
    "forest": ("RandomForestClassifier", _TREES | _TWO | _FEW | {"numTrees": 3}),
    "boosted": ("GBTClassifier", _TREES | _TWO | _BOOSTED),
    "tree of values": ("DecisionTreeRegressor", _TREES | _VALUE | _FEW),
    "forest of values": ("RandomForestRegressor", _TREES | _VALUE | _FEW | {"numTrees": 3}),
    "boosted values": ("GBTRegressor", _TREES | _VALUE | _BOOSTED),
    "line": ("LinearRegression", _LINES | _VALUE | _SHORT),
    "two classes": ("LogisticRegression", _LINES | _TWO | _SHORT | {"threshold": 0.3}),
    "three classes": (
        "LogisticRegression", _LINES | _THREE | _SHORT | {"thresholds": [0.2, 0.5, 0.3]}
    ),
    "support vectors": ("LinearSVC", _LINES | _TWO | _SHORT),
    "mixed columns": ("LogisticRegression", {"featuresCol": "mixed"} | _TWO | _SHORT),
    "gaussian": ("NaiveBayes", _LINES | _THREE | {"modelType": "gaussian"}),
    "multinomial": ("NaiveBayes", {"featuresCol": "positive"} | _THREE),
    "complement": ("NaiveBayes", {"featuresCol": "positive", "modelType": "complement"} | _THREE),
    "bernoulli": ("NaiveBayes", {"featuresCol": "flags", "modelType": "bernoulli"} | _THREE),
    "perceptron": (
        "MultilayerPerceptronClassifier",
        _LINES | _THREE | _SHORT | {"layers": [11, 4, 3], "seed": 1},
    ),
    "machine": ("FMClassifier", _LINES | _TWO | _SHORT | {"factorSize": 2}),
    "machine of values": ("FMRegressor", _LINES | _VALUE | _SHORT | {"factorSize": 2}),
}  # fmt: skip


def estimator(name):
    """What is fitted on the columns that were prepared."""
    from pyspark.ml import classification, regression

    cls, options = ESTIMATORS[name]
    home = classification if hasattr(classification, cls) else regression
    return getattr(home, cls)(**options)


def said(transformed, *columns):
    """Columns of what `transform` returned, by one job."""
    rows = transformed.select(*columns).collect()
    return [
        np.array([one.toArray() if hasattr(one, "toArray") else one for one in column])
        for column in zip(*rows, strict=True)
    ]
