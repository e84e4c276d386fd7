"""Images: LIME against `lime_image`, and a network's own share of an explanation's time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import median_overhead, median_seconds, seconds
from benchmarks.peer import lime_image_explanation
from benchmarks.record import Record, faster, smaller
from lime_jax import ImageExplainer, jax_predict


def records(quick: bool) -> Iterator[Record]:
    samples = 64 if quick else 1000
    yield from against_lime(side=32 if quick else 224, samples=samples, repeats=1 if quick else 3)
    yield network_in_jax(samples, repeats=1 if quick else 3)
    yield network_in_onnxruntime(samples, repeats=1 if quick else 3)
    yield from network_on_a_gpu(images=2 if quick else 100, samples=samples)


def against_lime(side: int, samples: int, repeats: int) -> Iterator[Record]:
    """The least a model can do: its products with all pixels, in JAX and in NumPy."""
    import jax
    import jax.numpy as jnp

    weights = cases.brightness(side)
    photo, segments = cases.photo(side), cases.grid(side)
    photos = itertools.cycle([photo, photo[:, ::-1], photo[::-1], photo[::-1, ::-1]])
    explainer = ImageExplainer(segmentation=segments)

    @jax_predict
    def in_jax(images: Any) -> Any:
        p = jax.nn.sigmoid(jnp.tensordot(images, weights, 3))
        return jnp.stack([1 - p, p], axis=1)

    def in_numpy(images: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-np.tensordot(images, weights, 3)))
        return np.stack([1 - p, p], axis=1)

    def ours(model: Any) -> int:
        found = explainer.explain(next(photos), model, top_labels=2, num_samples=samples)
        return found.num_samples

    def limes(model: Any) -> None:
        lime_image_explanation(next(photos), model, segments, samples, top_labels=2)

    used = ours(in_jax)
    fused = median_seconds(lambda: ours(in_jax), repeats=2 * repeats + 1)
    limes(in_numpy)
    what = f"LIME image, {side} x {side}, 50 superpixels, {samples:,} samples"
    how = (
        f"A photo and its mirror images, float32, 5 x 10 rectangles for both; ours {used:,} "
        "samples, standard errors, warm; lime_image: its default batches of 10, no progress bar. "
        "The model is a logistic function of a product with all pixels; both classes. "
    )
    yield faster(
        f"{what}, model in JAX",
        1 / fused,
        1 / median_seconds(lambda: limes(in_numpy), repeats),
        "images/s",
        f"{how}lime_image with the same model in NumPy. Medians of {2 * repeats + 1} and "
        f"{repeats}.",
        target=12,
    )
    median_overhead(ours, in_numpy, 1)
    yield smaller(
        f"{what}, model in NumPy: time beyond the model's own",
        median_overhead(ours, in_numpy, repeats),
        median_overhead(limes, in_numpy, repeats),
        "s",
        f"{how}Both call the NumPy model; the time inside it is measured in the same call and "
        f"subtracted. Medians of {repeats}.",
        target=0.1,
    )


def prepared(photo: np.ndarray, segments: np.ndarray, count: int) -> np.ndarray:
    """Images as an explanation sends them: about half of the superpixels in their mean color."""
    rng = np.random.default_rng(0)
    players = int(segments.max()) + 1
    hidden = np.stack([photo[segments == player].mean(0) for player in range(players)])[segments]
    masks = rng.random((count, players)) < 0.5
    return np.where(masks[:, segments, None], photo, hidden).astype(np.float32)


def best_batch(call: Callable[[Any], Any], images: Any, sizes: list[int]) -> int:
    """The batch size at which the model is fastest on prepared images."""

    def rate(size: int) -> float:
        call(images[:size])
        return median_seconds(lambda: in_batches(call, images, len(images), size), repeats=2)

    return min(sizes, key=rate)


def in_batches(call: Callable[[Any], Any], images: Any, count: int, size: int) -> None:
    """Call a model on `count` images, out of a smaller stock of prepared ones."""
    starts = itertools.cycle(range(0, len(images) - size + 1, size))
    for _ in range(count // size):
        start = next(starts)
        call(images[start : start + size])
    if count % size:
        call(images[: count % size])


def in_turns(ours: Callable[[], Any], model: Callable[[], Any], repeats: int) -> tuple[float, ...]:
    """Medians of two calls that are timed one after the other, again and again."""
    times = [(seconds(ours), seconds(model)) for _ in range(repeats)]
    total, alone = np.median(times, axis=0)
    return float(total), float(alone)


def over_the_model(
    name: str, ours: float, model: float, samples: int, count: int, batch: str, repeats: int
) -> Record:
    """A record of a whole explanation's time over that of the network alone."""
    return smaller(
        f"SqueezeNet, {name}, {samples:,} samples, over the model alone",
        ours,
        model,
        "s",
        f"One photo, 227 x 227, 50 superpixels, top 5 of 1,000 classes, warm; {count:,} images in "
        f"both columns. The model alone: on prepared images in memory, {batch}. Medians of "
        f"{repeats}, taken in turns.",
        target=1.1,
    )


def network_in_jax(samples: int, repeats: int) -> Record:
    """SqueezeNet inside the program."""
    import jax

    from lime_jax.examples.squeezenet import squeezenet

    network = squeezenet()
    photo, segments = 255 * cases.photo(227), cases.grid(227)
    explainer = ImageExplainer(segmentation=segments)
    used: list[int] = []

    def ours() -> None:
        found = explainer.explain(photo, network, num_samples=samples)
        used.append(found.num_samples)

    jitted = jax.jit(lambda network, images: network(images))

    def model(images: Any) -> None:
        jitted(network, images).block_until_ready()

    stock = prepared(photo, segments, 64)
    sizes = [1, 2, 4, 16, 64] if samples >= 1000 else [16]
    size = best_batch(model, stock, sizes)
    ours()
    count = used[0] + 1
    in_batches(model, stock, count % size + size, size)
    total, alone = in_turns(ours, lambda: in_batches(model, stock, count, size), repeats)
    batch = f"jitted, batches of {size}, the best of {', '.join(map(str, sizes))}"
    return over_the_model("in JAX", total, alone, samples, count, batch, repeats)


def network_in_onnxruntime(samples: int, repeats: int) -> Record:
    """SqueezeNet as a plain function that runs an ONNX file."""
    import onnxruntime

    from lime_jax.examples.squeezenet_onnx import squeezenet_onnx

    content = squeezenet_onnx().SerializeToString()
    photo, segments = 255 * cases.photo(227), cases.grid(227)
    stock = prepared(photo, segments, 64)

    def session(threads: int) -> Callable[[np.ndarray], np.ndarray]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        opened = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        name = opened.get_inputs()[0].name
        return lambda images: np.asarray(
            opened.run(None, {name: np.asarray(images, np.float32)})[0]
        )

    sessions = {threads: session(threads) for threads in (1, 2)}
    sizes = [1, 2, 4, 16, 64] if samples >= 1000 else [16]
    choices = {threads: best_batch(call, stock, sizes) for threads, call in sessions.items()}
    threads = min(
        choices, key=lambda t: seconds(lambda: in_batches(sessions[t], stock, 64, choices[t]))
    )
    call, size = sessions[threads], choices[threads]
    explainer = ImageExplainer(segmentation=segments)

    def ours(model: Callable[[np.ndarray], np.ndarray]) -> None:
        explainer.explain(photo, model, num_samples=samples, batch_size=size)

    counted: list[int] = []

    def counting(images: np.ndarray) -> np.ndarray:
        counted.append(len(images))
        return call(images)

    ours(counting)
    count = sum(counted)
    total, alone = in_turns(
        lambda: ours(call), lambda: in_batches(call, stock, count, size), repeats
    )
    batch = (
        f"{threads} threads and batches of {size}, the best of 1 and 2 threads and batches of "
        f"{', '.join(map(str, sizes))}; ours is asked for the same"
    )
    return over_the_model("onnxruntime", total, alone, samples, count, batch, repeats)


def network_on_a_gpu(images: int, samples: int) -> Iterator[Record]:
    """Many images through SqueezeNet in JAX; only where there is a GPU."""
    import jax
    import jax.numpy as jnp

    if jax.default_backend() != "gpu":
        return
    from lime_jax.examples.squeezenet import squeezenet

    network = squeezenet()
    photo, segments = 255 * cases.photo(227), cases.grid(227)
    photos = np.stack([np.roll(photo, shift, axis=1) for shift in range(images)])
    explainer = ImageExplainer(segmentation=segments)
    jitted = jax.jit(lambda network, images: network(images))

    def model(inputs: Any) -> None:
        jitted(network, inputs).block_until_ready()

    stock = jnp.asarray(prepared(photo, segments, 1024))
    size = best_batch(model, stock, [64, 128, 256, 512, 1024])
    found = explainer.explain(photos, network, num_samples=samples)
    count = images * (found.num_samples + 1)
    total, alone = in_turns(
        lambda: explainer.explain(photos, network, num_samples=samples),
        lambda: in_batches(model, stock, count - count % size, size),
        repeats=3,
    )
    yield faster(
        f"SqueezeNet on a GPU, {images} images, {samples:,} samples each, over the model alone",
        count / total,
        (count - count % size) / alone,
        "images/s",
        f"{jax.devices()[0].device_kind}; 227 x 227, 50 superpixels, top 5 of 1,000 classes, warm; "
        f"the model alone on prepared images on the device, jitted, batches of {size}. "
        "Medians of 3, taken in turns.",
        target=0.9,
    )
