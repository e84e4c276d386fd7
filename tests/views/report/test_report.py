"""The pages hold the numbers as text and as bars, and nothing a browser would run or load."""

import dataclasses
import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy.stats import t as student_t

from lime_jax.views.report import RowReport, dataset_page, row_fragment, row_page
from lime_jax.views.report.numbers import fixed, r_squared, significant
from lime_jax.views.report.style import DARK, LIGHT, scoped_style
from lime_jax.views.report.svg import scale_for

HOSTILE = "</script><img src=x onerror=alert(1)>"


def row(features=3, **changes):
    weights = [0.13 * (-0.7) ** k for k in range(features)]
    report = RowReport(
        title="row 0",
        label="malignant",
        prediction=[("malignant", 0.12), ("benign", 0.88)],
        conditions=[f"{k}.25 < worst concave points {k} <= {k + 1}.75" for k in range(features)],
        values=[f"{k + 0.5:.4g}" for k in range(features)],
        weights=weights,
        std_errors=[0.02 / (k + 1) for k in range(features)],
        intercept=0.41,
        score=0.354,
        local_pred=0.39,
        effective_samples=3897.2,
        num_samples=4096,
        method="sampled",
        notes=("a note",),
        degrees_of_freedom=7,
    )
    return dataclasses.replace(report, **changes)


def data_page(name="worst area", **changes):
    return dataset_page(
        changes.get("title", "Breast cancer"),
        [(changes.get("fact", "rows"), changes.get("fact", "569"))],
        [(shown, ()) for shown in changes.get("rows", [row(), row(title="row 1")])],
        ([name, "b"], np.array([0.02, 0.3]), np.array([0.001, np.nan])),
    )


PAGES = {
    "row": lambda: row_page(row()),
    "fragment": lambda: row_fragment(row()),
    "dataset": data_page,
    "empty row": lambda: row_page(row(0)),
    "empty dataset": lambda: dataset_page("t", [], [], ([], np.zeros(0), None)),
    "exact": lambda: row_page(row(method="exact", std_errors=[0.0, math.nan, 0.0])),
}


def tree(page):
    """Of a page, which is well-formed XML too."""
    return ElementTree.fromstring(page.removeprefix("<!doctype html>\n"))


def words(page):
    body = tree(page)
    for style in [*body.iter("style")]:
        style.text = ""
    return " ".join("".join(body.itertext()).split())


def drawn(page, table):
    """(start, end, left, right) of each bar and interval of a table, in percent."""
    bars = []
    for svg in tree(page).findall(f".//table[@class='{table}']//tbody//svg"):
        paths = {path.get("class"): path.get("d") for path in svg.iter("path")}
        body = next((paths[kind] for kind in "pnu" if kind in paths), None)
        found = re.match(r"M([\d.]+) 2H([\d.]+)V8", body) if body else None
        whisker = re.match(r"M([\d.]+) 5H([\d.]+)M", paths.get("e", ""))
        ends = tuple(map(float, found.groups())) if found else None
        bars.append((ends, tuple(map(float, whisker.groups())) if whisker else None))
    return bars


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_well_formed_static_and_self_contained(kind):
    page = PAGES[kind]()
    assert page == PAGES[kind]()  # the same bytes
    page.encode("utf-8")
    tags = [element.tag for element in tree(page).iter()]
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(tags)
    attributes = {name for element in tree(page).iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"src", "href"}
    for forbidden in ("<script", "http", "url(", "@import", "javascript:"):
        assert forbidden not in page.lower()


@pytest.mark.parametrize(
    "page",
    [
        row_page(row(conditions=[HOSTILE] * 3)),
        row_page(row(values=[HOSTILE] * 3)),
        row_page(row(title=HOSTILE)),
        row_page(row(label=HOSTILE, prediction=[(HOSTILE, 0.5), ("b", 0.5)])),
        row_page(row(prediction=[(HOSTILE, 3.5)])),
        row_page(row(notes=(HOSTILE,))),
        row_fragment(row(conditions=[HOSTILE] * 3, label=HOSTILE, notes=(HOSTILE,))),
        data_page(name=HOSTILE),
        data_page(title=HOSTILE),
        data_page(fact=HOSTILE),
        data_page(rows=[row(title=HOSTILE, label=HOSTILE, values=[HOSTILE] * 3)]),
    ],
)
def test_hostile_names_show_as_text(page):
    class Tags(HTMLParser):
        seen: set[str]

        def handle_starttag(self, tag, attrs):
            self.seen.add(tag)

    parser = Tags()
    parser.seen = set()
    parser.feed(page)
    assert not parser.seen & {"script", "img"}
    assert HOSTILE not in page
    assert HOSTILE in words(page)


@pytest.mark.parametrize("name", ["a\x00b", "\x1b[31m", "\ud800", "x\ufffe", "\u202eevil", "\"&'<"])
def test_characters_that_html_forbids_do_not_break_a_page(name):
    page = row_page(row(conditions=[name] * 3))
    page.encode("utf-8")
    assert tree(page) is not None


@pytest.mark.parametrize("features", [10, 30, 100])
def test_one_row_stays_under_60_kilobytes(features):
    assert len(row_page(row(features)).encode()) < 60_000
    assert len(row_fragment(row(features)).encode()) < 60_000


@pytest.mark.parametrize("features", [2, 9])
def test_bars_and_intervals_have_the_length_of_the_numbers(features):
    report = row(features)
    factor = student_t.ppf(0.975, 7)
    bars = drawn(row_page(report), "t w")
    assert len(bars) == features
    zero = bars[0][0][0]
    (start, end), _ = bars[0]
    unit = (end - start) / report.weights[0]
    for ((start, end), (left, right)), weight, error in zip(
        bars, report.weights, report.std_errors, strict=True
    ):
        assert start == zero
        assert end - start == pytest.approx(unit * weight, abs=0.02)
        assert (left + right) / 2 == pytest.approx(end, abs=0.02)
        assert (right - left) / 2 == pytest.approx(unit * factor * error, abs=0.02)
        assert 0 <= left <= right <= 100


def test_the_table_holds_the_same_numbers_strongest_first():
    report = row(weights=[0.01, -0.2, 0.0519])
    cells = [
        ["".join(cell.itertext()) for cell in line if cell.get("class") != "b"]
        for line in tree(row_page(report)).findall(".//table[@class='t w']/tbody/tr")
    ]
    assert [line[0] for line in cells] == [report.conditions[k] for k in (1, 2, 0)]
    assert [line[1] for line in cells] == ["1.5", "2.5", "0.5"]
    assert [line[2] for line in cells] == ["−0.200", "0.052", "0.010"]  # noqa: RUF001
    assert [line[3] for line in cells] == ["±0.024", "±0.016", "±0.047"]


def test_every_picture_has_a_text_and_every_table_its_heads():
    for page in (row_page(row()), data_page()):
        for svg in tree(page).iter("svg"):
            assert svg.get("role") == "img"
            assert svg[0].tag == "title"
            assert svg[0].text
        assert {cell.get("scope") for cell in tree(page).iter("th")} <= {"col", "row"}


def test_the_reading_says_how_far_to_trust_the_weights():
    weak = words(row_page(row()))
    assert "The surrogate predicts 0.390 where the model says 0.120; R² 0.35" in weak
    assert "average effects" in weak
    assert "4,096 samples, worth 3,897" in weak
    assert "a note" in weak
    assert "follow the model closely" in words(row_page(row(score=0.97)))
    exact = words(row_page(row(method="exact", std_errors=[0.0] * 3)))
    assert "no samples were drawn" in exact
    assert "4,096" not in exact
    assert "whiskers" not in exact
    unknown = words(row_page(row(label="other", score=math.nan)))
    assert "where the model says" not in unknown
    assert "nan" not in unknown.replace("malignant", "")


def test_unknown_errors_leave_the_bar_and_drop_the_interval():
    bars = drawn(row_page(row(std_errors=[math.nan, 0.01, 0.0])), "t w")
    assert [whisker is not None for _, whisker in bars] == [False, True, False]
    assert all(body is not None for body, _ in bars)


def test_probabilities_are_bars_on_a_scale_of_zero_to_one_and_values_are_not():
    bars = drawn(row_page(row()), "t c")
    assert [body for body, _ in bars] == [(0.0, 12.0), (0.0, 88.0)]
    page = row_page(row(label="price", prediction=[("price", -1234.5)]))
    assert drawn(page, "t c") == []
    assert "−1,234" in words(page)  # noqa: RUF001


def test_of_many_outputs_the_largest_and_the_explained_one_are_shown():
    outputs = [(f"class {k}", (k + 1) / 500_500) for k in range(1000)]
    page = words(row_page(row(label="class 0", prediction=outputs)))
    assert "class 0" in page
    assert "class 999" in page
    assert "class 500" not in page
    assert "and 990 smaller ones" in page


def test_a_data_set_ranks_its_features_and_folds_its_rows():
    page = data_page()
    table = tree(page).find(".//table[@class='t w']")
    assert [head.text for head in table.findall("tbody/tr/th")] == ["b", "worst area"]
    assert len(tree(page).findall(".//details/summary")) == 2
    assert "569" in words(page)
    (_, none), (_, whisker) = drawn(page, "t w")[:2]
    assert none is None
    assert whisker is not None
    with pytest.raises(ValueError, match=r"`ranking`: expected one of the weights for each of 1"):
        dataset_page("t", [], [], (["a"], np.ones(2), np.ones(2)))


def test_a_long_ranking_is_cut_and_says_so(rng):
    names = [f"f{k}" for k in range(5000)]
    page = dataset_page("t", [], [], (names, rng.uniform(size=5000), None))
    assert len(page) < 60_000
    assert "The strongest 50 of 5,000." in words(page)


def luminance(color):
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(first, second):
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colors_are_readable(palette):
    for ink in ("ink", "quiet"):
        for ground in ("card", "note"):
            assert contrast(palette[ink], palette[ground]) >= 4.5
    for shape in ("positive", "negative", "neutral", "whisker"):
        assert contrast(palette[shape], palette["card"]) >= 3
    for bar in ("positive", "negative", "neutral"):
        assert contrast(palette["whisker"], palette[bar]) >= 2.2  # and its caps stick out


def test_the_style_uses_only_the_palettes_and_stays_in_its_scope():
    style = scoped_style()
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", style)) <= {*LIGHT.values(), *DARK.values()}
    assert "prefers-color-scheme:dark" in style
    rules = re.sub(r"@media[^{]*\{", "", style)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        assert all(".lime-jax" in selector for selector in selectors.split(","))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (-0.052345, "−0.0523"),  # noqa: RUF001
        (1234567.0, "1,234,567"),
        (0.9996, "1.000"),
        (-2.5e-12, "−2.50 × 10⁻¹²"),  # noqa: RUF001
        (math.nan, "–"),  # noqa: RUF001
        (-math.inf, "−∞"),  # noqa: RUF001
    ],
)
def test_significant_digits(value, shown):
    assert significant(value) == shown


def test_nothing_is_minus_zero_and_only_one_is_one():
    assert fixed(-0.0004, 3) == "0.000"
    assert (r_squared(0.996), r_squared(1.0)) == ("0.99", "1.00")


@pytest.mark.parametrize("values", [[0.0], [], [1e-12, -3e-13], [4e9], [-5.0], [math.nan, 1.0]])
def test_every_scale_holds_zero_and_its_values(values):
    scale = scale_for(values)
    assert 2 <= len(scale.ticks) <= 8
    for value in [0.0, *(v for v in values if math.isfinite(v)), *scale.ticks]:
        assert -0.01 <= scale.at(value) <= 100.01


@pytest.mark.parametrize(
    "changes", [{"weights": [1.0]}, {"values": []}, {"std_errors": [0.0]}, {"method": "magic"}]
)
def test_a_report_checks_itself(changes):
    with pytest.raises(ValueError, match=f"`{next(iter(changes))}`"):
        row(**changes)
