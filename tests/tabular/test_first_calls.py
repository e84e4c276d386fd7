"""First calls: nothing is compiled but the few programs that do the work."""

import jax
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.tree import ExtraTreeRegressor

from lime_jax import TabularExplainer

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 7))
X[:, :2] = RNG.integers(0, 3, size=(120, 2))
COMPILED = []


@jax.monitoring.register_event_duration_secs_listener
def note(event, duration, **facts):
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILED.append(facts)


def by_hand(batch):
    return np.tanh(batch[:, 0] * batch[:, -1])


# Sample, lay out, adjust, sum up, solve; of a model on the device also predict samples and rows:
# those that are asked for, and those that it is compared with itself on. And the formula.
@pytest.mark.parametrize(
    ("model", "method", "most"),
    [
        (by_hand, "sampled", 5),
        (RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, X[:, 2] > 0), "sampled", 8),
        (RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, X[:, 2] > 0), "exact", 9),
        (LinearRegression().fit(X, X[:, 2]), "exact", 3),
    ],
    ids=["function", "forest", "exact forest", "exact linear"],
)
def test_only_the_programs_that_do_the_work_are_compiled(model, method, most):
    TabularExplainer().fit(X[:, :3]).explain(X[:1, :3], lambda batch: batch[:, 0])  # asks XLA once
    jax.clear_caches()
    before = len(COMPILED)
    TabularExplainer().fit(X).explain(X[:9], model, method=method, num_samples=256)
    assert len(COMPILED) - before <= most


def test_shapley_values_of_few_rows_of_large_trees_compile_nothing():
    rows = RNG.normal(size=(5000, 3))
    model = ExtraTreeRegressor(random_state=0).fit(rows, RNG.normal(size=5000))
    explainer = TabularExplainer("kernel_shap").fit(rows[:5])
    jax.clear_caches()
    before = len(COMPILED)
    explanations = explainer.explain(rows[-1:], model)
    assert len(COMPILED) == before
    assert "row by row" in explanations.model_path
    total = explanations.intercept + explanations.coef.sum(2)
    np.testing.assert_allclose(total[0], model.predict(rows[-1:]), rtol=1e-5)
