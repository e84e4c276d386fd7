"""All that is compiled: the one module that jits.

Most programs take `given`, what all rows share, and rows; `count` in it says how many of the rows
are asked for, on each device. The rest pad the chunk to its shape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from lime_jax.engine.blocks import map_blocks, on_one
from lime_jax.engine.devices import Devices
from lime_jax.engine.one_row import explain_one, predict, sample, summarize, summarize_one
from lime_jax.engine.typing import Rows
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, LinearFit

_T = TypeVar("_T")


def _map_rows(fn: Callable[[Any], _T], rows: Any, count: Any, block: int) -> _T:
    """`vmap` over blocks of rows, as many blocks as hold the first `count` rows."""
    return map_blocks(jax.jit(jax.vmap(fn) if block > 1 else on_one(fn)), rows, count, block)


def _on_rows(*static: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Jit a program of what all rows share, and of rows: `(given, rows, devices, ...)`.

    With a mesh every device runs it on its own rows. `static` names the other arguments.
    """

    def make(program: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(program)
        def run(given: Any, rows: Any, devices: Devices, **others: int) -> Any:
            return devices.split_rows(partial(program, devices=devices, **others))(given, rows)

        return jax.jit(run, static_argnames=("devices", *static))

    return make


@partial(jax.jit, static_argnames="devices")
def sample_units(given: Any, units: Array, devices: Devices) -> Any:
    """Draw units of the neighborhood that all rows share."""

    def draw(given: Any, units: Array) -> Any:
        key, domain, method = given
        return sample(key, None, domain, method, units)

    return devices.split_items(draw, given, units)


@jax.jit
def render(domain: Any, instances: Any, samples: Any) -> Any:
    """A host model's inputs for samples of rows."""
    return jax.vmap(domain.inputs)(instances, samples)


@jax.jit
def predict_rows(model: DevicePredict[Any], inputs: Array) -> Any:
    """A model's outputs for rows as they are."""
    return model(inputs)


@partial(jax.jit, static_argnames="devices")
def predict_units(given: Any, samples: Any, devices: Devices) -> Array:
    """A model's outputs for units of the neighborhood that all rows share."""

    def call(given: Any, flat: Any) -> Array:
        model, domain = given
        return predict(model, domain, None, jax.tree.map(lambda leaf: leaf[None], flat))[0]

    if devices.mesh is None:
        model, domain = given
        return predict(model, domain, None, samples)

    units, size = jax.tree.leaves(samples)[0].shape[:2]
    flat = jax.tree.map(lambda leaf: leaf.reshape(units * size, *leaf.shape[2:]), samples)
    return devices.split_items(call, given, flat).reshape(units, size, -1)


@partial(jax.jit, static_argnames="shape")
def lay_out(method: Any, groups: list[Any], shape: tuple[int, int]) -> Any:
    """The samples of a shared neighborhood, as the fits read them."""
    return method.lay_out(_by_replicate(groups, shape))


@partial(jax.jit, static_argnames="shape")
def adjust(method: Any, layout: Any, outputs: list[Any], shape: tuple[int, int]) -> Any:
    """A layout with the model's outputs."""
    return method.adjust(layout, _by_replicate(outputs, shape))


def _by_replicate(groups: list[Any], shape: tuple[int, int]) -> Any:
    """Groups of units as arrays of (replicates, blocks, ...)."""

    def join(*parts: Array) -> Array:
        whole = jnp.concatenate(parts)
        return whole.reshape(*shape, *parts[0].shape[-(whole.ndim - 1) :])

    return jax.tree.map(join, *groups)


@_on_rows("block")
def fit_shared(given: Any, rows: Rows, devices: Devices, block: int) -> Any:
    """Fit rows to the neighborhood that they share."""
    domain, method, adjusted, count = given

    def fit(row: Rows) -> Any:
        return method.explain_row(domain, row.instances, adjusted, row.labels)

    return _map_rows(fit, rows, count, block)


@_on_rows("block")
def fit_exact(given: Any, rows: Rows, devices: Devices, block: int) -> LinearFit:
    """Fit rows by a closed form."""
    form, count = given

    def fit(rows: Rows) -> LinearFit:
        instances, variance = rows.instances
        return form.explain_block(instances, rows.labels, variance)

    return map_blocks(jax.jit(fit), rows, count, block)


@_on_rows("block", "units_at_once")
def explain_rows(given: Any, rows: Rows, devices: Devices, block: int, units_at_once: int) -> Any:
    """Draw each row's neighborhood, call the model on it, and fit."""
    key, domain, method, model, count = given

    def explain(row: Rows) -> Any:
        row_key = jax.random.fold_in(key, row.ids)
        if devices.sample_axis is None:
            arguments = (row_key, row.instances, domain, method, model, row.labels, units_at_once)
            return explain_one(*arguments)
        arguments = (row_key, row.instances, domain, method, model, units_at_once)
        summaries = _sum_together(devices, *arguments)
        return method.solve(summaries, domain.coordinates(row.instances), row.labels)

    return _map_rows(explain, rows, count, block)


@_on_rows("block", "units_at_once")
def sum_rows(given: Any, rows: Rows, devices: Devices, block: int, units_at_once: int) -> Any:
    """Draw each row's neighborhood, call the model on it, and sum up."""
    key, domain, method, model, count, skip = given

    def one(row: Rows) -> Any:
        row_key = jax.random.fold_in(key, row.ids)
        sum_up = summarize_one if devices.sample_axis is None else partial(_sum_together, devices)
        return sum_up(row_key, row.instances, domain, method, model, units_at_once, skip)

    return _map_rows(one, rows, count, block)


def _sum_together(
    devices: Devices,
    key: Array,
    instance: Any,
    domain: Any,
    method: Any,
    model: DevicePredict[Any],
    units_at_once: int,
    skip: Any = 0,
) -> Any:
    """Summaries of a row whose replicates are shared by the devices of the second axis.

    Each sums up as many; what the last ones have too many of is dropped.
    """
    axis: Any = devices.sample_axis
    replicates = method.design.num_replicates
    own = -(-replicates // devices.num_samples)
    skip = skip + own * jax.lax.axis_index(axis)
    mine = summarize_one(key, instance, domain, method, model, units_at_once, skip, own)
    together = jax.lax.all_gather(mine, axis, tiled=True)
    return jax.tree.map(lambda leaf: leaf[:replicates], together)


@_on_rows()
def merge_pairs(method: Any, summaries: Any, devices: Devices) -> Any:
    """Summaries with neighboring replicates together."""
    first, second = (jax.tree.map(lambda a, i=i: a[:, i::2], summaries) for i in (0, 1))
    return jax.vmap(jax.vmap(method.merge))(first, second)


@partial(jax.jit, static_argnames="devices")
def take_rows(summaries: Any, index: Array, devices: Devices) -> Any:
    """Summaries of the rows at `index`."""
    return devices.keep_rows(jax.tree.map(lambda leaf: leaf[index], summaries))


@_on_rows()
def sample_rows(given: Any, rows: Rows, devices: Devices) -> Any:
    """Draw units of each row's neighborhood, for a model on the host."""
    key, domain, method, units, count = given

    def draw(row: Rows) -> Any:
        row_key = jax.random.fold_in(key, row.ids)
        return sample(row_key, row.instances, domain, method, units)

    return _map_rows(draw, rows, count, 1)


@_on_rows()
def summarize_rows(given: Any, rows: Any, devices: Devices) -> Any:
    """Summaries of earlier units, and of these with a host model's outputs."""
    domain, method, units, count = given

    def one(row: Any) -> Any:
        instance, samples, y, summaries = row
        return summarize(instance, domain, method, samples, y, units, summaries)

    return _map_rows(one, rows, count, 1)


@_on_rows()
def solve_rows(given: Any, rows: Any, devices: Devices) -> Any:
    """Fits of rows from their summaries."""
    domain, method, count = given

    def one(row: Any) -> Any:
        rows, summaries = row
        return method.solve(summaries, domain.coordinates(rows.instances), rows.labels)

    return _map_rows(one, rows, count, 8)
