"""Tables and models of similar size share compiled programs: the next one compiles little."""

import jax
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lime_jax import TabularExplainer

COMPILED = []
BEFORE = 402
"""Programs that these twenty compiled before tables and models were padded, and put in place
without programs."""

MODELS = (
    lambda size: LogisticRegression(),
    lambda size: RandomForestRegressor(size, max_depth=3, random_state=0),
    lambda size: GradientBoostingClassifier(n_estimators=size, random_state=0),
    lambda size: LinearRegression(),
    lambda size: GradientBoostingRegressor(n_estimators=size, random_state=0),
)


@jax.monitoring.register_event_duration_secs_listener
def note(event, duration, **facts):
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILED.append(facts["fun_name"])


def table_and_model(number):
    """No two have the same columns, levels, rows, trees and leaves."""
    rng = np.random.default_rng(number)
    numbers, texts, rows = 3 + number % 6, 2 + number % 4, 90 + 7 * number
    levels = [rng.integers(0, 2 + rng.integers(0, 8), rows) for _ in range(texts)]
    X = np.column_stack([rng.normal(size=(rows, numbers)), *levels])
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoded = list(range(numbers, X.shape[1]))
    columns = ColumnTransformer(
        [("texts", hot, encoded), ("numbers", StandardScaler(), list(range(numbers)))]
    )
    model = MODELS[number % len(MODELS)](5 + number)
    y = X[:, 0] + (X[:, -1] == 1) + rng.normal(size=rows) / 4
    is_class = hasattr(model, "predict_proba")
    return X, encoded, make_pipeline(columns, model).fit(X, y > 0.5 if is_class else y)


def test_twenty_tables_and_models_compile_at_most_a_sixth_of_what_they_did():
    jax.clear_caches()
    before = len(COMPILED)
    for number in range(20):
        X, texts, model = table_and_model(number)
        explainer = TabularExplainer(categorical_features=texts).fit(X)
        explainer.explain(X[: 3 + number], model, num_samples=256)
    assert 0 < len(COMPILED) - before <= BEFORE // 6
