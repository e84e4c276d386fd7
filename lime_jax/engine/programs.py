"""All that is compiled.

Most programs take rows, and by name what all rows share; `count` says how many of the rows are
asked for, on each device. The rest pad the chunk to its shape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import jax
import jax.numpy as jnp

from lime_jax.engine.blocks import map_blocks, on_one
from lime_jax.engine.compiled import Program, compiled, part
from lime_jax.engine.devices import Devices
from lime_jax.engine.one_row import predict, sample, summarize, summarize_one
from lime_jax.engine.work import Rows
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import (
    AnyArray,
    Array,
    ClosedForm,
    Domain,
    Key,
    LinearFit,
    Method,
    Pytree,
    SharedMethod,
    pytree,
)

_T = TypeVar("_T")


@pytree
class Setting:
    """What the samples of rows with neighborhoods of their own, and their fits, are a function of.

    Attributes:
        key: that rows fold their ids into.
        model: None: it runs on the host, between two programs.
    """

    key: Key[Array, ""]
    domain: Domain
    method: Method
    model: DevicePredict | None = None


@pytree
class CalledRows:
    """Rows whose samples a host model was called on.

    Attributes:
        summaries: of their earlier units; None: there were none.
    """

    instances: Pytree
    samples: Pytree
    outputs: AnyArray
    summaries: Pytree


@pytree
class SummedRows:
    """Rows and the summaries of their samples.

    Attributes:
        labels: of the outputs in them; None: all.
    """

    instances: Pytree
    summaries: Pytree
    labels: Pytree = None


def _map_rows(fn: Callable[[Pytree], _T], rows: Pytree, count: Array, block: int) -> _T:
    """`vmap` over blocks of rows, as many blocks as hold the first `count` rows."""
    return map_blocks(part(jax.vmap(fn) if block > 1 else on_one(fn)), rows, count, block)


def _on_rows(*static: str, effort: str = "full") -> Callable[[Callable[..., _T]], Program[_T]]:
    """Compile a program `(rows, devices, ...)`; with a mesh every device runs it on its own rows.

    `static` names those of its other arguments that are part of the program; the rest is what all
    rows share.
    """

    def make(program: Callable[..., _T]) -> Program[_T]:
        @wraps(program)
        def run(rows: Pytree, devices: Devices, **others: Pytree) -> _T:
            fixed = {name: others.pop(name) for name in static}

            def on_own_rows(shared: dict[str, Pytree], rows: Pytree) -> _T:
                return program(rows, devices, **shared, **fixed)

            return devices.split_rows(on_own_rows)(others, rows)

        return Program(run, ("devices", *static), effort)

    return make


@compiled("devices")
def sample_units(
    key: Array, domain: Domain, method: SharedMethod, units: Array, devices: Devices
) -> tuple[Pytree, Pytree]:
    """Draw units of the neighborhood that all rows share; and what the fits need of them."""

    def draw(shared: tuple[Array, Domain, SharedMethod], units: Array) -> tuple[Pytree, Pytree]:
        key, domain, method = shared
        samples = sample(key, None, domain, method, units)
        return samples, method.retain(samples)

    return devices.split_items(draw, (key, domain, method), units)


@compiled()
def render(domain: Domain, instances: Pytree, samples: Pytree) -> Array:
    """A host model's inputs for samples of rows."""
    return jax.vmap(domain.inputs)(instances, samples)


@compiled()
def predict_rows(model: DevicePredict, inputs: Array) -> Array:
    """A model's outputs for rows as they are."""
    return model(inputs)


@compiled("block")
def predict_blocks(model: DevicePredict, inputs: Array, count: Array, block: int) -> Array:
    """The same of the first `count` rows, whatever their number."""
    return map_blocks(part(model), inputs, count, block)


@compiled("rows", "columns")
def sample_inputs(domain: Domain, samples: Pytree, rows: int, columns: int) -> list[Array]:
    """Inputs for units of a shared neighborhood, in parts of so many rows; both are padded."""
    units, size = jax.tree.leaves(samples)[0].shape[:2]
    flat = jax.tree.map(lambda leaf: leaf.reshape(units * size, *leaf.shape[2:]), samples)
    inputs = domain.inputs(None, flat)
    more = ((0, -len(inputs) % rows), (0, columns - inputs.shape[1]))
    return list(jnp.pad(inputs, more).reshape(-1, rows, columns))


@compiled("devices")
def predict_units(model: DevicePredict, domain: Domain, samples: Pytree, devices: Devices) -> Array:
    """A model's outputs for units of the neighborhood that all rows share."""
    if devices.mesh is None:
        return predict(model, domain, None, samples)

    def call(shared: tuple[DevicePredict, Domain], flat: Pytree) -> Array:
        model, domain = shared
        return predict(model, domain, None, jax.tree.map(lambda leaf: leaf[None], flat))[0]

    units, size = jax.tree.leaves(samples)[0].shape[:2]
    flat = jax.tree.map(lambda leaf: leaf.reshape(units * size, *leaf.shape[2:]), samples)
    return devices.split_items(call, (model, domain), flat).reshape(units, size, -1)


@compiled("shape")
def lay_out(method: SharedMethod, groups: list[Pytree], shape: tuple[int, int]) -> Pytree:
    """The samples of a shared neighborhood, as the fits read them."""
    return method.lay_out(_by_replicate(groups, shape))


@compiled("shape", effort="light")
def adjust(
    method: SharedMethod, layout: Pytree, outputs: list[Array], shape: tuple[int, int]
) -> Pytree:
    """A layout with the model's outputs."""
    return method.adjust(layout, _by_replicate(outputs, shape))


def _by_replicate(groups: list[Pytree], shape: tuple[int, int]) -> Pytree:
    """Groups of units as arrays of (replicates, blocks, ...)."""

    def join(*parts: Array) -> Array:
        whole = jnp.concatenate(parts)
        return whole.reshape(*shape, *parts[0].shape[-(whole.ndim - 1) :])

    return jax.tree.map(join, *groups)


@_on_rows("block")
def sum_shared(
    rows: Rows,
    devices: Devices,
    domain: Domain,
    method: SharedMethod,
    adjusted: Pytree,
    count: Array,
    block: int,
) -> Pytree:
    """What rows' fits need of the samples that they share: the part that takes the time."""

    def sum_up(row: Rows) -> Pytree:
        return method.sum_row(domain, row.instances, adjusted, row.labels)

    return _map_rows(sum_up, rows, count, block)


@_on_rows("block", effort="light")
def solve_shared(
    rows: SummedRows,
    devices: Devices,
    domain: Domain,
    method: SharedMethod,
    adjusted: Pytree,
    count: Array,
    block: int,
) -> Pytree:
    """Fit rows to the neighborhood that they share."""

    def solve(row: SummedRows) -> Pytree:
        return method.solve_row(domain, row.instances, adjusted, row.summaries, row.labels)

    return _map_rows(solve, rows, count, block)


@_on_rows("block", effort="light")
def fit_exact(
    rows: Rows, devices: Devices, form: ClosedForm, count: Array, block: int
) -> LinearFit:
    """Fit rows by a closed form."""

    def fit(rows: Rows) -> LinearFit:
        return form.explain_block(rows.instances, rows.labels, rows.variance)

    return map_blocks(part(fit), rows, count, block)


@_on_rows("block", "units_at_once")
def explain_rows(
    rows: Rows, devices: Devices, setting: Setting, count: Array, block: int, units_at_once: int
) -> Pytree:
    """Draw each row's neighborhood, call the model on it, and fit."""

    def explain(row: Rows) -> Pytree:
        summaries = _sum_up(devices, setting, row, units_at_once)
        return setting.method.solve(summaries, setting.domain.coordinates(row.instances))

    return _map_rows(explain, rows, count, block)


@_on_rows("block", "units_at_once")
def sum_rows(
    rows: Rows,
    devices: Devices,
    setting: Setting,
    skip: Array,
    count: Array,
    block: int,
    units_at_once: int,
) -> Pytree:
    """Draw each row's neighborhood, call the model on it, and sum up."""
    return _map_rows(
        lambda row: _sum_up(devices, setting, row, units_at_once, skip), rows, count, block
    )


def _sum_up(
    devices: Devices, setting: Setting, row: Rows, units_at_once: int, skip: Array | int = 0
) -> Pytree:
    """Summaries of a row; its replicates are shared by the devices of the second axis.

    Each sums up as many; what the last ones have too many of is dropped.
    """
    assert setting.model is not None
    row_key = jax.random.fold_in(setting.key, row.ids)
    arguments = (row_key, row.instances, setting.domain, setting.method, setting.model)
    if devices.sample_axis is None:
        return summarize_one(*arguments, units_at_once, skip, labels=row.labels)
    replicates = setting.method.design.num_replicates
    here = -(-replicates // devices.num_samples)
    skip = skip + here * jax.lax.axis_index(devices.sample_axis)
    mine = summarize_one(*arguments, units_at_once, skip, here, row.labels)
    together = jax.lax.all_gather(mine, devices.sample_axis, tiled=True)
    return jax.tree.map(lambda leaf: leaf[:replicates], together)


@_on_rows(effort="light")
def merge_pairs(summaries: Pytree, devices: Devices, method: Method) -> Pytree:
    """Summaries with neighboring replicates together."""
    first, second = (jax.tree.map(lambda a, i=i: a[:, i::2], summaries) for i in (0, 1))
    return jax.vmap(jax.vmap(method.merge))(first, second)


@compiled("devices", effort="quick")
def take_rows(summaries: Pytree, index: Array, devices: Devices) -> Pytree:
    """Summaries of the rows at `index`."""
    return devices.keep_rows(jax.tree.map(lambda leaf: leaf[index], summaries))


@_on_rows()
def sample_rows(
    rows: Rows, devices: Devices, setting: Setting, units: Array, count: Array
) -> Pytree:
    """Draw units of each row's neighborhood, for a model on the host."""

    def draw(row: Rows) -> Pytree:
        row_key = jax.random.fold_in(setting.key, row.ids)
        return sample(row_key, row.instances, setting.domain, setting.method, units)

    return _map_rows(draw, rows, count, 1)


@_on_rows()
def summarize_rows(
    rows: CalledRows, devices: Devices, setting: Setting, units: Array, count: Array
) -> Pytree:
    """Summaries of earlier units, and of these with a host model's outputs."""

    def one(row: CalledRows) -> Pytree:
        seen = row.samples, jnp.asarray(row.outputs)
        rule = setting.domain, setting.method
        return summarize(row.instances, *rule, *seen, units, row.summaries)

    return _map_rows(one, rows, count, 1)


@_on_rows(effort="light")
def solve_rows(rows: SummedRows, devices: Devices, setting: Setting, count: Array) -> Pytree:
    """Fits of rows from their summaries."""

    def one(row: SummedRows) -> Pytree:
        return setting.method.solve(row.summaries, setting.domain.coordinates(row.instances))

    return _map_rows(one, rows, count, 8)
