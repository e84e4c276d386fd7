"""What examples in docstrings may use: small explanations, and a folder that is there for one."""

import json
import warnings

import numpy as np
import pytest


@pytest.fixture(scope="session")
def _examples(tmp_path_factory):
    import lime_jax

    X = np.array([[20.0, 1], [30, 2], [40, 3], [50, 4]])
    explainer = lime_jax.TabularExplainer(feature_names=["age", "hours"]).fit(X)
    images = np.linspace(0, 1, 2 * 32 * 32).reshape(2, 32, 32)
    of_images = lime_jax.ImageExplainer(segmentation="grid", cell_size=16)
    explanations = explainer.explain(X, lambda batch: batch[:, 0] / 10 + batch[:, 1])
    return {
        "X": X,
        "explainer": explainer,
        "explanations": explanations,
        "stored": _stored(explanations, tmp_path_factory.mktemp("stored")),
        "image_explanations": of_images.explain(
            list(images), lambda batch: batch[:, :16].mean((1, 2))
        ),
        "text_explanations": lime_jax.TextExplainer().explain(
            ["good and bad", "bad day"], lambda texts: [float("good" in text) for text in texts]
        ),
        "series_explanations": lime_jax.SeriesExplainer(segments=2).explain(
            np.linspace(0, 1, 24).reshape(2, 6, 2), lambda batch: batch[:, 3:, 0].mean(1)
        ),
    }


def _stored(explanations, folder):
    """As a job of three rows a part leaves them."""
    import pyarrow.parquet

    import lime_jax
    from lime_jax.results.arrow import rows_table

    for number, rows in enumerate((range(3), range(3, 4))):
        table = rows_table(explanations[list(rows)], rows)
        path = folder / f"part-{number:05d}.parquet"
        pyarrow.parquet.write_table(table, path, write_page_checksum=True)
    manifest = {"num_rows": 4, "rows_per_part": 3, "num_parts": 2}
    (folder / "_manifest.json").write_text(json.dumps(manifest))
    return lime_jax.load(folder)


@pytest.fixture(autouse=True)
def _doctest_names(request, doctest_namespace):
    if type(request.node).__name__ != "DoctestItem":
        return
    import lime_jax

    if "to_shap" in request.node.name:
        with warnings.catch_warnings(action="ignore"):
            import shap  # noqa: F401
    doctest_namespace.update(request.getfixturevalue("_examples"))
    doctest_namespace.update(np=np, lime_jax=lime_jax)
    doctest_namespace["explanation"] = doctest_namespace["explanations"][0]
    doctest_namespace["image_explanation"] = doctest_namespace["image_explanations"][0]
    doctest_namespace["text_explanation"] = doctest_namespace["text_explanations"][0]
    doctest_namespace["series_explanation"] = doctest_namespace["series_explanations"][0]
    doctest_namespace["folder"] = request.getfixturevalue("tmp_path")
