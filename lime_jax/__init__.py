"""LIME in JAX: explain every row of a data set in one call.

    explainer = lime_jax.TabularExplainer().fit(X_train)
    explanations = explainer.explain(X_test, model)

Names are imported when they are first used, so that `import lime_jax` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lime_jax import forks as _forks  # noqa: F401  # sees every fork from now on

__version__ = "0.2.0"

_HOME = {
    "CategoricalColumn": "lime_jax.tabular.stats",
    "Explanation": "lime_jax.results.explanation",
    "Explanations": "lime_jax.results.explanations",
    "ImageExplainer": "lime_jax.image.explainer",
    "ImageExplanation": "lime_jax.image.explanation",
    "ImageExplanations": "lime_jax.image.explanations",
    "InteractionExplanations": "lime_jax.results.interactions",
    "LinearFit": "lime_jax.typing",
    "NumericColumn": "lime_jax.tabular.stats",
    "SeriesExplainer": "lime_jax.series.explainer",
    "SeriesExplanation": "lime_jax.series.explanation",
    "SeriesExplanations": "lime_jax.series.explanations",
    "SparseExplanation": "lime_jax.tabular.sparse.explanations",
    "SparseExplanations": "lime_jax.tabular.sparse.explanations",
    "TabularConfig": "lime_jax.tabular.config",
    "TabularExplainer": "lime_jax.tabular.explainer",
    "TabularStats": "lime_jax.tabular.stats",
    "TextExplainer": "lime_jax.text.explainer",
    "TextExplanation": "lime_jax.text.explanation",
    "TextExplanations": "lime_jax.text.explanations",
    "TokenModel": "lime_jax.text.token_model",
    "as_predict_fn": "lime_jax.models",
    "choose_width": "lime_jax.results.widths",
    "concatenate": "lime_jax.results.concatenation",
    "explain_tabular": "lime_jax.tabular.pure",
    "fit_tabular": "lime_jax.tabular.learn",
    "host_predict": "lime_jax.models",
    "jax_predict": "lime_jax.models",
    "load": "lime_jax.results.load",
    "register_converter": "lime_jax.models.registry",
    "register_transformer": "lime_jax.models.registry",
    "unchanging": "lime_jax.models",
    "width_figure": "lime_jax.results.widths",
}

__all__ = [*_HOME, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from lime_jax.image.explainer import ImageExplainer as ImageExplainer
    from lime_jax.image.explanation import ImageExplanation as ImageExplanation
    from lime_jax.image.explanations import ImageExplanations as ImageExplanations
    from lime_jax.models import as_predict_fn as as_predict_fn
    from lime_jax.models import host_predict as host_predict
    from lime_jax.models import jax_predict as jax_predict
    from lime_jax.models import unchanging as unchanging
    from lime_jax.models.registry import register_converter as register_converter
    from lime_jax.models.registry import register_transformer as register_transformer
    from lime_jax.results.concatenation import concatenate as concatenate
    from lime_jax.results.explanation import Explanation as Explanation
    from lime_jax.results.explanations import Explanations as Explanations
    from lime_jax.results.interactions import InteractionExplanations as InteractionExplanations
    from lime_jax.results.load import load as load
    from lime_jax.results.widths import choose_width as choose_width
    from lime_jax.results.widths import width_figure as width_figure
    from lime_jax.series.explainer import SeriesExplainer as SeriesExplainer
    from lime_jax.series.explanation import SeriesExplanation as SeriesExplanation
    from lime_jax.series.explanations import SeriesExplanations as SeriesExplanations
    from lime_jax.tabular.config import TabularConfig as TabularConfig
    from lime_jax.tabular.explainer import TabularExplainer as TabularExplainer
    from lime_jax.tabular.learn import fit_tabular as fit_tabular
    from lime_jax.tabular.pure import explain_tabular as explain_tabular
    from lime_jax.tabular.sparse.explanations import SparseExplanation as SparseExplanation
    from lime_jax.tabular.sparse.explanations import SparseExplanations as SparseExplanations
    from lime_jax.tabular.stats import CategoricalColumn as CategoricalColumn
    from lime_jax.tabular.stats import NumericColumn as NumericColumn
    from lime_jax.tabular.stats import TabularStats as TabularStats
    from lime_jax.text.explainer import TextExplainer as TextExplainer
    from lime_jax.text.explanation import TextExplanation as TextExplanation
    from lime_jax.text.explanations import TextExplanations as TextExplanations
    from lime_jax.text.token_model import TokenModel as TokenModel
    from lime_jax.typing import LinearFit as LinearFit


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lime_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
