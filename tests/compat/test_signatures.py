"""Names and signatures are those of `lime`, in their order; what is new comes last."""

from __future__ import annotations

import importlib
import inspect

import pytest

import lime_jax.compat

MODULES = (
    "lime_tabular",
    "lime_text",
    "lime_image",
    "lime_base",
    "explanation",
    "discretize",
    "submodular_pick",
    "exceptions",
    "wrappers.scikit_image",
    "utils.generic_utils",
)
LEFT_OUT = {"id_generator"}  # of its pages with scripts
NEW = {"sampling_method", "figsize", "progress_bar", "exact"}


def public(module):
    for name, value in vars(module).items():
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("lime"):
            yield name, value


def functions():
    for path in MODULES:
        theirs = importlib.import_module(f"lime.{path}")
        ours = importlib.import_module(f"lime_jax.compat.{path}")
        for name, value in public(theirs):
            if name in LEFT_OUT or value.__module__ != theirs.__name__:
                continue
            if inspect.isfunction(value):
                yield f"{path}.{name}", value, getattr(ours, name)
                continue
            for member, function in vars(value).items():
                if member.startswith("_") and member != "__init__" and "__data" not in member:
                    continue
                function = getattr(function, "__func__", function)
                if inspect.isfunction(function):
                    own = inspect.getattr_static(getattr(ours, name), member)
                    yield f"{path}.{name}.{member}", function, getattr(own, "__func__", own)


PAIRS = {name: (theirs, ours) for name, theirs, ours in functions()}


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in found]


@pytest.mark.parametrize("name", PAIRS)
def test_a_signature_is_that_of_lime(name):
    theirs, ours = map(parameters, PAIRS[name])
    is_open = bool(theirs) and theirs[-1][1] is inspect.Parameter.VAR_KEYWORD
    ends = len(theirs) - is_open
    assert ours[:ends] == theirs[:ends]
    assert {one[0] for one in ours[ends:]} <= NEW | {one[0] for one in theirs[ends:]}


def test_many_are_compared():
    assert len(PAIRS) > 50


@pytest.mark.parametrize("path", MODULES)
def test_modules_are_attributes_and_have_the_classes_of_lime(path):
    ours = lime_jax.compat
    for part in path.split("."):
        ours = getattr(ours, part)
    theirs = importlib.import_module(f"lime.{path}")
    classes = {name for name, value in public(theirs) if inspect.isclass(value)}
    assert classes <= set(dir(ours))


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="lime_audio"):
        lime_jax.compat.lime_audio  # noqa: B018
