"""Explanations of parts of a data set are those of the whole."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import lime_jax


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return X, RandomForestClassifier(5, random_state=0).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "options"),
    {
        "exact": ({}, {}),
        "top label": ({}, {"top_labels": 1, "method": "sampled", "num_samples": 512}),
        "around": ({"sample_around_instance": True}, {"num_samples": 512}),
        "auto": ({}, {"num_samples": "auto", "tolerance": 0.05, "method": "sampled"}),
        "Shapley": ({"algorithm": "kernel_shap"}, {"method": "sampled", "num_samples": 200}),
    }.values(),
)
def test_parts_together_are_the_whole(wine, settings, options):
    X, model = wine
    explainer = lime_jax.TabularExplainer(**settings).fit(X[::9])
    whole = explainer.explain(X[:12], model, **options)
    pieces = [explainer.explain(X[a:b], model, **options) for a, b in ((0, 1), (1, 9), (9, 12))]
    found = lime_jax.concatenate(pieces)
    for name in ("row_ids", "labels", "values", "bins", "samples_used", "support"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    for name in ("coef", "std_error", "intercept", "score", "local_pred", "prediction"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=0, atol=1e-5)
    for name in ("num_samples", "num_replicates", "output_kind", "names", "conditions"):
        assert getattr(found, name) == getattr(whole, name), name


def test_images_of_several_sizes_are_padded_to_the_most_superpixels():
    rng = np.random.default_rng(0)
    images = [rng.random((16, 16)), rng.random((24, 32)), rng.random((8, 16))]
    explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=8)

    def model(batch):
        return batch.mean((1, 2))

    whole = explainer.explain(images, model, num_samples=64)
    found = lime_jax.concatenate(
        [explainer.explain([image], model, num_samples=64) for image in images]
    )
    for name in ("coef", "std_error", "values", "feature_mask", "bins", "variables"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-5)
    assert found.names == whole.names
    assert [image.shape for image in found.images] == [(16, 16), (24, 32), (8, 16)]


def test_parts_without_rows_add_nothing(wine):
    X, model = wine
    explainer = lime_jax.TabularExplainer().fit(X)
    nothing, some = explainer.explain(X[:0], model), explainer.explain(X[:2], model)
    assert lime_jax.concatenate([nothing, some, nothing]) is some
    assert len(lime_jax.concatenate([nothing, nothing])) == 0


def test_numbers_that_are_probabilities_in_one_part_only_are_values(wine):
    X, model = wine
    explainer = lime_jax.TabularExplainer().fit(X)
    one = explainer.explain(X[:2], model)
    other = dataclasses.replace(explainer.explain(X[2:4], model), output_kind="value")
    assert lime_jax.concatenate([one, other]).output_kind == "value"


def test_nothing_and_what_does_not_belong_together_is_refused(wine):
    X, model = wine
    one = lime_jax.TabularExplainer().fit(X).explain(X[:2], model)
    renamed = lime_jax.TabularExplainer(feature_names=[f"f{k}" for k in range(13)]).fit(X)
    logistic = LogisticRegression(max_iter=5000).fit(X, (X[:, 0] > 13).astype(int))
    decile = lime_jax.TabularExplainer(discretizer="decile").fit(X)
    shapley = lime_jax.TabularExplainer("kernel_shap").fit(X[::9])
    cases = {
        "`parts`: expected at least one": [],
        "conditions of part 0": [one, decile.explain(X[:2], model)],
        "conditions": [one, renamed.explain(X[:2], model)],
        "algorithm of part 0 is 'lime'": [one, shapley.explain(X[:2], model)],
        "output names": [one, lime_jax.TabularExplainer().fit(X).explain(X[:2], logistic)],
        "part 0 has 3 and part 1 1": [
            one,
            lime_jax.TabularExplainer().fit(X).explain(X[:2], model, top_labels=1),
        ],
    }
    for words, parts in cases.items():
        with pytest.raises(ValueError, match=words):
            lime_jax.concatenate(parts)
