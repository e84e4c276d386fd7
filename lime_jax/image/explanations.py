"""`ImageExplanations`: the explanations of a batch of images, with the images themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lime_jax.image import image_size
from lime_jax.image.explanation import ImageExplanation
from lime_jax.results.explanations import Explanations
from lime_jax.views.report import images_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ImageExplanations(Explanations):
    """The explanations of a batch of images; the features are superpixels.

    As `Explanations`, where `values` are the pixels of each superpixel, and `std_error` is NaN for
    a superpixel that an image does not have.

    Attributes:
        images: one array per image, as they came: (H, W), (H, W, C) or (C, H, W).
        segments: for each image an Int32 (H, W) map of the superpixels, numbered from 0.
        feature_mask: (rows, features) which superpixels each image has.
        channel_axis: "last" or "first".

    Raises:
        ValueError: if the number of images or the shape of a segmentation does not fit.
    """

    images: tuple[np.ndarray, ...]
    segments: tuple[np.ndarray, ...]
    feature_mask: np.ndarray
    channel_axis: str = "last"

    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        if self.channel_axis not in ("last", "first"):
            raise ValueError(
                f"`channel_axis` should be 'last' or 'first', got {self.channel_axis!r}."
            )
        for name in ("images", "segments", "feature_mask"):
            if len(getattr(self, name)) != len(self.coef):
                raise ValueError(
                    f"`{name}` should have one entry per image ({len(self.coef)}), got "
                    f"{len(getattr(self, name))}."
                )
        for row, (image, segments) in enumerate(zip(self.images, self.segments, strict=True)):
            size = image_size(image, self.channel_axis)  # pyright: ignore[reportArgumentType]
            if segments.shape != size:
                raise ValueError(
                    f"`segments`: image {row} has {size} pixels (channels {self.channel_axis}), "
                    f"but its segmentation has shape {segments.shape}."
                )

    def __iter__(self) -> Iterator[ImageExplanation]:
        """One image after the other."""
        return (self._one(row) for row in range(len(self)))

    def __repr__(self) -> str:
        """What there is, in one line."""
        rows, labels, _ = self.coef.shape
        found = self.feature_mask.sum(1)
        most = (
            f"{found.min()} to {found.max()}"
            if rows and np.ptp(found)
            else f"{found.max(initial=0)}"
        )
        return (
            f"ImageExplanations({rows} images, {labels} labels, {most} superpixels, {self.method}, "
            f"model: {self.model_path})"
        )

    def _one(self, row: int) -> ImageExplanation:
        return ImageExplanation(self, row)

    def _rows(self, index: Any) -> dict[str, Any]:
        taken = np.arange(len(self))[index]
        return {
            **super()._rows(index),
            "feature_mask": self.feature_mask[index],
            "images": tuple(self.images[row] for row in taken),
            "segments": tuple(self.segments[row] for row in taken),
        }

    def row_fields(self) -> tuple[str, ...]:
        """The names of the attributes with one entry per image."""
        return (*super().row_fields(), "images", "segments", "feature_mask")

    def value(self, row: int, feature: int) -> str:
        """The size of a superpixel, as text.

        Args:
            row: number of the image.
            feature: number of the superpixel.

        Returns:
            Its pixels.
        """
        return f"{int(self.values[row, feature]):,}"

    def _value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        return [self.value(row, feature) for row in rows.tolist()]

    def importance(self, label: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """How much each superpixel matters over images that have the same ones.

        Args:
            label: class, name or number of an output; None: of each image the predicted one.

        Returns:
            (features,) mean |weight| over the images, and its standard error.

        Raises:
            ValueError: if the images have superpixels of their own, so that superpixel 3 of one
                is not superpixel 3 of another; or if `label` was not explained.
        """
        if any(not np.array_equal(self.segments[0], other) for other in self.segments[1:]):
            raise ValueError(
                "`importance` compares superpixels over images, but these images have superpixels "
                "of their own: look at one image, such as `explanations[0]`, or explain all with "
                "one segmentation (a grid, or one label array)."
            )
        return super().importance(label)

    def heat_map_figure(self, max_features: int = 10) -> Figure:
        """Weights of the superpixels over images that have the same ones.

        Args:
            max_features: how many to show.

        Returns:
            A matplotlib figure.

        Raises:
            ValueError: as `importance`.
        """
        self.importance()
        return super().heat_map_figure(max_features)

    def to_dict(self) -> dict[str, np.ndarray]:
        """The weights as the columns of a tidy table, with no library but NumPy.

        Returns:
            row, label, superpixel, pixels, weight and std_error; one entry per image, label and
            selected superpixel.
        """
        rows, label, feature = np.nonzero(~np.isnan(self.std_error))
        return self._with_rows(
            rows,
            {
                "label": np.array(self.output_names, object)[self.labels[rows, label]],
                "superpixel": feature,
                "pixels": self.values[rows, feature].astype(np.int64),
                "weight": self.coef[rows, label, feature],
                "std_error": self.std_error[rows, label, feature],
            },
        )

    def _stored(self) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays, facts = super()._stored()
        for row, (image, segments) in enumerate(zip(self.images, self.segments, strict=True)):
            arrays[f"image_{row}"], arrays[f"segments_{row}"] = image, segments
        arrays["feature_mask"] = self.feature_mask
        return arrays, {**facts, "channel_axis": self.channel_axis}

    @classmethod
    def _restored(cls, file: Mapping[str, np.ndarray], facts: dict[str, Any]) -> dict[str, Any]:
        mask = file["feature_mask"]
        return {
            **super()._restored(file, facts),
            "feature_mask": mask,
            "images": tuple(file[f"image_{row}"] for row in range(len(mask))),
            "segments": tuple(file[f"segments_{row}"] for row in range(len(mask))),
            "channel_axis": facts["channel_axis"],
        }

    def as_html(self, rows: Sequence[int] = (0, 1, 2), title: str = "Explanations") -> str:
        """One static page of some images, each with its pictures and its strongest superpixels.

        Args:
            rows: numbers of the images to show.
            title: of the page.

        Returns:
            A complete HTML document, without scripts, with the pictures inside.
        """
        is_shapley = self.algorithm == "kernel_shap"
        facts = [
            ("images", f"{len(self):,}"),
            ("algorithm", "KernelSHAP" if is_shapley else "LIME"),
            ("method", self.method),
            ("model", self.model_path),
            ("output", self.output_kind),
        ]
        if self.method == "sampled":
            facts.append(("coalitions" if is_shapley else "samples", f"{self.num_samples:,}"))
        chosen = [self[row] for row in rows if row < len(self)]
        return images_page(title, facts, [(one.report(), one.pictures()) for one in chosen])
