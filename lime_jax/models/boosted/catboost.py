"""CatBoost: classifiers and regressors of symmetric and of other trees, with categorical columns.

The model is read from its JSON form; `catboost_trees.py` reads the trees in it.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.models.boosted.catboost_trees import tree_sum
from lime_jax.models.boosted.trees import MARGIN_IS_EXACT, by_code, level_column, of_margins
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import Link, sigmoid, softmax, two_sigmoids
from lime_jax.models.registry import Converted, HostMethod, register_converter, register_methods
from lime_jax.typing import Estimator

_CLASSIFIER, _REGRESSOR = "catboost.CatBoostClassifier", "catboost.CatBoostRegressor"
_EXP = ("Poisson", "Tweedie")
_NO_SUM = ("RMSEWithUncertainty", "SurvivalAft", "Cox", "LogLinQuantile")


_MANY_LEAVES = 2**13
"""From about here on, 128 trees of depth 6, CatBoost's own vectors of rows outdo ours."""


@register_methods(_CLASSIFIER, _REGRESSOR)
def catboost_method(model: Estimator, method: str) -> HostMethod | None:
    """How CatBoost is called on the host."""
    if method == "decision_function":
        return lambda batch: model.predict(batch, prediction_type="RawFormulaVal"), "margin"
    return None


@register_converter(_CLASSIFIER, **of_margins("predict_proba"))
@register_converter(_REGRESSOR, **of_margins("predict", is_margin=True))
def convert_catboost(model: Estimator, method: str, features: Features) -> Converted:
    """A sum of trees, or what its link makes of it."""
    features = _in_order(model, features)
    form = _json_form(model, features)
    trees = tree_sum(form, features)
    categorical = [part["flat_feature_index"] for part in _categorical(form)]
    margin = sum_of_trees(trees, by_code(features, categorical), rounds_inputs=True)
    if trees.num_leaves > _MANY_LEAVES:
        why = "CatBoost's own predictions of many trees are several times as fast on a CPU"
        margin = dataclasses.replace(margin, faster_on_host=why)
    if method == "decision_function":
        return margin
    loss = form["model_info"]["params"]["loss_function"]["type"]
    link = _link_of_classes(loss, trees.num_outputs) if method == "predict_proba" else _link(loss)
    return margin if link is None else linked(margin, link, MARGIN_IS_EXACT)


def _link(loss: str) -> Link | None:
    """What `predict` makes of a regression's margins; None: nothing."""
    if loss in _NO_SUM:
        raise NotConvertibleError(f"CatBoost: what it predicts under {loss} has no JAX form here")
    return jnp.exp if loss in _EXP else None


def _link_of_classes(loss: str, outputs: int) -> Link:
    """What `predict_proba` makes of margins."""
    if loss in ("Logloss", "CrossEntropy") and outputs == 1:
        return two_sigmoids
    links: dict[str, Link] = {"MultiClass": softmax, "MultiClassOneVsAll": sigmoid}
    if loss not in links:
        raise NotConvertibleError(f"CatBoost: probabilities of {loss} have no JAX form here")
    return links[loss]


def _in_order(model: Estimator, features: Features) -> Features:
    """The columns as the model was fitted on them: it finds those of a table by name."""
    names = list(model.feature_names_)
    if features.names is None or set(features.names) != set(names):
        return features
    place = {name: k for k, name in enumerate(features.names)}
    return features.take([place[name] for name in names])


def _categorical(form: dict[str, Any]) -> list[dict[str, Any]]:
    return form["features_info"].get("categorical_features", [])


def _json_form(model: Estimator, features: Features) -> dict[str, Any]:
    """The JSON form of a model, with CatBoost's own hashes of the levels of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json", pool=_levels(model, features))
        return json.loads(path.read_text())


def _levels(model: Estimator, features: Features) -> Any:
    """A table that holds every level; None: the model has no categorical columns."""
    import catboost
    import pandas

    categorical = model.get_cat_feature_indices()
    if not categorical:
        return None
    levels = {}
    for k in categorical:
        levels[k] = level_texts(level_column(features, k).values)
    count = max(map(len, levels.values()))
    table = {
        name: np.resize(np.array(levels[k], object), count) if k in levels else np.zeros(count)
        for k, name in enumerate(model.feature_names_)
    }
    return catboost.Pool(pandas.DataFrame(table), cat_features=categorical)


def level_texts(values: np.ndarray) -> list[str]:
    """Levels as CatBoost reads them; it takes no numbers with fractions, and none that miss."""
    for value in values:
        if value is not None and not isinstance(value, str | int | np.integer):
            raise NotConvertibleError(
                f"CatBoost: it knows a level by its text or whole number, got {value!r}"
            )
    return ["" if value is None else str(value) for value in values]
