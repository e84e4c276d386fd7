"""What users read: every public name and method says what it takes and gives, with an example."""

from __future__ import annotations

import inspect
import re

import pytest

import lime_jax
from lime_jax.results.parts import StoredExplanations

CLASSES = (
    *(lime_jax.TabularExplainer, lime_jax.ImageExplainer, lime_jax.Explanations),
    *(lime_jax.Explanation, lime_jax.ImageExplanations, lime_jax.ImageExplanation),
    lime_jax.InteractionExplanations,
    *(lime_jax.TextExplainer, lime_jax.TextExplanations, lime_jax.TextExplanation),
    *(lime_jax.SeriesExplainer, lime_jax.SeriesExplanations, lime_jax.SeriesExplanation),
    *(lime_jax.SparseExplanations, lime_jax.SparseExplanation),
    StoredExplanations,
)
# For those who make a kind of data of their own, or engines; one line says it.
HOOKS = {
    *("of_fit", "positions", "is_group", "value_texts", "check_comparable", "rows", "rows_of"),
    "notes_of_errors",
}


def public_names():
    for name in lime_jax.__all__:
        value = getattr(lime_jax, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value


def public_methods():
    for kind in CLASSES:
        for name, member in inspect.getmembers(kind):
            function = inspect.unwrap(getattr(member, "__func__", member))
            is_ours = str(getattr(function, "__module__", "")).startswith("lime_jax")
            if inspect.isfunction(function) and is_ours and not name.startswith("_"):
                yield f"{kind.__name__}.{name}", function


NAMES = dict(public_names())
METHODS = {name: m for name, m in public_methods() if m.__name__ not in HOOKS}


def lacks(function):
    """What a docstring in full form would have, and this one has not."""
    text = inspect.getdoc(function) or ""
    arguments = text.partition("Args:\n")[2].partition("\n\n")[0] + text
    for name in inspect.signature(function).parameters:
        if name != "self" and not re.search(rf"^ +\**{re.escape(name)}:", arguments, re.MULTILINE):
            yield f"`{name}` among the Args"
    gives = function.__annotations__.get("return")
    if gives not in ("None", None) and not re.search(r"^(Returns|Yields):", text, re.MULTILINE):
        yield "Returns"
    if "Example:" not in text:
        yield "an Example"


@pytest.mark.parametrize("name", METHODS)
def test_a_public_method_says_what_it_takes_and_gives_with_an_example(name):
    assert list(lacks(METHODS[name])) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example(name):
    value = NAMES[name]
    if inspect.isfunction(value):
        assert list(lacks(value)) == []
    else:
        assert "Example:" in (inspect.getdoc(value) or "")


def test_what_lacks_is_found():
    def short(x: int) -> int:
        """A line."""
        return x

    assert list(lacks(short)) == ["`x` among the Args", "Returns", "an Example"]
    assert len(METHODS) > 40
    assert len(NAMES) > 15
