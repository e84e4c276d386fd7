"""Exact LIME of additive models: every column by itself, integrated numerically."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from lime_jax import TabularConfig, TabularExplainer, engine, fit_tabular
from lime_jax.models.convert.additive_predict import additive_predict
from lime_jax.models.predict import DevicePredict
from lime_jax.models.structure import Additive
from lime_jax.tabular import exact
from lime_jax.tabular.domain import TabularInstance, encode_rows
from lime_jax.typing import Support

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(3)
ROWS = 400
X = np.column_stack(
    [
        RNG.normal(1, 2, ROWS),
        1e6 + RNG.exponential(3.0, ROWS),
        np.where(RNG.random(ROWS) < 0.6, 0.0, RNG.normal(size=ROWS)),  # a spike
        np.where(RNG.random(ROWS) < 0.2, np.nan, RNG.normal(size=ROWS)),  # missing values
        RNG.choice(4, ROWS, p=[0.5, 0.3, 0.15, 0.05]),
    ]
)
CATEGORICAL = (4,)
LEVELS = RNG.normal(size=(4, 2))
SLOPE = np.array([[1.0, -0.5], [0.3, 0.0], [2.0, 1.0], [-1.0, 0.7], [0.0, 0.0]])
MODEL = Additive(
    intercept=np.array([0.5, -1.0]),
    shift=np.array([1.0, 1e6, 0.0, 0.0, 0.0]),
    slope=SLOPE,
    missing=np.array([[0, 0], [0, 0], [0, 0], [3.0, -2.0], [0, 0]]),
    level_value=LEVELS,
    level_offsets=np.array([0, 0, 0, 0, 0, 4], np.int32),
)
WIDTH = 1.7
FINE = 4_001
SETTINGS = {
    "bins": {},
    "normal": dict(sampling="normal", encoding="standardized"),
    "around": dict(sampling="around", encoding="standardized"),
    "bins around": dict(sampling="around"),
}


def table(setting):
    """Rows without missing values where there are no bins for them."""
    return X if SETTINGS[setting] == {} else np.nan_to_num(X)


def function(k, values):
    """The model's function of one column, (values, outputs)."""
    if k in CATEGORICAL:
        return LEVELS[values.astype(int)]
    line = (values - MODEL.shift[k])[:, None] * SLOPE[k]
    return np.where(np.isnan(values)[:, None], MODEL.missing[k], line)


def column_law(stats, setting, k, x):
    """Values of one column, their probabilities before the kernel, z, z at x, distances."""
    own, _ = encode_rows(stats, x[None])
    options = dict(sampling="bins", encoding="same_bin") | SETTINGS[setting]
    grid = (np.arange(FINE) + 0.5) / FINE
    first, last = stats.offsets[k], stats.offsets[k + 1]
    if options["sampling"] == "bins" or k in CATEGORICAL:
        values, mass, bins = [], [], []
        for b in range(first, last):
            if stats.bin_std[b] > 0:
                mean, std = stats.bin_mean[b], stats.bin_std[b]
                low, high = ((e[b] - mean) / std for e in (stats.bin_lower, stats.bin_upper))
                inside = scipy.stats.truncnorm.ppf(grid, low, high, mean, std)
            else:
                inside = np.array([stats.bin_mean[b]])
            values.append(inside + stats.center[k])
            mass.append(np.full(len(inside), stats.probability[b] / len(inside)))
            bins.append(np.full(len(inside), b))
        values, mass, bins = map(np.concatenate, (values, mass, bins))
        same = (bins == own[0, k]).astype(float)
        return values, mass, same, 1.0, 1 - same
    middle = stats.mean[k] if options["sampling"] == "normal" else x[k] - stats.center[k]
    edge = np.linspace(-9, 9, FINE)
    values = middle + stats.scale[k] * edge
    mass = scipy.stats.norm.pdf(edge)
    mass /= mass.sum()
    s, s_x = ((v - stats.mean[k]) / stats.scale[k] for v in (values, x[k] - stats.center[k]))
    if options["encoding"] == "standardized":
        return values + stats.center[k], mass, s, s_x, (s - s_x) ** 2
    edges = stats.upper_edge[first:last]
    same = (first + np.searchsorted(edges, values) == own[0, k]).astype(float)
    return values + stats.center[k], mass, same, 1.0, 1 - same


def integrated(stats, setting, x):
    """Coefficients, intercept, local prediction and R², by regression under each column's law."""
    coef, mean, level, variance, explained = [], MODEL.intercept.copy(), 0.0, 0.0, 0.0
    at_x = 0.0
    for k in range(X.shape[1]):
        values, mass, z, z_x, distance = column_law(stats, setting, k, x)
        w = mass * np.exp(-distance / (2 * WIDTH**2))
        w /= w.sum()
        y = function(k, values)
        m_z, m_y = w @ z, w @ y
        v = w @ (z - m_z) ** 2
        beta = (w * (z - m_z)) @ (y - m_y) / v if v > 0 else np.zeros(2)
        coef.append(beta)
        mean = mean + m_y
        level = level + beta * m_z
        at_x = at_x + beta * z_x
        variance = variance + w @ (y - m_y) ** 2
        explained = explained + beta**2 * v
    coef = np.stack(coef, axis=1)
    return coef, mean - level, mean - level + at_x, explained / variance


def explained_exactly(setting, rows, **options):
    stats = fit_tabular(table(setting), categorical_features=CATEGORICAL)
    config = TabularConfig(kernel_width=WIDTH, **SETTINGS[setting] | options)
    assert exact.why_not(MODEL, stats, config) == ""
    form = exact.make_closed_form(MODEL, stats, config)
    bins, centered = encode_rows(stats, rows)
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    labels = np.tile(np.arange(2, dtype=np.int32), (len(rows), 1))
    batch = engine.Rows(instances, np.arange(len(rows), dtype=np.uint32), labels)
    return stats, engine.explain_exact(form, batch, None)


@pytest.mark.parametrize("setting", SETTINGS)
def test_it_is_the_regression_of_each_columns_own_function(setting, x64):
    rows = table(setting)[:4]
    stats, fit = explained_exactly(setting, rows)
    tolerance = dict(rtol=2e-5, atol=2e-5) if x64 else dict(rtol=1e-3, atol=1e-3)
    tail = 30 if setting == "bins around" else 1  # a grid meets the bins' edges roughly
    tolerance["atol"] *= tail
    tolerance["rtol"] *= tail
    for row, x in enumerate(rows):
        coef, intercept, local_pred, score = integrated(stats, setting, x)
        np.testing.assert_allclose(fit.coef[row], coef, **tolerance)
        np.testing.assert_allclose(fit.intercept[row], intercept, **tolerance)
        np.testing.assert_allclose(fit.local_pred[row], local_pred, **tolerance)
        np.testing.assert_allclose(fit.score[row], score, **tolerance)
    assert (fit.std_error == 0).all()


def test_without_bins_a_numeric_columns_weight_is_its_slope_per_standard_deviation():
    stats, fit = explained_exactly("normal", table("normal")[:3])
    expected = (SLOPE[:4] * stats.scale[:4, None]).T
    np.testing.assert_allclose(fit.coef[:, :, :4], np.tile(expected, (3, 1, 1)), rtol=1e-6)


def test_a_level_that_was_not_there_has_no_weight():
    rows = X[:1].copy()
    rows[0, 4] = 9
    _, fit = explained_exactly("bins", rows)
    assert fit.support[0, 4] == Support.NONE
    assert (fit.coef[0, :, 4] == 0).all()
    assert np.isfinite(fit.coef).all()


def test_a_column_that_is_held_fixed_has_no_weight_and_keeps_its_value():
    rows = table("normal")[:4]
    _, fit = explained_exactly("normal", rows, features=(0, 2))
    assert (fit.coef[:, :, [1, 3, 4]] == 0).all()
    prediction = np.asarray(additive_predict(MODEL)(rows))
    held = [1, 3, 4]
    alone = sum(function(k, rows[:, k]) for k in held)
    stats = fit_tabular(table("normal"), categorical_features=CATEGORICAL)
    expected = MODEL.intercept + alone
    for k in (0, 2):  # the others stand at their tilted means
        s_x = (rows[:, k] - stats.center[k] - stats.mean[k]) / stats.scale[k]
        middle = stats.center[k] + stats.mean[k] + stats.scale[k] * s_x / (1 + WIDTH**2)
        slope = SLOPE[k] * stats.scale[k]
        expected = expected + function(k, middle) - slope * (s_x / (1 + WIDTH**2))[:, None]
    np.testing.assert_allclose(fit.intercept, expected, rtol=1e-4, atol=1e-4)
    assert prediction.shape == (4, 2)


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("highest_weights", lambda beta, v: abs(beta)),
        ("forward_selection", lambda beta, v: beta**2 * v),
        ("lasso_path", lambda beta, v: abs(beta) * v),
    ],
)
def test_selection_keeps_the_coefficients_of_the_best(method, key):
    stats, full = explained_exactly("bins", X[:6])
    _, few = explained_exactly("bins", X[:6], feature_selection=method, num_features=2)
    own, _ = encode_rows(stats, X[:6])
    p = stats.probability[own]
    q = p / (p + (1 - p) * np.exp(-0.5 / WIDTH**2))
    size = key(full.coef, (q * (1 - q))[:, None])
    kept = np.zeros(size.shape, bool)
    np.put_along_axis(kept, np.argsort(-size, axis=2)[:, :, :2], True, axis=2)
    np.testing.assert_array_equal(~np.isnan(few.std_error), kept)
    np.testing.assert_allclose(few.coef, np.where(kept, full.coef, 0), rtol=1e-6)


def test_samples_converge_to_it():
    explainer = TabularExplainer(kernel_width=WIDTH, categorical_features=CATEGORICAL).fit(X)
    stats, fit = explained_exactly("bins", X[:5])
    assert stats.num_bins == explainer.stats_.num_bins
    predict = DevicePredict(additive_predict(MODEL))
    sampled = explainer.explain(X[:5], predict, num_samples=16384)
    error = np.abs(sampled.coef - fit.coef)
    assert (error <= 4.5 * sampled.std_error + 1e-3).all()
