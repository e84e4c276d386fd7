"""`RecurrentTabularExplainer`: explainers of models of series, with the signatures of `lime`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lime_jax.compat import series
from lime_jax.compat.explanation import Explanation
from lime_jax.compat.outputs import check_model
from lime_jax.compat.table_explainer import LimeTabularExplainer
from lime_jax.warn import warn


class RecurrentTabularExplainer(LimeTabularExplainer):
    """Explains models of series (rows, steps, features), each step of each feature by itself.

    Args:
        training_data: (rows, steps, features).
        mode: as of `LimeTabularExplainer`, and so all others but these.
        feature_names: of the features; None: their numbers.
        categorical_features: numbers of features, all of whose steps are levels.

    Example:
        >>> X = np.random.default_rng(0).random((30, 4, 2))
        >>> explainer = RecurrentTabularExplainer(X, "regression", feature_names=["a", "b"])
        >>> explanation = explainer.explain_instance(X[0], lambda rows: rows[:, -1, 1])
        >>> explanation.as_list()[0][0].split()[0] in ("b_t-0", "0.25", "0.50")
        True
    """

    def __init__(
        self,
        training_data: object,
        mode: str = "classification",
        training_labels: object = None,
        feature_names: Any = None,
        categorical_features: Any = None,
        categorical_names: Mapping[int, object] | None = None,
        kernel_width: object = None,
        kernel: Callable[..., object] | None = None,
        verbose: bool = False,
        class_names: object = None,
        feature_selection: str = "auto",
        discretize_continuous: bool = True,
        discretizer: object = "quartile",
        random_state: object = None,
    ) -> None:
        training_data = series.as_series(training_data, "training_data")
        _, self.n_timesteps, self.n_features = training_data.shape
        names = range(self.n_features) if feature_names is None else feature_names
        levels = series.steps_of(categorical_features, self.n_features, self.n_timesteps)
        if levels:
            warn(
                "`categorical_features` are numbers of features, and all of their steps are "
                "levels; `lime` takes them for numbers of single steps"
            )
        super().__init__(
            series.flat(training_data),
            mode=mode,
            training_labels=training_labels,
            feature_names=series.step_names(names, self.n_timesteps),
            categorical_features=levels,
            categorical_names=series.names_of_steps(
                categorical_names, self.n_features, self.n_timesteps
            ),
            kernel_width=kernel_width,
            kernel=kernel,
            verbose=verbose,
            class_names=class_names,
            feature_selection=feature_selection,
            discretize_continuous=discretize_continuous,
            discretizer=discretizer,
            random_state=random_state,
        )

    def explain_instance(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        data_row: object,
        classifier_fn: object,
        labels: object = (1,),
        top_labels: int | None = None,
        num_features: int = 10,
        num_samples: int = 5000,
        distance_metric: object = "euclidean",
        model_regressor: object = None,
    ) -> Explanation:
        """Explain what a model says of a series.

        Args:
            data_row: (steps, features).
            classifier_fn: of series (rows, steps, features).
            labels: as of `LimeTabularExplainer.explain_instance`, and so all others.

        Returns:
            The explanation, each step of each feature by itself.
        """
        row, model = self._flat(np.asarray(data_row)[None], classifier_fn)
        more = (num_features, num_samples, distance_metric, model_regressor)
        return super().explain_instance(row[0], model, labels, top_labels, *more)

    def explain_instances(
        self, rows: Any, predict_fn: object, *arguments: Any, **options: Any
    ) -> list[Explanation]:
        """Explain many series in one call; arguments are as of `explain_instance`.

        Args:
            rows: (rows, steps, features).

        Returns:
            An explanation of each.
        """
        rows, model = self._flat(rows, predict_fn)
        return super().explain_instances(rows, model, *arguments, **options)

    def _flat(self, rows: object, model: object) -> tuple[np.ndarray, series.OfSeries]:
        """Series as rows of a table, and the model of these."""
        check_model(model, "classifier_fn")
        rows = series.as_series(rows, "data_row", (self.n_timesteps, self.n_features))
        return series.flat(rows), series.OfSeries(model, self.n_timesteps, self.n_features)
