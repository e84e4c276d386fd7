"""Rows times samples: the one module that jits, chunks and pads.

Two plans. Where samples do not depend on x, all rows share one neighborhood: it is drawn once, the
model is called on it once, and rows only differ in how they see it. Otherwise every row draws its
own, from a key that is a function of the seed and the row's id. A JAX model runs inside the jitted
program; any other is called between two of them, so its exceptions are its own.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax import budget
from lime_jax.fits.sweep import make_sweep_method
from lime_jax.models.predict import DevicePredict
from lime_jax.neighborhood import (
    explain_one,
    predict,
    sample,
    summarize,
    summarize_one,
    units_of,
)
from lime_jax.typing import Array, ClosedForm, Domain, LinearFit, Method, SharedMethod, pytree

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
    """What was drawn for a shared neighborhood, so that the next call need not draw it again.

    Attributes:
        samples: by group of units, as far as they are small enough to keep.
        inputs: of a host model, likewise.
        layout: of the samples, as the fits read them.
    """

    samples: dict[int, Any] = dataclasses.field(default_factory=dict)
    inputs: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    layout: Any = None


@dataclasses.dataclass
class SharedRun:
    """All that the samples of a shared neighborhood, and the model's outputs, are a function of.

    Attributes:
        key: of the neighborhood.
        domain: what a sample is.
        method: what to draw.
        model: to explain.
        host_inputs: makes a host model's inputs of samples.
        neighborhood: filled here, and read when it comes back filled.
        batch_size: largest batch of a host model.
    """

    key: Array
    domain: Domain
    method: SharedMethod
    model: DevicePredict[Any] | HostPredict
    host_inputs: HostInputs
    neighborhood: SharedNeighborhood
    batch_size: int | None

    def draw(self, skip: int = 0) -> tuple[list[Any], list[Any]]:
        """Draw replicates, and call the model on them.

        Args:
            skip: 0: draw the replicates of the design. Else how many there are by now, a multiple
                of the design's: as many again are drawn, and not kept.

        Returns:
            By group of units: what the fits need of the samples, and the outputs. The former are
            left out where the neighborhood has its layout already.
        """
        design, layout = self.method.design, self.neighborhood.layout
        units = units_of(design)
        bytes_per_unit = 64 * design.block_size * self.domain.sample_size
        at_once = budget.units_per_call(len(units), bytes_per_unit)
        keep = not skip and len(units) * bytes_per_unit // 8 <= budget.KEPT_NEIGHBORHOOD
        if skip:
            units = units_of(design.with_replicates(skip)) + np.array([skip, 0], np.int32)
        retained, outputs = [], []
        for number, group in enumerate(units.reshape(-1, at_once, 2)):
            samples = None if skip else self.neighborhood.samples.get(number)
            if samples is None:
                samples = _sample_units(self.key, self.domain, self.method, group)
            outputs.append(self._predict(samples, number, keep))
            if keep:
                self.neighborhood.samples[number] = samples
            if layout is None:
                retained.append(self.method.retain(samples))
        return retained, outputs

    def _predict(self, samples: Any, number: int, keep: bool) -> Any:
        if isinstance(self.model, DevicePredict):
            return _predict_units(self.model, self.domain, samples)
        inputs = self.neighborhood.inputs.get(number) if keep else None
        inputs = self.host_inputs(samples) if inputs is None else inputs
        if keep:
            inputs.flags.writeable = False
            self.neighborhood.inputs[number] = inputs
        what = "the neighborhood that all rows share"
        return _call_in_batches(self.model, inputs, 2, self.batch_size, what)


@dataclasses.dataclass
class RowRun:
    """All that the summaries of rows with neighborhoods of their own are a function of.

    Attributes:
        key: that rows fold their ids into.
        domain: what a sample is.
        method: what to draw, how to weigh and fit.
        model: to explain.
        host_inputs: makes a host model's inputs of the samples of some rows.
        batch_size: largest batch of a host model.
    """

    key: Array
    domain: Domain
    method: Method
    model: DevicePredict[Any] | HostPredict
    host_inputs: Callable[[Any, Any], np.ndarray]
    batch_size: int | None

    @property
    def rows_at_once(self) -> int:
        """Rows that `summarize` should be called with."""
        summary = 64 * 8 * self.domain.sample_size**2  # of 64 groups of replicates
        if isinstance(self.model, DevicePredict):
            return budget.rows_per_call(summary, most=max(64, self._plan()[0]))
        return budget.rows_per_call(summary, most=32)

    def _plan(self) -> tuple[int, int]:
        """Rows in a block, and units at once, of a model on the device."""
        size = self.method.design.block_size
        sample_bytes = 64 * self.domain.sample_size
        at_once = budget.samples_at_once(self.method.design.num_samples, size, sample_bytes)
        return budget.rows_per_block(at_once, at_once * sample_bytes), at_once // size

    def summarize(self, rows: Rows, count: int, skip: int, which: np.ndarray) -> Any:
        """Draw the replicates of the design for some rows, and sum them up.

        Args:
            rows: of which the first `count` are asked for.
            count: how many.
            skip: replicates of each row that came before; these are the next.
            which: numbers of the rows, for the inputs of a host model.

        Returns:
            Summaries (rows, replicates, ...).
        """
        key, domain, method, model = self.key, self.domain, self.method, self.model
        if isinstance(model, DevicePredict):
            block, units_at_once = self._plan()
            return _sum_rows(key, domain, method, model, rows, count, skip, block, units_at_once)
        units = units_of(method.design)
        bytes_per_unit = 40 * method.design.block_size * domain.sample_size
        summaries = None
        for group in units.reshape(-1, budget.units_per_call(len(units), bytes_per_unit), 2):
            samples = _sample_rows(
                key, domain, method, group + np.array([skip, 0], np.int32), rows, count
            )
            y = _call_on_samples(self, _first(samples, count), which, "samples of rows")
            y = _to_device(np.concatenate([y, np.zeros((len(rows) - count, *y.shape[1:]))]))
            summaries = _summarize_rows(domain, method, samples, y, group, rows, summaries, count)
        return summaries

    def solve(self, summaries: Any, rows: Rows, count: int) -> Any:
        """Fits of the first rows from their summaries, on the host."""
        return _first(_solve_rows(self.domain, self.method, summaries, rows, count), count)


def merge_pairs(method: Method, summaries: Any) -> Any:
    """Neighboring replicates together.

    Args:
        method: that the summaries are of.
        summaries: (rows, replicates, ...), an even number of replicates.

    Returns:
        Summaries of half as many.
    """
    return _merge_pairs(method, summaries)


def keys_of(seed: int) -> tuple[Array, Array]:
    """The only place where a seed becomes keys.

    Args:
        seed: of the explainer, from 0 to 2**32 - 1.

    Returns:
        The key of the shared neighborhood, and the key that rows fold their ids into.
    """
    # A key is two words; the first says what it is for. Nothing to run, so nothing to compile.
    shared, rows = (
        jax.random.wrap_key_data(jnp.array([use, seed], jnp.uint32), impl="threefry2x32")
        for use in (1, 2)
    )
    return shared, rows


def explain_shared(
    key: Array,
    domain: Domain,
    method: SharedMethod,
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: HostInputs,
    neighborhood: SharedNeighborhood,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Any:
    """Explain rows with one neighborhood for all.

    Args:
        key: of the neighborhood.
        domain: what a sample is.
        method: how to weigh and fit.
        model: to explain.
        rows: to explain.
        host_inputs: makes a host model's inputs of samples.
        neighborhood: filled here, and read when it comes back filled.
        batch_size: largest batch of a host model.
        progress: told of finished rows.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    arguments = (model, rows, host_inputs, neighborhood, batch_size, progress)
    return sweep_shared(key, domain, [method], *arguments)[0]


def sweep_shared(
    key: Array,
    domain: Domain,
    methods: Sequence[SharedMethod],
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: HostInputs,
    neighborhood: SharedNeighborhood,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> list[Any]:
    """Explain rows by several methods with one neighborhood, and one set of model calls, for all.

    Args:
        key: of the neighborhood.
        domain: what a sample is.
        methods: that differ in the numbers of their leaves only; they share one program.
        model: to explain.
        rows: to explain.
        host_inputs: as in `explain_shared`.
        neighborhood: as in `explain_shared`.
        batch_size: largest batch of a host model.
        progress: told of the rows that are finished by all methods.

    Returns:
        Fits of every method, as of `explain_shared`.
    """
    run = SharedRun(key, domain, methods[0], model, host_inputs, neighborhood, batch_size)
    retained, outputs = run.draw()
    if neighborhood.layout is None:
        neighborhood.layout = lay_out(methods[0], retained)
    adjusted = adjust(methods[0], neighborhood.layout, outputs)
    last = len(methods) - 1
    return [
        fit_shared(domain, method, adjusted, rows, progress if number == last else None)
        for number, method in enumerate(methods)
    ]


def lay_out(method: SharedMethod, retained: list[Any]) -> Any:
    """Samples as the fits read them.

    Args:
        method: of the fits.
        retained: of all units of its design, by group.

    Returns:
        The method's layout.
    """
    return _lay_out(method, retained, _shared_shape(method))


def adjust(method: SharedMethod, layout: Any, outputs: list[Any]) -> Any:
    """A layout with the model's outputs.

    Args:
        method: of the fits.
        layout: of the samples.
        outputs: by group of units.

    Returns:
        What the fits read.
    """
    if isinstance(outputs[0], np.ndarray):
        outputs = [_to_device(np.concatenate(outputs))]
    return _adjust(method, layout, outputs, _shared_shape(method))


def _shared_shape(method: SharedMethod) -> tuple[int, int]:
    """Replicates, or groups of them where they are very many; and blocks in each."""
    design = method.design
    return design.num_groups, design.num_replicates // design.num_groups * design.num_blocks


def fit_shared(
    domain: Domain, method: SharedMethod, adjusted: Any, rows: Rows, progress: Progress | None
) -> Any:
    """Explain rows by a neighborhood that is drawn.

    Args:
        domain: of the rows.
        method: of the fits.
        adjusted: the neighborhood.
        rows: to explain.
        progress: told of finished rows.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    fit = partial(_fit_shared, domain, method, adjusted, block=method.rows_at_once)
    return _collect(fit, rows, domain.sample_size, progress)


def explain_rows(
    key: Array,
    domain: Domain,
    method: Method,
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, Any], np.ndarray],
    batch_size: int | None = None,
    progress: Progress | None = None,
    side_by_side: bool = False,
) -> Any:
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
        side_by_side: whether several rows may be worked on by several threads of a CPU. Not where
            method or model call LAPACK: two such programs can wait for each other for ever.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    if not isinstance(model, DevicePredict):
        return _explain_rows_on_host(
            key, domain, method, model, rows, host_inputs, batch_size, progress
        )
    size = method.design.block_size
    sample_bytes = 64 * domain.sample_size
    at_once = budget.samples_at_once(method.design.num_samples, size, sample_bytes)
    block = budget.rows_per_block(at_once, at_once * sample_bytes)
    fit = partial(
        _explain_rows, key, domain, method, model, block=block, units_at_once=at_once // size
    )
    most, threads = max(64, block), 1
    if side_by_side and jax.default_backend() == "cpu":
        weights = domain.background_weights
        calls = method.design.num_samples * (1 if weights is None else len(weights))
        most, threads = budget.rows_per_thread(calls), min(8, os.cpu_count() or 1)
    return _collect(fit, rows, domain.sample_size, progress, most, 2 * threads - 1, threads)


def sweep_rows(
    key: Array,
    domain: Domain,
    methods: Sequence[Method],
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, Any], np.ndarray],
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> list[Any]:
    """Explain rows by several methods, which share each row's neighborhood and its model calls.

    Args:
        key: that rows fold their ids into.
        domain: what a sample is.
        methods: that differ in the numbers of their leaves only; they share one program.
        model: to explain.
        rows: to explain.
        host_inputs: as in `explain_rows`.
        batch_size: largest batch of a host model.
        progress: told of finished rows.

    Returns:
        Fits of every method, as of `explain_rows`.
    """
    method = make_sweep_method(methods)
    fits = explain_rows(key, domain, method, model, rows, host_inputs, batch_size, progress)
    return [jax.tree.map(lambda leaf, i=number: leaf[:, i], fits) for number in range(len(methods))]


def render(domain: Domain, instances: Any, samples: Any) -> Array:
    """Inputs of a host model, made on the device.

    Args:
        domain: of the samples.
        instances: of some rows.
        samples: of these rows, with a leading axis.

    Returns:
        (rows, ..., samples, ...).
    """
    return _render(domain, instances, samples)


def predict_rows(model: DevicePredict[Any], inputs: np.ndarray) -> np.ndarray:
    """What a device model says of rows, in chunks of one shape.

    Args:
        model: to call.
        inputs: (rows, ...), in the dtype it takes.

    Returns:
        Its outputs, on the host.
    """
    most = 2**11 if jax.default_backend() == "cpu" else 2**16
    size = budget.rows_per_call(64 * inputs[0].nbytes, most)
    size = min(size, 2 ** (len(inputs) - 1).bit_length())  # few shapes: powers of two
    parts = []
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        if len(part) < size:
            part = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
        parts.append(_predict_rows(model, part))
    return np.concatenate([np.asarray(part) for part in parts])[: len(inputs)]


def explain_exact(
    form: ClosedForm,
    rows: Rows,
    variance: np.ndarray | None,
    progress: Progress | None = None,
) -> LinearFit:
    """Explain rows by a closed form.

    Args:
        form: of the model.
        rows: to explain.
        variance: of the outputs in each row's neighborhood, (rows, outputs); None: no scores.
        progress: told of finished rows.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    rows = Rows((rows.instances, variance), rows.ids, rows.labels)
    fit = partial(_fit_exact, form, block=form.rows_at_once)
    # JAX returns before it is done, so several chunks keep several cores busy.
    sizes = [leaf[0].size for leaf in jax.tree.leaves(rows.instances)]
    return _collect(fit, rows, max(sizes), progress, at_once=4)


def _explain_rows_on_host(
    key: Array,
    domain: Domain,
    method: Method,
    model: HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, Any], np.ndarray],
    batch_size: int | None,
    progress: Progress | None,
) -> Any:
    """Three phases for each chunk of rows: sample, call the model, sum up; then solve."""
    run = RowRun(key, domain, method, model, host_inputs, batch_size)
    budget.keep_freed_memory()
    units = units_of(method.design)
    bytes_per_unit = 40 * method.design.block_size * domain.sample_size
    at_once = budget.units_per_call(len(units), bytes_per_unit)
    chunk = budget.rows_per_call(6 * at_once * bytes_per_unit, most=32)
    groups = list(units.reshape(-1, at_once, 2))

    def steps() -> Iterator[tuple[Any, ...]]:
        for part, count, taken in _chunks(rows, chunk):
            for group in groups:
                samples = _sample_rows(key, domain, method, group, part, count)
                yield part, count, taken, group, samples

    fits, summaries, ahead = [], None, steps()
    following = next(ahead)
    while following is not None:
        part, count, taken, group, current = following
        # JAX returns before it is done: the next samples are drawn while the model runs.
        following = next(ahead, None)
        what = f"samples of rows {taken.start} to {taken.stop - 1}"
        y = _call_on_samples(run, _first(current, count), taken, what)
        y = _to_device(np.concatenate([y, np.zeros((chunk - count, *y.shape[1:]))]))
        summaries = _summarize_rows(domain, method, current, y, group, part, summaries, count)
        if group is groups[-1]:
            fits.append((_solve_rows(domain, method, summaries, part, count), count))
            summaries = None
            if progress is not None:
                progress(count)
    return jax.tree.map(
        lambda *parts: np.concatenate(parts), *(_first(fit, count) for fit, count in fits)
    )


def _call_on_samples(run: RowRun, samples: Any, taken: Any, what: str) -> np.ndarray:
    """A host model's outputs for samples (rows, units, samples, ...), averaged over the background.

    Inputs are made for some samples at a time: those of an image take a thousand times as much
    memory as its masks.
    """
    weights, domain = run.domain.background_weights, run.domain
    rows, units, size = jax.tree.leaves(samples)[0].shape[:3]
    lead = 3 if weights is None else 4
    each = 1 if weights is None else len(weights)
    wanted = 0 if run.batch_size is None else run.batch_size * domain.sample_size // each
    few = budget.numbers_per_host_call(domain.sample_size)
    step = budget.units_per_call(size, rows * units * domain.sample_size, max(few, wanted))

    def inputs_from(start: int) -> Any:
        some = jax.tree.map(lambda leaf: leaf[:, :, start : start + step], samples)
        return run.host_inputs(some, taken)

    parts, following = [], inputs_from(0)
    for start in range(step, size + step, step):
        inputs: Any = following
        # JAX returns before it is done: the next pictures are made while the model sees these.
        following = inputs_from(start) if start < size else None
        if isinstance(inputs, jax.Array):
            inputs = np.array(inputs)  # a copy: a model may write into what it is called with
        parts.append(_call_in_batches(run.model, inputs, lead, run.batch_size, what))
    y = np.concatenate(parts, axis=2)
    return y if weights is None else np.einsum("rusko,k->ruso", y, np.asarray(weights, y.dtype))


def _call_in_batches(
    model: HostPredict, inputs: np.ndarray, lead: int, batch_size: int | None, what: str
) -> np.ndarray:
    """A host model's outputs for inputs with `lead` leading axes."""
    flat = inputs.reshape(-1, *inputs.shape[lead:])
    step = batch_size or len(flat)
    outputs = []
    for start in range(0, len(flat), step):
        try:
            outputs.append(model(flat[start : start + step]))
        except Exception as error:
            error.add_note(f"raised while lime_jax called the model on {what}")
            raise
    return np.concatenate(outputs).reshape(*inputs.shape[:lead], -1)


def _to_device(y: np.ndarray) -> Array:
    return jnp.asarray(y, jnp.result_type(float))


def _first(tree: Any, count: int) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:count], tree)


def _chunks(rows: Rows, size: int) -> Iterator[tuple[Rows, int, slice]]:
    """Rows in chunks of one shape; the last is padded with copies of its first row."""
    for start in range(0, len(rows), size):
        stop = min(start + size, len(rows))
        index = np.full(size, start)
        index[: stop - start] = np.arange(start, stop)
        yield jax.tree.map(lambda leaf, i=index: leaf[i], rows), stop - start, slice(start, stop)


def _collect(
    fit: Callable[..., Any],
    rows: Rows,
    row_size: int,
    progress: Progress | None,
    most: int = 1024,
    at_once: int = 1,
    threads: int = 1,
) -> Any:
    """Fits of all rows on the host, in chunks of one shape, of which some may run side by side."""
    bytes_per_row = 64 * row_size * (1 + 8 * rows.labels.shape[1])
    fits: list[Any] = []
    running: list[tuple[Any, int]] = []

    def finish() -> None:
        fit, count = running.pop(0)
        fits.append(_first(fit.result() if isinstance(fit, Future) else fit, count))
        if progress is not None:
            progress(count)

    def whole(part: Rows, count: int) -> Any:
        return jax.block_until_ready(fit(part, count))

    with ThreadPoolExecutor(threads) as pool:
        # JAX keeps what a `with` changes for its own thread only: then there is one thread.
        several = threads > 1 and pool.submit(_settings).result() == _settings()
        for part, count, _ in _chunks(rows, budget.rows_per_call(at_once * bytes_per_row, most)):
            one: Any = pool.submit(whole, part, count) if several else fit(part, count)
            running.append((one, count))
            if len(running) == at_once:
                finish()
        while running:
            finish()
    return jax.tree.map(lambda *parts: np.concatenate(parts), *fits)


def _settings() -> tuple[Any, ...]:
    """What JAX compiles by, in this thread."""
    names = ("enable_x64", "default_matmul_precision", "default_device", "debug_nans")
    return tuple(getattr(jax.config, f"jax_{name}") for name in names)


def _map_rows(fn: Callable[[Any], _T], rows: Any, count: Any, block: int) -> _T:
    """`vmap` over blocks of rows, as many blocks as hold the first `count` rows."""
    return _map_blocks(jax.jit(jax.vmap(fn) if block > 1 else _on_one(fn)), rows, count, block)


def _on_one(fn: Callable[[Any], _T]) -> Callable[[Any], _T]:
    """`vmap` over one row without `vmap`, under which XLA pools images at half the speed."""

    def call(rows: Any) -> _T:
        return jax.tree.map(lambda leaf: leaf[None], fn(jax.tree.map(lambda leaf: leaf[0], rows)))

    return call


def _map_blocks(batched: Callable[[Any], _T], rows: Any, count: Any, block: int) -> _T:
    """A jitted function of blocks of rows, as many blocks as hold the first `count` rows.

    It is traced once, for the shapes and for the loop. The number of blocks is not part of the
    program: one row and a thousand run the same one.
    """
    length = jax.tree.leaves(rows)[0].shape[0]
    block = min(block, length)

    def take(start: Any) -> Any:
        return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, block), rows)

    shapes = jax.eval_shape(batched, take(0))
    empty = jax.tree.map(lambda s: jnp.zeros((length, *s.shape[1:]), s.dtype), shapes)

    def body(i: Any, results: Any) -> Any:
        # The last block is moved back inside, where it repeats rows.
        start = jnp.minimum(i * block, length - block)
        return jax.tree.map(
            lambda all_, new: jax.lax.dynamic_update_slice_in_dim(all_, new, start, 0),
            results,
            batched(take(start)),
        )

    return jax.lax.fori_loop(0, (count + block - 1) // block, body, empty)


@jax.jit
def _sample_units(key: Array, domain: Any, method: Any, units: Array) -> Any:
    return sample(key, None, domain, method, units)


@jax.jit
def _render(domain: Any, instances: Any, samples: Any) -> Any:
    return jax.vmap(domain.inputs)(instances, samples)


@jax.jit
def _predict_rows(model: DevicePredict[Any], inputs: Array) -> Any:
    return model(inputs)


@jax.jit
def _predict_units(model: DevicePredict[Any], domain: Any, samples: Any) -> Array:
    return predict(model, domain, None, samples)


@partial(jax.jit, static_argnames="shape")
def _lay_out(method: Any, groups: list[Any], shape: tuple[int, int]) -> Any:
    return method.lay_out(_by_replicate(groups, shape))


@partial(jax.jit, static_argnames="shape")
def _adjust(method: Any, layout: Any, outputs: list[Any], shape: tuple[int, int]) -> Any:
    return method.adjust(layout, _by_replicate(outputs, shape))


def _by_replicate(groups: list[Any], shape: tuple[int, int]) -> Any:
    """Groups of units as arrays of (replicates, blocks, ...)."""

    def join(*parts: Array) -> Array:
        whole = jnp.concatenate(parts)
        return whole.reshape(*shape, *parts[0].shape[-(whole.ndim - 1) :])

    return jax.tree.map(join, *groups)


@partial(jax.jit, static_argnames="block")
def _fit_shared(domain: Any, method: Any, adjusted: Any, rows: Rows, count: Any, block: int) -> Any:
    def fit(row: Rows) -> Any:
        return method.explain_row(domain, row.instances, adjusted, row.labels)

    return _map_rows(fit, rows, count, block)


@partial(jax.jit, static_argnames="block")
def _fit_exact(form: Any, rows: Rows, count: Any, block: int) -> LinearFit:
    def fit(rows: Rows) -> LinearFit:
        instances, variance = rows.instances
        return form.explain_block(instances, rows.labels, variance)

    return _map_blocks(jax.jit(fit), rows, count, block)


@partial(jax.jit, static_argnames=("block", "units_at_once"))
def _explain_rows(
    key: Array,
    domain: Any,
    method: Any,
    model: DevicePredict[Any],
    rows: Rows,
    count: Any,
    block: int,
    units_at_once: int,
) -> Any:
    def explain(row: Rows) -> Any:
        row_key = jax.random.fold_in(key, row.ids)
        return explain_one(row_key, row.instances, domain, method, model, row.labels, units_at_once)

    return _map_rows(explain, rows, count, block)


@partial(jax.jit, static_argnames=("block", "units_at_once"))
def _sum_rows(
    key: Array,
    domain: Any,
    method: Any,
    model: DevicePredict[Any],
    rows: Rows,
    count: Any,
    skip: Any,
    block: int,
    units_at_once: int,
) -> Any:
    def one(row: Rows) -> Any:
        row_key = jax.random.fold_in(key, row.ids)
        return summarize_one(row_key, row.instances, domain, method, model, units_at_once, skip)

    return _map_rows(one, rows, count, block)


@jax.jit
def _merge_pairs(method: Any, summaries: Any) -> Any:
    first, second = (jax.tree.map(lambda a, i=i: a[:, i::2], summaries) for i in (0, 1))
    return jax.vmap(jax.vmap(method.merge))(first, second)


@jax.jit
def _sample_rows(key: Array, domain: Any, method: Any, units: Array, rows: Rows, count: Any) -> Any:
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
    count: Any,
) -> Any:
    def one(row: Any) -> Any:
        instance, samples, y, summaries = row
        return summarize(instance, domain, method, samples, y, units, summaries)

    return _map_rows(one, (rows.instances, samples, y, summaries), count, 1)


@jax.jit
def _solve_rows(domain: Any, method: Any, summaries: Any, rows: Rows, count: Any) -> Any:
    def one(row: Any) -> Any:
        rows, summaries = row
        return method.solve(summaries, domain.coordinates(rows.instances), rows.labels)

    return _map_rows(one, (rows, summaries), count, 8)
