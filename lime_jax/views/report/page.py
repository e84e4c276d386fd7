"""Whole pages and the notebook fragment: static, self-contained, without a script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from lime_jax.fits.intervals import interval_half_widths
from lime_jax.views.report.chart import bar_table, probability_table
from lime_jax.views.report.images import Picture, gallery, stacked
from lime_jax.views.report.marked_text import MarkedText, marked_text
from lime_jax.views.report.numbers import Number, count, plural, r_squared, significant, text
from lime_jax.views.report.reading import agreement, legend, reading
from lime_jax.views.report.row import OutputsReport, OutputWeights, RowReport
from lime_jax.views.report.shaded_series import shaded_series
from lime_jax.views.report.style import page_style, scoped_style
from lime_jax.views.shaded import ShadedSeries

Ranking: TypeAlias = tuple[
    Sequence[str], Float[np.ndarray, " features"], Float[np.ndarray, " features"] | None
]

Shown: TypeAlias = Picture | MarkedText | ShadedSeries
"""What a page shows above the weights."""

_MOST_OUTPUTS = 10
_MOST_RANKED = 50


def row_page(report: RowReport, pictures: Sequence[Shown] = ()) -> str:
    """One explained row or image as an HTML page of its own: no script, nothing to load."""
    return _page(f"{report.title}: {report.label}", _row_body(report, pictures, heading="h1"))


def row_fragment(report: RowReport, pictures: Sequence[Shown] = ()) -> str:
    """One explained row or image as a `<div>` with scoped style, for a notebook's rich output.

    Several on one page do not disturb each other.
    """
    return _fragment(_row_body(report, pictures, heading="h2"))


def outputs_page(report: OutputsReport) -> str:
    """One explained instance with several outputs, as an HTML page of its own."""
    return _page(f"Explanation: {report.title}", _outputs_body(report, "h1", "h2"))


def outputs_fragment(report: OutputsReport) -> str:
    """One explained instance with several outputs, for a notebook's rich output."""
    return _fragment(_outputs_body(report, "h2", "h3"))


def dataset_page(
    title: str,
    facts: Sequence[tuple[str, str]],
    rows: Sequence[tuple[RowReport, Sequence[Shown]]],
    ranking: Ranking | None = None,
    subject: str = "row",
    figures: Sequence[Picture] = (),
) -> str:
    """A data set's explanations as a page: facts, the ranking of features, and chosen rows.

    Args:
        rows: what to show, each with its pictures.
        ranking: names of features, their mean |weight| over the rows and its standard error (None,
            0 or NaN: no interval), both in units of the output; None: features differ by row.
        subject: what was explained, such as "row" or "image".
        figures: of all rows.
    """
    what = "a data set" if subject == "row" else plural(subject)
    sections = [
        f'<header><p class="k">Explanations of {what}</p><h1>{text(title)}</h1></header>',
        _facts(facts),
    ]
    if ranking is not None:
        sections += ["<h2>Which features matter most</h2>", _ranking(*ranking)]
    sections += [stacked(figures)] if figures else []
    if rows and (ranking is not None or figures):
        sections.append(f"<h2>{'Chosen rows' if len(rows) > 1 else 'A chosen row'}</h2>")
    folded = [_folded(report, pictures) for report, pictures in rows]
    if any(pictures for _, pictures in rows):
        folded = ['<div class="d">', *folded, "</div>"]
    return _page(title, "\n".join([*sections, *folded, _FOOTER]))


_FOOTER = "<footer>Made with lime_jax. Weights describe the model, not the world.</footer>"


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta name="color-scheme" content="light dark"/>'
        f"<title>{text(title)}</title><style>{scoped_style()}{page_style()}</style></head>\n"
        f'<body><main class="lime-jax">\n{body}\n</main></body></html>\n'
    )


def _fragment(body: str) -> str:
    return f'<div class="lime-jax"><style>{scoped_style()}</style>\n{body}\n</div>'


def _outputs_body(report: OutputsReport, heading: str, below: str) -> str:
    header = (
        f'<header><p class="k">Explanation of one prediction</p><{heading}>'
        f"<bdi>{text(report.title)}</bdi></{heading}></header>"
    )
    parts = [header, report.shown]
    if len(report.prediction) > 1:
        explained = [output.name for output in report.outputs]
        parts += [f"<{below}>All outputs</{below}>"]
        parts += [_largest(report.prediction, explained, report.highest, report.is_probability)]
    for output in report.outputs:
        parts += [f"<{below}>Weights for <bdi>{text(output.name)}</bdi></{below}>"]
        parts += [f'<p class="q">{text(agreement(output, report))}</p>', _weights_of(output)]
    return "\n".join([*filter(None, parts), _FOOTER])


def _weights_of(output: OutputWeights) -> str:
    if not output.conditions:
        return '<p class="q">no features</p>'
    raises, lowers, whiskers = legend(output.name, any(width > 0 for width in output.half_widths))
    return bar_table(
        _caption(raises, lowers, whiskers),
        ("feature", "", "weight"),
        output.conditions,
        None,
        output.weights,
        output.half_widths,
    )


def _row_body(report: RowReport, pictures: Sequence[Shown], heading: str) -> str:
    header = (
        f'<header><p class="k">Explanation of one prediction</p><{heading}>{text(report.title)}: '
        f"<bdi>{text(report.label)}</bdi></{heading}></header>"
    )
    below = "h2" if heading == "h1" else "h3"
    return "\n".join([header, _row_sections(report, pictures, below), _FOOTER])


def _row_sections(report: RowReport, pictures: Sequence[Shown], heading: str) -> str:
    parts = [f"<p>{text(reading(report))}</p>"]
    parts += [f'<p class="note" role="note">{text(note)}</p>' for note in report.notes]
    parts += [marked_text(one) for one in pictures if isinstance(one, MarkedText)]
    parts += [shaded_series(one) for one in pictures if isinstance(one, ShadedSeries)]
    images = [one for one in pictures if isinstance(one, Picture)]
    parts += [gallery(images), _diagnostics(report)] if images else [_diagnostics(report)]
    if report.prediction:
        parts += [f"<{heading}>What the model says</{heading}>", _outputs(report)]
    parts += [f"<{heading}>Weights, strongest first</{heading}>", _weights(report)]
    return "\n".join(parts)


def _diagnostics(report: RowReport) -> str:
    if report.algorithm != "lime":
        return _facts(_facts_of_shapley_values(report))
    facts = [
        ("surrogate predicts", significant(report.local_pred)),
        ("R² of the surrogate", r_squared(report.score)),
        ("intercept", significant(report.intercept)),
    ]
    if report.method == "sampled":
        facts += [
            ("samples", count(report.num_samples)),
            ("effective samples", count(report.effective_samples)),
        ]
    return _facts([*facts, ("method", report.method)])


def _facts_of_shapley_values(report: RowReport) -> list[tuple[str, str]]:
    facts = [
        ("expected value", significant(report.intercept)),
        ("with all weights", significant(report.local_pred)),
    ]
    if math.isfinite(report.score):
        facts.append(("R² of the additive model", r_squared(report.score)))
    if report.method == "sampled":
        facts.append(("coalitions", count(report.num_samples)))
    return [*facts, ("method", f"{report.method} {report.value_kind.title()} values")]


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    pairs = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts)
    return f"<dl>{''.join(pairs)}</dl>" if facts else ""


def _outputs(report: RowReport) -> str:
    return _largest(report.prediction, [report.label], report.label, report.is_probability)


def _largest(
    prediction: Sequence[tuple[str, Number]], explained: Sequence[str], bold: str, as_bars: bool
) -> str:
    """The model's largest outputs, and those that are explained in any case."""
    outputs = [(name, float(value)) for name, value in prediction]
    if len(outputs) > _MOST_OUTPUTS:
        largest = sorted(outputs, key=lambda pair: (pair[0] not in explained, -pair[1]))
        outputs = largest[: max(_MOST_OUTPUTS, len(explained))]
    table = probability_table(outputs, bold, as_bars)
    left_out = len(prediction) - len(outputs)
    return table + (f'<p class="q">and {left_out:,} smaller ones</p>' if left_out else "")


def _weights(report: RowReport) -> str:
    if not report.conditions:
        return '<p class="q">no features</p>'
    weights = np.asarray(report.weights, dtype=float)
    errors = np.asarray(report.std_errors, dtype=float)
    half_widths = interval_half_widths(errors, report.degrees_of_freedom)
    order = _descending(np.abs(weights))
    raises, lowers, whiskers = legend(report.label, bool((half_widths > 0).any()))
    return bar_table(
        _caption(raises, lowers, whiskers),
        (*report.heads, "weight"),
        [report.conditions[k] for k in order],
        [report.values[k] for k in order],
        weights[order].tolist(),
        half_widths[order].tolist(),
    )


def _caption(raises: str, lowers: str, whiskers: str) -> str:
    return (
        f'<span class="i">{text(raises)}</span> &#160; <span class="i o">{text(lowers)}</span>'
        f" &#160; {whiskers}"
    )


def _ranking(
    feature_names: Sequence[str],
    mean_absolute_weights: Float[np.ndarray, " features"],
    std_errors: Float[np.ndarray, " features"] | None,
) -> str:
    for name, values in (("weights", mean_absolute_weights), ("errors", std_errors)):
        if values is not None and len(values) != len(feature_names):
            raise ValueError(
                f"`ranking`: expected one of the {name} for each of {len(feature_names)} names, "
                f"got {len(values)}"
            )
    if not feature_names:
        return '<p class="q">no features</p>'
    errors = np.zeros_like(mean_absolute_weights) if std_errors is None else std_errors
    half_widths = interval_half_widths(errors, None)
    order = _descending(mean_absolute_weights)[:_MOST_RANKED]
    caption = "Mean absolute weight over the rows, in units of the model's output"
    caption += "; whiskers: 95 % interval." if (half_widths > 0).any() else "."
    if len(order) < len(feature_names):
        caption += f" The strongest {len(order)} of {len(feature_names):,}."
    return bar_table(
        caption,
        ("feature", "", "mean |weight|"),
        [feature_names[k] for k in order],
        None,
        mean_absolute_weights[order].tolist(),
        half_widths[order].tolist(),
        signed=False,
    )


def _descending(sizes: Float[np.ndarray, " features"]) -> list[int]:
    return np.argsort(-sizes, kind="stable").tolist()


def _folded(report: RowReport, pictures: Sequence[Shown] = ()) -> str:
    output = report.model_output
    shown = "" if output is None else f' <span class="q">{significant(output)}</span>'
    is_open = ' open="open"' if pictures else ""
    return (
        f"<details{is_open}><summary><h3>{text(report.title)}: "
        f"<bdi>{text(report.label)}</bdi></h3>{shown}"
        f"</summary><div>{_row_sections(report, pictures, 'h4')}</div></details>"
    )
