"""A service: warmed up once, then called row by row, maybe by several threads."""

from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from lime_jax import TabularExplainer

RNG = np.random.default_rng(5)
X = RNG.normal(size=(200, 6))
FOREST = RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)


def by_hand(batch):
    return np.tanh(batch[:, 0] * batch[:, 1])


def compiled(call):
    """How many programs a call compiles."""
    found = []

    def note(event, duration, **facts):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(facts)

    jax.monitoring.register_event_duration_secs_listener(note)
    call()
    return len(found)


@pytest.mark.parametrize("model", [FOREST, by_hand], ids=["forest", "function"])
@pytest.mark.parametrize("method", ["auto", "sampled"])
def test_after_it_nothing_is_compiled(model, method):
    explainer = TabularExplainer().fit(X).warm_up(model, method=method, num_samples=256)

    def call():
        explainer.explain(X[7:8], model, method=method, num_samples=256)

    assert compiled(call) == 0


def test_it_is_for_kernel_shap_too_and_for_any_number_of_rows():
    explainer = TabularExplainer("kernel_shap").fit(X[:20]).warm_up(FOREST, rows=30)
    assert compiled(lambda: explainer.explain(X[:30], FOREST)) == 0


def test_rows_are_of_the_table_it_was_fitted_on():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"size": X[:, 0], "color": np.array(["red", "blue"])[(X[:, 1] > 0) * 1]}
    )
    seen = []

    def model(batch):
        seen.append(batch)
        return batch["size"].to_numpy() * (batch["color"] == "red").to_numpy()

    TabularExplainer().fit(frame).warm_up(model, rows=3, num_samples=64)
    assert len(seen[0]) == 3
    assert list(seen[0].columns) == ["size", "color"]


def test_rows_is_a_number():
    with pytest.raises(ValueError, match="`rows`: expected a whole number, at least 1, got 0"):
        TabularExplainer().fit(X).warm_up(by_hand, rows=0)


@pytest.mark.parametrize("model", [FOREST, by_hand], ids=["forest", "function"])
def test_threads_get_what_one_gets(model):
    explainer = TabularExplainer().fit(X)
    alone = explainer.explain(X[:8], model, method="sampled", num_samples=256).coef
    fresh = TabularExplainer().fit(X)

    def one(row):
        return fresh.explain(X[row : row + 1], model, method="sampled", num_samples=256).coef[0]

    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(np.stack(list(pool.map(one, range(8)))), alone)


def test_a_model_that_is_known_is_not_asked_again_for_the_same_samples():
    explainer = TabularExplainer().fit(X)
    first = explainer.explain(X[:2], FOREST, method="sampled", num_samples=256)
    [(_, drawn)] = explainer._learned.neighborhoods.values()
    [before] = drawn.seen
    again = explainer.explain(X[:2], FOREST, method="sampled", num_samples=256)
    assert drawn.seen == (before,)
    np.testing.assert_array_equal(again.coef, first.coef)
    other = RandomForestClassifier(10, max_depth=4, random_state=1).fit(X, X[:, 2] > 0)
    fresh = TabularExplainer().fit(X).explain(X[:2], other, method="sampled", num_samples=256)
    changed = explainer.explain(X[:2], other, method="sampled", num_samples=256)
    np.testing.assert_array_equal(changed.coef, fresh.coef)
    back = explainer.explain(X[:2], FOREST, method="sampled", num_samples=256)
    assert any(kept is before for kept in drawn.seen)
    np.testing.assert_array_equal(back.coef, first.coef)
