"""The fits of a batch of images: those of one shape, and about as many superpixels, together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax import engine
from lime_jax.engine import budget
from lime_jax.engine.work import RowNumbers
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.front.call import Outcome, Request
from lime_jax.front.ragged import joined, padded_width
from lime_jax.image.domain import ImageDomain, ImageInstance
from lime_jax.image.model import ImageModel
from lime_jax.image.settings import ImageLimeSettings, ImageShapSettings
from lime_jax.results.names import FeatureNames
from lime_jax.typing import AnyArray, LinearFit, Pytree, replaced


@dataclasses.dataclass(frozen=True)
class ImageTask:
    """Images to explain, and how."""

    settings: ImageLimeSettings | ImageShapSettings
    images: Sequence[np.ndarray]
    hidden: Sequence[np.ndarray]  # what the superpixels of each image show when they are hidden
    segments: Sequence[np.ndarray]  # superpixel of each pixel, by image
    request: Request

    @cached_property
    def superpixels(self) -> np.ndarray:
        """(images,) how many each has."""
        return np.array([int(segments.max()) + 1 for segments in self.segments], np.int64)


def image_fits(task: ImageTask, model: ImageModel) -> Outcome:
    """Explain images; the fits are padded to the most superpixels."""
    superpixels = task.superpixels
    width = int(superpixels.max(initial=0))
    parts: list[tuple[LinearFit, np.ndarray]] = []
    used = np.zeros(len(task.images), np.int64)
    most, replicates = 0, 0
    for rows in _together(task):
        try:
            method = task.settings.method(int(superpixels[rows[0]]), task.request.options)
        except ValueError as error:
            error.add_note(
                f"The players are the superpixels of image {rows[0]}; a larger `cell_size` makes "
                "fewer of them."
            )
            raise
        parts.append((_explain(task, method, model, rows), rows))
        design = method.design
        used[rows] = design.num_samples
        if design.num_samples > most:
            most, replicates = design.num_samples, design.num_groups
    pixels = [np.bincount(segments.reshape(-1), minlength=width) for segments in task.segments]
    return Outcome(
        fit=joined(parts, width),
        names=FeatureNames(tuple(f"superpixel {number}" for number in range(width))),
        values=np.stack(pixels).astype(np.float64),
        variables=(np.arange(width) < superpixels[:, None]).astype(np.float32),
        samples_used=used,
        num_samples=most,
        num_replicates=replicates,
        enough=task.settings.enough(superpixels),
        kernel_width=task.settings.width,
    )


def _together(task: ImageTask) -> list[np.ndarray]:
    """Numbers of the images that one call of the engine explains."""
    superpixels, groups = task.superpixels, {}
    for row, image in enumerate(task.images):
        players = int(superpixels[row])
        program = task.settings.program_of(players)
        groups.setdefault((image.shape, image.dtype.str, program), []).append(row)
    # Pixels, hidden pixels and segments are copied: so many images that the copies stay small.
    at_once = [budget.rows_per_call(3 * 8 * task.images[rows[0]].size) for rows in groups.values()]
    return [
        np.array(rows[start : start + count])
        for rows, count in zip(groups.values(), at_once, strict=True)
        for start in range(0, len(rows), count)
    ]


def _explain(
    task: ImageTask, method: LinearMethod | ShapleyMethod, model: ImageModel, rows: np.ndarray
) -> LinearFit:
    settings, request, image = task.settings, task.request, task.images[rows[0]]
    instances = _instances(task, rows)
    axis = settings.channel_axis if image.ndim == 3 else None
    keep = jnp.asarray(settings.keep_probability, jnp.result_type(float))
    domain = ImageDomain(keep, sample_size=image.size, channel_axis=axis)
    seen, planned = instances, domain
    if not model.on_device:
        # Pictures are made in `inputs_of`; what draws masks and solves need not know of pixels, so
        # that it is one program for images of many sizes. Its memory plan is that of larger ones.
        seen = replaced(instances, image=None, hidden=None, segments=None)
        planned = ImageDomain(keep, sample_size=2 ** (image.size - 1).bit_length())

    def inputs_of(samples: Pytree, taken: RowNumbers) -> Any:
        return _rendered(domain, jax.tree.map(lambda leaf: leaf[taken], instances), samples)

    work = engine.Work(
        settings.seed,
        planned,
        method,
        model.target,
        engine.Rows(seen, request.ids[rows], request.labels[rows].astype(np.int32)),
        inputs_of,
        request.options.batch_size,
        request.tick,
        request.options.mesh,
        num_outputs=model.num_outputs,
    )
    try:
        return engine.explain(work)
    except Exception as error:
        numbers = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        error.add_note(f"the rows are images {numbers} of shape {image.shape} ({image.dtype})")
        raise


def _instances(task: ImageTask, rows: np.ndarray) -> ImageInstance:
    """Images of one shape as the domain knows them, with a leading axis."""
    superpixels = task.superpixels[rows]
    return ImageInstance(
        image=np.stack([task.images[row] for row in rows]),
        hidden=np.stack([task.hidden[row] for row in rows]),
        segments=np.stack([task.segments[row] for row in rows]).astype(np.int32),
        present=np.arange(padded_width(int(superpixels[0]))) < superpixels[:, None],
    )


def _rendered(domain: ImageDomain, instances: ImageInstance, samples: Pytree) -> AnyArray:
    """Every sample as a picture for a host model, in the very numbers of the images."""
    dtype = instances.image.dtype
    if dtype.itemsize < 8:
        return engine.render(domain, instances, samples)
    # Where JAX has no 64 bits it would round them; pairs of 32 bits pass through untouched.
    pairs = {name: getattr(instances, name).view(np.complex64) for name in ("image", "hidden")}
    return np.array(engine.render(domain, replaced(instances, **pairs), samples)).view(dtype)
