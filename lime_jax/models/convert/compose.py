"""The parts that converters build models of: sums of trees, sums of columns, links, averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float, Float64

from lime_jax.models.convert.additive import additive_of
from lime_jax.models.convert.column_map import Chain, Identity, outputs_together, put
from lime_jax.models.convert.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.inputs import Inputs
from lime_jax.models.convert.links import Link
from lime_jax.models.convert.step_sums import sum_of_steps
from lime_jax.models.convert.sums import (
    added,
    beside_each_other,
    mapped,
    predict_sum,
    scale_sum,
)
from lime_jax.models.convert.tree_sums import move, trees_beside
from lime_jax.models.registry import Converted
from lime_jax.models.structure import LinkedSum, Structure, TreeSum
from lime_jax.typing import AnyArray, Array, Pytree, pytree, static

_MOST_BESIDE = 2**23
"""Values of nodes for all outputs of trees side by side: few large forests are worth them."""

NO_SUM = "its output is not a sum over trees or over columns"


def apply(fn: Pytree, features: Features, why_not_exact: str = "") -> Converted:
    """A model that is any JAX function of its columns; its host arrays are put on the device."""
    why = why_not_exact or NO_SUM
    on_device = put(fn)

    def build(inputs: Inputs) -> Any:
        return Chain((features.matrix(inputs), on_device))

    return Converted(build, why_not_exact=why)


def sum_of_trees(trees: TreeSum, features: Features, *, rounds_inputs: bool = False) -> Converted:
    """A model that is a sum of trees on its columns, moved to the raw ones as far as they can be.

    A test of a level column may be a threshold on its numbers, or a level set by code. It refuses
    columns that are sums, or no increasing functions, of raw ones: no threshold on a table decides
    the same to the last digit.
    """
    if features.base is not None:
        raise NotConvertibleError(
            f"{features.mixed_by} mixes columns, and its trees compare what comes out with "
            "thresholds, to the last digit"
        )
    used = [int(k) for k in np.unique(trees.column[trees.column >= 0])]
    by_set = set(np.unique(trees.column[trees.level_set >= 0]).tolist())
    guards = {k: _guard(features.columns[k], k in by_set) for k in used}
    beside = {k: guard for k, guard in guards.items() if guard is not None}
    moved = move(trees, features, list(beside))
    why = _why_not_raw(features, used, by_set, compared=True)
    rounds = rounds_inputs and all(_is_as_it_comes(features.columns[k]) for k in used)
    return _tree_model(moved, rounds, why, list(beside.values()))


def _tree_model(
    trees: TreeSum, rounds_inputs: bool, why_not_exact: str = "", beside: Sequence[Column] = ()
) -> Converted:
    """Trees on raw columns, and on some beside them that are made of them."""
    raw = [NumberColumn(k) for k in range(trees.num_features - len(beside))]

    def build(inputs: Inputs) -> Any:
        return inputs.trees(trees, [*raw, *beside])

    structure = None if why_not_exact else trees
    return Converted(build, structure, why_not_exact, rounds_inputs)


def _guard(column: Column, by_set: bool) -> Column | None:
    """What stands beside the raw columns for trees to test; None: they test the raw one."""
    if isinstance(column, PointColumn) or _goes_down(column):
        return column
    if isinstance(column, LevelColumn) or (by_set and column.is_raw(column.raw)):
        return None
    if by_set:
        return column
    guard = column.guard()
    return None if column.is_total else guard


def _goes_down(column: Column) -> bool:
    return isinstance(column, NumberColumn) and column.goes_down


def _is_as_it_comes(column: Column) -> bool:
    """Whether float32 of a number of the table is what trees that round would look at."""
    if isinstance(column, NumberColumn):
        return all(name in ("missing", "float32") for name, *_ in column.steps)
    return isinstance(column, LevelColumn)


def linear(
    coef: Float64[np.ndarray, "outputs columns"],
    intercept: Float64[np.ndarray, " outputs"],
    features: Features,
) -> Converted:
    """A linear model of its columns, additive where these are lines and tables of raw ones."""
    coef, intercept = np.asarray(coef, np.float64), np.asarray(intercept, np.float64)
    plain = [c.raw for c in features.columns if isinstance(c, NumberColumn) and c.is_raw(c.raw)]
    if features.base_sum is not None and len(plain) == len(features):
        into = np.eye(features.base_width)[plain]
        return _sum_model(mapped(features.base_sum, coef @ into, intercept))
    used = [int(k) for k in np.flatnonzero((coef != 0).any(axis=0))]
    why = _why_not_raw(features, used)
    steps = None if why else sum_of_steps(coef, intercept, features, used)
    if steps is not None:
        return _sum_model(steps)
    for k in used:
        column = features.columns[k]
        if why or not isinstance(column, NumberColumn):
            continue
        if not column.is_line:
            why = f"{features.raw_name(column.raw)} is changed by a function that is no line"
        elif np.isfinite(column.line()[3:]).any():
            why = f"{features.raw_name(column.raw)} is clipped on the way to the model"
    if why:
        return apply(Partial(_lines, coef.T, intercept), features, why)
    return _sum_model(additive_of(coef, intercept, features))


def _sum_model(structure: Structure, rounds_inputs: bool = False) -> Converted:
    """A sum on the raw columns."""

    def build(inputs: Inputs) -> Any:
        return predict_sum(structure, inputs)

    return Converted(build, structure, "", rounds_inputs)


def linked(converted: Converted, link: Link, why_not_exact: str) -> Converted:
    """A function of a model's outputs; why that has no closed form, and what has one."""
    return converted.then(Partial(link), why_not_exact)


def scaled(
    converted: Converted, scale: Float[np.ndarray, " outputs"], shift: Float[np.ndarray, " outputs"]
) -> Converted:
    """A model's outputs times a number each, plus a number each; of the same kind."""
    scale, shift = np.asarray(scale, np.float64), np.asarray(shift, np.float64)
    if converted.structure is not None:
        structure = scale_sum(converted.structure, scale, shift)
        return _sum_model(structure, converted.rounds_inputs)
    return converted.then(put(Partial(_scaled, scale, shift)), converted.why_not_exact)


def average(members: Sequence[Converted], weights: Sequence[float] | np.ndarray) -> Converted:
    """A weighted sum of models; a sum over trees and columns where all members are."""
    weights = np.asarray(weights, np.float64)
    parts = [m.structure for m in members if m.structure is not None]
    rounds = all(m.rounds_inputs for m in members)
    if len(parts) == len(members):
        return _sum_model(added(parts, weights), rounds)
    why = next(m.why_not_exact for m in members if m.structure is None)

    def build(inputs: Inputs) -> Any:
        return put(Partial(_weighted_sum, [m.build(inputs) for m in members], weights))

    return Converted(build, None, why, rounds, _average_of_links(members, weights))


def _average_of_links(
    members: Sequence[Converted], weights: Float64[np.ndarray, " members"]
) -> LinkedSum | None:
    """A weighted sum of functions of trees, as one of all their outputs side by side."""
    links, sums = [], []
    for member in members:
        link, structure = Identity(), member.structure
        if structure is None and member.linked is not None:
            link, structure = member.linked.link, member.linked.structure
        if not isinstance(structure, TreeSum):
            return None
        links.append(link)
        sums.append(structure)
    counts = tuple(trees.num_outputs for trees in sums)
    if sum(len(trees.column) for trees in sums) * sum(counts) > _MOST_BESIDE:
        return None
    return LinkedSum(trees_beside(sums), put(SumOfLinks(tuple(links), weights, counts)))


@pytree
class SumOfLinks:
    """A weighted sum of functions, each of its own sums."""

    links: tuple[Any, ...]
    weights: AnyArray
    counts: tuple[int, ...] = static()  # of sums that each is a function of

    def __call__(self, sums: AnyArray) -> Array:
        """That of a batch, (samples, sums) -> (samples, outputs)."""
        stops = np.cumsum(self.counts)
        parts = [sums[:, stop - n : stop] for stop, n in zip(stops, self.counts, strict=True)]
        outputs = [link(part) for link, part in zip(self.links, parts, strict=True)]
        none = jnp.zeros_like(outputs[0])
        return sum((w * y for w, y in zip(self.weights, outputs, strict=True)), none)


def some_outputs(converted: Converted, outputs: Sequence[int]) -> Converted:
    """A model's outputs with these numbers, in rising order."""
    numbers = np.asarray(outputs, np.int64)
    if converted.structure is not None:
        return _sum_model(converted.structure.of_outputs(numbers), converted.rounds_inputs)
    return converted.then(put(Partial(_taken, numbers)), converted.why_not_exact)


def beside(members: Sequence[Converted]) -> Converted:
    """The outputs of models side by side; a sum over trees and columns where all members are."""
    structures = [m.structure for m in members if m.structure is not None]
    rounds = all(m.rounds_inputs for m in members)
    if len(structures) == len(members):
        return _sum_model(beside_each_other(structures), rounds)
    why = next(m.why_not_exact for m in members if m.structure is None)

    def build(inputs: Inputs) -> Any:
        return Partial(outputs_together, [m.build(inputs) for m in members])

    return Converted(build, None, why, rounds)


def _why_not_raw(
    features: Features, used: Sequence[int], by_set: Any = (), *, compared: bool = False
) -> str:
    """Why a model of the columns `used` is not one of the raw table; empty: it is."""
    if features.base is not None:
        return f"{features.mixed_by} mixes columns"
    for k in used:
        column = features.columns[k]
        name = features.raw_name(column.raw)
        if isinstance(column, PointColumn):
            return (
                f"{name} is encoded by level, but is numeric here; name it in "
                "`categorical_features`"
            )
        if not isinstance(column, NumberColumn):
            continue
        if compared and column.goes_down:
            return f"{name} is changed by a function that does not only increase"
        if k in by_set and (column.steps or not np.isnan(column.missing)):
            return (
                f"{name} is changed before it is read by level; name it in `categorical_features`"
            )
        if not column.is_total:
            return f"{name} is missing to the model where a function before it has no value"
    return ""


def _lines(coef: Array, intercept: Array, inputs: AnyArray) -> Array:
    return jnp.matmul(inputs, coef, precision="highest") + intercept


def _taken(numbers: Array, outputs: AnyArray) -> Array:
    return jnp.asarray(outputs)[:, numbers]


def _scaled(scale: Array, shift: Array, outputs: Array) -> Array:
    return outputs * scale + shift


def _weighted_sum(members: Sequence[Any], weights: Array, inputs: AnyArray) -> Array:
    outputs = [member(inputs) for member in members]
    return sum((w * y for w, y in zip(weights, outputs, strict=True)), jnp.zeros_like(outputs[0]))
