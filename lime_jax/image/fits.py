"""The fits of a batch of images: those of one shape, and about as many superpixels, together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lime_jax import engine
from lime_jax.engine import budget
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import make_shapley_method
from lime_jax.front.ragged import joined, padded_width
from lime_jax.image.domain import ImageDomain, ImageInstance
from lime_jax.image.model import ImageModel
from lime_jax.stages.designs import make_design
from lime_jax.stages.kernels import exponential_kernel
from lime_jax.typing import LinearFit, replaced


@dataclasses.dataclass(frozen=True)
class ImageTask:
    """Images to explain, and how.

    Attributes:
        settings: of the explainer, by name.
        segments: superpixel of each pixel, by image.
        labels: (images, labels) outputs to explain.
        num_samples: masks of each image; or "auto".
        num_features: that each explanation keeps; None: all.
        batch_size: largest batch of a host model.
        mesh: devices that share the work; None: JAX's default one.
    """

    settings: Mapping[str, Any]
    images: Sequence[np.ndarray]
    hidden: Sequence[np.ndarray]
    segments: Sequence[np.ndarray]
    ids: np.ndarray
    labels: np.ndarray
    num_samples: int | str
    num_features: int | None
    batch_size: int | None
    tick: Callable[[int], None] | None
    mesh: Mesh | None = None

    @cached_property
    def superpixels(self) -> np.ndarray:
        """(images,) how many each has."""
        return np.array([int(segments.max()) + 1 for segments in self.segments], np.int64)

    def method(self, players: int) -> Any:
        """Which masks there are, and the fit.

        Returns:
            The method, of padded masks: images of other numbers run the same program.
        """
        settings, width = self.settings, padded_width(players)
        if settings["algorithm"] == "kernel_shap":
            key, _ = engine.keys_of(settings["seed"])
            samples: Any = self.num_samples
            return make_shapley_method(key, players, samples, settings["link"], width)
        return LinearMethod(
            design=make_design("iid", int(self.num_samples), width),
            kernel_width=float(settings["kernel_width"]),
            alpha=float(settings["alpha"]),
            distance=settings["distance"],
            kernel=settings["kernel"] or exponential_kernel,
            feature_selection=settings["feature_selection"],
            num_features=self.num_features,
        )


def image_fits(task: ImageTask, model: ImageModel) -> tuple[LinearFit, np.ndarray, int, int]:
    """Explain images.

    Returns:
        Fits with a leading axis of images, padded to the most superpixels; (images,) samples of
        each; the most samples; and the replicates that standard errors come from, 0 where exact.
    """
    superpixels = task.superpixels
    width = int(superpixels.max(initial=0))
    parts: list[tuple[LinearFit, np.ndarray]] = []
    used = np.zeros(len(task.images), np.int64)
    most, replicates = 0, 0
    for rows in _together(task):
        try:
            method = task.method(int(superpixels[rows[0]]))
        except ValueError as error:
            error.add_note(
                f"The players are the superpixels of image {rows[0]}; a larger `cell_size` makes "
                "fewer of them."
            )
            raise
        found = _explain(task, method, model, rows)
        parts.append((found, rows))
        design = method.design
        used[rows] = design.num_samples
        if design.num_samples > most:
            most, replicates = design.num_samples, design.num_groups
    fit = joined(parts, width)
    return fit, used, most, replicates


def _together(task: ImageTask) -> list[np.ndarray]:
    """Numbers of the images that one call of the engine explains."""
    superpixels, groups = task.superpixels, {}
    for row, image in enumerate(task.images):
        players = int(superpixels[row])
        if task.settings["algorithm"] == "lime":
            players = padded_width(players)
        groups.setdefault((image.shape, image.dtype.str, players), []).append(row)
    # Pixels, hidden pixels and segments are copied: so many images that the copies stay small.
    at_once = [budget.rows_per_call(3 * 8 * task.images[rows[0]].size) for rows in groups.values()]
    return [
        np.array(rows[start : start + count])
        for rows, count in zip(groups.values(), at_once, strict=True)
        for start in range(0, len(rows), count)
    ]


def _explain(task: ImageTask, method: Any, model: ImageModel, rows: np.ndarray) -> LinearFit:
    superpixels = task.superpixels[rows]
    image = task.images[rows[0]]
    width = padded_width(int(superpixels[0]))
    instances = ImageInstance(
        image=np.stack([task.images[row] for row in rows]),
        hidden=np.stack([task.hidden[row] for row in rows]),
        segments=np.stack([task.segments[row] for row in rows]).astype(np.int32),
        present=np.arange(width) < superpixels[:, None],
    )
    axis = task.settings["channel_axis"] if image.ndim == 3 else None
    keep = jnp.asarray(task.settings["keep_probability"], jnp.result_type(float))
    domain = ImageDomain(keep, sample_size=image.size, channel_axis=axis)
    seen, planned = instances, domain
    if not model.on_device:
        # Pictures are made in `inputs_of`; what draws masks and solves need not know of pixels, so
        # that it is one program for images of many sizes. Its memory plan is that of larger ones.
        seen = replaced(instances, image=None, hidden=None, segments=None)
        planned = ImageDomain(keep, sample_size=2 ** (image.size - 1).bit_length())
    asked = engine.Rows(seen, task.ids[rows], task.labels[rows].astype(np.int32))

    def inputs_of(samples: Any, taken: Any) -> Any:
        some = ImageInstance(
            *(getattr(instances, f.name)[taken] for f in dataclasses.fields(ImageInstance))
        )
        return _rendered(domain, some, samples)

    target: Any = model.model.predict if model.on_device else model
    work = engine.Work(
        task.settings["seed"],
        planned,
        method,
        target,
        asked,
        inputs_of,
        task.batch_size,
        task.tick,
        task.mesh,
    )
    try:
        return engine.explain(work)
    except Exception as error:
        numbers = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        error.add_note(f"the rows are images {numbers} of shape {image.shape} ({image.dtype})")
        raise


def _rendered(domain: ImageDomain, instances: ImageInstance, samples: Any) -> Any:
    """Every sample as a picture for a host model, in the very numbers of the images."""
    dtype = instances.image.dtype
    if dtype.itemsize < 8:
        return engine.render(domain, instances, samples)
    # Where JAX has no 64 bits it would round them; pairs of 32 bits pass through untouched.
    pairs = {name: getattr(instances, name).view(np.complex64) for name in ("image", "hidden")}
    return np.array(engine.render(domain, replaced(instances, **pairs), samples)).view(dtype)
