"""Three panels along the widths: the numbers that were given, in order, literally named."""

import numpy as np
import pytest
from scipy.stats import t as student_t

pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lime_jax.views.plots import width_curve

WIDTHS = [2.0, 0.5, 1.0]
WEIGHTS = np.array([[0.2, -0.1, 0.0], [0.1, -0.5, 0.02], [0.15, -0.3, 0.01]])
ERRORS = np.array([[0.01, 0.02, 0.01], [0.05, 0.1, np.nan], [0.02, 0.04, 0.0]])
SCORES, EFFECTIVE = np.array([0.5, 0.9, 0.7]), np.array([900.0, 20.0, 200.0])
SORTED = [1, 2, 0]


def draw(names=("a", "b", "c"), errors=ERRORS, **options):
    return width_curve(WIDTHS, WEIGHTS, errors, names, SCORES, EFFECTIVE, **options)


def line(axes, label):
    (found,) = [one for one in axes.lines if one.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def test_lines_are_the_numbers_in_the_order_of_the_widths():
    figure = draw(held_out_scores=SCORES - 0.1)
    weights, score, effective = figure.axes
    for k, name in enumerate("abc"):
        x, y = line(weights, name)
        np.testing.assert_array_equal(x, [0.5, 1.0, 2.0])
        np.testing.assert_array_equal(y, WEIGHTS[SORTED, k])
    np.testing.assert_array_equal(line(score, "fitted")[1], SCORES[SORTED])
    np.testing.assert_array_equal(line(score, "held out")[1], SCORES[SORTED] - 0.1)
    np.testing.assert_array_equal(effective.lines[0].get_ydata(), EFFECTIVE[SORTED])
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert [text.get_text() for text in effective.get_xticklabels()] == ["0.5", "1", "2"]


@pytest.mark.parametrize(("degrees", "factor"), [(None, 1.96), (7, student_t.ppf(0.975, 7))])
def test_bands_are_95_percent_intervals(degrees, factor):
    weights = draw(degrees_of_freedom=degrees).axes[0]
    band = weights.collections[0].get_paths()[0].vertices  # of the strongest, b
    at_half = band[band[:, 0] == 0.5][:, 1]
    np.testing.assert_allclose(
        [at_half.min(), at_half.max()], [-0.5 - 0.1 * factor, -0.5 + 0.1 * factor]
    )
    assert "95 %" in weights.get_ylabel()
    assert "95 %" not in draw(errors=None).axes[0].get_ylabel()


def test_the_strongest_features_at_any_width_are_shown():
    legend = draw(max_features=2).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["b", "a"]


def test_the_chosen_width_is_marked_in_every_panel():
    figure = draw(chosen=1.0)
    for axes in figure.axes:
        np.testing.assert_array_equal(line(axes, "chosen")[0], [1.0, 1.0])
    assert "chosen" not in [one.get_label() for axes in draw().axes for one in axes.lines]


def test_names_are_literal_and_not_cut_off():
    names = (r"cost_in_$ \alpha_{1} > $x^2$", "a" * 150, "100 % <b>&amp;")
    figure = draw(names=names, title="row 3 of $x$")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    whole = figure.bbox
    for text in figure.axes[0].get_legend().get_texts():
        box = text.get_window_extent(canvas.get_renderer())
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    shown = "".join(text.get_text() for text in figure.axes[0].get_legend().get_texts())
    assert names[0] in shown


def test_one_width_and_nothing_at_all_are_drawn():
    one = width_curve([1.0], WEIGHTS[:1], None, "abc", SCORES[:1], EFFECTIVE[:1])
    FigureCanvasAgg(one).draw()
    nothing = width_curve([], WEIGHTS[:0], None, "abc", SCORES[:0], EFFECTIVE[:0])
    assert nothing.axes[0].texts[0].get_text() == "no widths"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(names=("a", "b")), "`weights`.*`names`"),
        (dict(held_out_scores=SCORES[:2]), r"`held_out_scores`.*`widths` \(3\)"),
        (dict(max_features=7), "`max_features`.*1 to 6"),
        (dict(errors=ERRORS[:2]), "`std_errors`.*`widths`"),
    ],
)
def test_lengths_that_differ_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        draw(**change)


def test_widths_are_positive():
    with pytest.raises(ValueError, match=r"`widths`.*positive, got 0"):
        width_curve([0.0], WEIGHTS[:1], None, "abc", SCORES[:1], EFFECTIVE[:1])
