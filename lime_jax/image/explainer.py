"""`ImageExplainer`: LIME and KernelSHAP for image models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from jax.sharding import Mesh
from sklearn.base import BaseEstimator

from lime_jax.engine.mesh_checks import check_mesh, check_model_on, check_same_rows
from lime_jax.fits.shapley import LINKS
from lime_jax.forks import use_jax
from lime_jax.front.checks import check_choices, check_fit, check_seed, refuse_settings
from lime_jax.front.options import check_counts, check_num_samples
from lime_jax.front.progress import progress_bar
from lime_jax.front.row_ids import hash_ids
from lime_jax.image import (
    channels_last,
    hidden_image,
    image_ids,
    layout_hint,
    read_images,
    segment,
)
from lime_jax.image.explanations import ImageExplanations
from lime_jax.image.fits import ImageTask, image_fits
from lime_jax.image.model import ImageModel
from lime_jax.models.labels import choose_labels, name_outputs
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.outputs import check_probabilities, output_kind
from lime_jax.results.names import FeatureNames
from lime_jax.results.row_index import row_index
from lime_jax.stages.kernels import METRICS
from lime_jax.stages.select import resolve_selection
from lime_jax.typing import Table
from lime_jax.warn import warn

_OF_LIME = ("kernel_width", "alpha", "distance", "kernel", "feature_selection", "keep_probability")
_TOP_LABELS = 5


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
        images: Any,
        model: Any,
        labels: Sequence[Any] | np.ndarray | None = None,
        top_labels: int | None = _TOP_LABELS,
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
            top_labels: explain each image's k highest outputs; the default takes all outputs of a
                model that has fewer. None: all.
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
        """
        use_jax()
        self._check_settings()
        num_samples = 1000 if num_samples is None else num_samples
        top_labels = None if labels is not None and top_labels == _TOP_LABELS else top_labels
        self._check_options(labels, top_labels, num_features, num_samples, batch_size)
        check_mesh(mesh)
        axis: Any = self.channel_axis
        pictures = read_images(images, axis)
        segments = self._segment(pictures)
        ids = image_ids(pictures, axis) if row_ids is None else hash_ids(row_ids, len(pictures))
        index = row_index(images, len(pictures), row_ids)
        opened = as_predict_fn(model, self.output)
        image_model = ImageModel(opened, axis, model)
        check_model_on(mesh, opened.predict, image_model.on_device)
        if mesh is not None:
            check_same_rows(mesh, ids, image_ids(pictures, axis))

        prediction = image_model.predict_images(pictures, batch_size)
        count = prediction.shape[1]
        columns, classes = image_model.output_columns, opened.classes
        outputs = name_outputs(count, classes, columns, self.class_names)
        known, exclusive = opened.output_kind, opened.exclusive
        kind = output_kind(known, self.mode, prediction, exclusive, classes is not None)
        if top_labels == _TOP_LABELS:
            top_labels = min(top_labels, count)
        chosen = choose_labels(labels, top_labels, prediction, outputs)
        if self.link == "logit":
            check_probabilities(prediction)
        hidden = self._hide(pictures, segments, ids)
        with progress_bar(len(pictures), progress) as tick:
            task = ImageTask(
                self.get_params(deep=False),
                pictures,
                hidden,
                segments,
                ids,
                chosen,
                num_samples,
                num_features,
                batch_size,
                tick,
                mesh,
            )
            fit, used, most, replicates = image_fits(task, image_model)
        enough = task.superpixels + 2 if self.algorithm == "lime" else 0
        check_fit(fit, enough, is_exact=False, hidden_error=None, link=self.link)
        superpixels, width = task.superpixels, fit.coef.shape[2]
        present = np.arange(width) < superpixels[:, None]
        pixels = [np.bincount(own.reshape(-1), minlength=width) for own in segments]
        return ImageExplanations.of_fit(
            fit,
            labels=chosen,
            prediction=prediction,
            samples_used=used,
            key_ids=ids,
            row_ids=index.ids,
            row_names=index.names,
            values=np.stack(pixels).astype(np.float64),
            bins=np.full(present.shape, -1, np.int32),
            variables=present.astype(np.float32),
            output_names=outputs.names,
            classes=outputs.classes,
            conditions=(),
            names=FeatureNames(tuple(f"superpixel {number}" for number in range(width))),
            algorithm=self.algorithm,
            link=self.link,
            method="sampled",
            model_path=f"{opened.path}: {opened.reason}",
            output_kind=kind,
            kernel_width=float("nan") if self.algorithm != "lime" else float(self.kernel_width),
            num_samples=most,
            num_replicates=replicates,
            images=pictures,
            segments=tuple(segments),
            feature_mask=present,
            channel_axis=axis,
        )

    def _segment(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The superpixels of every image."""
        ways = self.segmentation
        several = isinstance(ways, list | tuple) and all(np.ndim(way) == 2 for way in ways)
        several = several or (isinstance(ways, np.ndarray) and ways.ndim == 3)
        if several and len(ways) != len(pictures):
            raise ValueError(
                f"`segmentation`: expected labels for each of {len(pictures)} images, "
                f"got {len(ways)}"
            )
        axis: Any = self.channel_axis
        found = []
        for number, picture in enumerate(pictures):
            try:
                labels = segment(
                    channels_last(picture, axis),
                    ways[number] if several else ways,
                    cell_size=self.cell_size,
                    compactness=self.compactness,
                    color_space=self.color_space,
                    seed=self.seed,
                )
            except ValueError as error:
                error.add_note(f"Image {number} of {len(pictures)}.{layout_hint(picture, axis)}")
                raise
            if isinstance(ways, str) and not labels.any() and labels.size > 2 * self._cell(labels):
                warn(
                    f"image {number} is one superpixel, so there is nothing to tell apart; choose "
                    f"a smaller `cell_size`, or another `segmentation` than {ways!r}",
                )
            found.append(labels)
        return found

    def _cell(self, labels: np.ndarray) -> float:
        """Pixels of a superpixel, roughly."""
        return labels.size / 50 if self.cell_size is None else float(self.cell_size) ** 2

    def _hide(
        self, pictures: Sequence[np.ndarray], segments: Sequence[np.ndarray], ids: np.ndarray
    ) -> list[np.ndarray]:
        """What the hidden superpixels of every image show."""
        axis: Any = self.channel_axis
        found = []
        for number, (picture, own) in enumerate(zip(pictures, segments, strict=True)):
            options: Any = dict(channel_axis=axis, seed=self.seed, image_id=int(ids[number]))
            try:
                found.append(hidden_image(picture, own, self.hide, **options))
            except ValueError as error:
                error.add_note(f"Image {number} of {len(pictures)}.")
                raise
        return found

    def _check_settings(self) -> None:
        known = {
            "algorithm": ("lime", "kernel_shap"),
            "channel_axis": ("last", "first"),
            "distance": METRICS,
            "link": LINKS,
            "mode": ("classification", "regression", None),
        }
        check_choices(self, known)
        check_seed(self.seed)
        for name, high in (("kernel_width", np.inf), ("alpha", np.inf), ("keep_probability", 1)):
            value = getattr(self, name)
            is_number = isinstance(value, int | float | np.number)
            if not is_number or not (0 < value < high or (name == "alpha" and value == 0)):
                raise ValueError(f"`{name}`: expected a number between 0 and {high}, got {value!r}")
        if self.kernel is not None and not callable(self.kernel):
            raise ValueError(
                "`kernel`: expected a function (distances, kernel_width) -> weights, or None, "
                f"got {self.kernel!r}"
            )
        refuse_settings(self, ("link",) if self.algorithm == "lime" else _OF_LIME)

    def _check_options(
        self, labels: Any, top_labels: Any, num_features: Any, num_samples: Any, batch_size: Any
    ) -> None:
        counts = {"top_labels": top_labels, "num_features": num_features, "batch_size": batch_size}
        check_counts(labels, top_labels, counts)
        check_num_samples(num_samples, None)
        if self.algorithm == "lime" and num_samples == "auto":
            raise ValueError(
                "`num_samples`: 'auto' is for algorithm='kernel_shap'; LIME takes a whole number"
            )
        resolve_selection(self.feature_selection, num_features)
        if self.algorithm == "kernel_shap" and num_features is not None:
            raise ValueError(
                "`num_features`: belongs to LIME; Shapley values are of all superpixels (views "
                "show as many as you ask for)"
            )

    min_block_rows: ClassVar[int] = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of a table that holds the images, unless it is named."""
        return ("image",)

    @property
    def learned(self) -> None:
        """Nothing: there is no `fit`."""

    def rows(self, X: Table) -> tuple[np.ndarray, ...]:
        """The images, to be counted and cut."""
        ways = self.segmentation
        if isinstance(ways, list | tuple) or np.ndim(ways) == 3:
            raise ValueError(
                "`segmentation`: superpixels of each image do not travel with the images; give a "
                "method by name, a function of an image, or labels that hold for all images"
            )
        return read_images(X, self.channel_axis)  # pyright: ignore[reportArgumentType]

    def rows_of(self, batch: Table, columns: Sequence[str]) -> list[Any]:
        """Images from the first of the columns of an Arrow table, a frame or a mapping."""
        column = batch[columns[0]]
        return column.to_pylist() if hasattr(column, "to_pylist") else list(column)
