"""The closed form against `lime` itself, and against samples of our own as they grow.

`lime_oracle.npz` has the means of 20 `lime` runs of 50,000 samples with its defaults, for rows of
five data sets; `make_lime_oracle.py` made it. `lime` sends 0 to the model where a bin's limits
coincide, which is wrong unless they are 0. The tables are chosen so that this never shows: no
other such bin holds training rows.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from make_lime_oracle import CASES, ORACLE, Case, lime_weights
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.tree import DecisionTreeRegressor

from lime_jax import TabularExplainer, as_predict_fn
from lime_jax.engine.one_row import explain_one
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows

pytestmark = pytest.mark.precision


@functools.cache
def case_of(name: str) -> Case:
    return CASES[name]()


@functools.cache
def oracle(name: str) -> dict[str, np.ndarray]:
    with np.load(ORACLE) as file:
        return {part: file[f"{name}_{part}"] for part in ("predictions", "mean", "spread", "facts")}


def edges_of(column: np.ndarray) -> np.ndarray:
    return np.unique(np.percentile(column, [25, 50, 75]))


def exact_weights(case: Case, rows: np.ndarray, samples: int) -> np.ndarray:
    """In the limit of many samples, but shrunk as ridge shrinks a run of so many.

    That x itself is the first of `lime`'s samples is left out: it moves the weights by 0.04 to
    0.16 of their standard errors (root mean square over each data set).
    """
    # Quartiles as given edges: of few values and of spikes `lime` does not make bins.
    numeric = set(range(case.X.shape[1])) - set(case.categorical)
    edges = {k: edges_of(case.X[:, k]) for k in numeric}
    explainer = TabularExplainer(discretizer=edges, categorical_features=case.categorical)
    explainer = explainer.fit(case.X)
    options: dict[str, Any] = dict(method="exact", effective_num_samples=samples, score=False)
    return explainer.explain(rows, case.model, labels=[case.output or 0], **options).coef[:, 0]


def scores(difference: np.ndarray, error: np.ndarray) -> np.ndarray:
    """In standard errors; a weight that `lime` has no noise in (a constant column) has to agree."""
    silent = error == 0
    assert np.array_equal(difference[silent], np.zeros(silent.sum()))
    return difference[~silent] / error[~silent]


def assert_only_noise(z: np.ndarray, low: float, high: float) -> None:
    """Normal scores: their squares are 1 on average, and hardly one in 100,000 is above 4.5."""
    chi_squared = (z**2).mean()
    assert low < chi_squared < high, f"chi squared / n = {chi_squared:.3f} of {len(z)} weights"
    assert np.abs(z).max() < 4.5


@pytest.mark.parametrize("name", CASES)
def test_the_mean_of_long_runs_of_lime_is_the_closed_form(name):
    case, wanted = case_of(name), oracle(name)
    facts = json.loads(str(wanted["facts"]))
    np.testing.assert_allclose(
        case.predictions,
        wanted["predictions"],
        rtol=1e-9,
        err_msg=f"not the model of the file, which was made with {facts['versions']}",
    )
    exact = exact_weights(case, case.rows, facts["samples"])
    t = scores(wanted["mean"] - exact, wanted["spread"] / np.sqrt(facts["runs"]))
    # With a standard error from 20 runs the squares are 19/17 on average, and large ones are more
    # frequent; the normal scores at the same places of their distribution are free of that.
    assert_only_noise(norm.ppf(student.cdf(t, facts["runs"] - 1)), 0.8, 1.3)


@pytest.mark.parametrize("name", CASES)
def test_lime_sends_no_wrong_value_to_the_model(name):
    case = case_of(name)
    for k in set(range(case.X.shape[1])) - set(case.categorical):
        edges = edges_of(case.X[:, k])
        lower, upper = np.append(case.X[:, k].min(), edges), np.append(edges, case.X[:, k].max())
        held = np.bincount(np.searchsorted(edges, case.X[:, k]), minlength=len(lower)) > 0
        assert not lower[held & (lower == upper)].any()


def test_short_runs_of_lime_scatter_around_the_closed_form():
    case, wanted, runs, samples = case_of("wine"), oracle("wine"), 3, 2000
    some = slice(None, None, 6)
    rows = case.rows[some]
    seeds = iter(range(1_000_000, 2_000_000))
    mean = [
        np.mean([lime_weights(case, row, samples, next(seeds)) for _ in range(runs)], 0)
        for row in rows
    ]
    long = json.loads(str(wanted["facts"]))["samples"]
    error = wanted["spread"][some] * np.sqrt(long / samples / runs)
    z = scores(np.array(mean) - exact_weights(case, rows, samples), error)
    assert_only_noise(z, 0.5, 1.7)


@pytest.mark.parametrize("around", [False, True])
def test_noise_is_all_that_samples_add_without_bins(around, key):
    """64 times the samples, an eighth of the error; with bins: see `test_exact_trees.py`."""
    sampling = "around" if around else "normal"
    case = case_of("levels")
    rows = case.rows[:4]
    model = DecisionTreeRegressor(max_depth=5, random_state=0).fit(
        case.X, case.model.predict(case.X)
    )
    explainer = TabularExplainer(
        discretizer=None,
        sample_around_instance=around,
        categorical_features=case.categorical,
    ).fit(case.X)
    wanted = explainer.explain(rows, model, method="exact", score=False).coef[:, 0]
    bins, values = encode_rows(explainer.stats_, rows)
    instances = TabularInstance(jnp.asarray(bins), jnp.asarray(values, jnp.result_type(float)))
    predict = as_predict_fn(model)

    def error(samples: int) -> float:
        config = TabularConfig(
            alpha=0.0,
            num_samples=samples,
            sampling=sampling,
            encoding="standardized",
            design="iid",
        )
        domain = make_domain(explainer.stats_, config)
        method = make_method(explainer.stats_, config, shared=False)

        @jax.jit
        def sampled(key, k):
            row = jax.tree.map(lambda leaf: leaf[k], instances)
            return explain_one(key, row, domain, method, predict).coef[0]

        found = np.array(
            [[sampled(each, k) for k in range(4)] for each in jax.random.split(key, 12)]
        )
        return float(np.sqrt(((found - wanted) ** 2).mean()))

    assert np.log(error(32_768) / error(512)) / np.log(64) < -0.43
