"""NGBoost: sums of trees are the parameters of a distribution; a link makes its mean of them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linked, some_outputs, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.trees import join
from lime_jax.typing import Array, Estimator

_MEANS = ("Normal", "NormalFixedVar", "Laplace")  # whose first parameter is their mean


@register_converter("ngboost.NGBRegressor", methods=("predict",), exact=("predict",))
def convert_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """The mean of the distribution."""
    kind = model.Dist.__name__
    if kind not in _MEANS:
        raise NotConvertibleError(f"NGBRegressor: the mean of its {kind} has no JAX form here")
    return some_outputs(_parameters(model, features), [0])


@register_converter(
    "ngboost.NGBClassifier", methods=("predict_proba",), why_not="its probabilities are no sum"
)
def convert_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """Probabilities of classes, whose first one has no parameter of its own."""
    scores = _parameters(model, features)
    link = two_sigmoids if len(model.init_params) == 1 else _with_first
    return linked(scores, link, "its probabilities are no sum")


def _with_first(scores: Array) -> Array:
    return softmax(jnp.pad(scores, ((0, 0), (1, 0))))


def _parameters(model: Estimator, features: Features) -> Converted:
    """Every parameter less the sum of its trees, each round scaled by a number of its own."""
    trees: list[Any] = []
    values, outputs, columns = [], [], []
    rounds = zip(model.base_models, model.scalings, model.col_idxs, strict=True)
    for members, scaling, chosen in rounds:
        for output, member in enumerate(members):
            if not hasattr(member, "tree_"):
                raise NotConvertibleError(f"{type(model).__name__}: its base learners are no trees")
            trees.append(member.tree_)
            values.append(-model.learning_rate * scaling * member.tree_.value[:, :, 0])
            outputs.append(output)
            columns.append(np.asarray(chosen))
    base = np.asarray(model.init_params, np.float64)
    total = join(trees, np.concatenate(values), len(features), np.array(outputs), base)
    first = np.repeat(np.arange(len(trees)), [tree.node_count for tree in trees])
    inner = np.flatnonzero(total.column >= 0)
    total.column[inner] = [columns[first[node]][total.column[node]] for node in inner]
    return sum_of_trees(total, features, rounds_inputs=True)
