"""Transformers of Spark that are not read: each batch of samples goes through a job of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.registry import HostMethod, keep_on_host, register_methods, register_reader
from lime_jax.models.spark.fitted import setting, table_columns
from lime_jax.models.spark.reading import classes_in, classes_of, flat_stages, read_model
from lime_jax.typing import Estimator, Table
from lime_jax.warn import warn

_COST = "Spark runs a job for every batch of samples, and no worker can call it"
_NUMBER = "row of the batch"


class ThroughSpark:
    """A transformer of Spark as a model: its `transform` of a batch, as a job.

    Attributes:
        why: it is not read.
    """

    def __init__(self, transformer: Any, why: str) -> None:
        self.transformer, self.why = transformer, why

    @property
    def classes_(self) -> np.ndarray:
        """The classes of a classifier."""
        stages = flat_stages(self.transformer)
        for stage in reversed(stages):
            if classes_in(stage):
                return np.array(classes_of(stage, stages))
        raise AttributeError("classes_")

    @property
    def predict_proba(self) -> Any:
        """Its column of probabilities."""
        return self._of("probability")

    @property
    def decision_function(self) -> Any:
        """Its column of raw predictions; of two classes that of the second."""
        raw = self._of("rawPrediction")

        def margins(batch: Table) -> np.ndarray:
            found = raw(batch)
            return found[:, 1:] if found.shape[1] == 2 else found

        return margins

    @property
    def predict(self) -> Any:
        """Its column of predictions; of a classifier the classes they stand for."""
        numbers = self._of("prediction")
        classes = getattr(self, "classes_", None)
        if classes is None:
            return numbers
        return lambda batch: classes[numbers(batch).astype(np.int64)]

    def fit(self, X: Table, y: Any = None) -> ThroughSpark:
        """Refused: it was fitted by Spark."""
        raise TypeError("a transformer of Spark is fitted by Spark")

    def __reduce__(self) -> Any:
        """Refused: it lives where its session does."""
        raise ValueError(f"{self.why}, so that {_COST}; explain a collected frame in this process")

    def _of(self, kind: str) -> Any:
        name = _column_name(self.transformer, kind)
        if name is None:
            raise AttributeError(kind)
        return lambda batch: self._transformed(batch, name)

    def _transformed(self, batch: Table, name: str) -> np.ndarray:
        import pandas as pd
        from pyspark.sql import SparkSession

        session = SparkSession.getActiveSession()
        if session is None:
            raise ValueError("`model`: a transformer of Spark needs its session, and none runs")
        if isinstance(batch, np.ndarray):
            raise ValueError(
                "`model`: a transformer of Spark reads columns by name, got an array; fit and "
                "explain a frame that has them"
            )
        import narwhals as nw

        names = nw.from_native(batch, eager_only=True).columns
        frame = pd.DataFrame(table_columns(batch, names))
        frame[_NUMBER] = np.arange(len(frame))
        rows = self.transformer.transform(session.createDataFrame(frame))
        found = {row[0]: row[1] for row in rows.select(f"`{_NUMBER}`", name).collect()}
        lost = set(range(len(frame))) - found.keys()
        if lost:
            raise ValueError(f"`model`: its `transform` leaves out row {min(lost)} of a batch")
        values = [found[k] for k in range(len(frame))]
        return np.array([v.toArray() if hasattr(v, "toArray") else v for v in values], np.float64)


keep_on_host(ThroughSpark, why=_COST)


@register_methods(ThroughSpark)
def method_through_spark(model: Estimator, method: str) -> HostMethod | None:
    """It has scikit-learn's methods."""
    return None


def _column_name(transformer: Any, kind: str) -> str | None:
    """What a transformer, or the last stage of a pipeline that has one, calls a column."""
    param = f"{kind}Col"
    for stage in reversed(flat_stages(transformer)):
        if (name := setting(stage, param)) is not None:
            return name
    return None


@register_reader("pyspark.Transformer")
def read_from_spark(model: Any) -> Any:
    """A model of Spark ML in plain arrays, or else through Spark."""
    try:
        return read_model(model)
    except NotConvertibleError as error:
        warn(f"`model`: {error}; it is called through Spark: {_COST}")
        return ThroughSpark(model, str(error))
