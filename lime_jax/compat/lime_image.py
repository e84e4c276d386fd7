"""`lime.lime_image`: `lime`'s explanations of images, its numbers for an equal segmentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from lime_jax.compat.kernels import kernel_of
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.outputs import as_matrix, check_model, label_numbers
from lime_jax.compat.packed import (
    Samples,
    explain_labels,
    names_of,
    output_kind_of,
    packed,
)
from lime_jax.compat.wrappers.scikit_image import SegmentationAlgorithm
from lime_jax.front.progress import progress_bar
from lime_jax.image.explanations import ImageExplanations


class ImageExplanation:
    """The explanation of one image.

    Args:
        image: (height, width, channels).
        segments: (height, width) labels of superpixels.

    Attributes:
        local_exp: by label, pairs of superpixel and weight, strongest first.
        intercept: by label.
        score: R² of the label fitted last; `[label]` of each.
        local_pred: (1,) the surrogate's value of the label fitted last; `[label]` of each.
        result: the same as a `lime_jax.ImageExplanation`, with standard errors, or None.

    Example:
        >>> explanation = ImageExplanation(np.zeros((2, 2, 3)), np.array([[0, 0], [1, 1]]))
        >>> explanation.local_exp[1] = [(1, 0.5), (0, -0.25)]
        >>> explanation.get_image_and_mask(1, positive_only=False)[1].tolist()
        [[-1, -1], [1, 1]]
    """

    def __init__(self, image: np.ndarray, segments: np.ndarray) -> None:
        self.image = image
        self.segments = segments
        self.intercept: dict[Any, float] = {}
        self.local_exp: dict[Any, list[Any]] = {}
        self.local_pred: Any = None
        self.score: Any = None
        self.top_labels: Any = None
        self.result: Any = None

    def get_image_and_mask(
        self,
        label: object,
        positive_only: bool = True,
        negative_only: bool = False,
        hide_rest: bool = False,
        num_features: int = 5,
        min_weight: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The strongest superpixels of a label as a picture and as a mask.

        Args:
            label: that was explained.
            positive_only: only those that raise the output.
            negative_only: only those that lower it; neither: both, painted green and red.
            hide_rest: whether the rest of the picture is black.
            num_features: how many superpixels.
            min_weight: those with less are left out.

        Returns:
            (height, width, channels) the picture, and (height, width) 0 and 1; where both kinds
            are shown, −1 for those that lower it.

        Raises:
            KeyError: if the label was not explained.
            ValueError: if both kinds are asked for alone.
        """
        if label not in self.local_exp:
            raise KeyError(
                f"`label`: expected one of {list(self.local_exp)}, which were explained, got "
                f"{label!r}"
            )
        if positive_only and negative_only:
            raise ValueError(
                "`positive_only` and `negative_only`: expected one of them, got both; with "
                "neither, both kinds are shown"
            )
        pairs = self.local_exp[label]
        shown = np.zeros(self.image.shape) if hide_rest else self.image.copy()
        mask = np.zeros(self.segments.shape, self.segments.dtype)
        if positive_only or negative_only:
            sign = 1 if positive_only else -1
            wanted = [number for number, weight in pairs if sign * weight > max(min_weight, 0)]
            inside = np.isin(self.segments, wanted[:num_features])
            shown[inside] = self.image[inside]
            mask[inside] = 1
            return shown, mask
        brightest = np.max(self.image)
        for number, weight in pairs[:num_features]:
            if abs(weight) >= min_weight:
                inside = self.segments == number
                shown[inside] = self.image[inside]
                shown[inside, 0 if weight < 0 else 1] = brightest
                mask[inside] = -1 if weight < 0 else 1
        return shown, mask


class LimeImageExplainer:
    """Explains models of images as `lime` does: its numbers, for an equal segmentation.

    Args:
        kernel_width: of distances.
        kernel: `(distances, kernel_width) -> weights` of NumPy arrays; None: exponential.
        verbose: whether to print what each fit says of the image.
        feature_selection: "auto", "none", "forward_selection", "highest_weights", "lasso_path".
        random_state: number or `RandomState` that masks are drawn from.

    Example:
        >>> explainer = LimeImageExplainer(random_state=0)
        >>> def model(images):
        ...     bright = images[:, :2].mean((1, 2, 3))
        ...     return np.stack([1 - bright, bright], axis=1)
        >>> halves = np.repeat([[0], [0], [1], [1]], 4, axis=1)
        >>> image = np.full((4, 4, 3), 0.5)
        >>> explanation = explainer.explain_instance(
        ...     image, model, hide_color=0, segmentation_fn=lambda image: halves)
        >>> explanation.local_exp[1][0][0]
        0
    """

    def __init__(
        self,
        kernel_width: Any = 0.25,
        kernel: Callable[..., Any] | None = None,
        verbose: bool = False,
        feature_selection: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.random_state = check_random_state(random_state)
        self.feature_selection = feature_selection
        self.base: Any = LimeBase(
            kernel_of(kernel, float(kernel_width)), verbose, self.random_state
        )

    def explain_instance(
        self,
        image: np.ndarray,
        classifier_fn: object,
        labels: Any = (1,),
        hide_color: object = None,
        top_labels: int | None = 5,
        num_features: int = 100000,
        num_samples: int = 1000,
        batch_size: int = 10,
        segmentation_fn: Any = None,
        distance_metric: str = "cosine",
        model_regressor: object = None,
        random_seed: int | None = None,
        progress_bar: bool = True,
    ) -> ImageExplanation:
        """Explain what a model says of an image.

        Args:
            image: (height, width, channels), or (height, width), which becomes three channels.
            classifier_fn: of images (batch, height, width, channels), that returns
                (batch, outputs).
            labels: numbers of the outputs to explain, where `top_labels` is None.
            hide_color: of hidden superpixels; None: the mean color of each.
            top_labels: the image's k highest outputs.
            num_features: how many superpixels an explanation has, at most.
            num_samples: masked images, the image itself among them.
            batch_size: images of one call of the model.
            segmentation_fn: of an image, that returns (height, width) labels; None: quickshift.
            distance_metric: between masks, of `sklearn.metrics.pairwise_distances`.
            model_regressor: of scikit-learn, with `coef_` and `sample_weight`; None: a ridge.
            random_seed: of quickshift.
            progress_bar: whether to show one on a terminal, if the work is long.

        Returns:
            The explanation.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
        """
        check_model(classifier_fn, "classifier_fn")
        image = _with_channels(image)
        if random_seed is None:
            random_seed = self.random_state.randint(0, high=1000)
        if segmentation_fn is None:
            segmentation_fn = SegmentationAlgorithm(
                "quickshift", kernel_size=4, max_dist=200, ratio=0.2, random_seed=random_seed
            )
        segments = np.asarray(segmentation_fn(image))
        if segments.shape != image.shape[:2]:
            raise ValueError(
                f"`segmentation_fn`: expected labels of shape {image.shape[:2]}, got "
                f"{segments.shape}"
            )
        hidden = _hidden(image, segments, hide_color)
        data, outputs = self.data_labels(
            image, hidden, segments, classifier_fn, num_samples, batch_size, progress_bar
        )
        samples = Samples(data, outputs, _distances(data, distance_metric))
        found = ImageExplanation(image, segments)
        numbers, found.top_labels = label_numbers(labels, top_labels, outputs[0], None)
        options = dict(
            num_features=num_features,
            model_regressor=model_regressor,
            feature_selection=self.feature_selection,
        )
        explain_labels(found, self.base, samples, numbers, **options)
        found.result = _result(found, self.base, samples, model_regressor)
        names = np.unique(segments).tolist()
        for label, pairs in found.local_exp.items():
            found.local_exp[label] = [(names[number], weight) for number, weight in pairs]
        return found

    def explain_instances(
        self, images: Iterable[np.ndarray], classifier_fn: Any, **options: Any
    ) -> list[ImageExplanation]:
        """Explain many images.

        Args:
            images: each as of `explain_instance`.
            classifier_fn: as there.
            **options: as there.

        Returns:
            What `explain_instance` would say of one after the other.
        """
        return [self.explain_instance(image, classifier_fn, **options) for image in images]

    def data_labels(
        self,
        image: np.ndarray,
        fudged_image: np.ndarray,
        segments: np.ndarray,
        classifier_fn: Any,
        num_samples: int,
        batch_size: int = 10,
        progress_bar: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Masks, and what the model says of the image under them.

        Args:
            image: (height, width, channels).
            fudged_image: of the same shape, shown where superpixels are hidden.
            segments: (height, width) labels.
            classifier_fn: as of `explain_instance`.
            num_samples: how many.
            batch_size: images of one call of the model.
            progress_bar: whether to show one on a terminal, if the work is long.

        Returns:
            (samples, superpixels) 0 and 1, the first row all 1; and (samples, outputs).
        """
        names, places = np.unique(segments, return_inverse=True)
        places = places.reshape(segments.shape)
        data = self.random_state.randint(0, 2, num_samples * len(names))
        data = data.reshape(num_samples, len(names))
        data[0] = 1
        outputs = []
        with _bar(num_samples, None if progress_bar else False) as tick:
            for start in range(0, num_samples, batch_size):
                shown = data[start : start + batch_size, places].astype(bool)[..., None]
                images = np.where(shown, image, fudged_image)
                outputs.append(as_matrix(classifier_fn(images), len(images), "classifier_fn"))
                tick(len(images))
        return data, np.concatenate(outputs)


_bar = progress_bar


def _with_channels(image: object) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim == 2:
        return np.stack([image] * 3, axis=-1)
    if image.ndim != 3:
        raise ValueError(
            f"`image`: expected (height, width, channels) or (height, width), got {image.shape}; "
            "many images are for `explain_instances`"
        )
    return image


def _hidden(image: np.ndarray, segments: np.ndarray, color: object) -> np.ndarray:
    """The image with all superpixels hidden, in numbers of its own type."""
    hidden = image.copy()
    if color is not None:
        hidden[:] = color
        return hidden
    for number in np.unique(segments).tolist():
        inside = segments == number
        hidden[inside] = [np.mean(channel) for channel in image[inside].T]
    return hidden


def _distances(data: np.ndarray, metric: str) -> np.ndarray:
    from sklearn.metrics import pairwise_distances

    return pairwise_distances(data, data[:1], metric=metric).ravel()


def _result(found: ImageExplanation, base: object, samples: Samples, regressor: object) -> Any:
    """The same as a `lime_jax.ImageExplanation`."""
    _, places, sizes = np.unique(found.segments, return_inverse=True, return_counts=True)
    outputs = samples.outputs.shape[1]
    facts: dict[str, Any] = dict(
        values=sizes[None].astype(np.float64),
        names=names_of("superpixel", len(sizes)),
        output_names=tuple(map(str, range(outputs))),
        output_kind=output_kind_of(samples.outputs[:1]),
        images=(found.image,),
        segments=(places.reshape(found.segments.shape).astype(np.int32),),
    )
    return packed(ImageExplanations, found, base, samples, facts, regressor)
