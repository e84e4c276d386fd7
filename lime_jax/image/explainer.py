"""`ImageExplainer`: LIME and KernelSHAP for image models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from jax.sharding import Mesh
from sklearn.base import BaseEstimator

from lime_jax.forks import use_jax
from lime_jax.front import call
from lime_jax.front.options import ExplainOptions
from lime_jax.image.call import ImageCall
from lime_jax.image.explanations import ImageExplanations
from lime_jax.image.read import read_images
from lime_jax.image.settings import image_settings
from lime_jax.typing import ModelLike, Table


class ImageExplainer(BaseEstimator):
    """Explains what an image model sees: superpixels that speak for a class, and against it.

    What defines the answer is set here; what varies from call to call is an argument of `explain`.
    There is nothing to fit. The answer for an image depends on the image, the model and these
    settings, not on the other images of the batch.

    Args:
        algorithm: "lime", weights of a local linear model; or "kernel_shap", Shapley values.
        segmentation: how to cut an image into superpixels: "slic", "quickshift", "felzenszwalb"
            (these need scikit-image), "grid", a function of a channels-last image that returns
            labels, labels of shape (height, width), or a list of these, one per image.
        hide: what a hidden superpixel shows: "mean" (of its own pixels), "blur", "noise", a color,
            another image, or a function of image and labels.
        cell_size: side of a superpixel in pixels, roughly; None: as for 50 superpixels.
        compactness: of "slic": the higher, the squarer the superpixels.
        color_space: of "slic": "lab", or "rgb" on a scale of 0 to 255 (with `cell_size=16` and
            `compactness=130` color and place weigh as in SynapseML).
        channel_axis: where the channels of arrays are, "last" or "first"; gray images have none.
        kernel_width: of LIME, in units of the distance.
        alpha: ridge penalty of LIME.
        distance: of LIME, between masks: "cosine", "euclidean" or "manhattan".
        kernel: of LIME, `(distances, kernel_width) -> weights` of JAX arrays; None: exponential.
        feature_selection: of LIME, as in `TabularExplainer`.
        keep_probability: of LIME, how likely a superpixel is shown.
        link: of KernelSHAP: "identity", or "logit" of a probability.
        output: "probability", "margin" or "value" of a model; None: what was handed over.
        mode: "classification" or "regression"; None: as the model says.
        class_names: of the outputs; None: as the model says.
        seed: of all random numbers.

    Example:
        >>> import jax.numpy as jnp, lime_jax
        >>> image = np.zeros((8, 8, 3)); image[:4, :4] = 1
        >>> @lime_jax.jax_predict
        ... def brightness(images):
        ...     return images.mean((1, 2, 3))
        >>> explainer = ImageExplainer("kernel_shap", segmentation="grid", cell_size=4, hide=0)
        >>> explanations = explainer.explain(image, brightness)
        >>> explanations.coef.round(3).tolist()
        [[[0.25, 0.0, 0.0, 0.0]]]
        >>> explanations[0].heatmap().shape
        (8, 8)

    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?"; Lundberg & Lee (2017), "A unified
    approach to interpreting model predictions".
    """

    def __init__(
        self,
        algorithm: str = "lime",
        segmentation: Any = "slic",
        hide: Any = "mean",
        cell_size: float | int | None = None,
        compactness: float | int = 10.0,
        color_space: str = "lab",
        channel_axis: str = "last",
        kernel_width: float | int = 0.25,
        alpha: float | int = 1.0,
        distance: str = "cosine",
        kernel: Callable[..., Any] | None = None,
        feature_selection: str = "auto",
        keep_probability: float | int = 0.5,
        link: str = "identity",
        output: str | None = None,
        mode: str | None = None,
        class_names: Sequence[Any] | np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.segmentation = segmentation
        self.hide = hide
        self.cell_size = cell_size
        self.compactness = compactness
        self.color_space = color_space
        self.channel_axis = channel_axis
        self.kernel_width = kernel_width
        self.alpha = alpha
        self.distance = distance
        self.kernel = kernel
        self.feature_selection = feature_selection
        self.keep_probability = keep_probability
        self.link = link
        self.output = output
        self.mode = mode
        self.class_names = class_names
        self.seed = seed

    def explain(
        self,
        images: Table,
        model: ModelLike,
        labels: Sequence[Any] | np.ndarray | None = None,
        top_labels: int | str | None = "auto",
        num_features: int | None = None,
        num_samples: int | str | None = 1000,
        row_ids: Iterable[Any] | None = None,
        batch_size: int | None = None,
        mesh: Mesh | None = None,
        progress: bool | None = None,
    ) -> ImageExplanations:
        """Explain the model's predictions for images.

        Args:
            images: one image or several, of one or several sizes: (height, width) gray,
                (height, width, channels), a batch of these, or a list; of any dtype and any number
                of channels.
            model: a JAX function (jitted, marked by `jax_predict`, or a pytree with `__call__`), a
                Keras, Flax, Equinox or ONNX model, or any function of a batch of images in the
                layout and dtype they came in, that returns (images,) or (images, outputs).
            labels: outputs to explain, as in `TabularExplainer.explain`; in place of `top_labels`.
            top_labels: in place of `labels`, each image's k highest outputs; "auto": five, or all
                of a model that has fewer. None: all.
            num_features: how many superpixels each LIME explanation keeps; None: all.
            num_samples: perturbed images for each image: for LIME rounded up to whole replicates
                of a power of two; for KernelSHAP coalitions, or "auto": 2,048 and two for each
                superpixel, or all coalitions if they are fewer. None: 1,000.
            row_ids: of the images, numbers or text, by which results name them; None: their
                numbers, and random numbers come from a hash of the content.
            batch_size: largest batch of a model that runs on the host; None: as memory allows.
            mesh: devices that share the work, as in `TabularExplainer.explain`: images over the
                first axis, masks of an image over the second; None: JAX's default device.
            progress: whether to show a bar; None: on a terminal, if the work is long.

        Returns:
            The explanations, in the order of the images.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            RuntimeError: in a forked child of a process that has used JAX.
            ImportError: if the segmentation needs scikit-image, and it is missing.

        Example:
            >>> images = np.zeros((2, 8, 8))
            >>> images[:, :4, :4] = 1
            >>> explainer = ImageExplainer(segmentation="grid", cell_size=4, hide=0)
            >>> explanations = explainer.explain(list(images), lambda batch: batch.mean((1, 2)))
            >>> explanations.coef.shape
            (2, 1, 4)
            >>> int(explanations.coef[0, 0].argmax())
            0
        """
        use_jax()
        settings = image_settings(self)
        options = ExplainOptions(
            labels=labels,
            top_labels=top_labels,
            num_features=num_features,
            num_samples=1000 if num_samples is None else num_samples,
            row_ids=row_ids,
            batch_size=batch_size,
            mesh=mesh,
            progress=progress,
        )
        options.check()
        settings.check(options)
        return call.explain(ImageCall(self, settings, images), model, options)[0]

    min_block_rows: ClassVar[int] = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of a table that holds the images, unless it is named."""
        return ("image",)

    @property
    def learned(self) -> None:
        """Nothing: there is no `fit`."""

    def rows(self, X: Table) -> tuple[np.ndarray, ...]:
        """The images, to be counted and cut.

        Example:
            >>> len(ImageExplainer().rows([np.zeros((8, 8)), np.zeros((6, 9))]))
            2
        """
        ways = self.segmentation
        if isinstance(ways, list | tuple) or np.ndim(ways) == 3:
            raise ValueError(
                "`segmentation`: superpixels of each image do not travel with the images; give a "
                "method by name, a function of an image, or labels that hold for all images"
            )
        return read_images(X, self.channel_axis)  # pyright: ignore[reportArgumentType]

    def rows_of(self, batch: Table, columns: Sequence[str]) -> list[Any]:
        """Images from the first of the columns of an Arrow table, a frame or a mapping.

        Example:
            >>> len(ImageExplainer().rows_of({"image": [np.zeros((8, 8))]}, ["image"]))
            1
        """
        column = batch[columns[0]]
        return column.to_pylist() if hasattr(column, "to_pylist") else list(column)
