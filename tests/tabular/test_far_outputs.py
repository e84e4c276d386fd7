"""A constant added to a model's output changes no weight, and a factor changes nothing else."""

import numpy as np
import pytest

import lime_jax

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
ROWS = X[:3]
EXPLAINERS = {
    "shared": {},
    "own": dict(sample_around_instance=True, discretizer=None, design="iid"),
    "kernel_shap": dict(algorithm="kernel_shap"),
}
OPTIONS = {
    "shared": dict(num_samples=256),
    "own": dict(num_samples=256),
    "kernel_shap": dict(num_samples=14),
}


def plain(rows):
    return 50 * rows[:, 0] + 10 * rows[:, 1] * rows[:, 2]


@pytest.fixture(scope="module", params=EXPLAINERS)
def case(request):
    kind = request.param
    explainer = lime_jax.TabularExplainer(**EXPLAINERS[kind]).fit(X[:40])
    run = lambda f, **more: explainer.explain(ROWS, f, row_ids=range(3), **OPTIONS[kind], **more)  # noqa: E731
    return explainer, run, run(plain)


def assert_same(found, expected, factor=1.0, constant=0.0):
    np.testing.assert_allclose(found.coef / factor, expected.coef, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(
        found.std_error / abs(factor), expected.std_error, rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(found.score, expected.score, atol=1e-5)
    for name in ("intercept", "local_pred", "prediction"):
        ours = getattr(found, name)
        if name == "prediction":
            ours = np.take_along_axis(ours, found.labels, 1)
        assert ours.dtype == np.float64
        np.testing.assert_allclose(
            (ours - constant) / factor, getattr(expected, name), rtol=1e-5, atol=1e-3, err_msg=name
        )


@pytest.mark.parametrize("constant", [1e5, 1.7e9, -1.7e12])
def test_a_constant(case, constant):
    _, run, expected = case
    assert_same(run(lambda rows: plain(rows) + constant), expected, 1.0, constant)


@pytest.mark.parametrize("factor", [-1e-20, 1e-300, 1e36, 1e300])
def test_a_factor(case, factor):
    _, run, expected = case
    assert_same(run(lambda rows: factor * plain(rows)), expected, factor)


def test_a_huge_and_a_tiny_output_side_by_side(case):
    _, run, expected = case
    both = lambda rows: np.stack([1e-20 * plain(rows), 1e9 + plain(rows)], 1)  # noqa: E731
    assert_same(run(both, labels=[0]), expected, 1e-20)
    assert_same(run(both, labels=[1]), expected, 1.0, 1e9)


def test_a_constant_output_has_no_weights(case):
    _, run, _ = case
    found = run(lambda rows: np.full(len(rows), 1.7e9))
    assert not found.coef.any()
    np.testing.assert_array_equal(found.intercept, 1.7e9)
    np.testing.assert_array_equal(found.score, 1)


def test_whole_numbers(case):
    _, run, _ = case
    whole = lambda rows: np.round(plain(rows)).astype(np.int64)  # noqa: E731
    far = lambda rows: whole(rows) + 1_700_000_000_000  # noqa: E731
    assert_same(run(far), run(whole), 1.0, 1.7e12)


def test_a_row_does_not_depend_on_the_others(case):
    explainer, run, _ = case
    far = lambda rows: plain(rows) + 1.7e9  # noqa: E731
    alone = explainer.explain(
        ROWS[1:2], far, row_ids=[1], num_samples=256 if explainer.algorithm == "lime" else 14
    )
    together = run(far)
    for name in ("coef", "std_error", "intercept", "local_pred", "score"):
        np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[1])


def test_as_many_samples_as_needed(case):
    explainer, _, _ = case
    if explainer.algorithm != "lime":
        return
    run = lambda f: explainer.explain(ROWS, f, row_ids=range(3), num_samples="auto", tolerance=2.0)  # noqa: E731
    few = lambda rows: plain(rows) / 4  # noqa: E731
    expected, found = run(few), run(lambda rows: few(rows) + 1.7e9)
    np.testing.assert_array_equal(found.samples_used, expected.samples_used)
    assert_same(found, expected, 1.0, 1.7e9)


def test_several_kernel_widths(case):
    explainer, _, _ = case
    if explainer.algorithm != "lime":
        return
    run = lambda f: explainer.sweep(ROWS, f, [1.0, 2.0], row_ids=range(3), num_samples=256)  # noqa: E731
    for found, expected in zip(run(lambda rows: plain(rows) + 1.7e9), run(plain), strict=True):
        assert_same(found, expected, 1.0, 1.7e9)


def test_they_are_stored_as_they_are(case, tmp_path):
    _, run, _ = case
    found = run(lambda rows: plain(rows) + 1.7e9)
    tiny = run(lambda rows: 1e-60 * plain(rows))
    assert tiny.coef.dtype == np.float64
    for one in (found, tiny):
        one.save(tmp_path / "far.npz")
        again = lime_jax.load(tmp_path / "far.npz")
        table = lime_jax.results.arrow.explanations_of(lime_jax.results.arrow.rows_table(one))
        joined = lime_jax.concatenate([one[:2], one[2:]])
        for name in ("coef", "std_error", "intercept", "local_pred", "prediction"):
            for other in (again, table, joined):
                np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
    np.testing.assert_array_equal(
        tiny.to_pandas()["weight"].to_numpy(), tiny.coef[~np.isnan(tiny.std_error)]
    )


def test_log_odds_of_probabilities_near_1():
    explainer = lime_jax.TabularExplainer("kernel_shap", link="logit").fit(X[:1])
    odds = lambda rows: 11 + rows[:, 0] - rows[:, 1] * rows[:, 2] / 2  # noqa: E731
    found = explainer.explain(ROWS, lambda rows: 1 / (1 + np.exp(-odds(rows))))
    plain_values = lime_jax.TabularExplainer("kernel_shap").fit(X[:1]).explain(ROWS, odds)
    np.testing.assert_allclose(found.coef, plain_values.coef, atol=1e-5)
    np.testing.assert_allclose(found.local_pred[:, 0], odds(ROWS), atol=1e-5)


def test_of_two_probabilities_the_smaller_can_be_tiny(case):
    _, run, _ = case
    p = lambda rows: 1e-9 / (1 + np.exp(-rows[:, 0] - rows[:, 1] * rows[:, 2]))  # noqa: E731
    found = run(lambda rows: np.stack([1 - p(rows), p(rows)], 1))
    expected = run(lambda rows: p(rows) * 1e9)
    np.testing.assert_allclose(found.coef[:, 1:] * 1e9, expected.coef, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.coef[:, 0], -found.coef[:, 1])
    np.testing.assert_allclose(found.intercept.sum(1), 1, rtol=1e-15)


@pytest.mark.parametrize("algorithm", ["lime", "kernel_shap"])
def test_of_images_too(algorithm):
    image = RNG.random((6, 6))
    segments = np.arange(36).reshape(6, 6) // 9
    explainer = lime_jax.ImageExplainer(algorithm, segmentation=segments, hide=0)
    flat = lambda images: images.reshape(len(images), -1) @ np.cos(np.arange(36))  # noqa: E731
    run = lambda f: explainer.explain([image], f, num_samples=64, row_ids=[0])  # noqa: E731
    expected = run(flat)
    assert_same(run(lambda images: flat(images) + 1.7e9), expected, 1.0, 1.7e9)
    assert_same(run(lambda images: flat(images) * 1e-30), expected, 1e-30)
