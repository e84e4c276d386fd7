"""What examples in docstrings may use: small explanations, and a folder that is there for one."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def _examples():
    import lime_jax

    X = np.array([[20.0, 1], [30, 2], [40, 3], [50, 4]])
    explainer = lime_jax.TabularExplainer(feature_names=["age", "hours"]).fit(X)
    images = np.linspace(0, 1, 2 * 32 * 32).reshape(2, 32, 32)
    of_images = lime_jax.ImageExplainer(segmentation="grid", cell_size=16)
    return {
        "explainer": explainer,
        "explanations": explainer.explain(X, lambda batch: batch[:, 0] / 10 + batch[:, 1]),
        "image_explanations": of_images.explain(
            list(images), lambda batch: batch[:, :16].mean((1, 2))
        ),
    }


@pytest.fixture(autouse=True)
def _doctest_names(request, doctest_namespace):
    if type(request.node).__name__ != "DoctestItem":
        return
    import lime_jax

    doctest_namespace.update(request.getfixturevalue("_examples"))
    doctest_namespace.update(np=np, lime_jax=lime_jax)
    doctest_namespace["explanation"] = doctest_namespace["explanations"][0]
    doctest_namespace["image_explanation"] = doctest_namespace["image_explanations"][0]
    doctest_namespace["folder"] = request.getfixturevalue("tmp_path")
