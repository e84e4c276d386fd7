"""One row's explanation from end to end, as pure functions: draw, realize, predict, sum up, solve.

Samples come in units: one block of one replicate. A unit's samples are a function of the row's
key and the unit's two numbers, so units can be made in any order, in any grouping, anywhere.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.engine import budget
from lime_jax.typing import (
    Array,
    Domain,
    Float,
    Int,
    Key,
    Method,
    PredictFn,
    Pytree,
    SampleDesign,
    Sampler,
)


def units_of(design: SampleDesign, num_replicates: int | None = None) -> np.ndarray:
    """The units of some replicates of a design; None: of all.

    Example:
        >>> from lime_jax.stages.designs import make_design
        >>> units_of(make_design("iid", 4096, num_columns=3)).shape
        (8, 2)
    """
    replicates, blocks = num_replicates or design.num_replicates, design.num_blocks
    return np.stack(np.divmod(np.arange(replicates * blocks), blocks), axis=1).astype(np.int32)


def sample(
    key: Key[Array, ""],
    instance: Pytree,
    domain: Domain,
    method: Sampler,
    units: Int[Array, "units 2"],
) -> Pytree:
    """Samples of some units.

    Args:
        instance: the row; may be None where the domain is shared.
    """
    return jax.vmap(lambda unit: domain.realize(instance, method.draws(key, unit[0], unit[1])))(
        units
    )


def predict(
    predict_fn: PredictFn,
    domain: Domain,
    instance: Pytree,
    samples: Pytree,
    labels: Int[Array, " labels"] | None = None,
) -> Float[Array, "units samples labels"]:
    """What a JAX model says of the samples of some units.

    Args:
        instance: the row; may be None where the domain is shared.
        labels: outputs that are asked for; None: all.

    Returns:
        Outputs, averaged over the background if there is one; a model of one output may leave
        out the last axis.
    """
    units, size = jax.tree.leaves(samples)[0].shape[:2]
    count = units * size
    flat = jax.tree.map(lambda leaf: leaf.reshape(count, *leaf.shape[2:]), samples)
    weights = domain.background_weights
    inputs_each = 1 if weights is None else weights.shape[0]
    calls = -(-count // budget.samples_per_prediction(domain.sample_size, inputs_each))
    at_once = -(-count // calls)

    def call(some: Pytree) -> Array:
        inputs = domain.inputs(instance, some)
        if weights is None:
            return _outputs(predict_fn, inputs, labels)
        return average_background(
            _outputs(predict_fn, inputs.reshape(-1, *inputs.shape[2:]), labels), weights
        )

    if calls == 1:
        return call(flat).reshape(units, size, -1)
    # All calls have one shape: the last repeats the first samples.
    index = jnp.arange(calls * at_once).reshape(calls, at_once) % count
    y = jax.lax.map(lambda i: call(jax.tree.map(lambda leaf: leaf[i], flat)), index)
    return y.reshape(calls * at_once, -1)[:count].reshape(units, size, -1)


def average_background(
    y: Float[Array, "inputs outputs"], weights: Float[Any, " background"]
) -> Float[Array, "samples outputs"]:
    """Means of outputs over the background.

    Args:
        weights: of the background rows; they add up to 1.
    """
    by_sample = y.reshape(-1, weights.shape[0], y.shape[1])
    # Relative to the first row, so that 32 bits hold small differences between samples.
    first = by_sample[:, :1]
    return first[:, 0] + jnp.einsum("skc,k->sc", by_sample - first, weights, precision="highest")


def _outputs(
    predict_fn: PredictFn, inputs: Array, labels: Array | None
) -> Float[Array, "inputs labels"]:
    y = jnp.asarray(predict_fn(inputs))
    if y.ndim not in (1, 2) or y.shape[0] != inputs.shape[0]:
        count = inputs.shape[0]
        raise ValueError(
            f"`predict_fn`: expected ({count},) or ({count}, outputs) for inputs of "
            f"shape {inputs.shape}, got shape {y.shape}"
        )
    y = y.reshape(inputs.shape[0], -1)
    y = y if labels is None else jnp.take(y, labels, axis=1)
    return y.astype(jnp.result_type(float))


def summarize(
    instance: Pytree,
    domain: Domain,
    method: Method,
    samples: Pytree,
    y: Float[Array, "units samples outputs"],
    units: Int[Array, "units 2"],
    summaries: Pytree = None,
    num_replicates: int | None = None,
) -> Pytree:
    """Sum up some units, into one summary per replicate.

    Args:
        summaries: of earlier units, with a leading axis of replicates; None: there were none.
    """

    def one(samples: Pytree, y: Array) -> Pytree:
        return method.summarize(domain.view(instance, samples), y)

    new = jax.vmap(one)(samples, y)
    replicates = num_replicates or method.design.num_replicates
    if summaries is None and method.design.num_blocks == 1 and units.shape[0] == replicates:
        return new
    if summaries is None:
        summaries = jax.tree.map(lambda a: jnp.zeros((replicates, *a.shape[1:]), a.dtype), new)

    def add(summaries: Pytree, unit: tuple[Pytree, Array]) -> tuple[Pytree, None]:
        summary, (replicate, _) = unit
        before = jax.tree.map(lambda a: a[replicate], summaries)
        after = method.merge(before, summary)
        return jax.tree.map(lambda a, b: a.at[replicate].set(b), summaries, after), None

    return jax.lax.scan(add, summaries, (new, units))[0]


def explain_one(
    key: Key[Array, ""],
    instance: Pytree,
    domain: Domain,
    method: Method,
    predict_fn: PredictFn,
    labels: Int[Array, " labels"] | None = None,
    units_at_once: int | None = None,
) -> Pytree:
    """Explain one row with a neighborhood of its own.

    Args:
        labels: outputs to explain; None: all.
        units_at_once: how many units are in memory together (a divisor of their number); None:
            all of them.
    """
    arguments = key, instance, domain, method, predict_fn
    summaries = summarize_one(*arguments, units_at_once, labels=labels)
    return method.solve(summaries, domain.coordinates(instance))


def summarize_one(
    key: Key[Array, ""],
    instance: Pytree,
    domain: Domain,
    method: Method,
    predict_fn: PredictFn,
    units_at_once: int | None = None,
    skip: Int[Array, ""] | int = 0,
    num_replicates: int | None = None,
    labels: Int[Array, " labels"] | None = None,
) -> Pytree:
    """What the explanation of one row needs of its samples.

    Args:
        num_replicates: how many are wanted; None: as many as the design has.
        labels: outputs to explain; None: all.
    """
    wanted = num_replicates or method.design.num_replicates
    units = jnp.asarray(units_of(method.design, wanted))
    ahead = jnp.stack([jnp.asarray(skip), jnp.zeros((), jnp.int32)]).astype(jnp.int32)

    def add(summaries: Pytree, some: Array) -> Pytree:
        samples = sample(key, instance, domain, method, some + ahead)
        y = predict(predict_fn, domain, instance, samples, labels)
        return summarize(instance, domain, method, samples, y, some, summaries, wanted)

    if units_at_once is None or units_at_once >= len(units):
        return add(None, units)
    groups = units.reshape(-1, units_at_once, 2)
    first = add(None, groups[0])
    return jax.lax.scan(lambda s, some: (add(s, some), None), first, groups[1:])[0]
