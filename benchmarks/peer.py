"""`lime` 0.2.0.1, called as its documentation does."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

from benchmarks.cases import Case


def lime_explainer(case: Case, seed: int = 0, **options: Any) -> Any:
    """Its explainer, fitted on the training rows."""
    from lime.lime_tabular import LimeTabularExplainer

    return LimeTabularExplainer(
        case.X_train,
        categorical_features=list(case.categorical) or None,
        random_state=seed,
        **options,
    )


def lime_coefficients(
    explainer: Any, row: np.ndarray, predict: Any, num_samples: int = 5000
) -> np.ndarray:
    """Weights of the second class, in the order of the columns; all are kept."""
    explained = explainer.explain_instance(
        row, predict, num_features=len(row), num_samples=num_samples
    )
    coef = np.zeros(len(row))
    for feature, weight in explained.local_exp[1]:
        coef[feature] = weight
    return coef


def lime_text_explanation(
    text: str, predict: Any, num_features: int = 10, num_samples: int = 5000
) -> Any:
    """Of one text and its highest class, as its tutorial has it."""
    from lime.lime_text import LimeTextExplainer

    return LimeTextExplainer(random_state=0).explain_instance(
        text, predict, top_labels=1, num_features=num_features, num_samples=num_samples
    )


def lime_image_explanation(
    image: np.ndarray, predict: Any, segments: np.ndarray, num_samples: int, top_labels: int
) -> Any:
    """Of one image with given superpixels, its progress bar silenced; all are kept."""
    from lime.lime_image import LimeImageExplainer

    with contextlib.redirect_stderr(io.StringIO()):
        return LimeImageExplainer(random_state=0).explain_instance(
            image,
            predict,
            top_labels=top_labels,
            num_samples=num_samples,
            segmentation_fn=lambda _: segments,
        )


def lime_series_explainer(series: np.ndarray, **settings: Any) -> Any:
    """Its explainer of series (rows, steps, features)."""
    from lime.lime_tabular import RecurrentTabularExplainer

    return RecurrentTabularExplainer(series, random_state=0, **settings)


def session_of_tokens(path: str, threads: int) -> Any:
    """onnxruntime as a function of ids (texts, tokens) that are filled up with -1."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options)

    def run(ids: np.ndarray) -> np.ndarray:
        mask = (ids >= 0).astype(np.int64)
        fed = {"input_ids": np.maximum(ids, 0), "attention_mask": mask, "token_type_ids": 0 * mask}
        return np.asarray(session.run(None, fed)[0])

    return run
