"""Exact LIME for trees equals the weighted regression on every possible sample, integrated."""

from __future__ import annotations

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from lime_jax import engine
from lime_jax.engine.one_row import explain_one
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees import tree_predict
from lime_jax.tabular import exact
from lime_jax.tabular.config import TabularConfig, kernel_width_of, make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows
from lime_jax.tabular.stats import CategoricalColumn, NumericColumn, TabularStats
from lime_jax.typing import Support

pytestmark = pytest.mark.precision

# Two numeric columns, the first with a spiked bin and missing values, and one of levels.
SPIKED = NumericColumn(
    edges=[0.0, 1.0, 2.5],
    frequencies=[0.3, 0.2, 0.15, 0.25],
    means=[-1.0, 0.6, 2.0, 3.5],
    stds=[0.8, 0.25, 0.0, 0.7],
    lower=[-3.0, 0.0, 2.0, 2.5],
    upper=[0.0, 1.0, 2.0, 6.0],
    mean=1.0,
    std=1.9,
    missing=0.1,
)
PLAIN = NumericColumn(
    edges=[99.0, 101.0],
    frequencies=[0.4, 0.35, 0.25],
    means=[97.0, 100.2, 103.0],
    stds=[1.5, 0.5, 1.0],
    lower=[93.0, 99.0, 101.0],
    upper=[99.0, 101.0, 106.0],
    mean=100.0,
    std=2.6,
)
LEVELS = CategoricalColumn(levels=[0, 1, 2, 3], frequencies=[0.4, 0.3, 0.3, 0.0])
STATS = TabularStats.from_columns([SPIKED, PLAIN, LEVELS])
WHOLE = dataclasses.replace(SPIKED, missing=0.0, frequencies=[0.35, 0.25, 0.15, 0.25])
WITHOUT_MISSING = TabularStats.from_columns([WHOLE, PLAIN, LEVELS])

# On an edge, on a limit of a bin, on a spike; and between them.
THRESHOLDS = ([0.0, 1.0, 2.0, 2.5, -0.7, 0.3, 3.1], [99.0, 101.0, 93.0, 106.0, 98.2, 100.4, 102.7])
X = np.array(
    [
        [-0.5, 100.1, 0.0],
        [0.0, 99.0, 1.0],
        [2.0, 104.0, 2.0],
        [np.nan, 96.5, 1.0],
        [4.0, 100.4, 3.0],  # a level without training mass
    ]
)
BINS = TabularConfig(kernel_width=0.9)


def random_trees(rng: np.random.Generator, trees: int, depth: int, outputs: int) -> TreeSum:
    nodes: list[list[float]] = []
    sets: list[np.ndarray] = []

    def grow(depth: int) -> int:
        me = len(nodes)
        nodes.append([-1, np.nan, 0, -1, -1, -1])
        if depth and rng.random() < 0.9:
            column = int(rng.integers(3))
            threshold, number = np.nan, -1
            if column == 2:
                number = len(sets)
                sets.append(rng.random(4) < 0.5)
            else:
                threshold = rng.choice(THRESHOLDS[column])
            left, right = grow(depth - 1), grow(depth - 1)
            nodes[me] = [column, threshold, rng.random() < 0.5, number, left, right]
        return me

    roots = [grow(depth) for _ in range(trees)]
    column, threshold, missing, number, left, right = np.array(nodes).T
    leaf = column < 0
    value = rng.integers(0, 3, (len(nodes), outputs)) * np.where(leaf, 1.0, 0.0)[:, None]
    return TreeSum(
        column=column.astype(np.int32),
        threshold=threshold,
        missing_left=missing > 0,
        level_set=number.astype(np.int32),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        value=value,
        roots=np.array(roots, np.int32),
        output=np.zeros(trees, np.int32),
        level_sets=tuple(sets),
        base=rng.normal(size=outputs),
        num_features=3,
    )


def predict(trees: TreeSum, inputs: np.ndarray) -> np.ndarray:
    total = np.tile(trees.base, (len(inputs), 1))
    for root, output in zip(trees.roots, trees.output, strict=True):
        node = np.full(len(inputs), root)
        while (inner := trees.column[node] >= 0).any():
            x = inputs[np.arange(len(inputs)), trees.column[node]]
            left = np.where(np.isnan(x), trees.missing_left[node], x <= trees.threshold[node])
            by_level = np.flatnonzero(inner & (trees.level_set[node] >= 0))
            flags = np.array(trees.level_sets)[trees.level_set[node[by_level]]]
            left[by_level] = flags[np.arange(len(by_level)), x[by_level].astype(int)]
            node = np.where(inner, np.where(left, trees.left[node], trees.right[node]), node)
        total[:, output : output + trees.value.shape[1]] += trees.value[node]
    return total


def points_of(stats: TabularStats, config: TabularConfig, k: int, x: float):
    """All values of a column: points with masses that integrate smooth functions between cuts."""
    if config.features is not None and k not in config.features:
        return np.array([x]), np.ones(1)
    own = slice(stats.offsets[k], stats.offsets[k + 1])
    values, masses = [], []
    center = stats.center[k]
    cuts = sorted({*stats.upper_edge[own], *(np.array(THRESHOLDS[min(k, 1)]) - center)})
    smooth = "standardized" in (config.encoding, config.distance_space)
    nodes, weights = np.polynomial.legendre.leggauss(8)

    def integrate(low: float, high: float, middle: float, std: float, mass: float) -> None:
        ends = [low, *(c for c in cuts if low < c < high), high]
        total = norm.cdf(high, middle, std) - norm.cdf(low, middle, std)
        for a, b in itertools.pairwise(ends):
            if not smooth:
                values.append((a + b) / 2)
                masses.append(mass * np.diff(norm.cdf([a, b], middle, std))[0] / total)
                continue
            at = (a + b) / 2 + (b - a) / 2 * nodes
            values.extend(at)
            masses.extend(mass * (b - a) / 2 * weights * norm.pdf(at, middle, std) / total)

    if config.sampling == "bins" or stats.categorical[k]:
        for b in range(own.start, own.stop):
            if stats.bin_std[b] > 0 and stats.probability[b] > 0:
                limits = stats.bin_lower[b], stats.bin_upper[b]
                integrate(*limits, stats.bin_mean[b], stats.bin_std[b], stats.probability[b])
            else:
                values.append(stats.bin_mean[b])
                masses.append(stats.probability[b])
    else:
        middle = x - center if config.sampling == "around" else stats.mean[k]
        std = stats.scale[k]
        grid = np.linspace(middle - 8 * std, middle + 8 * std, 13)
        cuts = sorted({*cuts, *grid})
        integrate(grid[0], grid[-1], middle, std, 1.0)
    return np.array(values) + center, np.array(masses)


def brute_force(trees: TreeSum, stats: TabularStats, config: TabularConfig, x: np.ndarray):
    """Weighted least squares on all samples, with their masses."""
    columns = [points_of(stats, config, k, x[k]) for k in range(3)]
    samples = np.stack([a.ravel() for a in np.meshgrid(*(v for v, _ in columns), indexing="ij")], 1)
    mass = np.prod(np.meshgrid(*(m for _, m in columns), indexing="ij"), axis=0).ravel()
    bins, centered = encode_rows(stats, samples)
    own, own_centered = encode_rows(stats, x[None])
    same = (bins == own) & ((own >= 0) | ~np.isin(np.arange(3), varying(config)))
    units = (centered - own_centered) / stats.scale
    s = (centered - stats.mean) / stats.scale
    z = np.where(stats.categorical | (config.encoding == "same_bin"), same, s)
    by_units = ~stats.categorical & ("standardized" in (config.encoding, config.distance_space))
    apart = np.where(by_units, units, ~same)
    apart = np.where(np.isin(np.arange(3), varying(config)), apart, 0)
    kernel = np.exp(-0.5 * (apart**2).sum(1) / float(np.asarray(config.kernel_width)) ** 2)
    w, f = mass * kernel, predict(trees, samples)
    mean_z, mean_f = w @ z / w.sum(), w @ f / w.sum()
    zz = (w[:, None] * (z - mean_z)).T @ (z - mean_z)
    zf = (w[:, None] * (z - mean_z)).T @ (f - mean_f)
    constant = np.diag(zz) < 1e-12 * w.sum()
    zz[constant] = 0
    zz[:, constant] = 0
    coef = np.linalg.solve(zz + np.diag(constant * 1.0), np.where(constant[:, None], 0, zf)).T
    intercept = mean_f - coef @ np.where(constant, 0, mean_z)
    variance = w @ (f - mean_f) ** 2 / w.sum()
    explained = np.einsum("cf,fg,cg->c", coef, zz / w.sum(), coef)
    variance = np.where(variance > 1e-12, variance, 0)
    score = np.where(variance > 0, explained / np.where(variance > 0, variance, 1), 1)
    return coef, intercept, variance, score, w.sum() ** 2 / (mass @ kernel**2)


def varying(config: TabularConfig) -> tuple[int, ...]:
    return tuple(range(3)) if config.features is None else config.features


def instances(stats: TabularStats, rows: np.ndarray) -> TabularInstance:
    bins, values = encode_rows(stats, rows)
    return TabularInstance(jnp.asarray(bins), jnp.asarray(values, jnp.result_type(float)))


@jax.jit
def explain_block(form, rows, labels, variance):
    return form.explain_block(rows, labels, variance)


def explain(form, stats, rows, outputs, variance=None):
    labels = np.tile(np.arange(outputs, dtype=np.int32), (len(rows), 1))
    return explain_block(form, instances(stats, rows), jnp.asarray(labels), variance)


CASES = {
    "default": (STATS, BINS, X),
    "narrow kernel": (STATS, dataclasses.replace(BINS, kernel_width=0.3), X),
    "held, also a missing value": (STATS, dataclasses.replace(BINS, features=(1,)), X[:4]),
    "held, also a level": (STATS, dataclasses.replace(BINS, features=(0, 1)), X[:4]),
    "normal, standardized": ("normal", "standardized", "encoded", None),
    "around, standardized": ("around", "standardized", "standardized", None),
    "normal, standardized, held": ("normal", "standardized", "encoded", (1, 2)),
    "normal, own bins": ("normal", "same_bin", "encoded", None),
    "around, own bins": ("around", "same_bin", "encoded", None),
    "normal, own bins, distance in units": ("normal", "same_bin", "standardized", None),
    "around, own bins, distance in units": ("around", "same_bin", "standardized", None),
}


def case_of(name: str):
    case = CASES[name]
    if len(case) == 3:
        return case
    sampling, encoding, distance_space, features = case
    config = dataclasses.replace(
        BINS, sampling=sampling, encoding=encoding, distance_space=distance_space, features=features
    )
    return WITHOUT_MISSING, config, X[[0, 1, 2, 4]]


TREES = random_trees(np.random.default_rng(1), trees=3, depth=5, outputs=2)


@pytest.mark.parametrize("name", CASES)
def test_exact_is_the_regression_on_every_sample(name, x64):
    (stats, config, rows), trees = case_of(name), TREES
    assert exact.why_not(trees, stats, config) == ""
    form = exact.make_closed_form(trees, stats, config)
    wanted = [brute_force(trees, stats, config, x) for x in rows]
    coef, intercept, variance, score, share = (np.array(part) for part in zip(*wanted, strict=True))
    fit = explain(form, stats, rows, 2, jnp.asarray(variance))
    scale = np.abs(coef).max()
    np.testing.assert_allclose(fit.coef, coef, atol=1e-6 * scale)
    np.testing.assert_allclose(fit.intercept, intercept, atol=1e-6 * scale)
    np.testing.assert_allclose(fit.score, score, atol=1e-6)
    np.testing.assert_allclose(fit.effective_samples, config.num_samples * share, rtol=1e-6)


def explain_one_by_one(trees, stats, config, *others):
    passes = exact.passes_of(trees, stats, config)
    return explain_sums(exact.sum_rows, passes, stats, config, *others)


def explain_in_blocks(trees, stats, config, *others):
    passes = exact.block_passes_of(exact.passes_of(trees, stats, config))
    return explain_sums(exact.sum_blocks, passes, stats, config, *others)


def explain_sums(sum_rows, passes, stats, config, rows, labels, variance=None):
    width = float(np.asarray(kernel_width_of(stats, config)))
    bins, centered = encode_rows(stats, rows)
    seen = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    summed = sum_rows(passes, seen, rows, width, labels)
    form = exact.PassForm(exact.make_setting(stats, config))
    return explain_block(form, summed, jnp.asarray(labels), variance)


WAYS = {"one by one": explain_one_by_one, "in blocks": explain_in_blocks}
IN_BINS = [name for name, case in CASES.items() if len(case) == 3]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", IN_BINS)
def test_passes_are_the_regression_on_every_sample(name, way, x64):
    (stats, config, rows), trees = case_of(name), TREES
    wanted = [brute_force(trees, stats, config, x) for x in rows]
    coef, intercept, variance, score, _ = (np.array(part) for part in zip(*wanted, strict=True))
    labels = np.tile([1, 0], (len(rows), 1))
    fit = WAYS[way](trees, stats, config, rows, labels, jnp.asarray(variance[:, ::-1]))
    scale = np.abs(coef).max()
    np.testing.assert_allclose(fit.coef, coef[:, ::-1], atol=1e-6 * scale)
    np.testing.assert_allclose(fit.intercept, intercept[:, ::-1], atol=1e-6 * scale)
    np.testing.assert_allclose(fit.score, score[:, ::-1], atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", IN_BINS)
def test_passes_and_tables_are_the_same(name, way, seed, x64):
    stats, config, rows = case_of(name)
    trees = random_trees(np.random.default_rng(seed), trees=4, depth=7, outputs=3)
    if seed % 2:  # as boosted trees: each adds to outputs of its own
        output = np.array([2, 0, 1, 2], np.int32)
        trees = dataclasses.replace(trees, value=trees.value[:, :1], output=output)
    labels = np.tile(np.arange(3), (len(rows), 1))
    by_tables = explain(exact.make_closed_form(trees, stats, config), stats, rows, 3)
    by_passes = WAYS[way](trees, stats, config, rows, labels)
    for name in ("coef", "intercept", "local_pred", "std_error"):
        ours, theirs = (np.asarray(getattr(fit, name)) for fit in (by_passes, by_tables))
        np.testing.assert_allclose(ours, theirs, atol=1e-12 * np.nanmax(np.abs(theirs)))


@pytest.mark.parametrize("way", WAYS)
def test_a_narrow_kernel_takes_no_digits(way, x64):
    config = dataclasses.replace(BINS, kernel_width=0.12)  # others weigh 1e-15 for each column
    labels = np.tile([0, 1], (len(X), 1))
    by_tables = explain(exact.make_closed_form(TREES, STATS, config), STATS, X, 2)
    by_passes = WAYS[way](TREES, STATS, config, X, labels)
    expected = np.asarray(by_tables.coef)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(by_passes.coef, expected, atol=1e-9 * np.abs(expected).max())


def test_blocks_are_as_good_in_float32():
    labels = np.tile([0, 1], (len(X), 1))

    def coef(x64: bool) -> np.ndarray:
        with jax.enable_x64(x64):
            return np.asarray(explain_in_blocks(TREES, STATS, BINS, X, labels).coef)

    np.testing.assert_allclose(coef(False), coef(True), atol=1e-6 * np.abs(coef(True)).max())


@pytest.mark.parametrize("name", ["default", "around, standardized"])
def test_float32_is_as_good(name):
    stats, config, rows = case_of(name)

    def coef(x64: bool) -> np.ndarray:
        with jax.enable_x64(x64):
            form = exact.make_closed_form(TREES, stats, config)
            return np.asarray(explain(form, stats, rows, 2).coef)

    np.testing.assert_allclose(coef(False), coef(True), atol=1e-5 * np.abs(coef(True)).max())


def test_it_adds_up_over_trees(x64):
    parts = [
        dataclasses.replace(TREES, roots=TREES.roots[some], output=TREES.output[some], base=base)
        for some, base in ((slice(0, 1), TREES.base), (slice(1, 3), 0 * TREES.base))
    ]
    whole, first, others = (
        explain(exact.make_closed_form(trees, STATS, BINS), STATS, X, 2)
        for trees in (TREES, *parts)
    )
    np.testing.assert_allclose(whole.coef, first.coef + others.coef, atol=1e-12)
    np.testing.assert_allclose(whole.intercept, first.intercept + others.intercept, atol=1e-12)


def test_a_column_that_no_tree_tests_gets_exactly_0():
    column = np.where(TREES.column == 1, 0, TREES.column).astype(np.int32)
    unused = dataclasses.replace(TREES, column=column)
    fit = explain(exact.make_closed_form(unused, STATS, BINS), STATS, X, 2)
    assert np.all(np.asarray(fit.coef)[:, 0, 1] == 0)
    assert np.any(np.asarray(fit.coef)[:, 0, 0] != 0)


def test_trees_of_single_leaves_have_nothing_to_explain(rng):
    trees = random_trees(rng, trees=2, depth=0, outputs=2)
    labels = np.tile([0, 1], (len(X), 1))
    for fit in (
        explain(exact.make_closed_form(trees, STATS, BINS), STATS, X, 2),
        explain_one_by_one(trees, STATS, BINS, X, labels),
    ):
        assert np.all(np.asarray(fit.coef) == 0)
        np.testing.assert_allclose(
            fit.local_pred, np.tile(predict(trees, X[:1]), (len(X), 1)), rtol=1e-5
        )


def test_a_level_without_training_mass_has_no_weight(x64):
    fit = explain(exact.make_closed_form(TREES, STATS, BINS), STATS, X, 2)
    assert np.all(np.asarray(fit.coef)[4, :, 2] == 0)
    assert np.isnan(np.asarray(fit.std_error)[4, :, 2]).all()
    assert np.asarray(fit.support)[4].tolist() == [Support.FULL, Support.FULL, Support.NONE]


def test_probabilities_that_add_up_to_1_cost_one_output_less(x64):
    first = TREES.value[:, :1] / 6
    leaf = (TREES.column < 0)[:, None]
    both = dataclasses.replace(
        TREES, value=np.hstack([first, np.where(leaf, 1 / 3 - first, 0)]), base=np.zeros(2)
    )
    tables = exact.make_tables(both, STATS, BINS)
    assert tables.rest_is_last
    fit = explain(exact.make_closed_form(both, STATS, BINS, tables=tables), STATS, X, 2)
    wanted = [brute_force(both, STATS, BINS, x)[:2] for x in X]
    np.testing.assert_allclose(fit.coef, [coef for coef, _ in wanted], atol=1e-6)
    np.testing.assert_allclose(fit.intercept, [intercept for _, intercept in wanted], atol=1e-6)


def test_each_tree_may_add_to_one_output(x64):
    trees = dataclasses.replace(
        TREES, value=TREES.value[:, :1], output=np.array([1, 0, 1], np.int32)
    )
    fit = explain(exact.make_closed_form(trees, STATS, BINS), STATS, X, 2)
    wanted = [brute_force(trees, STATS, BINS, x)[:2] for x in X]
    np.testing.assert_allclose(fit.coef, [coef for coef, _ in wanted], atol=1e-6)
    np.testing.assert_allclose(fit.intercept, [intercept for _, intercept in wanted], atol=1e-6)


def test_many_chunks_and_one_say_the_same(x64, monkeypatch):
    one = explain(exact.make_closed_form(TREES, STATS, BINS), STATS, X, 2)
    monkeypatch.setattr("lime_jax.tabular.exact.lime.plan.ENTRIES_AT_ONCE", 20)
    tables = exact.make_tables(TREES, STATS, BINS)
    assert tables.chunks.source.shape[0] > 2
    form = exact.make_closed_form(TREES, STATS, BINS, tables=tables)
    many = explain(form, STATS, X, 2)
    np.testing.assert_allclose(many.coef, one.coef, atol=1e-12)
    np.testing.assert_allclose(many.intercept, one.intercept, atol=1e-12)


def test_a_deep_chain_and_a_column_of_many_levels(x64, rng):
    # Every test splits one level off: level i has the value of leaf i.
    count = 300
    probability = rng.dirichlet(np.ones(count))
    stats = TabularStats.from_columns([CategoricalColumn(np.arange(count), probability), PLAIN])
    inner = 2 * np.arange(count - 1)
    column, left, right, number = np.full((4, 2 * count - 1), -1, np.int32)
    column[inner], left[inner], right[inner] = 0, inner + 1, inner + 2
    number[inner] = np.arange(count - 1)
    value = np.where(column < 0, rng.normal(size=len(column)), 0)
    trees = TreeSum(
        column=column,
        threshold=np.full(len(column), np.nan),
        missing_left=np.zeros(len(column), bool),
        level_set=number,
        left=left,
        right=right,
        value=value[:, None],
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=tuple(np.eye(count, dtype=bool)[:-1]),
        base=np.zeros(1),
        num_features=2,
    )
    rows = np.array([[0.0, 100.0], [7.0, 97.0], [299.0, 103.0]])
    fit = explain(exact.make_closed_form(trees, stats, BINS), stats, rows, 1)
    by_level = value[np.append(inner + 1, 2 * count - 2)]
    for coef, level in zip(np.asarray(fit.coef)[:, 0], (0, 7, 299), strict=True):
        p = np.where(np.arange(count) == level, 0, probability)
        np.testing.assert_allclose(coef[0], by_level[level] - p @ by_level / p.sum(), rtol=1e-9)
        assert coef[1] == 0


def test_a_block_of_rows_is_its_rows_also_in_the_engine(x64):
    form = exact.make_closed_form(TREES, STATS, BINS)
    block = explain(form, STATS, X, 2)
    for i in range(len(X)):
        single = explain(form, STATS, X[i : i + 1], 2)
        np.testing.assert_allclose(single.coef[0], block.coef[i], atol=1e-12)
    bins, values = encode_rows(STATS, X)
    labels = np.array([[1], [0], [1], [0], [1]], np.int32)
    rows = engine.Rows(TabularInstance(bins, values), np.zeros(5, np.uint32), labels)
    fit = engine.explain_exact(form, rows, None)
    np.testing.assert_allclose(
        fit.coef[:, 0], np.asarray(block.coef)[range(5), labels[:, 0]], atol=1e-12
    )
    assert np.isnan(fit.score).all()


def test_widths_share_one_program():
    tables = exact.make_tables(TREES, STATS, BINS)
    labels = jnp.zeros((len(X), 1), jnp.int32)
    traces = []

    @jax.jit
    def coef(form, rows):
        traces.append(1)
        return form.explain_block(rows, labels, None).coef

    for width in (0.3, 0.9):
        config = dataclasses.replace(BINS, kernel_width=width)
        form = exact.make_closed_form(TREES, STATS, config, tables=tables)
        shared = coef(form, instances(STATS, X))
    assert len(traces) == 1
    alone = jax.jit(lambda rows: form.explain_block(rows, labels, None).coef)
    np.testing.assert_allclose(shared, alone(instances(STATS, X)), atol=1e-5)


@pytest.mark.parametrize("selection", ["highest_weights", "forward_selection", "lasso_path"])
def test_selection_keeps_the_coefficients_of_the_best(selection, x64):
    config = dataclasses.replace(BINS, num_features=1, feature_selection=selection)
    full = explain(exact.make_closed_form(TREES, STATS, BINS), STATS, X, 2)
    fit = explain(exact.make_closed_form(TREES, STATS, config), STATS, X, 2)
    coef = np.asarray(full.coef)[:, 0]
    p = np.array([STATS.probability[b] for b in np.maximum(encode_rows(STATS, X)[0], 0)])
    q = p / (p + (1 - p) * np.exp(-0.5 / 0.9**2))
    power = {"highest_weights": 0, "forward_selection": 0.5, "lasso_path": 1}[selection]
    best = np.argmax(np.abs(coef) * (q * (1 - q)) ** power, axis=1)
    assert np.array_equal(np.asarray(fit.selected)[:, 0], np.eye(3, dtype=bool)[best])
    np.testing.assert_allclose(
        np.asarray(fit.coef)[range(5), 0, best], coef[range(5), best], rtol=1e-6
    )
    kept = np.asarray(fit.intercept[:, 0]) + coef[range(5), best]
    np.testing.assert_allclose(fit.local_pred[:, 0], kept, rtol=1e-5)


def test_a_finite_run_shrinks_as_ridge_does(x64):
    config = dataclasses.replace(BINS, alpha=3.0)
    full = explain(exact.make_closed_form(TREES, STATS, config), STATS, X, 2)
    fit = explain(exact.make_closed_form(TREES, STATS, config, 100), STATS, X, 2)
    miss = np.exp(-0.5 / 0.9**2)
    bins = encode_rows(STATS, X)[0]
    p = np.where(bins >= 0, STATS.probability[bins], 0)
    weight = (p + (1 - p) * miss).prod(1, keepdims=True)
    v = p * (1 - p) * miss / (p + (1 - p) * miss) ** 2
    shrunk = np.asarray(full.coef)[:, 0] * v / (v + 3.0 / (100 * weight))
    np.testing.assert_allclose(fit.coef[:, 0], shrunk, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "sizes"), [("default", (512, 8192)), ("around, standardized", (8192,))]
)
def test_samples_converge_to_it(name, sizes, key, x64):
    stats, config, rows = case_of(name)
    config = dataclasses.replace(config, alpha=0.0, design="iid")
    model = tree_predict(TREES)
    fit = explain(exact.make_closed_form(TREES, stats, config), stats, rows, 2)
    wanted = np.asarray(fit.coef)[0]
    instance = jax.tree.map(lambda leaf: leaf[0], instances(stats, rows))
    errors = []
    for size in sizes:
        sampled = dataclasses.replace(config, num_samples=size)
        domain, method = make_domain(stats, sampled), make_method(stats, sampled, shared=False)
        one = jax.jit(lambda k, d=domain, m=method: explain_one(k, instance, d, m, model).coef)
        coef = np.stack([one(k) for k in jax.random.split(key, 20)])
        errors.append(np.sqrt(((coef - wanted) ** 2).mean()))
    assert errors[-1] < 0.05 * np.abs(wanted).max()
    if len(sizes) > 1:
        assert np.log(errors[1] / errors[0]) / np.log(sizes[1] / sizes[0]) < -0.4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kernel": lambda d, w: d}, "kernel"),
        ({"distance": "cosine"}, "cosine"),
        ({"encoding": "one_hot"}, "one-hot"),
        ({"distance_space": "standardized"}, "yet"),
        ({"encoding": "standardized"}, "yet"),
    ],
)
def test_what_has_no_closed_form_says_why(change, reason):
    config = dataclasses.replace(BINS, **change)
    assert reason in exact.why_not(TREES, STATS, config)
    with pytest.raises(ValueError, match="no closed form"):
        exact.make_closed_form(TREES, STATS, config)


def test_levels_of_a_numeric_column_are_refused():
    numeric = TabularStats.from_columns([SPIKED, PLAIN, PLAIN])
    assert "name it in `categorical_features`" in exact.why_not(TREES, numeric, BINS)
    assert "3 columns, the table 2" in exact.why_not(
        TREES, TabularStats.from_columns([SPIKED, PLAIN]), BINS
    )
