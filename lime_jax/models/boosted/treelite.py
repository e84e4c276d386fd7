"""treelite: forests of any library in one form, as they are read from its files or its importers.

What is the same for all trees of a model is in its header; treelite compares in the precision of
its thresholds, and a category goes by a list of codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.boosted.trees import MARGIN_IS_EXACT, boosted_trees, of_margins
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import Link, sigmoid, signed_square, softmax
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.registry import (
    Converted,
    HostMethod,
    register_converter,
    register_methods,
    register_reader,
)
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import after_rounding, strictly_below
from lime_jax.typing import Array, Table

_TEST_NUMBER, _TEST_CATEGORY = 1, 2  # kinds of nodes; 0: a leaf
_LT, _LE, _GT, _GE = 2, 3, 4, 5  # what a number is compared by
_CLASSIFIES = (0, 2)  # tasks: of two classes, of several


class TreeliteForest:
    """A model of treelite with a `predict`, that of `treelite.gtil`."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.n_features_in_ = int(model.num_feature)
        header = model.get_header_accessor()
        self.header = {name: header.get_field(name) for name in _HEADER}

    def predict(self, batch: Table, margin: bool = False) -> np.ndarray:
        """The outputs for a batch, (rows, outputs)."""
        import treelite

        rows = np.ascontiguousarray(np.asarray(batch, np.float64), self.model.input_type)
        outputs = np.asarray(treelite.gtil.predict(self.model, rows, pred_margin=margin))
        return outputs.reshape(len(rows), -1)

    @property
    def says_probabilities(self) -> bool:
        """Whether `predict` does."""
        is_average = bool(self.header["average_tree_output"][0])
        by_link = self.header["postprocessor"] in ("sigmoid", "softmax", "multiclass_ova")
        return int(self.header["task_type"][0]) in _CLASSIFIES and (by_link or is_average)


_HEADER = (
    *("task_type", "average_tree_output", "num_target", "num_class", "leaf_vector_shape"),
    *("target_id", "class_id", "postprocessor", "sigmoid_alpha", "ratio_c", "base_scores"),
)
_FIELDS = (
    *("node_type", "cleft", "cright", "split_index", "default_left", "leaf_value", "threshold"),
    *("cmp", "category_list_right_child"),
)
"""What treelite says of every node."""


@register_reader("treelite.Model")
def read_treelite(model: Any) -> TreeliteForest:
    """A model of treelite, which has no methods that predict."""
    return TreeliteForest(model)


@register_methods(TreeliteForest)
def treelite_method(model: TreeliteForest, method: str) -> HostMethod | None:
    """How treelite is called on the host."""
    if method == "decision_function":
        return lambda batch: model.predict(batch, margin=True), "margin"
    if method == "predict" or model.says_probabilities:
        return model.predict, "probability" if model.says_probabilities else "value"
    return None


@register_converter(
    "treelite.Model",
    TreeliteForest,
    **of_margins("predict_proba", "predict", is_margin=True),
)
def convert_treelite(model: TreeliteForest, method: str, features: Features) -> Converted:
    """A sum of trees, or what its post-processor makes of it."""
    if model.n_features_in_ != len(features):
        raise NotConvertibleError(
            f"treelite: fitted on {model.n_features_in_} columns, got {len(features)}"
        )
    single = str(model.model.input_type) == "float32"
    trees = _tree_sum(model, single)
    margin = boosted_trees(
        trees, features, as_codes=("function", "floor"), rounds_inputs=single
    )  # no code is negative
    link = None if method == "decision_function" else _link(model)
    return margin if link is None else linked(margin, link, MARGIN_IS_EXACT)


def _link(model: TreeliteForest) -> Link | None:
    """What the post-processor makes of margins."""
    alpha, ratio = (float(model.header[name][0]) for name in ("sigmoid_alpha", "ratio_c"))
    name = model.header["postprocessor"]
    links: dict[str, Link | None] = {
        "identity": None,
        "identity_multiclass": None,
        "signed_square": signed_square,
        "sigmoid": Partial(_scaled_sigmoid, alpha),
        "multiclass_ova": Partial(_scaled_sigmoid, alpha),
        "exponential": jnp.exp,
        "exponential_standard_ratio": Partial(_ratio, ratio),
        "logarithm_one_plus_exp": _log_one_plus,
        "softmax": softmax,
    }
    if name not in links:
        raise NotConvertibleError(f"treelite: the post-processor {name} is not known here")
    return links[name]


def _scaled_sigmoid(alpha: float, margin: Array) -> Array:
    return sigmoid(alpha * margin)


def _ratio(ratio: float, margin: Array) -> Array:
    return jnp.exp2(-margin / ratio)


def _log_one_plus(margin: Array) -> Array:
    return jnp.logaddexp(margin, 0)


def _tree_sum(model: TreeliteForest, single: bool) -> TreeSum:
    """The trees; level sets by treelite's own codes."""
    trees = [model.model.get_tree_accessor(k) for k in range(model.model.num_tree)]
    fields = {name: [tree.get_field(name) for tree in trees] for name in _FIELDS}
    sizes = np.array([len(part) for part in fields["node_type"]], np.int64)
    first = np.cumsum(sizes) - sizes
    node = {name: np.concatenate(parts) for name, parts in fields.items()}
    leaf, is_set = node["node_type"] == 0, node["node_type"] == _TEST_CATEGORY
    by = node["cmp"].astype(int)
    if unknown := set(by[node["node_type"] == _TEST_NUMBER].tolist()) - {_LT, _LE, _GT, _GE}:
        raise NotConvertibleError(f"treelite: the comparison {unknown.pop()} is not known here")
    swapped = np.where(is_set, node["category_list_right_child"].astype(bool), by >= _GT) & ~leaf
    shift = np.repeat(first, sizes)
    left, right = (
        np.where(leaf, -1, node[name] + shift).astype(np.int32) for name in ("cleft", "cright")
    )
    strict = np.isin(by, [_LT, _GE])
    threshold = _thresholds(node["threshold"].astype(np.float64), strict, single)
    level_set, level_sets = _sets(trees, first, is_set)
    value, output, base = _values(model, trees, node["leaf_value"].astype(np.float64), leaf)
    return TreeSum(
        column=np.where(leaf, -1, node["split_index"]).astype(np.int32),
        threshold=np.where(leaf | is_set, np.nan, threshold),
        missing_left=(node["default_left"].astype(bool) ^ swapped) & ~leaf,
        level_set=level_set,
        left=np.where(swapped, right, left),
        right=np.where(swapped, left, right),
        value=value,
        roots=first.astype(np.int32),
        output=output,
        level_sets=level_sets,
        base=base,
        num_features=model.n_features_in_,
        cover=_covers(trees, len(leaf)),
    )


def _thresholds(threshold: np.ndarray, strict: np.ndarray, single: bool) -> np.ndarray:
    """At or below which treelite's comparison, in its precision, is that of the lower side."""
    if single:
        return np.where(strict, strictly_below(threshold), after_rounding(threshold))
    return np.where(strict, np.nextafter(threshold, -np.inf), threshold)


def _covers(trees: Sequence[Any], nodes: int) -> np.ndarray | None:
    """How many training rows, or how much of them, came to each node."""
    for name in ("data_count", "sum_hess"):
        cover = np.concatenate([tree.get_field(name) for tree in trees]).astype(np.float64)
        if len(cover) == nodes:
            return cover
    return None


def _sets(
    trees: Sequence[Any], first: np.ndarray, is_set: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The number of each node's set of codes, and the sets."""
    level_set, sets = np.full(len(is_set), -1, np.int32), LevelSets()
    if not is_set.any():
        return level_set, ()
    for tree, start in zip(trees, first, strict=True):
        codes, begin, end = (
            np.asarray(tree.get_field(f"category_list{part}"), np.int64)
            for part in ("", "_begin", "_end")
        )
        for k in np.flatnonzero(is_set[start : start + len(begin)]):
            listed = codes[begin[k] : end[k]]
            flags = np.isin(np.arange(listed.max(initial=-1) + 1), listed)
            level_set[start + k] = sets.number(flags)
    return level_set, sets.all()


def _values(
    model: TreeliteForest, trees: Sequence[Any], leaf_value: np.ndarray, leaf: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What nodes add, the first output that each tree adds to, and what all start from."""
    header = model.header
    targets, classes = int(header["num_target"][0]), np.asarray(header["num_class"])
    width = int(classes.max())
    if (classes != width).any():
        raise NotConvertibleError("treelite: its targets have several numbers of classes")
    base = np.asarray(header["base_scores"], np.float64).copy()
    if int(np.prod(header["leaf_vector_shape"])) == 1:
        first = [np.maximum(header[name], 0) for name in ("target_id", "class_id")]
        output = (first[0] * width + first[1]).astype(np.int32)
        value = np.where(leaf, leaf_value, 0.0)[:, None]
        share = np.bincount(output, minlength=targets * width)[output].astype(np.float64)
    else:
        if (np.concatenate([header["target_id"], header["class_id"]]) >= 0).any():
            raise NotConvertibleError("treelite: its leaves are vectors for some outputs")
        vectors = [np.asarray(tree.get_field("leaf_vector"), np.float64) for tree in trees]
        value = np.zeros((len(leaf), targets * width))
        value[leaf] = np.concatenate(vectors).reshape(-1, targets * width)
        output = np.zeros(len(trees), np.int32)
        share = np.full(len(trees), float(len(trees)))
    if header["average_tree_output"][0]:
        sizes = [len(tree.get_field("node_type")) for tree in trees]
        value = value / np.repeat(share, sizes)[:, None]
    return value, output, base
