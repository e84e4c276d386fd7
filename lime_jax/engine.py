"""Rows times samples: the one module that jits, chunks and pads.

Two plans. Where samples do not depend on x, all rows share one neighborhood: it is drawn once, the
model is called on it once, and rows only differ in how they see it. Otherwise every row draws its
own, from a key that is a function of the seed and the row's id. A JAX model runs inside the jitted
program; any other is called between two of them, so its exceptions are its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax import budget
from lime_jax.fits.independent import IndependentMethod
from lime_jax.models.predict import DevicePredict
from lime_jax.neighborhood import explain_one, predict, sample, summarize, units_of
from lime_jax.typing import Array, Domain, LinearFit, Method, pytree

HostPredict = Callable[[np.ndarray], np.ndarray]
"""Inputs in float64 `(samples, ...)` to outputs `(samples, outputs)`."""

HostInputs = Callable[[Any], np.ndarray]
"""The domain's samples to a host model's inputs in float64."""

Progress = Callable[[int], None]
"""Called with the number of rows that are done since the last call."""

_T = TypeVar("_T")


@pytree
class Rows:
    """Rows to explain.

    Attributes:
        instances: as the domain knows them, with a leading axis.
        ids: 32-bit row ids.
        labels: outputs to explain, (rows, labels); None: all.
    """

    instances: Any
    ids: Any
    labels: Any = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.ids)


@dataclasses.dataclass
class SharedNeighborhood:
    """Samples that all rows share, drawn once and used with any model.

    Attributes:
        samples: one entry per group of units, as far as they are kept.
        inputs: of a host model, likewise.
        layout: of the closed-form fit, once made.
    """

    samples: dict[int, Any] = dataclasses.field(default_factory=dict)
    inputs: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    layout: Any = None


def keys_of(seed: int) -> tuple[Array, Array]:
    """The only place where a seed becomes keys.

    Args:
        seed: of the explainer.

    Returns:
        The key of the shared neighborhood, and the key that rows fold their ids into.
    """
    shared, rows = jax.random.split(jax.random.key(seed, impl="threefry2x32"))
    return shared, rows


def explain_shared(
    key: Array,
    domain: Domain,
    method: Any,
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: HostInputs,
    neighborhood: SharedNeighborhood,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> LinearFit:
    """Explain rows with one neighborhood for all.

    Args:
        key: of the neighborhood.
        domain: what a sample is.
        method: how to weigh and fit.
        model: to explain.
        rows: to explain.
        host_inputs: makes a host model's inputs.
        neighborhood: filled here, and read when it comes back filled.
        batch_size: largest batch of a host model.
        progress: told of finished rows.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    independent = isinstance(method, IndependentMethod)
    groups = _groups(domain, method, samples_in_all=1)
    samples, outputs = [], []
    for number, units in enumerate(groups):
        drawn = neighborhood.samples.get(number)
        if drawn is None:
            drawn = _sample_units(key, domain, method, units)
        outputs.append(
            _predict_group(domain, model, drawn, number, host_inputs, neighborhood, batch_size)
        )
        if _nbytes(drawn) * len(groups) <= budget.KEPT_NEIGHBORHOOD:
            neighborhood.samples[number] = drawn
        samples.append(drawn.bins if independent else drawn)
    y = jnp.concatenate(outputs)
    units = jnp.asarray(units_of(method.design))
    design = method.design
    if independent:
        if neighborhood.layout is None:
            bins = jnp.concatenate(samples)
            shape = (design.num_replicates, design.num_blocks, *bins.shape[1:])
            neighborhood.layout = _lay_out(method, bins.reshape(shape))
        shape = (design.num_replicates, design.num_blocks, *y.shape[1:])
        shared = _adjust(method, neighborhood.layout, y.reshape(shape))
        block = 32 if jax.default_backend() == "cpu" else 256
        fit = partial(_fit_independent, method, shared, block=block)
    else:
        merged = jax.tree.map(lambda *parts: jnp.concatenate(parts), *samples)
        bytes_per_row = 4 * merged.values.size
        block = budget.rows_per_block(design.num_samples, bytes_per_row)
        fit = partial(_fit_shared, domain, method, merged, y, units, block=block)
    return _collect(fit, rows, y.shape[-1], progress)


def explain_rows(
    key: Array,
    domain: Domain,
    method: Method,
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, slice], np.ndarray],
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> LinearFit:
    """Explain rows with a neighborhood for each.

    Args:
        key: that rows fold their ids into.
        domain: what a sample is.
        method: how to weigh and fit.
        model: to explain.
        rows: to explain.
        host_inputs: makes a host model's inputs of the samples of a slice of rows.
        batch_size: largest batch of a host model.
        progress: told of finished rows.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    features = rows.instances.values.shape[1]
    size = method.design.block_size
    units = units_of(method.design)
    if isinstance(model, DevicePredict):
        at_once = budget.units_per_call(len(units), 1, 8192 // size)
        if jax.default_backend() != "cpu":
            at_once = budget.units_per_call(len(units), 64 * size * features)
        block = budget.rows_per_block(at_once * size, 64 * at_once * size * features)
        fit = partial(_explain_rows, key, domain, method, model, block=block, units_at_once=at_once)
        return _collect(fit, rows, None, progress, most=max(64, block))
    return _explain_rows_on_host(
        key, domain, method, model, rows, host_inputs, batch_size, progress
    )


def _explain_rows_on_host(
    key: Array,
    domain: Domain,
    method: Method,
    model: HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, slice], np.ndarray],
    batch_size: int | None,
    progress: Progress | None,
) -> LinearFit:
    """Three phases for each chunk of rows: sample, call the model, sum up; then solve."""
    features, size = rows.instances.values.shape[1], method.design.block_size
    all_units = units_of(method.design)
    bytes_per_unit = 40 * size * features
    at_once = budget.units_per_call(len(all_units), bytes_per_unit)
    chunk = budget.rows_per_call(4 * at_once * bytes_per_unit, most=64)
    groups = all_units.reshape(-1, at_once, 2)
    fits = []
    for part, count, taken in _chunks(rows, chunk):
        summaries = None
        for units in groups:
            samples = _sample_rows(key, domain, method, units, part, count)
            inputs = host_inputs(jax.tree.map(lambda a: a[:count], samples), taken)  # noqa: B023
            flat = inputs.reshape(-1, *inputs.shape[3:])
            y = call_in_batches(model, flat, batch_size, _describe(taken))
            y = y.reshape(count, at_once, size, -1)
            y = np.concatenate([y, np.zeros((chunk - count, *y.shape[1:]))])
            y = jnp.asarray(y, jnp.result_type(float))
            summaries = _summarize_rows(domain, method, samples, y, units, part, summaries, count)
        fit = _solve_rows(domain, method, summaries, part, count)
        fits.append(jax.tree.map(lambda a: np.asarray(a[:count]), fit))  # noqa: B023
        if progress is not None:
            progress(count)
    return jax.tree.map(lambda *parts: np.concatenate(parts), *fits)


def call_in_batches(
    model: HostPredict, inputs: np.ndarray, batch_size: int | None, what: str
) -> np.ndarray:
    """Call a host model, at most `batch_size` inputs at a time.

    Args:
        model: to call.
        inputs: (samples, ...).
        batch_size: None: all at once.
        what: the inputs are, for the note that an exception of the model carries.

    Returns:
        Outputs (samples, outputs).
    """
    step = len(inputs) if batch_size is None else batch_size
    outputs = []
    for start in range(0, len(inputs), max(step, 1)):
        try:
            outputs.append(model(inputs[start : start + step]))
        except Exception as error:
            error.add_note(f"raised by the model while lime_jax called it on {what}")
            raise
    return np.concatenate(outputs)


def _describe(taken: slice) -> str:
    return f"samples of rows {taken.start} to {taken.stop - 1}"


def _groups(domain: Domain, method: Any, samples_in_all: int) -> list[Array]:
    """Units in groups that fit the memory budget."""
    del samples_in_all
    units = units_of(method.design)
    features = domain.stats.num_features  # type: ignore[attr-defined]
    at_once = budget.units_per_call(len(units), 64 * method.design.block_size * features)
    return [jnp.asarray(group) for group in units.reshape(-1, at_once, 2)]


def _predict_group(
    domain: Domain,
    model: DevicePredict[Any] | HostPredict,
    samples: Any,
    number: int,
    host_inputs: HostInputs,
    neighborhood: SharedNeighborhood,
    batch_size: int | None,
) -> Array:
    """The model's outputs for a group of units of the shared neighborhood."""
    if isinstance(model, DevicePredict):
        return _predict_units(model, domain, samples)
    inputs = neighborhood.inputs.get(number)
    if inputs is None:
        inputs = host_inputs(samples)
        if number == 0 and inputs.nbytes <= budget.KEPT_NEIGHBORHOOD:
            neighborhood.inputs[number] = inputs
    units, size = inputs.shape[:2]
    flat = inputs.reshape(units * size, *inputs.shape[2:])
    y = call_in_batches(model, flat, batch_size, "the neighborhood that all rows share")
    return jnp.asarray(y.reshape(units, size, -1), jnp.result_type(float))


def _nbytes(tree: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def _chunks(rows: Rows, size: int) -> Iterator[tuple[Rows, int, slice]]:
    """Rows in chunks of one shape; the last is padded with copies of its first row."""
    for start in range(0, len(rows), size):
        stop = min(start + size, len(rows))
        index = np.full(size, start)
        index[: stop - start] = np.arange(start, stop)
        part = jax.tree.map(lambda a: jnp.asarray(a[index]), rows)  # noqa: B023
        yield part, stop - start, slice(start, stop)


def _collect(
    fit: Callable[..., LinearFit],
    rows: Rows,
    outputs: int | None,
    progress: Progress | None,
    most: int = 1024,
) -> LinearFit:
    """Fits of all rows on the host, in chunks of one shape."""
    labels = rows.labels.shape[1] if rows.labels is not None else outputs or 4
    width = rows.instances.values.shape[1]
    chunk = budget.rows_per_call(64 * width * (1 + 8 * labels), most)
    fits = []
    for part, count, _ in _chunks(rows, chunk):
        done = fit(part, count)
        fits.append(jax.tree.map(lambda a: np.asarray(a)[:count], done))  # noqa: B023
        if progress is not None:
            progress(count)
    return jax.tree.map(lambda *parts: np.concatenate(parts), *fits)


def _map_rows(fn: Callable[[Any], _T], rows: Any, count: Any, block: int) -> _T:
    """`vmap` over blocks of rows, as many blocks as hold the first `count` rows.

    The number of blocks is not part of the program: one row and a thousand run the same one.
    """
    length = jax.tree.leaves(rows)[0].shape[0]
    block = min(block, length)

    def take(start: Any) -> Any:
        return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, block), rows)

    shapes = jax.eval_shape(jax.vmap(fn), take(0))
    empty = jax.tree.map(lambda s: jnp.zeros((length, *s.shape[1:]), s.dtype), shapes)

    def body(i: Any, results: Any) -> Any:
        # The last block is moved back inside, where it repeats rows.
        start = jnp.minimum(i * block, length - block)
        return jax.tree.map(
            lambda all_, new: jax.lax.dynamic_update_slice_in_dim(all_, new, start, 0),
            results,
            jax.vmap(fn)(take(start)),
        )

    return jax.lax.fori_loop(0, (count + block - 1) // block, body, empty)


@jax.jit
def _sample_units(key: Array, domain: Any, method: Any, units: Array) -> Any:
    return sample(key, None, domain, method, units)


@jax.jit
def _predict_units(model: DevicePredict[Any], domain: Any, samples: Any) -> Array:
    return predict(model, domain, samples)


@jax.jit
def _lay_out(method: Any, bins: Array) -> Any:
    return method.lay_out(bins)


@jax.jit
def _adjust(method: Any, layout: Any, y: Array) -> Any:
    return method.adjust(layout, y)


@partial(jax.jit, static_argnames="block")
def _fit_independent(method: Any, shared: Any, rows: Rows, count: int, block: int) -> LinearFit:
    return _map_rows(
        lambda row: method.fit(shared, row.instances.bins, row.labels), rows, count, block
    )


@partial(jax.jit, static_argnames="block")
def _fit_shared(
    domain: Any,
    method: Any,
    samples: Any,
    y: Array,
    units: Array,
    rows: Rows,
    count: int,
    block: int,
) -> LinearFit:
    def fit(row: Rows) -> LinearFit:
        summaries = summarize(row.instances, domain, method, samples, y, units)
        return method.solve(summaries, domain.coordinates(row.instances), row.labels)

    return _map_rows(fit, rows, count, block)


@partial(jax.jit, static_argnames=("block", "units_at_once"))
def _explain_rows(
    key: Array,
    domain: Any,
    method: Any,
    model: DevicePredict[Any],
    rows: Rows,
    count: int,
    block: int,
    units_at_once: int,
) -> LinearFit:
    def explain(row: Rows) -> LinearFit:
        row_key = jax.random.fold_in(key, row.ids)
        return explain_one(row_key, row.instances, domain, method, model, row.labels, units_at_once)

    return _map_rows(explain, rows, count, block)


@jax.jit
def _sample_rows(key: Array, domain: Any, method: Any, units: Array, rows: Rows, count: int) -> Any:
    def draw(row: Rows) -> Any:
        row_key = jax.random.fold_in(key, row.ids)
        return sample(row_key, row.instances, domain, method, units)

    return _map_rows(draw, rows, count, 1)


@jax.jit
def _summarize_rows(
    domain: Any,
    method: Any,
    samples: Any,
    y: Array,
    units: Array,
    rows: Rows,
    summaries: Any,
    count: int,
) -> Any:
    def one(row: Any) -> Any:
        instance, samples, y, summaries = row
        return summarize(instance, domain, method, samples, y, units, summaries)

    return _map_rows(one, (rows.instances, samples, y, summaries), count, 1)


@jax.jit
def _solve_rows(domain: Any, method: Any, summaries: Any, rows: Rows, count: int) -> LinearFit:
    def one(row: Any) -> LinearFit:
        rows, summaries = row
        return method.solve(summaries, domain.coordinates(rows.instances), rows.labels)

    return _map_rows(one, (rows, summaries), count, 8)
