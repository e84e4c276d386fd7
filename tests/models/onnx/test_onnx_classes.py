"""The classes of an exported classifier are those that it was fitted on, wherever they stand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

import lime_jax
from lime_jax.models.onnx import load

skl2onnx = pytest.importorskip("skl2onnx")

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
three, two = np.digitize(X[:, 0], [-0.4, 0.4]), (X[:, 0] > 0).astype(int)
CODES = {"numbers": np.array([1, 2, 3]), "names": np.array(["b", "c", "d"])}


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("kind", [LogisticRegression, GaussianNB, OneVsRestClassifier])
@pytest.mark.parametrize("y", [two, three], ids=["two", "three"])
def test_an_exported_classifier_keeps_its_classes(kind, zipmap, codes, y):
    model = kind(LogisticRegression()) if kind is OneVsRestClassifier else kind()
    model.fit(X, CODES[codes][y])
    proto = skl2onnx.to_onnx(model, X[:1], options={id(model): {"zipmap": zipmap}})
    assert load(proto).classes == tuple(model.classes_.tolist())


def test_scores_of_classes_are_margins():
    model = LinearSVC().fit(X, CODES["numbers"][three])
    proto = skl2onnx.to_onnx(model, X[:1])
    found = lime_jax.TabularExplainer().fit(X).explain(X[:3], proto, labels=[3], num_samples=64)
    assert (found.output_kind, found.classes) == ("margin", (1, 2, 3))
    np.testing.assert_array_equal(found.labels, 2)


def test_quantities_have_no_classes():
    assert load(skl2onnx.to_onnx(Ridge().fit(X, X[:, 0]), X[:1])).classes is None
