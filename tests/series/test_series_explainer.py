"""`SeriesExplainer`: its numbers against other ways to get them, whatever the series came as."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest
from lime.lime_base import LimeBase
from series_oracle import lime, masked, shapley, worth

import lime_jax
from lime_jax import SeriesExplainer

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(5)
X = RNG.normal(size=(2, 12, 2))
ROWS = RNG.normal(size=(3, 12, 2))
W = RNG.normal(size=(12, 2))
LABELS = np.array([[0, 1]] * 5 + [[2, 2]] * 4 + [[0, 3]] * 3)
LONG = RNG.normal(size=(2, 20))
LINE = RNG.normal(size=20)


def curved(batch):
    """Products of neighbors, so that nothing is linear."""
    batch = np.asarray(batch, np.float64)
    return np.tanh((batch[:, 1:, 0] * batch[:, :-1, 1]).sum(1) / 3 + batch[:, 4, 0])


@lime_jax.jax_predict
def curved_in_jax(batch):
    return jnp.tanh((batch[:, 1:, 0] * batch[:, :-1, 1]).sum(1) / 3 + batch[:, 4, 0])


def line(batch):
    return np.asarray(batch, np.float64) @ LINE


def tolerance():
    return 1e-9 if jnp.result_type(float) == jnp.float64 else 2e-5


@pytest.mark.parametrize("hide", ["mean", "last", "interpolate", 0, "rows"])
@pytest.mark.parametrize("segments", [4, LABELS, "feature"], ids=["4", "labels", "feature"])
def test_few_segments_are_asked_by_all_masks(hide, segments):
    given, fills = hide, (None,)
    if hide == "rows":
        given, fills = ROWS, ROWS
    if hide == 0:
        fills = (np.zeros((12, 2)),)
    explained = [
        SeriesExplainer(algorithm, segments, given).explain(X, curved, num_samples=5000)
        for algorithm in ("lime", "kernel_shap")
    ]
    for row in range(2):
        cut = explained[0].segments[row]
        masks, y = worth(curved, X[row], cut, hide, fills)
        for found, expected in zip(
            explained, (lime(masks, y, 5000), shapley(masks, y)), strict=True
        ):
            np.testing.assert_allclose(found.coef[row, 0], expected, atol=tolerance())
            assert (found.std_error[row] == 0).all()
            assert found.samples_used[row] == len(masks)


def test_stretches_are_equal_and_labels_are_as_they_were():
    found = SeriesExplainer(segments=5).explain(X, curved)
    assert found.segments[0][:, 0].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]
    assert (found.segments[0][:, 0] == found.segments[0][:, 1]).all()
    by_function = SeriesExplainer(segments=lambda series: LABELS).explain(X, curved)
    by_row = SeriesExplainer(segments=[LABELS, LABELS + 7]).explain(X, curved)
    for other in (by_function, by_row):
        np.testing.assert_array_equal(other.segments[1], LABELS)


def test_noise_is_of_the_channel_and_of_the_row():
    seen = []

    def keep(batch):
        seen.append(np.array(batch))
        return batch.sum((1, 2))

    scaled = X * [1, 100] + [0, 1000]
    SeriesExplainer(segments=1, hide="noise").explain(scaled, keep, row_ids=[4, 5])
    hidden = seen[1][::2]  # of each series that without its segment, and the whole
    assert not np.allclose(hidden[0], hidden[1])
    away = (hidden - scaled.mean(1, keepdims=True)) / scaled.std(1, keepdims=True)
    assert 0.6 < away.std() < 1.5
    again = len(seen)
    SeriesExplainer(segments=1, hide="noise").explain(scaled[1:], keep, row_ids=[5])
    np.testing.assert_array_equal(seen[again + 1][0], hidden[1])


def test_steps_that_are_sampled_weigh_what_they_add():
    found = SeriesExplainer("kernel_shap", "step", 0).explain(LONG, line, num_samples=256)
    np.testing.assert_allclose(found.coef[:, 0], LONG * LINE, atol=20 * tolerance())
    lime_of = SeriesExplainer("lime", "step", 0, alpha=1e-6).explain(LONG, line, num_samples=256)
    np.testing.assert_allclose(lime_of.coef[:, 0], LONG * LINE, atol=1e-3)


def test_samples_are_fitted_as_lime_fits_them():
    seen = []

    def keep(batch):
        seen.append(np.array(batch))
        return np.tanh(line(batch))

    found = SeriesExplainer("lime", "step", 0).explain(LONG[:1], keep, num_samples=256)
    samples = np.concatenate(seen[1:])
    assert len(samples) == found.samples_used[0] == 256
    masks = (samples != 0).astype(float)
    np.testing.assert_array_equal(samples, masks * LONG[0])
    away = 1 - np.sqrt(masks.mean(1))
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    said = np.tanh(line(samples))[:, None]
    _, weights, score, _ = base.explain_instance_with_data(masks, said, away, 0, 20, "none")
    expected = np.array([weight for _, weight in sorted(weights)])
    np.testing.assert_allclose(found.coef[0, 0], expected, atol=tolerance())
    np.testing.assert_allclose(found.score[0, 0], score, atol=50 * tolerance())


@pytest.mark.parametrize("hide", ["mean", "last", "interpolate", "rows"])
def test_the_device_makes_the_same_series(hide):
    given = ROWS if hide == "rows" else hide
    on_host = SeriesExplainer("lime", "step", given).explain(X, curved, num_samples=128)
    on_device = SeriesExplainer("lime", "step", given).explain(X, curved_in_jax, num_samples=128)
    assert on_device.model_path.startswith("jax")
    np.testing.assert_allclose(on_device.coef, on_host.coef, atol=5 * tolerance())
    np.testing.assert_allclose(on_device.std_error, on_host.std_error, atol=5 * tolerance())


def test_hidden_steps_are_filled_as_pandas_fills_them():
    from lime_jax.series.fills import filled

    masks = RNG.random((50, 4)) < 0.4
    masks[0] = False
    segments = LABELS
    for hide in ("last", "interpolate"):
        fill = np.broadcast_to(X[0].mean(0), (12, 2))
        expected = [masked(X[0], segments, mask, hide) for mask in masks]
        for xp, atol in ((np, 1e-12), (jnp, 10 * tolerance())):
            found = filled(xp.asarray(X[0]), xp.asarray(fill), masks[:, segments], hide, xp)
            np.testing.assert_allclose(found, expected, atol=atol)


def test_no_batch_is_larger_than_the_budget():
    sizes = []

    @lime_jax.jax_predict
    def keep(batch):
        sizes.append(batch.size)
        return batch.mean((1, 2))

    series = np.zeros((1, 400, 8))
    SeriesExplainer(segments=20, hide=0).explain(series, keep, num_samples=512)
    assert max(sizes) <= 2**19 < 512 * 400 * 8
    batches = []

    def on_host(batch):
        batches.append(len(batch))
        return batch.mean((1, 2))

    SeriesExplainer(segments=4, hide=0).explain(series, on_host, batch_size=5)
    SeriesExplainer(segments=20, hide=0).explain(series, on_host, num_samples=64, batch_size=5)
    assert max(batches) == 5


def test_series_of_few_segments_are_asked_together():
    sizes = []

    def keep(batch):
        sizes.append(batch.shape)
        return curved(batch)

    series = [*RNG.normal(size=(9, 12, 2)), *RNG.normal(size=(3, 6, 2))]
    found = SeriesExplainer(segments=3).explain(series, keep)
    assert sizes == [(9, 12, 2), (3, 6, 2), (72, 12, 2), (24, 6, 2)]
    alone = SeriesExplainer(segments=3).explain(series[10:11], curved)
    np.testing.assert_allclose(found.coef[10], alone.coef[0], atol=tolerance())


def test_lengths_may_differ():
    series = [LONG[0], LONG[1, :9], LONG[1, :4]]
    weigh = lambda batch: batch @ LINE[: batch.shape[1]]  # noqa: E731
    found = SeriesExplainer("kernel_shap", segments=6, hide=0).explain(series, weigh)
    assert found.coef.shape == (3, 1, 6)
    for row, (one, cut) in enumerate(zip(series, found.segments, strict=True)):
        expected = np.bincount(cut[:, 0], one * LINE[: len(one)], 6)
        np.testing.assert_allclose(found.coef[row, 0], expected, atol=tolerance())
    assert found.present.sum(1).tolist() == [6, 6, 4]
    alone = SeriesExplainer("kernel_shap", segments=6, hide=0).explain(series[1:2], weigh)
    np.testing.assert_array_equal(alone.coef[0], found.coef[1])


def frame():
    """`X` in long form, its lines in no order."""
    steps = pd.date_range("2024-01-01", periods=12, freq="D")
    lines = pd.DataFrame(
        {
            "patient": np.repeat(["b", "a"], 12),
            "day": np.tile(steps, 2),
            "pulse": X[:, :, 0].reshape(-1),
            "flow": X[:, :, 1].reshape(-1),
        }
    )
    order = [0, *RNG.permutation(np.arange(1, 24))]
    return lines.iloc[order]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_in_long_form_is_the_same(library):
    lines = frame()
    lines = pl.from_pandas(lines) if library == "polars" else lines
    explainer = SeriesExplainer(segments=4, time_column="day", series_column="patient")
    found = explainer.explain(lines, curved)
    plain = SeriesExplainer(segments=4).explain(X, curved)
    np.testing.assert_array_equal(found.coef, plain.coef)
    assert found.row_ids.tolist() == ["b", "a"]
    assert found.row_names == ("patient",)
    assert found.channels == ("pulse", "flow")
    assert found[0].as_list(4)[0][0] in {
        f"2024-01-{a:02d} to 2024-01-{a + 2:02d}" for a in (1, 4, 7, 10)
    }
    few = SeriesExplainer(
        segments=4, time_column="day", series_column="patient", feature_names=["flow"]
    ).explain(lines, lambda batch: batch[:, :, 0].sum(1))
    assert few.series[0].shape == (12, 1)


def test_a_frame_without_names_is_one_series():
    lines = frame().query("patient == 'a'").drop(columns="patient")
    found = SeriesExplainer(segments=4, time_column="day").explain(lines, curved)
    np.testing.assert_array_equal(found.series[0], X[1])


def test_single_precision_stays_single():
    seen = set()

    def keep(batch):
        seen.add(batch.dtype)
        return batch.sum(1)

    for segments in (3, "step"):
        SeriesExplainer(segments=segments).explain(LONG.astype(np.float32), keep, num_samples=64)
    assert seen == {np.dtype(np.float32)}


BAD = [
    (dict(segments=0), X, "`segments`: expected how many stretches"),
    (dict(segments=2.5), X, "`segments`: expected how many stretches"),
    (dict(segments="steps"), X, "`segments`: expected how many stretches"),
    (dict(segments=np.zeros(5)), X, r"series 0: expected labels of shape \(12,\) or \(12, 2\)"),
    (dict(segments=[LABELS]), X, "expected labels for each of 2 series, got 1"),
    (dict(segments="feature"), LONG, "these series have one channel"),
    (dict(segments="step"), np.zeros((1, 3001)), "has 3,001, and an explanation is of 3,000"),
    (dict(hide="median"), X, "`hide`: expected one of 'mean'.*got 'median'"),
    (dict(hide=None), X, "`hide`: expected one of 'mean'.*got None"),
    (dict(hide=ROWS[:, :5]), X, r"`hide`: expected series of the shape.*got shape \(3, 5, 2\)"),
    (dict(hide=[[np.nan]]), X, "`hide`: expected finite numbers"),
    (dict(feature_names=["a"]), X, "`feature_names`: expected a name for each of 2 channels"),
    ({}, X[0, :, 0], r"`X`: expected an array \(rows, time\).*`X\[None\]`"),
    ({}, [X[0], X[1, :, 0]], r"same channels in all series.*\(12, 2\) and series 1 \(12,\)"),
    ({}, [[1.0, np.nan]], "series 0: expected finite numbers, got 1 .* at step 1"),
    ({}, [["a", "b"]], "series 0: expected numbers"),
    ({}, [[]], r"series 0: expected \(time,\)"),
    ({}, [], "`X`: expected some series, got none"),
    (dict(link="logit"), X, "`link`: is no setting of algorithm='lime'"),
    (dict(kernel_width=0), X, "`kernel_width`: expected a number between 0"),
    (dict(time_column=3), X, "`time_column`: expected the name of a column"),
]


@pytest.mark.parametrize(("settings", "rows", "message"), BAD)
def test_bad_input_is_refused_by_name(settings, rows, message):
    with pytest.raises(ValueError, match=message):
        SeriesExplainer().set_params(**settings).explain(rows, lambda batch: batch[:, 0])


BAD_FRAMES = [
    ({}, lambda f: f, "`time_column`: expected the name of the column of times"),
    ({"time_column": "when"}, lambda f: f, "`time_column`: expected a column of the frame"),
    ({"time_column": "day"}, lambda f: f, "several with day = 2024-01-01.*`series_column`"),
    (
        {"time_column": "day", "series_column": "patient", "feature_names": ["pulse", "weight"]},
        lambda f: f,
        "`feature_names`: expected columns of the frame, got 'weight'",
    ),
    ({"time_column": "pulse"}, lambda f: f, "expected numbers in column 'patient'"),
    (
        {"time_column": "day", "series_column": "patient"},
        lambda f: f.assign(pulse=np.nan),
        "series 'b': expected finite numbers, got 12",
    ),
    (
        {"time_column": "day", "series_column": "patient"},
        lambda f: f.assign(day=f["day"].astype(str)),
        "expected numbers or moments in column 'day'",
    ),
    (
        {"time_column": "day", "series_column": "patient"},
        lambda f: f.assign(patient=None),
        "expected a name of the series in every line",
    ),
    ({"time_column": "day"}, lambda f: f.iloc[:0], "expected some lines"),
]


@pytest.mark.parametrize(("settings", "change", "message"), BAD_FRAMES)
def test_a_bad_frame_is_refused_by_name(settings, change, message):
    with pytest.raises(ValueError, match=message):
        SeriesExplainer(**settings).explain(change(frame()), curved)


def test_an_error_of_the_model_says_what_it_was_called_with():
    def only_long(batch):
        if batch.shape[1] < 10:
            raise RuntimeError("too short")
        return batch.sum(1)

    with pytest.raises(RuntimeError, match="too short") as caught:
        SeriesExplainer().explain([LONG[0], LONG[1, :9]], only_long)
    assert "series of shape (1, 9)" in caught.value.__notes__[0]
