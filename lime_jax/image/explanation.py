"""`ImageExplanation`: one image of `ImageExplanations`, with the methods of `lime`'s and views."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from lime_jax.image.arrays import ImageArrays
from lime_jax.results.explanation import Explanation
from lime_jax.typing import Scalar, Support
from lime_jax.views.plots import pictures as pixels
from lime_jax.views.report import Picture, row_page, superpixel_pictures
from lime_jax.views.report.numbers import fixed, significant

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImageExplanation(Explanation):
    """The explanation of one image, with the methods of `lime`'s.

    Example:
        >>> image_explanation = image_explanations[0]
        >>> image_explanation.row_name, image_explanation.image.shape
        ('image 0', (32, 32))
    """

    explanations: ImageArrays

    @property
    def image(self) -> np.ndarray:
        """The image as it came."""
        return self.explanations.images[self.row]

    @property
    def segments(self) -> Int[np.ndarray, "H W"]:
        """(H, W) number of each pixel's superpixel."""
        return self.explanations.segments[self.row]

    @property
    def picture(self) -> UInt8[np.ndarray, "H W 3"]:
        """(H, W, 3) the image for a screen; see `plots.pictures.displayed`."""
        return pixels.displayed(self.image, self.explanations.channel_axis)

    def _weights(self, label: Scalar) -> Float[np.ndarray, " superpixels"]:
        """Of the superpixels that this image has; 0 where not selected."""
        position = self.explanations.position(self.row, label)
        found = self.explanations.feature_mask[self.row]
        return self.explanations.coef[self.row, position, found].astype(np.float64)

    def _by_sign(self, num_features: int | None, label: Scalar) -> tuple[list[int], list[int]]:
        """The strongest superpixels: those that raise the output, and those that lower it."""
        strongest, position = self._strongest(num_features, label)
        coef = self.explanations.coef[self.row, position]
        return [k for k in strongest if coef[k] > 0], [k for k in strongest if coef[k] < 0]

    def image_and_mask(
        self,
        label: Scalar = None,
        positive_only: bool = True,
        negative_only: bool = False,
        hide_rest: bool = False,
        num_features: int | None = 5,
        min_weight: float | int = 0.0,
    ) -> tuple[np.ndarray, Int[np.ndarray, "H W"]]:
        """The image and where its strongest superpixels are, as `lime`'s `get_image_and_mask`.

        With neither of the two `_only`, the chosen superpixels are marked in the image: the second
        channel (green) of positive ones, the first (red) of negative ones becomes the image's
        largest number.

        Args:
            label: class, name or number of an output; None: the predicted class.
            positive_only: take the superpixels that raise the output.
            negative_only: take those that lower it.
            hide_rest: set all pixels outside the chosen superpixels to 0.
            num_features: how many superpixels at most; None: all.
            min_weight: the smallest |weight| to take.

        Returns:
            A copy of the image in its own layout and dtype, gray ones with three channels, as
            `lime` gives them; and an (H, W) mask: 1 where chosen, or with neither `_only` 1 where
            positive and -1 where negative.

        Raises:
            ValueError: if both `_only` are asked for, or `label` was not explained.

        Example:
            >>> image, mask = image_explanation.image_and_mask(num_features=2)
            >>> image.shape, mask.shape
            ((32, 32, 3), (32, 32))
        """
        if positive_only and negative_only:
            raise ValueError(
                "`negative_only` and `positive_only` exclude each other: pass "
                "`positive_only=False` to see what lowers the output."
            )
        strongest, position = self._strongest(None, label)
        coef = self.explanations.coef[self.row, position]
        if positive_only or negative_only:
            sign = 1 if positive_only else -1
            chosen = [k for k in strongest if sign * coef[k] > max(min_weight, 0)][:num_features]
            value = dict.fromkeys(chosen, 1)
        else:
            chosen = [k for k in strongest[:num_features] if abs(coef[k]) >= min_weight]
            value = {k: int(np.sign(coef[k])) for k in chosen}
        signs = np.zeros(len(coef), np.int32)
        signs[list(value)] = list(value.values())
        mask, axis = signs[self.segments], self.explanations.channel_axis
        paint = not (positive_only or negative_only)
        return pixels.marked(self.image, mask, axis, paint=paint, hide_rest=hide_rest), mask

    def heatmap(self, label: Scalar = None) -> Float[np.ndarray, "H W"]:
        """The weight of each pixel's superpixel.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            (H, W) in units of the output; 0 where not selected.

        Example:
            >>> image_explanation.heatmap().shape
            (32, 32)
        """
        return self._weights(label)[self.segments]

    def std_error_map(self, label: Scalar = None) -> Float[np.ndarray, "H W"]:
        """The standard error of the weight of each pixel's superpixel.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            (H, W) in units of the output; 0 where exact, NaN where not selected.

        Example:
            >>> bool((image_explanation.std_error_map() >= 0).all())
            True
        """
        position = self.explanations.position(self.row, label)
        return self.explanations.std_error[self.row, position].astype(np.float64)[self.segments]

    def covered(
        self, label: Scalar = None, percentile: float | int = 80.0
    ) -> Bool[np.ndarray, "H W"]:
        """Where the superpixels are whose weights are above a percentile of all the image's.

        Args:
            label: class, name or number of an output; None: the predicted class.
            percentile: from 0 to 100. Only positive weights count, and the largest of them is
                always above.

        Returns:
            (H, W).

        Raises:
            ValueError: if `percentile` is out of its range, or `label` was not explained.

        Example:
            >>> image_explanation.covered(percentile=50).shape
            (32, 32)
        """
        if not 0 <= percentile <= 100:
            raise ValueError(f"`percentile` should be from 0 to 100, got {percentile!r}.")
        weights = self._weights(label)
        above = (weights > np.percentile(weights, percentile)) | (weights == weights.max())
        return (above & (weights > 0))[self.segments]

    def title(self, label: Scalar = None) -> str:
        """What a picture is about.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Name of the output and the model's value, such as "Egyptian cat: 0.812".

        Example:
            >>> image_explanation.title()
            'prediction: 0.125'
        """
        value = self._predicted(label)
        as_decimals = self.explanations.output_kind == "probability" and value >= 0.001
        shown = fixed(value, 3) if as_decimals else significant(value)
        return f"{self.label_name(label)}: {shown}"

    def _predicted(self, label: Scalar) -> float:
        number = self.explanations.labels[self.row, self.explanations.position(self.row, label)]
        return float(self.explanations.prediction[self.row, number])

    def plot(self, label: Scalar = None, percentile: float | int = 80.0, ax: Any = None) -> Figure:
        """The superpixels above a percentile of the weights, overlaid in green on the picture.

        Args:
            label: class, name or number of an output; None: the predicted class.
            percentile: as in `covered`.
            ax: matplotlib axes to draw into; None: a figure of its own.

        Returns:
            A matplotlib figure.

        Example:
            >>> image_explanation.plot(percentile=50).savefig(folder / "overlay.png")
        """
        from lime_jax.views.plots import superpixel_overlay

        where = self.covered(label, percentile)
        return superpixel_overlay(self.picture, where, title=self.title(label), ax=ax)

    def contours(
        self, label: Scalar = None, num_features: int | None = 10, ax: Any = None
    ) -> Figure:
        """The strongest superpixels outlined and numbered: blue raises, orange lowers the output.

        Args:
            label: class, name or number of an output; None: the predicted class.
            num_features: how many; None: all.
            ax: matplotlib axes to draw into; None: a figure of its own.

        Returns:
            A matplotlib figure.

        Example:
            >>> image_explanation.contours(num_features=2).savefig(folder / "contours.png")
        """
        from lime_jax.views.plots import superpixel_contours

        name = self.label_name(label)
        return superpixel_contours(
            self.picture,
            self.segments,
            *self._by_sign(num_features, label),
            names=(f"raises {name}", f"lowers {name}"),
            title=self.title(label),
            ax=ax,
        )

    def heat_map_figure(self, label: Scalar = None, ax: Any = None) -> Figure:
        """The weight of every superpixel as a color, on one scale for both signs.

        Args:
            label: class, name or number of an output; None: the predicted class.
            ax: matplotlib axes to draw into; None: a figure of its own.

        Returns:
            A matplotlib figure.

        Example:
            >>> image_explanation.heat_map_figure().savefig(folder / "heat_map.png")
        """
        from lime_jax.views.plots import superpixel_heat_map

        kind = self.explanations.output_kind
        unit = "weight, in units of the " + ("output" if kind == "value" else kind)
        return superpixel_heat_map(
            self.picture, self.heatmap(label), unit=unit, title=self.title(label), ax=ax
        )

    def top_labels_figure(self, percentile: float | int = 80.0) -> Figure:
        """The picture and, for every explained output, its superpixels above a percentile.

        Args:
            percentile: as in `covered`.

        Returns:
            A matplotlib figure, the outputs with the largest predictions first.

        Example:
            >>> image_explanation.top_labels_figure().savefig(folder / "labels.png")
        """
        from lime_jax.views.plots import picture_grid

        picture = self.picture
        labels = sorted(self.available_labels(), key=lambda label: -self._predicted(label))
        inside = [self.covered(label, percentile) for label in labels]
        return picture_grid(
            [picture, *(pixels.overlaid(picture, one) for one in inside)],
            [None, *inside],
            [self.row_name, *map(self.title, labels)],
        )

    def save_png(self, path: str | Path, label: Scalar = None, view: str = "overlay") -> None:
        """Write one of the figures as a PNG file.

        Args:
            path: of the file.
            label: class, name or number of an output; None: the predicted class.
            view: "overlay" (`plot`), "contours", "heat map" (`heat_map_figure`) or "top labels"
                (`top_labels_figure`, of all explained outputs).

        Raises:
            ValueError: if `view` is another.
            ImportError: if matplotlib is missing.

        Example:
            >>> image_explanation.save_png(folder / "image.png", view="heat map")
        """
        views = {"overlay": self.plot, "contours": self.contours, "heat map": self.heat_map_figure}
        views["top labels"] = lambda label: self.top_labels_figure()
        if view not in views:
            raise ValueError(f"`view` should be one of {list(views)}, got {view!r}.")
        views[view](label).savefig(path, format="png", dpi=150)

    def as_pyplot_figure(
        self, num_features: int | None = 10, label: Scalar = None, ax: object = None
    ) -> Figure:
        """The strongest superpixels on the picture, as `contours`.

        Args:
            num_features: how many; None: all.
            label: class, name or number of an output; None: the predicted class.
            ax: matplotlib axes to draw into; None: a figure of its own.

        Returns:
            A matplotlib figure.

        Example:
            >>> image_explanation.as_pyplot_figure(num_features=2).savefig(folder / "image.png")
        """
        return self.contours(label, num_features, ax)

    def pictures(
        self, num_features: int | None = 10, label: Scalar = None, percentile: float | int = 80.0
    ) -> list[Picture]:
        """The pictures of a page: numbered outlines, overlay, heat map.

        Args:
            num_features: how many superpixels to outline; None: all.
            label: class, name or number of an output; None: the predicted class.
            percentile: as in `covered`.

        Returns:
            Pictures of at most 480 pixels, with texts for those who cannot see them.

        Example:
            >>> [picture.pixels.shape for picture in image_explanation.pictures()][0]
            (32, 32, 3)
        """
        return superpixel_pictures(
            self.picture,
            self.segments,
            self._weights(label),
            [k for group in self._by_sign(num_features, label) for k in group],
            self.covered(label, percentile),
            title=self.row_name,
            label=self.label_name(label),
            percentile=percentile,
        )

    def as_html(
        self, num_features: int | None = 10, label: Scalar = None, percentile: float | int = 80.0
    ) -> str:
        """One static page of this image.

        Args:
            num_features: how many superpixels to show; None: all.
            label: class, name or number of an output; None: the predicted class.
            percentile: as in `covered`.

        Returns:
            A complete HTML document, without scripts, with the pictures inside.

        Example:
            >>> image_explanation.as_html(num_features=2).startswith("<!doctype html>")
            True
        """
        shown = self.pictures(num_features, label, percentile)
        return row_page(self.report(num_features, label), shown)

    def _notes(self) -> tuple[str, ...]:
        notes, support = [], self.explanations.support[self.row]
        if self._is_flat:
            notes.append(
                "The kernel is nearly flat: almost all samples count alike, so these weights are "
                "averages over pictures with many superpixels hidden, not effects of small changes."
            )
        rare = (support == Support.RARE) & self.explanations.feature_mask[self.row]
        if rare.any():
            names = ", ".join(map(str, np.flatnonzero(rare)[:5]))
            names += f" and {rare.sum() - 5} more" if rare.sum() > 5 else ""
            notes.append(f"Few samples tell about superpixel {names}; its interval is wide.")
        return tuple(notes)
