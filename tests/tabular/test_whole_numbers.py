"""Spikes and few values are bins of their own, and whole numbers are sampled as whole numbers."""

from decimal import Decimal
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.stats
from lime.discretize import DecileDiscretizer, QuartileDiscretizer
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lime_jax import TabularExplainer
from lime_jax.tabular.config import TabularConfig, make_domain
from lime_jax.tabular.domain import encode_rows, host_inputs
from lime_jax.tabular.exact.boxes import Conditions
from lime_jax.tabular.exact.lime.additive import _moments_in_bins
from lime_jax.tabular.exact.lime.tables import chance_in_bins
from lime_jax.tabular.learn import fit_tabular
from lime_jax.tabular.stats import NumericColumn, TabularStats

pytestmark = pytest.mark.precision

ROWS = 400
LIMES = {"quartile": QuartileDiscretizer, "decile": DecileDiscretizer}
MOST = {"quartile": 0.25, "decile": 0.1}


def bins_of(values, **options):
    """The training values of every bin."""
    X = np.asarray(values, float)[:, None]
    stats = fit_tabular(X, **options)
    own = encode_rows(stats, X)[0][:, 0]
    return stats, [X[own == b, 0] for b in range(stats.num_bins)]


def spiked(rng, place, share):
    values = rng.normal(size=ROWS)
    spike = {"lowest": -9.0, "middle": 0.1, "highest": 9.0}[place]
    return np.where(rng.random(ROWS) < share, spike, values), spike


@pytest.mark.parametrize("share", [0.12, 0.26, 0.5, 0.74, 0.76, 0.99])
@pytest.mark.parametrize("place", ["lowest", "middle", "highest"])
@pytest.mark.parametrize("discretizer", MOST)
def test_much_mass_on_one_value_is_a_bin(rng, discretizer, place, share):
    values, spike = spiked(rng, place, share)
    weight = rng.integers(1, 4, ROWS)
    for options, mass in (
        ({}, np.mean(values == spike)),
        ({"sample_weight": weight}, weight[values == spike].sum() / weight.sum()),
    ):
        _, bins = bins_of(values, discretizer=discretizer, **options)
        assert all(len(own) for own in bins)
        [with_spike] = [own for own in bins if spike in own]
        if mass > MOST[discretizer]:
            assert set(with_spike) == {spike}


@pytest.mark.parametrize("discretizer", MOST)
def test_a_column_without_ties_has_limes_edges_bit_for_bit(rng, discretizer):
    values = rng.normal(size=(ROWS, 1))
    lime = LIMES[discretizer](values, [], ["a"], random_state=0)
    stats = fit_tabular(values, discretizer=discretizer)
    assert stats.upper_edge[:-1].tolist() == [*lime.maxs[0][:-1]]


@pytest.mark.parametrize("discretizer", ["quartile", "decile", "entropy"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.75, 0.98])
def test_both_values_of_a_flag_are_bins(rng, discretizer, share):
    flag = (np.arange(ROWS) < share * ROWS).astype(float)
    stats, bins = bins_of(flag, discretizer=discretizer, y=rng.integers(0, 2, ROWS))
    assert [set(own) for own in bins] == [{0.0}, {1.0}]
    assert stats.bin_value.tolist() == [0, 1]
    assert stats.is_spike.all()


def test_few_values_are_bins_and_many_or_seldom_ones_are_not(rng):
    for count, few in ((2, True), (10, True), (11, False)):
        _, bins = bins_of(np.arange(ROWS) % count)
        assert (len(bins) == count) == few
    seldom = np.arange(8.0)
    assert len(bins_of(seldom)[1]) == 4
    assert len(bins_of(seldom, sample_weight=np.full(8, 2))[1]) == 8


def test_given_edges_stay_as_given(rng):
    stats, _ = bins_of(
        rng.integers(0, 2, ROWS), discretizer=[[-3.0, 1.0, 5.0]], integer_columns=[0]
    )
    assert stats.upper_edge.tolist() == [-3, 1, 5, np.inf]
    assert not stats.is_spike.any()


def law(stats, b, count=200_001):
    """Equally likely values of a bin, by SciPy's truncated normal and NumPy's rounding."""
    step = stats.step[stats.bin_feature[b]]
    if stats.bin_std[b] == 0:
        return np.array([stats.bin_mean[b]])
    mean, std = stats.bin_mean[b], stats.bin_std[b]
    low, high = stats.bin_lower[b] - step / 2, stats.bin_upper[b] + step / 2
    grid = (np.arange(count) + 0.5) / count
    latent = scipy.stats.truncnorm.ppf(grid, (low - mean) / std, (high - mean) / std, mean, std)
    return np.round(latent / step) * step


@pytest.mark.parametrize("step", [1.0, 86_400.0, 0.25])
def test_chances_and_moments_are_those_of_the_rounded_law(rng, step):
    X = step * np.round(rng.gamma(2, [[3.0, 300.0]], (ROWS, 2)) + 1000)
    stats = fit_tabular(X, integer_columns={0: step, 1: step})
    mean, variance = _moments_in_bins(stats)
    for k in range(2):
        own = range(stats.offsets[k], stats.offsets[k + 1])
        ends = np.quantile(X[:, k], [0.01, 0.2, 0.5, 0.8, 0.99])
        ends = np.concatenate([ends, ends + 0.3 * step, ends - 0.5 * step])
        count = len(ends)
        conditions = Conditions(
            np.full(count, k),
            np.full(count, -np.inf),
            ends,
            np.zeros(count, bool),
            np.full(count, -1),
            np.zeros((0, 0), np.uint8),
        )
        chance = chance_in_bins(conditions, np.arange(count), stats, k)
        for place, b in enumerate(own):
            values = law(stats, b)
            expected = (values <= ends[:, None] - stats.center[k]).mean(1)
            np.testing.assert_allclose(chance[:, place], expected, atol=2e-5)
            spread = max(step, values.std())
            assert abs(mean[b] - values.mean()) < 1e-4 * spread
            assert abs(variance[b] - values.var()) < 1e-3 * spread**2


@pytest.mark.parametrize("sampling", ["bins", "normal", "around"])
@pytest.mark.parametrize("size", [1, 10**9])
def test_samples_are_whole_and_stay_in_their_bin_and_range(rng, sampling, size):
    X = np.column_stack([rng.integers(5, 90, ROWS) * size, rng.poisson(2, ROWS) + 20_000_000])
    stats = fit_tabular(X, integer_columns=[0, 1], discretizer={0: "quartile", 1: [[20_000_001.5]]})
    domain = make_domain(stats, TabularConfig(sampling=sampling))
    x = domain.encode(jnp.asarray(X[0], float))
    uniforms = jnp.asarray((rng.integers(0, 2**23, (5_000, 2)) + 0.5) * 2.0**-23, float)
    samples = domain.realize(x, uniforms)
    inputs = host_inputs(stats, samples, sampling)
    assert np.array_equal(inputs, np.round(inputs))
    assert (inputs >= X.min(0)).all()
    assert (inputs <= X.max(0)).all()
    if sampling == "bins":
        np.testing.assert_array_equal(encode_rows(stats, inputs)[0], samples.bins)


def integers(rng, rows=ROWS):
    return np.column_stack(
        [rng.integers(0, 7, rows), rng.integers(0, 255, rows), rng.poisson(30, rows)]
    )


def response(X):
    return np.sin(X[:, 0]) + (X[:, 1] % 16 > 7) + 0.02 * X[:, 2] * (X[:, 0] > 2)


FORMS = {
    "forest": RandomForestRegressor(3, min_samples_leaf=2, random_state=0),
    "line": LinearRegression(),
}
EXACT = {"bins": {}, "around": dict(sample_around_instance=True)}


@pytest.mark.parametrize(
    ("model", "setting"), [("forest", "bins"), ("line", "bins"), ("forest", "around")]
)
def test_samples_of_whole_numbers_agree_with_the_closed_form(rng, model, setting):
    X = integers(rng)
    fitted = FORMS[model].fit(X, response(X))
    explainer = TabularExplainer(alpha=0.0, **EXACT[setting]).fit(X)
    exact = explainer.explain(X[:4], fitted, method="exact", score=False)
    sampled = explainer.explain(X[:4], lambda rows: fitted.predict(rows), num_samples=8192)
    z = (sampled.coef - exact.coef) / np.maximum(sampled.std_error, 1e-6)
    assert np.abs(z).max() < 8  # of Student's t with 7 degrees of freedom: 1 in 10,000
    assert exact.method == "exact"


def test_what_has_no_closed_form_says_so(rng):
    X = integers(rng)
    fitted = FORMS["line"].fit(X, response(X))
    explainer = TabularExplainer(discretizer=None).fit(X)
    assert explainer.explain(X[:2], fitted).method == "sampled"
    with pytest.raises(ValueError, match=r"`method`.*whole numbers"):
        explainer.explain(X[:2], fitted, method="exact")


def decimals(X):
    return pd.DataFrame({"a": X[:, 0], "b": [Decimal(int(v)) / 4 for v in X[:, 1]], "c": X[:, 2]})


TABLES = {
    "numpy": lambda X: X,
    "numpy uint8": lambda X: X.astype(np.uint8),
    "list": lambda X: X.tolist(),
    "pandas": lambda X: pd.DataFrame(X, columns=list("abc")),
    "pandas mixed": lambda X: pd.DataFrame(X, columns=list("abc")).astype({"a": "u1", "c": float}),
    "pandas nullable": lambda X: pd.DataFrame(X, columns=list("abc")).astype("Int64"),
    "pandas arrow": lambda X: pd.DataFrame(X, columns=list("abc")).astype("int64[pyarrow]"),
    "pandas decimals": decimals,
    "polars": lambda X: pl.DataFrame(X, schema=list("abc")),
    "polars uint8": lambda X: pl.DataFrame(X, schema=dict.fromkeys("abc", pl.UInt8)),
    "pyarrow": lambda X: pa.table({name: X[:, k] for k, name in enumerate("abc")}),
}


def dtypes_of(table):
    if isinstance(table, np.ndarray):
        return table.dtype
    return table.schema if isinstance(table, pa.Table) else list(table.dtypes)


def days_of(rows: Any) -> np.ndarray:
    days: Any = rows[:, 0] if isinstance(rows, np.ndarray) else rows["a"]
    return days.to_numpy(np.int64) if isinstance(rows, pd.DataFrame) else np.asarray(days)


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [*(("lime", name) for name in TABLES), *(("kernel_shap", name) for name in list(TABLES)[3:8])],
)
def test_a_model_meets_the_fitted_dtypes_and_whole_numbers(rng, name, algorithm):
    table: Any = TABLES[name](integers(rng, 60))
    plain = np.asarray(table) if isinstance(table, list) else table
    wanted = dtypes_of(plain)
    effect = np.array([0.0, 3, 1, 4, 1, 5, 9])

    def look(rows):
        assert dtypes_of(rows) == wanted
        return effect[days_of(rows)]  # an index has to be whole

    explanations = TabularExplainer(algorithm).fit(table).explain(table[:3], look)
    day = days_of(plain)
    if algorithm == "kernel_shap":
        expected = effect[day[:3]] - effect[day].mean()
    else:
        expected = [effect[d] - effect[day[day != d]].mean() for d in day[:3]]
    np.testing.assert_allclose(explanations.coef[:, 0, 0], expected, atol=0.1)


def test_dates_are_sampled_as_dates(rng):
    days = pd.to_datetime(rng.integers(0, 3000, ROWS), unit="D")
    for table in (
        pd.DataFrame({"day": days, "x": 1.5}),
        pl.DataFrame({"day": days.to_numpy().astype("datetime64[D]"), "x": np.full(ROWS, 1.5)}),
    ):
        seen = []

        def model(rows, seen=seen):
            seen.append(pd.to_datetime(np.asarray(rows["day"])))
            return np.asarray(rows["x"], float)

        TabularExplainer().fit(table).explain(table[:2], model)
        seen = seen[0].append(seen[1:])
        assert len(seen) > 1000
        assert (seen == seen.normalize()).all()


def test_single_values_reach_a_host_model_bit_for_bit(rng):
    X = np.column_stack([rng.choice([0.1, 1000.3, 1000.7, 1e-17], ROWS, p=[0.01, 0.5, 0.48, 0.01])])
    X = np.column_stack([X, 1e6 + rng.choice([0.1, 0.2, 0.7], ROWS)])
    seen = []
    explainer = TabularExplainer().fit(X)
    explainer.explain(X[:2], lambda rows: (seen.append(rows.copy()), rows[:, 0])[1])
    for k in range(2):
        assert set(np.concatenate(seen)[:, k]) <= set(X[:, k])


def test_statistics_by_hand_can_have_steps():
    column = NumericColumn(
        [2.0], [0.5, 0.5], [1.0, 4.0], [0.5, 1.0], [0, 3], [2, 6], 2.5, 1.7, step=1
    )
    stats = TabularStats.from_columns([column])
    assert (stats.lowest.tolist(), stats.highest.tolist()) == ([0], [6])
    assert stats.whole_columns == (0,)


@pytest.mark.parametrize(
    ("columns", "message"),
    [([2], "1 columns, got 2"), ([0], "multiples of 1 in column 0, got 0.5"), ({0: -1}, "steps")],
)
def test_columns_that_are_not_whole_are_refused(columns, message):
    with pytest.raises(ValueError, match=f"`integer_columns`.*{message}"):
        fit_tabular([[0.5], [1.0]], integer_columns=columns)


@pytest.mark.parametrize("host", [True, False])
def test_codes_that_a_strict_encoder_does_not_know_name_their_column(rng, host):
    table = pd.DataFrame({"store": 3 * rng.integers(0, 40, ROWS), "x": rng.normal(size=ROWS)})
    encode = make_column_transformer((OneHotEncoder(), ["store"]), remainder="passthrough")
    fitted = make_pipeline(encode, LinearRegression()).fit(table, table.x)
    model = (lambda rows: fitted.predict(rows)) if host else fitted
    with pytest.raises(ValueError, match=r"nknown categories|finite") as caught:
        TabularExplainer().fit(table).explain(table[:1], model)
    assert "'store'" in caught.value.__notes__[-1]
    assert "`categorical_features`" in caught.value.__notes__[-1]
    for explainer in (
        TabularExplainer(categorical_features=["store"]),
        TabularExplainer("kernel_shap"),
    ):
        assert explainer.fit(table[:30]).explain(table[:1], model).coef[0, 0, 1] != 0


@pytest.mark.parametrize("start", [1, 20_000_001])
def test_few_codes_need_no_declaration(rng, start):
    table = pd.DataFrame(
        {"store": start + 2 * rng.integers(0, 6, ROWS), "x": rng.normal(size=ROWS)}
    )
    encode = make_column_transformer((OneHotEncoder(), ["store"]), remainder="passthrough")
    effect = 1.0 * (table.store == start + 4)
    model = make_pipeline(encode, LinearRegression()).fit(table, effect)
    rows = table[effect == 1][:1]
    coef = TabularExplainer().fit(table).explain(rows, model).coef
    np.testing.assert_allclose(coef[0, 0], [1, 0], atol=0.02)


@pytest.mark.parametrize("discretizer", MOST)
def test_next_to_a_spike_no_bin_is_a_sliver(discretizer):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        spike, share = rng.uniform(-2, 2), rng.uniform(0.1, 0.6)
        values = np.where(rng.random(ROWS) < share, spike, rng.normal(size=ROWS))
        _, bins = bins_of(values, discretizer=discretizer)
        if (values == spike).mean() <= MOST[discretizer]:
            continue
        masses = [len(own) / ROWS for own in bins]
        alone = [len(set(own)) == 1 and len(own) > 1 for own in bins]
        for k, mass in enumerate(masses):
            beside = [alone[j] for j in (k - 1, k + 1) if 0 <= j < len(bins)]
            assert mass >= MOST[discretizer] / 4 or alone[k] or all(beside)


def test_integers_that_pandas_made_floats_stay_whole(rng):
    ages = pd.Series(rng.integers(18, 90, ROWS)).where(rng.random(ROWS) < 0.8)
    table = pd.DataFrame({"age": ages, "rate": rng.normal(size=ROWS)})
    seen = []

    def model(rows):
        seen.append(rows.age.to_numpy())
        return rows.rate

    TabularExplainer().fit(table).explain(table[:2], model)
    sampled = np.concatenate(seen)
    there = sampled[~np.isnan(sampled)]
    assert 100 < len(there) < len(sampled)
    assert np.array_equal(there, np.round(there))


def test_decimals_are_sampled_as_they_are_written(rng):
    cents = np.array([Decimal(int(v)) / 100 for v in rng.integers(1, 300, ROWS)], object)
    table = pd.DataFrame({"price": cents, "x": rng.normal(size=ROWS)})
    seen = []

    def model(rows):
        seen.extend(rows.price)
        return rows.x

    explainer = TabularExplainer().fit(table)
    explainer.explain(table[:2], model)
    assert all(value.as_tuple().exponent == -2 for value in seen[2:])
    edges = explainer.stats_.upper_edge[:3] + explainer.stats_.center[0]
    assert np.array_equal(edges, np.round(edges, 2))
