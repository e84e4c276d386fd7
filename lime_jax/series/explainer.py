"""`SeriesExplainer`: LIME and KernelSHAP for models of series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import numpy as np
from jax.sharding import Mesh
from sklearn.base import BaseEstimator

from lime_jax.forks import use_jax
from lime_jax.front import call
from lime_jax.front.options import ExplainOptions
from lime_jax.series.call import SeriesCall
from lime_jax.series.explanations import SeriesExplanations
from lime_jax.series.frames import LongForm
from lime_jax.series.read import SeriesRows, read_series
from lime_jax.series.settings import series_settings
from lime_jax.typing import ModelLike, Table


class SeriesExplainer(BaseEstimator):
    """Explains what a model of series looks at: stretches of time, or channels.

    What defines the answer is set here; what varies from call to call is an argument of `explain`.
    There is nothing to fit. The answer for a series depends on the series, the model and these
    settings, not on the other series of the batch.

    Series of up to 12 segments have no noise: the model is asked for all series with some of them
    hidden, if `num_samples` allows as many, and for up to seven in any case; LIME's fit then needs
    no penalty and has none. Other series are sampled, with standard errors.

    Args:
        algorithm: "lime", weights of a local linear model; or "kernel_shap", Shapley values.
        segments: how to cut a series into what is hidden together: how many stretches of time, of
            all channels (as many as there are steps where these are fewer); "step", each step;
            "feature", each channel over all time; labels (time,) or (time, channels), or for each
            series a list of these; or a function of a series that returns labels.
        hide: what hidden numbers show: "mean", of their channel over the whole series; "last", the
            last number of the channel before them that is shown (at the start the next one);
            "interpolate", the line between the two beside them; "noise", normal of the channel's
            mean and standard deviation, drawn once for a series; a number; or rows, another series
            or several (rows, time, channels), over which outputs are averaged. With "last" and
            "interpolate" a channel that is hidden as a whole shows its mean.
        time_column: of a frame in long form, numbers or moments; steps are in its order.
        series_column: of a frame in long form, what tells series apart; None: it is one series.
        feature_names: of the channels; of a frame also which columns to take. None: all.
        kernel_width: of LIME, in units of the distance.
        alpha: ridge penalty of LIME, where it samples.
        distance: of LIME, between masks: "cosine", "euclidean" or "manhattan".
        kernel: of LIME, `(distances, kernel_width) -> weights` of JAX arrays; None: exponential.
        feature_selection: of LIME, as in `TabularExplainer`.
        link: of KernelSHAP: "identity", or "logit" of a probability.
        output: "probability", "margin" or "value" of a model; None: what was handed over.
        mode: "classification" or "regression"; None: as the model says.
        class_names: of the outputs; None: as the model says.
        seed: of all random numbers.

    Example:
        >>> import lime_jax
        >>> X = np.zeros((1, 40, 2)); X[0, 20:30, 1] = 1
        >>> @lime_jax.jax_predict
        ... def bump(batch):
        ...     return batch[:, 20:30, 1].sum(1)
        >>> explanation = SeriesExplainer(segments=4, hide=0).explain(X, bump)[0]
        >>> [(segment, round(weight, 3)) for segment, weight in explanation.as_list(1)]
        [('steps 20 to 29', 10.0)]

    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?"; Lundberg & Lee (2017), "A unified
    approach to interpreting model predictions".
    """

    def __init__(
        self,
        algorithm: str = "lime",
        segments: object = 10,
        hide: object = "mean",
        time_column: str | None = None,
        series_column: str | None = None,
        feature_names: Sequence[object] | np.ndarray | None = None,
        kernel_width: float | int = 0.25,
        alpha: float | int = 1.0,
        distance: str = "cosine",
        kernel: Callable[..., object] | None = None,
        feature_selection: str = "auto",
        link: str = "identity",
        output: str | None = None,
        mode: str | None = None,
        class_names: Sequence[object] | np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.segments = segments
        self.hide = hide
        self.time_column = time_column
        self.series_column = series_column
        self.feature_names = feature_names
        self.kernel_width = kernel_width
        self.alpha = alpha
        self.distance = distance
        self.kernel = kernel
        self.feature_selection = feature_selection
        self.link = link
        self.output = output
        self.mode = mode
        self.class_names = class_names
        self.seed = seed

    def explain(
        self,
        X: Table,
        model: ModelLike,
        labels: Sequence[object] | np.ndarray | None = None,
        top_labels: int | str | None = "auto",
        num_features: int | None = None,
        num_samples: int | str | None = None,
        row_ids: Iterable[object] | None = None,
        batch_size: int | None = None,
        mesh: Mesh | None = None,
        progress: bool | None = None,
    ) -> SeriesExplanations:
        """Explain the model's predictions for series.

        Args:
            X: an array (rows, time) or (rows, time, channels); a list of series (time,) or
                (time, channels), of one or several lengths; or a frame in long form, a line for
                each step.
            model: a JAX function (jitted, marked by `jax_predict`, or a pytree with `__call__`), a
                Keras, Flax, Equinox or ONNX model, or any function of a batch of series of one
                length, as they came, that returns (rows,) or (rows, outputs).
            labels: outputs to explain, as in `TabularExplainer.explain`; in place of `top_labels`.
            top_labels: in place of `labels`, each series' k highest outputs; "auto": five, or all
                of a model that has fewer. None: all.
            num_features: how many segments each LIME explanation keeps; None: all.
            num_samples: masked series for each series: for LIME rounded up to whole replicates of
                a power of two, None: 5,000; for KernelSHAP coalitions, None or "auto": 2,048 and
                two for each segment, or all coalitions of 12 segments or fewer.
            row_ids: of the series, numbers or text, by which results name them; None: those of
                `series_column`, or their numbers, and random numbers come from the content.
            batch_size: largest batch of a model that runs on the host; None: as memory allows.
            mesh: devices that share the work, as in `TabularExplainer.explain`; None: JAX's
                default device.
            progress: whether to show a bar; None: on a terminal, if the work is long.

        Returns:
            The explanations, in the order of the series; those of a frame in that of first lines.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            RuntimeError: in a forked child of a process that has used JAX.

        Example:
            >>> X = [np.arange(8.0), np.arange(5.0)]
            >>> explainer = SeriesExplainer("kernel_shap", segments="step", hide=0)
            >>> explanations = explainer.explain(X, lambda batch: batch.sum(1))
            >>> explanations.coef[1, 0].round(3).tolist()
            [0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0]
        """
        use_jax()
        settings = series_settings(self)
        options = ExplainOptions(
            labels=labels,
            top_labels=top_labels,
            num_features=num_features,
            num_samples=num_samples,
            row_ids=row_ids,
            batch_size=batch_size,
            mesh=mesh,
            progress=progress,
        )
        options.check()
        settings.check(options)
        return call.explain(SeriesCall(self, settings, self._read(X)), model, options)[0]

    def _read(self, X: Table) -> SeriesRows:
        names = None if self.feature_names is None else list(self.feature_names)
        return read_series(X, LongForm(self.time_column, self.series_column), names)

    min_block_rows: ClassVar[int] = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of a table that holds the series, unless it is named."""
        return ("series",)

    @property
    def learned(self) -> None:
        """Nothing: there is no `fit`."""

    def rows(self, X: Table) -> SeriesRows:
        """The series, to be counted and cut.

        Example:
            >>> len(SeriesExplainer().rows([np.zeros(8), np.zeros(6)]))
            2
        """
        if isinstance(self.segments, list | tuple) and any(np.ndim(one) for one in self.segments):
            raise ValueError(
                "`segments`: labels of each series do not travel with the series; give labels that "
                "hold for all, a number of stretches, or a function of a series"
            )
        return self._read(X)

    def rows_of(self, batch: Table, columns: Sequence[str]) -> SeriesRows:
        """Series from the first of the columns of an Arrow table, a frame or a mapping.

        Example:
            >>> len(SeriesExplainer().rows_of({"series": [[1.0, 2.0], [3.0]]}, ["series"]))
            2
        """
        column = batch[columns[0]]
        return self._read(column.to_pylist() if hasattr(column, "to_pylist") else list(column))
