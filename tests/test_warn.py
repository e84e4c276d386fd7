"""Warnings point at the line that called the package, whatever it went through in between."""

import warnings

import numpy as np
import pytest

import lime_jax
from lime_jax import ImageExplainer, TabularExplainer, jax_predict
from lime_jax.warn import calling_file, warn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
EYE, HALF = np.eye(8), np.array([[0.25, 0.25]])


def sums(batch):
    return np.asarray(batch).reshape(len(batch), -1).sum(1)


def halves(batch):
    return np.repeat(HALF, len(batch), axis=0)


@jax_predict
def far(batch):
    return 1e9 + batch[:, 0]


def trees():
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(max_depth=2).fit(X, X[:, 0])


def tables(*, train=X, model=sums, rows=X[:2], settings=None, **options):
    explainer = TabularExplainer(**settings or {}).fit(train)
    return explainer.explain(rows, model, **dict(num_samples=128) | options)


def sweep():
    return TabularExplainer().fit(X).sweep(X[:2], sums, [0.02, 5.0], num_samples=128)


def images(model=sums, image=EYE, **settings):
    settings = dict(segmentation="grid", cell_size=2, hide=0) | settings
    return ImageExplainer(**settings).explain(image, model, num_samples=64)


LARGE = RNG.normal(size=(2001, 2))
WARNINGS = {
    "few samples": (lambda: tables(settings=dict(kernel_width=0.02)), "few samples"),
    "a sweep": (sweep, "few samples"),
    "a vague score": (
        lambda: tables(settings=dict(kernel_width=0.15), model=trees(), method="exact"),
        "R² of",
    ),
    "unsettled": (lambda: tables(model=noise, num_samples="auto", tolerance=1e-9), "not settled"),
    "no probabilities": (
        lambda: tables(model=halves, settings=dict(mode="classification")),
        "sum to 1",
    ),
    "far outputs": (lambda: tables(model=far), "so far from 0"),
    "a large background": (
        lambda: tables(train=LARGE, rows=LARGE[:1], settings=dict(algorithm="kernel_shap")),
        "2,001 rows",
    ),
    "images, few samples": (lambda: images(kernel_width=0.01), "few samples"),
    "images, no probabilities": (lambda: images(model=halves, mode="classification"), "sum to 1"),
    "images, one superpixel": (
        lambda: images(image=np.zeros((40, 50)), segmentation="felzenszwalb", cell_size=None),
        "one superpixel",
    ),
}


def noise(batch):
    return np.sin(1e6 * np.asarray(batch).sum(1))


@pytest.mark.parametrize("case", WARNINGS)
def test_it_points_at_the_line_of_the_user(case):
    call, message = WARNINGS[case]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    found = [one for one in caught if message in str(one.message)]
    assert found
    assert {one.filename for one in found} == {__file__}


def test_the_nearest_frame_out_of_the_package_is_found():
    names = {"warn": warn, "calling_file": calling_file, "__name__": "lime_jax.a"}
    exec("def inner():\n    warn('mind the gap')\n    return calling_file()", names)
    outer = {"inner": names["inner"], "__name__": "lime_jaxed"}  # of another package
    exec(compile("def outer():\n    return inner()", "another.py", "exec"), outer)
    with pytest.warns(UserWarning, match="mind the gap") as caught:
        assert outer["outer"]() == "another.py"
    assert (caught[0].filename, caught[0].lineno) == ("another.py", 2)


def test_no_module_counts_its_frames():
    from pathlib import Path

    sources = Path(lime_jax.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "stacklevel" in path.read_text("utf-8")] == []
