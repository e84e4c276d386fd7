"""The figures show the numbers they are given, literally, and leave nothing global behind."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import t as student_t

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from lime_jax.views.plots import explanation_bars, heat_map, summary_bars  # noqa: E402

HOSTILE = [r"cost_in_$", r"\alpha_{1} > $x^2$", "a" * 200, "two\nlines", r"\$5", "100 % <b>&amp;"]


def bar_lengths(figure):
    return [patch.get_width() for patch in figure.axes[0].patches]


def names_of(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def half_widths(figure):
    """Of each bar's interval, by its place from the top; no key where there is none."""
    (lines,) = [c for c in figure.axes[0].collections if len(c.get_segments())]
    return {
        round(float(segment[0, 1])): np.ptp(segment[:, 0]) / 2 for segment in lines.get_segments()
    }


def rendered(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def test_bars_are_as_long_as_the_weights_strongest_on_top():
    weights = np.array([0.1, -0.4, 0.0, 0.25])
    figure = explanation_bars(["a", "b", "c", "d"], weights, None, title="row 0")
    np.testing.assert_allclose(bar_lengths(figure), [-0.4, 0.25, 0.1, 0.0])
    assert names_of(figure) == ["b", "d", "a", "c"]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top  # place 0 is the top
    assert figure.axes[0].get_title(loc="left") == "row 0"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("degrees", "factor"), [(None, 1.96), (7, student_t.ppf(0.975, 7))])
def test_intervals_are_95_percent(dtype, degrees, factor):
    weights, errors = np.array([0.3, -0.2, 0.1], dtype), np.array([0.01, 0.05, 0.02], dtype)
    figure = explanation_bars(["a", "b", "c"], weights, errors, degrees_of_freedom=degrees)
    expected = {k: factor * errors[k] for k in range(3)}
    assert half_widths(figure) == pytest.approx(expected, rel=1e-5)
    assert "95 %" in figure.axes[0].get_xlabel()


def test_errors_that_are_unknown_or_zero_get_no_interval():
    weights = np.array([0.3, -0.2, 0.1])
    figure = explanation_bars(["a", "b", "c"], weights, np.array([np.nan, 0.05, 0.0]))
    assert half_widths(figure) == pytest.approx({1: 1.96 * 0.05})
    exact = explanation_bars(["a", "b", "c"], weights, np.zeros(3))
    assert "95 %" not in exact.axes[0].get_xlabel()
    assert not exact.axes[0].collections


def test_signs_have_two_colors():
    figure = explanation_bars(["a", "b", "c"], np.array([0.3, -0.2, 0.1]), None)
    positive, negative, second = (patch.get_facecolor() for patch in figure.axes[0].patches)
    assert positive == second != negative


@pytest.mark.parametrize("plot", ["bars", "summary", "heat_map"])
def test_names_are_literal_and_not_cut_off(plot):
    weights = np.arange(len(HOSTILE), 0, -1.0)
    figure = {
        "bars": lambda: explanation_bars(HOSTILE, weights, None, title=HOSTILE[1]),
        "summary": lambda: summary_bars(HOSTILE, weights, None, title=HOSTILE[1]),
        "heat_map": lambda: heat_map(HOSTILE, weights[None], row_names=["$r$"], title=HOSTILE[1]),
    }[plot]()
    renderer = rendered(figure)
    labels = figure.axes[0].get_yticklabels()
    for name, label in zip(HOSTILE, labels, strict=True):
        assert label.get_text().replace("\n", "") == name.replace("\n", " ")
        assert not label.get_parse_math()
        assert label.get_window_extent(renderer).x0 >= 0
    assert figure.axes[0].get_title(loc="left") == HOSTILE[1]
    assert figure.axes[0].get_window_extent(renderer).width > 200  # room for the data is left


@pytest.mark.parametrize(
    "figure",
    [
        lambda: explanation_bars([], np.zeros(0), None, title="t"),
        lambda: summary_bars([], np.zeros(0), np.zeros(0)),
        lambda: heat_map([], np.zeros((3, 0))),
    ],
)
def test_nothing_to_show_is_said(figure):
    drawn = figure()
    rendered(drawn)
    assert [text.get_text() for text in drawn.axes[0].texts] == ["no features"]


def test_a_heat_map_without_rows_says_so():
    assert [t.get_text() for t in heat_map(["a"], np.zeros((0, 1))).axes[0].texts] == ["no rows"]


def test_all_zero_weights_draw():
    for figure in (
        explanation_bars(["a", "b"], np.zeros(2), np.zeros(2)),
        summary_bars(["a", "b"], np.zeros(2), None),
        heat_map(["a", "b"], np.zeros((4, 2))),
    ):
        rendered(figure)
        assert np.isfinite(figure.axes[0].get_xlim()).all()


def test_the_summary_keeps_the_strongest(rng):
    weights = rng.uniform(size=30)
    names = [f"f{k}" for k in range(30)]
    figure = summary_bars(names, weights, weights / 10, max_features=4)
    best = np.argsort(-weights)[:4]
    assert names_of(figure) == [f"f{k}" for k in best]
    np.testing.assert_allclose(bar_lengths(figure), weights[best])
    assert half_widths(figure) == pytest.approx({k: 0.196 * w for k, w in enumerate(weights[best])})
    assert "strongest 4 of 30" in figure.axes[0].get_xlabel()


def test_the_heat_map_shows_the_strongest_features_centred_at_zero(rng):
    weights = rng.normal(size=(7, 5)) * [1, 5, 2, 4, 3]
    figure = heat_map(list("abcde"), weights, max_features=3, row_names=list("1234567"))
    best = np.argsort(-np.abs(weights).mean(axis=0))[:3]
    (image,) = figure.axes[0].images
    np.testing.assert_array_equal(image.get_array(), weights[:, best].T)
    low, high = image.get_clim()
    assert low == -high == -np.abs(weights[:, best]).max()
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list("1234567")
    assert "units of the output" in figure.axes[1].get_ylabel()


def test_a_heat_map_of_many_rows_is_light_and_outliers_do_not_wash_it_out(rng):
    weights = rng.normal(size=(100_000, 2)).astype(np.float32)
    weights[0] = 1e6
    figure = heat_map(["a", "b"], weights)
    (image,) = figure.axes[0].images
    assert image.get_array().shape[1] <= 600
    assert image.get_clim()[1] < 10
    left, right = image.get_extent()[:2]
    assert left <= 0
    assert right > 598 * 167
    assert "1 of 167" in figure.axes[0].get_xlabel()


def test_given_axes_are_drawn_on():
    for make in (
        lambda ax: explanation_bars(["a"], np.ones(1), None, ax=ax),
        lambda ax: summary_bars(["a"], np.ones(1), None, ax=ax),
        lambda ax: heat_map(["a"], np.ones((1, 1)), ax=ax),
    ):
        figure = Figure()
        ax = figure.subfigures(1, 2)[1].add_subplot()
        assert make(ax) is figure
        assert ax.has_data()


def test_figures_are_unknown_to_pyplot_and_pickle():
    import matplotlib.pyplot as plt

    figure = explanation_bars(["a"], np.ones(1), None)
    assert plt.get_fignums() == []
    assert bar_lengths(pickle.loads(pickle.dumps(figure))) == [1.0]


def test_notebooks_display_a_figure_without_pyplot():
    formatters = pytest.importorskip("IPython.core.formatters")
    data, metadata = formatters.DisplayFormatter().format(
        explanation_bars(["a"], np.ones(1), None), include=["image/png"]
    )
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["width"] > 100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explanation_bars(["a"], np.ones(2), None), "`weights`.*`conditions`"),
        (lambda: explanation_bars(["a"], np.ones(1), np.ones(1), degrees_of_freedom=0), "`degrees"),
        (lambda: summary_bars(["a", "b"], np.ones(1), None), "`mean_absolute_weights`"),
        (lambda: summary_bars(["a"], np.ones(1), None, max_features=0), "`max_features`"),
        (lambda: heat_map(["a"], np.ones((3, 2))), "`weights`.*`feature_names`"),
        (lambda: heat_map(["a"], np.ones((3, 1)), row_names=["x"]), "`row_names`"),
    ],
)
def test_wrong_lengths_are_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_importing_needs_no_matplotlib_and_drawing_names_the_extra():
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np, lime_jax.views.plots as plots\n"
        "try: plots.explanation_bars(['a'], np.ones(1), None)\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 'pip install "lime_jax[plots]"' in out.stdout
