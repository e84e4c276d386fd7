"""Steps in front of a model: of numbers, and of a table's levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import (
    compose,
    decomposition,
    feature_selection,
    impute,
    kernel_approximation,
    pipeline,
    preprocessing,
)

from tests.differential.columns import Generator

STEPS: dict[str, Callable[[], Any]] = {
    "standard": preprocessing.StandardScaler,
    "minmax": preprocessing.MinMaxScaler,
    "minmax:clip": lambda: preprocessing.MinMaxScaler(clip=True),
    "maxabs": preprocessing.MaxAbsScaler,
    "robust": preprocessing.RobustScaler,
    "pca": decomposition.PCA,
    "pca:whiten": lambda: decomposition.PCA(whiten=True),
    "svd": lambda: decomposition.TruncatedSVD(1, random_state=0),
    "log": lambda: preprocessing.FunctionTransformer(np.log1p),
    "log:pure": lambda: preprocessing.FunctionTransformer(np.log),
    "inverse": lambda: preprocessing.FunctionTransformer(np.reciprocal),
    "cbrt": lambda: preprocessing.FunctionTransformer(np.cbrt),
    "square": lambda: preprocessing.FunctionTransformer(np.square),
    "own": lambda: preprocessing.FunctionTransformer(lambda X: np.round(X * 3) / 3),
    "quantile": lambda: preprocessing.QuantileTransformer(n_quantiles=20),
    "bins": lambda: preprocessing.KBinsDiscretizer(
        3, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf"
    ),
    "bins:onehot": lambda: preprocessing.KBinsDiscretizer(
        3, encode="onehot-dense", strategy="uniform"
    ),
    "spline": lambda: preprocessing.SplineTransformer(n_knots=3, degree=2),
    "polynomial": lambda: preprocessing.PolynomialFeatures(2),
    "normalizer": preprocessing.Normalizer,
    "power": preprocessing.PowerTransformer,
    "binarizer": preprocessing.Binarizer,
    "variance": feature_selection.VarianceThreshold,
    "best": lambda: feature_selection.SelectKBest(k=1),
    "nystroem": lambda: kernel_approximation.Nystroem(n_components=5, random_state=0),
    "imputer": impute.SimpleImputer,
    "imputer:median": lambda: impute.SimpleImputer(strategy="median", add_indicator=True),
    "imputer:neighbors": lambda: impute.KNNImputer(n_neighbors=3),
    "union": lambda: pipeline.FeatureUnion(
        [("a", preprocessing.StandardScaler()), ("b", decomposition.PCA(1))]
    ),
}
_FILL = ("imputer", "imputer:median", "imputer:neighbors")

_ENCODERS: dict[str, Callable[[], Any]] = {
    "onehot": lambda: preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "onehot:strict": lambda: preprocessing.OneHotEncoder(sparse_output=False),
    "onehot:drop": lambda: preprocessing.OneHotEncoder(drop="first", sparse_output=False),
    "onehot:rare": lambda: preprocessing.OneHotEncoder(
        min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
    ),
    "ordinal": lambda: preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1
    ),
    "ordinal:strict": preprocessing.OrdinalEncoder,
}


def choose_steps(rng: Generator, must_fill: bool) -> list[str]:
    """Names of up to two steps.

    Args:
        rng: to draw from.
        must_fill: whether the first one fills missing numbers.

    Returns:
        The names.
    """
    names = [str(rng.choice(_FILL))] if must_fill else []
    count = int(rng.choice([0, 1, 2], p=[0.35, 0.4, 0.25]))
    return names + [str(name) for name in rng.choice([*STEPS], count)]


def made(names: list[str]) -> list[Any]:
    """The steps of these names."""
    return [STEPS[name]() for name in names]


def encoded(
    rng: Generator, levels: list[Any], numbers: list[Any], of_numbers: list[Any]
) -> tuple[str, Any]:
    """A step that encodes levels, and steps for the other columns.

    Args:
        rng: to draw from.
        levels: columns of levels, by name or number.
        numbers: the others.
        of_numbers: their steps; none: they pass.

    Returns:
        The encoder's name, and the step.
    """
    name = str(rng.choice([*_ENCODERS]))
    rest: Any = pipeline.make_pipeline(*of_numbers) if of_numbers else "passthrough"
    parts = [("levels", _ENCODERS[name](), levels), ("numbers", rest, numbers)]
    return name, compose.ColumnTransformer([part for part in parts if part[2]])
