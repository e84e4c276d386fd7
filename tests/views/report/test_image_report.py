"""Pages of explained images: pictures inside, outlines in place, nothing to run or to load."""

import base64
import dataclasses
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from lime_jax.views.plots.pictures import outline, overlaid
from lime_jax.views.report import (
    Picture,
    RowReport,
    dataset_page,
    row_fragment,
    row_page,
    superpixel_pictures,
)

HOSTILE = "</script><img src=x onerror=alert(1)>"
SEGMENTS = np.repeat(np.arange(4, dtype=np.int32), 30).reshape(2, 60).repeat(30, axis=0)
WEIGHTS = np.array([0.3, -0.2, 0.1, 0.0])


def report(label="cat"):
    return RowReport(
        title="image 0",
        label=label,
        prediction=[(label, 0.7), ("dog", 0.3)],
        conditions=["superpixel 0", "superpixel 1", "superpixel 2"],
        values=["900", "900", "900"],
        weights=[0.3, -0.2, 0.1],
        std_errors=[0.01, 0.02, 0.01],
        intercept=0.4,
        score=0.95,
        local_pred=0.6,
        effective_samples=800.0,
        num_samples=1024,
        method="sampled",
        degrees_of_freedom=7,
        subject="image",
        heads=("superpixel", "pixels"),
    )


def pictures(picture=None, segments=SEGMENTS, strongest=(0, 1, 2), label="cat"):
    picture = np.zeros((*segments.shape, 3), np.uint8) if picture is None else picture
    return superpixel_pictures(
        picture,
        segments,
        WEIGHTS,
        strongest,
        segments == 0,
        title="image 0",
        label=label,
        percentile=80.0,
    )


def tree(page):
    return ElementTree.fromstring(page.removeprefix("<!doctype html>\n"))


PAGES = {
    "image": lambda: row_page(report(), pictures()),
    "fragment": lambda: row_fragment(report(), pictures()),
    "images": lambda: dataset_page(
        "Cats", [("images", "2")], [(report(), pictures())] * 2, subject="image"
    ),
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_well_formed_static_and_self_contained(kind):
    page = PAGES[kind]()
    assert page == PAGES[kind]()  # the same bytes
    elements = [*tree(page).iter()]
    assert not {"script", "link", "iframe", "object", "a", "form"} & {e.tag for e in elements}
    assert not {name for e in elements for name in e.attrib if name.startswith("on")}
    sources = [e.get("src") for e in elements if e.tag == "img"]
    assert len(sources) == (6 if kind == "images" else 3)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    without = re.sub(r"base64,[^\"]*", "", page).lower()
    for forbidden in ("<script", "http", "url(", "@import", "javascript:"):
        assert forbidden not in without


@pytest.mark.parametrize(
    "page",
    [
        row_page(report(HOSTILE), pictures(label=HOSTILE)),
        row_page(report(), [Picture(np.zeros((2, 2, 3), np.uint8), HOSTILE, HOSTILE)]),
        dataset_page(
            HOSTILE,
            [(HOSTILE, HOSTILE)],
            [(report(HOSTILE), pictures(label=HOSTILE))],
            subject="image",
        ),
    ],
)
def test_hostile_names_show_as_text(page):
    assert HOSTILE not in page
    assert HOSTILE in "".join(tree(page).itertext()) + str([e.attrib for e in tree(page).iter()])


def test_every_picture_has_a_text_and_a_caption():
    figures = tree(row_page(report(), pictures())).findall(".//figure")
    assert [figure.find(".//img").get("alt") for figure in figures] == [
        "image 0 with outlines: superpixels 0, 2 raise cat, 1 lower it",
        "image 0, green where the weights for cat are largest: superpixels 0",
        "image 0, every superpixel in the color of its weight for cat",
    ]
    assert all(figure.find("figcaption").text for figure in figures)


def test_the_pictures_are_the_pixels(rng):
    image = pytest.importorskip("matplotlib.image")
    picture = rng.integers(0, 256, (60, 60, 3), dtype=np.uint8)
    found = [
        np.round(image.imread(io.BytesIO(base64.b64decode(e.get("src").split(",")[1]))) * 255)
        for e in tree(row_page(report(), pictures(picture))).iter("img")
    ]
    np.testing.assert_array_equal(found[0], picture)
    np.testing.assert_array_equal(found[1], overlaid(picture, SEGMENTS == 0))


def test_outlines_and_numbers_lie_on_their_superpixels():
    page = tree(row_page(report(), pictures()))
    drawn = {"jp": 0.0, "jn": 0.0}
    for path in page.findall(".//svg[@aria-hidden]/path"):
        if path.get("class") in drawn:
            lines = re.findall(r"M(\d+) (\d+)([HV])(\d+)", path.get("d"))
            drawn[path.get("class")] += sum(
                int(end) - int(x if way == "H" else y) for x, y, way, end in lines
            )
    length = {k: np.abs(np.diff(outline(k == SEGMENTS), axis=1)).sum() for k in range(3)}
    assert drawn == {"jp": length[0] + length[2], "jn": length[1]}
    places = {}
    for span in page.findall(".//figure//span"):
        x, y = map(float, re.findall(r"(?:left|top):([\d.]+)%", span.get("style")))
        places[int(span.text)] = int(SEGMENTS[int(y * 0.6), int(x * 0.6)])
    assert places == {0: 0, 1: 1, 2: 2}


def test_large_pictures_are_shrunk_and_lose_no_superpixel_but_tiny_ones():
    segments = np.zeros((1500, 1000), np.int32)
    segments[:750], segments[-1, -1] = 1, 2
    first, *others = pictures(segments=segments)
    assert first.pixels.shape == (480, 320, 3)
    assert [other.pixels.shape for other in others] == [(320, 213, 3)] * 2
    assert [one.name for one in first.outlines] == ["0", "1"]


def test_the_table_is_about_superpixels_of_an_image():
    page = row_page(report(), pictures())
    words = " ".join("".join(tree(page).itertext()).split())
    assert "closely around this image" in words
    table = tree(page).find(".//table[@class='t w']")
    heads = [head.text for head in table.findall("thead/tr/th") if head.text]
    assert heads == ["superpixel", "pixels", "weight", "95 %"]
    assert [head.text for head in table.findall("tbody/tr/th")] == [
        f"superpixel {k}" for k in range(3)
    ]


@pytest.mark.parametrize(("method", "origin"), [("exact", "exact, without"), ("sampled", "1,024")])
def test_shapley_values_are_shares_of_a_sum(method, origin):
    shapley = dataclasses.replace(report(), algorithm="kernel_shap", method=method)
    words = " ".join("".join(tree(row_page(shapley, pictures())).itertext()).split())
    assert "add up from the expected value 0.400 to 0.600" in words
    assert origin in words
    assert ("coalitions" in words) == (method == "sampled")
    for of_lime in ("surrogate", "effective samples", "closed form", "intercept"):
        assert of_lime not in words


def test_several_images_are_unfolded():
    page = tree(PAGES["images"]())
    assert [one.get("open") for one in page.findall(".//details")] == ["open", "open"]
    assert page.find(".//h1").text == "Cats"
