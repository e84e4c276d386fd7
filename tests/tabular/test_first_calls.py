"""First calls: what they compile, and that it does not show in the numbers."""

import contextlib

import jax
import numpy as np
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from lime_jax import TabularExplainer

COMPILED = []


@jax.monitoring.register_event_duration_secs_listener
def note(event, duration, **facts):
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILED.append(facts)


@contextlib.contextmanager
def compilations():
    """How many programs are compiled, or read from a cache on the disk."""
    jax.clear_caches()
    before, count = len(COMPILED), []
    yield count
    count.append(len(COMPILED) - before)


def table(columns, rows=120, levels=0):
    """Numbers, the first of which have a few values each."""
    rng = np.random.default_rng(columns)
    X = rng.normal(size=(rows, columns))
    X[:, :levels] = rng.integers(0, 3, size=(rows, levels))
    return X, X @ rng.normal(size=columns) + X[:, 0] * X[:, -1]


def calls():
    """Twenty tables and models of different sizes, and settings of the call."""
    for number, columns in enumerate((4, 5, 7, 9, 11, 13, 14, 20, 27, 30)):
        X, y = table(columns, levels=number % 3)
        yield X, lambda batch: np.tanh(batch[:, 0] * batch[:, -1]), {}
        model = (
            RandomForestClassifier(3 + number, max_depth=3, random_state=0).fit(X, y > 0),
            GradientBoostingRegressor(n_estimators=5 + number, random_state=0).fit(X, y),
            LinearRegression().fit(X, y),
            LogisticRegression().fit(X, y > 0),
        )[number % 4]
        yield X, model, {}


def explain_all():
    for X, model, options in calls():
        TabularExplainer().fit(X).explain(X[:10], model, num_samples=256, **options)


if __name__ == "__main__":
    with compilations() as count:
        explain_all()
    print(count)
