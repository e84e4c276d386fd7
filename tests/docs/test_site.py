"""What the site makes of the source says all there is, and its figures are those of the runs."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import lime_jax
from lime_jax.models import supported

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module", autouse=True)
def _scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "scripts"))
        yield
        for name in (
            *("api", "floors", "life", "links", "messages"),
            *("readme", "since", "tables", "wordings"),
        ):
            sys.modules.pop(name, None)


def script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(text):
    return " ".join(text.split())


def test_each_warning_has_its_words_and_what_to_do_on_the_page_of_trust():
    warned = [m.text for m in script("messages").messages() if m.kind == "warning"]
    page = words((DOCS / "trust.md").read_text())
    assert len(warned) > 10
    assert [text for text in warned if words(text) not in page] == []


def test_error_messages_are_found_by_their_words():
    page = script("messages").page()
    assert "the explainer was fitted on a frame with categorical or time columns: pass a" in page
    assert "expected 'shapley' or 'banzhaf', got" in page
    assert len(page.splitlines()) > 300


def test_messages_of_a_small_package_are_found(tmp_path):
    source = 'def f(x):\n    warn(f"{x} is odd")\n    raise ValueError("`x`: " + f"got {x!r}")\n'
    (tmp_path / "small.py").write_text(source)
    found = {(m.kind, m.text) for m in script("messages").messages(tmp_path)}
    assert found == {("warning", "… is odd"), ("ValueError", "`x`: got …")}


def test_messages_put_together_by_functions_and_constants_have_all_their_words(tmp_path):
    source = """
TAIL = "; name a column"
WANTED = {True: "a name of text", False: "a whole number"}

def tell(name, wanted, text):
    got = f"got {name!r}" if text else "got no name"
    raise ValueError(f"`{name}`: expected {WANTED[text]} {wanted}, {got}{TAIL}")

def refuse(what):
    return TypeError(f"{reason()}: {what}")

def reason():
    return "it has no rows"

def call():
    tell("x", "of a row", True)
"""
    (tmp_path / "small.py").write_text(source)
    found = {m.text for m in script("messages").messages(tmp_path)}
    head = "`…`: expected"
    assert found == {
        f"{head} a name of text of a row, got …; name a column",
        f"{head} a name of text of a row, got no name; name a column",
        f"{head} a whole number of a row, got …; name a column",
        f"{head} a whole number of a row, got no name; name a column",
        "it has no rows: …",
    }


RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(50, 3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: lime_jax.TabularExplainer(features=[1.7]).fit(TABLE).explain(TABLE, SUM),
        lambda: (
            lime_jax.TabularExplainer("kernel_shap", interactions=True)
            .fit(TABLE)
            .explain(TABLE, SUM)
        ),
        lambda: lime_jax.TabularExplainer().fit(TABLE).explain(TABLE, SUM, num_features=-1),
        lambda: lime_jax.TabularExplainer().fit(TABLE).explain(TABLE[:, :2], SUM),
        lambda: lime_jax.TabularExplainer().fit(TABLE).explain(TABLE, SUM, labels=[4]),
        lambda: lime_jax.TextExplainer(split=3).explain(["a b"], len),
        lambda: lime_jax.SeriesExplainer(segments=0).explain(TABLE, SUM),
        lambda: lime_jax.TabularExplainer().fit(TABLE[:0]),
    ],
)
def test_an_error_as_it_comes_is_on_the_page(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    said = words(str(caught.value))
    fitting = [text for text in messages() if _pattern(text).fullmatch(said)]
    assert fitting, said
    assert max(len(text.replace("…", "")) for text in fitting) > len(said) / 4


@functools.cache
def messages():
    return [words(m.text) for m in script("messages").messages() if m.kind != "warning"]


def SUM(rows):
    return rows.sum(1)


def _pattern(text):
    return re.compile(".*?".join(re.escape(part) for part in text.split("…")))


def test_the_table_of_models_has_every_class():
    page = script("tables").models()
    rows = supported()
    assert all(f"`{row.name}`" in page for row in rows)
    assert page.count("\n| `") == len(rows)


def test_the_reference_has_every_public_name(tmp_path):
    script("api").write(tmp_path / "api")
    index = (tmp_path / "api" / "index.md").read_text()
    functions = (tmp_path / "api" / "functions.md").read_text()
    for name in lime_jax.__all__:
        if name != "__version__":
            assert name in index
            assert f"lime_jax.{name}" in functions or (tmp_path / "api" / f"{name}.md").exists()


def test_rooms_are_drawn_above_those_they_import_from():
    floors = script("floors")
    height = {room: number for number, rooms in enumerate(floors.floors()) for room in rooms}
    assert all(height[high] > height[low] for high, low in floors.edges())
    rooms = {path.parent.name for path in (DOCS.parent / "lime_jax").glob("*/__init__.py")}
    assert rooms <= set(height)


def test_a_class_is_known_since_the_version_that_was_written_down(monkeypatch):
    since = script("since")
    assert since.since("scikit-learn", "RandomForestClassifier") == "0.1.0"
    assert since.since("scikit-learn", "SplineTransformer") == "0.2.0"
    monkeypatch.setattr(lime_jax, "__version__", "9.0.0")
    assert since.since("scikit-learn", "NotYet") == "9.0.0"
    known = {f"{row.library}: {row.name}" for row in supported()}
    assert since.written().keys() <= known, "a class is no longer known"


def test_the_life_of_a_row_passes_modules_that_are_there_and_called():
    life = script("life")
    package = DOCS.parent / "lime_jax"
    for step in life.STEPS:
        path = package / step.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists(), step
    called = {imported for _, imported in life.imports()}
    assert set(list(life.STEPS)[1:]) <= called
    assert "results.explanations imports" not in life.picture(dark=True)  # it is the end


def test_the_figures_of_the_readme_are_those_of_the_benchmarks():
    text = (DOCS.parent / "README.md").read_text()
    readme = script("readme")
    assert readme.updated(text) == text, "run `make pictures`"
    assert sum(line in text for line in readme.measured().values()) >= 4


def test_dead_links_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html">b</a><a href="#here">x</a></p>')
    (tmp_path / "b.html").write_text('<a href="a.html#there">a</a><img src="no.png">')
    found = script("links").dead_links(tmp_path)
    assert sorted(found) == ["b.html: a.html#there", "b.html: no.png"]
    assert script("links").dead_links(tmp_path / "nothing") == []


def test_notebooks_are_cards_with_pictures(tmp_path):
    page = script("tables").gallery(tmp_path / "notebooks")
    count = len(list((DOCS.parent / "notebooks").glob("*.ipynb")))
    assert page.count("grid-item-card") == page.count(":img-top:") == count
