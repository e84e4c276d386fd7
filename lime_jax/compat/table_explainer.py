"""`LimeTabularExplainer`: explainers of tables, with the signatures of `lime`."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from lime_jax.arguments import check_one_of
from lime_jax.compat import sparse_row, table_results, table_samples, tables
from lime_jax.compat.discretize import discretizer_of
from lime_jax.compat.explanation import Explanation
from lime_jax.compat.kernels import kernel_of
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.outputs import called, check_model, label_numbers, warn_unless_probabilities
from lime_jax.compat.packed import Samples, explain_labels
from lime_jax.compat.tables import Asked, TableDomainMapper

_STATS = ("means", "mins", "maxs", "stds", "feature_values", "feature_frequencies")


class LimeTabularExplainer:
    """Explains models of tables: the arguments are `lime`'s, in their order.

    Single rows have `lime`'s own numbers for the same `random_state`. Many rows in one call are
    explained by our sampler, with less noise, unless a kernel, regressor, metric, discretizer or
    `base` of somebody else's comes in.

    Args:
        training_data: (rows, columns) numbers, dense or sparse; levels as whole numbers.
        mode: "classification" or "regression".
        training_labels: (rows,) for bins by entropy.
        feature_names: of the columns; None: their numbers.
        categorical_features: numbers of the columns with levels.
        categorical_names: by column, the name of each level.
        kernel_width: None: 0.75 times the root of the number of columns.
        kernel: `(distances, kernel_width) -> weights` of NumPy arrays; None: exponential.
        verbose: whether to print what each fit says of the row.
        class_names: of the model's outputs; None: their numbers.
        feature_selection: "auto", "none", "forward_selection", "highest_weights", "lasso_path".
        discretize_continuous: whether numbers are put into bins.
        discretizer: "quartile", "decile", "entropy", or a discretizer.
        sample_around_instance: whether numbers that are not in bins are drawn around the row.
        random_state: number or `RandomState`.
        training_data_stats: what is known of the training rows, in place of them.
        exact: whether to take closed forms where there are any, in place of samples.

    Example:
        >>> X = np.arange(40.0).reshape(20, 2)
        >>> explainer = LimeTabularExplainer(X, mode="regression", feature_names=["age", "pay"])
        >>> explanation = explainer.explain_instance(X[0], lambda rows: rows[:, 0])
        >>> explanation.as_list()[0][0]
        'age <= 9.50'
    """

    def __init__(
        self,
        training_data: Any,
        mode: str = "classification",
        training_labels: object = None,
        feature_names: Any = None,
        categorical_features: Any = None,
        categorical_names: Mapping[int, Any] | None = None,
        kernel_width: Any = None,
        kernel: Callable[..., object] | None = None,
        verbose: bool = False,
        class_names: Any = None,
        feature_selection: str = "auto",
        discretize_continuous: bool = True,
        discretizer: object = "quartile",
        sample_around_instance: bool = False,
        random_state: object = None,
        training_data_stats: Mapping[str, Any] | None = None,
        exact: bool = False,
    ) -> None:
        check_one_of("mode", mode, ("classification", "regression"))
        if hasattr(training_data, "columns") and feature_names is None:
            feature_names = [str(name) for name in training_data.columns]
        training_data = tables.as_table(training_data)
        count = training_data.shape[1]
        self.random_state = check_random_state(random_state)
        self.mode = mode
        self.categorical_names = categorical_names or {}
        self.sample_around_instance = sample_around_instance
        self.training_data_stats = training_data_stats
        if training_data_stats:
            self.validate_training_data_stats(training_data_stats)
        self.categorical_features = (
            [] if categorical_features is None else list(categorical_features)
        )
        names = map(str, range(count)) if feature_names is None else feature_names
        self.feature_names = list(names)
        self.feature_selection = feature_selection
        self.class_names = class_names
        self.exact = exact
        self.discretizer: Any = None
        if discretize_continuous and not scipy.sparse.issparse(training_data):
            self.discretizer = discretizer_of(
                discretizer,
                training_data,
                self.categorical_features,
                self.feature_names,
                training_labels,
                self.random_state,
                training_data_stats,
            )
            self.categorical_features = list(range(count))
        width = float(np.sqrt(count) * 0.75 if kernel_width is None else kernel_width)
        self.has_width = kernel_width is not None
        self.base: Any = LimeBase(kernel_of(kernel, width), verbose, self.random_state)
        self._learn(training_data)
        self._engine: Any = None

    def _learn(self, data: Any) -> None:
        """Keep means and scales of numbers, and how often each level or bin is met."""
        self.scaler: Any = StandardScaler(with_mean=False).fit(data)
        self.feature_values: dict[int, list[Any]] = {}
        self.feature_frequencies: dict[int, np.ndarray] = {}
        known, binned = self.training_data_stats, data
        if self.discretizer is not None and not known:
            binned = self.discretizer.discretize(data)
        mean, scale = np.asarray(self.scaler.mean_), np.asarray(self.scaler.scale_)
        for feature in self.categorical_features:
            if known:
                values = list(known["feature_values"][feature])
                times = np.asarray(known["feature_frequencies"][feature], np.float64)
            else:
                column = binned[:, [feature]]
                column = column.toarray() if scipy.sparse.issparse(column) else column
                counted = collections.Counter(np.asarray(column).ravel().tolist())
                values = sorted(counted)
                times = np.array([counted[value] for value in values], np.float64)
            self.feature_values[feature] = values
            self.feature_frequencies[feature] = times / times.sum()
            mean[feature], scale[feature] = 0, 1
        numbers = [k for k in range(data.shape[1]) if k not in self.feature_values]
        self.numbers = {
            k: (
                float(mean[k]),
                float(scale[k]),
                float(data[:, [k]].min()),
                float(data[:, [k]].max()),
            )
            for k in numbers
        }

    @staticmethod
    def convert_and_round(values: object) -> list[str]:
        """Numbers as text.

        Args:
            values: numbers.

        Returns:
            With two decimals.
        """
        return tables.two_decimals(values)

    @staticmethod
    def validate_training_data_stats(training_data_stats: Mapping[str, object]) -> None:
        """Refuse statistics that lack something.

        Args:
            training_data_stats: as of the explainer.

        Raises:
            ValueError: if they do.
        """
        missing = [name for name in _STATS if name not in training_data_stats]
        if missing:
            raise ValueError(
                f"`training_data_stats`: expected {', '.join(_STATS)}, got no {', '.join(missing)}"
            )

    def explain_instance(
        self,
        data_row: object,
        predict_fn: object,
        labels: object = (1,),
        top_labels: int | None = None,
        num_features: int = 10,
        num_samples: int = 5000,
        distance_metric: object = "euclidean",
        model_regressor: object = None,
        sampling_method: str = "gaussian",
    ) -> Explanation:
        """Explain what a model says of a row, by the samples of `lime`.

        Args:
            data_row: (columns,) numbers, or one sparse row.
            predict_fn: a fitted model's method, or any function of rows: (rows, classes) of a
                classification, (rows,) of a regression.
            labels: numbers or names of the outputs to explain.
            top_labels: in place of `labels`, the row's k highest outputs.
            num_features: how many columns an explanation has, at most.
            num_samples: rows that the model is asked about; of many rows a few more.
            distance_metric: between samples, of `sklearn.metrics.pairwise_distances`.
            model_regressor: of scikit-learn, with `coef_` and `sample_weight`; None: a ridge.
            sampling_method: "gaussian", or "lhs" for a latin hypercube.

        Returns:
            The explanation.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
        """
        more = (num_features, num_samples, distance_metric, model_regressor, sampling_method)
        rows = data_row if scipy.sparse.issparse(data_row) else np.asarray(data_row)[None]
        if self.exact:
            return self.explain_instances(rows, predict_fn, labels, top_labels, *more)[0]
        check_model(predict_fn, "predict_fn")
        return self._explain_row(
            self._rows(rows)[[0]], predict_fn, Asked(labels, top_labels, *more)
        )

    def explain_instances(
        self,
        rows: Any,
        predict_fn: Any,
        labels: object = (1,),
        top_labels: int | None = None,
        num_features: int = 10,
        num_samples: int = 5000,
        distance_metric: object = "euclidean",
        model_regressor: object = None,
        sampling_method: str = "gaussian",
    ) -> list[Explanation]:
        """Explain many rows in one call, by our sampler; arguments are as of `explain_instance`.

        Args:
            rows: (rows, columns).

        Returns:
            An explanation of each.
        """
        check_model(predict_fn, "predict_fn")
        asked = Asked(
            labels,
            top_labels,
            num_features,
            num_samples,
            distance_metric,
            model_regressor,
            sampling_method,
        )
        # What single rows do not need takes longer to import than they to explain.
        from lime_jax.compat.engine_tables import EngineTables, is_ours

        rows = self._rows(rows)
        is_sparse = scipy.sparse.issparse(rows)
        by_samples = is_sparse and (self.has_width or not self.exact)
        if by_samples or not is_ours(self, asked):
            return [self._explain_row(rows[[k]], predict_fn, asked) for k in range(rows.shape[0])]
        if is_sparse:
            from lime_jax.compat.sparse_rows import explain_rows

            return explain_rows(self, rows, predict_fn, asked)
        if self._engine is None:
            self._engine = EngineTables()
        return self._engine.explain(self, rows, predict_fn, asked)

    def _rows(self, rows: Any) -> Any:
        rows = tables.as_table(rows)
        if rows.shape[1] != len(self.feature_names):
            raise ValueError(
                f"`data_row`: expected {len(self.feature_names)} numbers, got {rows.shape[1]}"
            )
        return rows

    def _explain_row(self, rows: Any, predict_fn: object, asked: Asked) -> Explanation:
        """The one row there is, through `self.base`; of a dense one by the samples of `lime`."""
        if scipy.sparse.issparse(rows):
            return sparse_row.explain_row(self, rows, predict_fn, asked)
        row = rows[0]
        data, inverse = self.__data_inverse(row, asked.num_samples, asked.sampling_method)
        scaled = table_samples.scaled(data, self.scaler.mean_, self.scaler.scale_)
        distances = table_samples.distances(scaled, asked.distance_metric)
        model = called(predict_fn, self.mode)
        asks = inverse if getattr(model, "by_column", False) else np.ascontiguousarray(inverse)
        outputs = self.checked_outputs(model(asks), len(asks))
        samples = Samples(scaled, outputs, distances)
        bins = None if self.discretizer is None else self.discretizer.discretize(row)
        found = self.started(row, outputs[0], scaled[0], bins)
        if self.mode == "regression":
            found.min_value, found.max_value = outputs.min(), outputs.max()

        def pack(found: Explanation, samples: Samples) -> Any:
            codes = row if bins is None else bins
            return table_results.result_of(self, row, codes, found, samples, asked.model_regressor)

        self.fill(found, samples, asked, pack)
        return found

    def checked_outputs(self, raw: object, count: int) -> np.ndarray:
        """Outputs as (rows, outputs); classes get their names, and the user a word about sums."""
        outputs = tables.checked_outputs(raw, count, self.mode, self.class_names)
        if self.mode == "classification":
            if self.class_names is None:
                self.class_names = [str(number) for number in range(outputs.shape[1])]
            warn_unless_probabilities(outputs, "predict_fn")
        return outputs

    def fill(
        self,
        found: Explanation,
        samples: Samples,
        asked: Asked,
        pack: Callable[[Explanation, Samples], object],
    ) -> None:
        """Explain the labels that are asked for, through `self.base`, and `pack` the result."""
        numbers = [0]
        if self.mode == "classification":
            numbers, found.top_labels = label_numbers(
                asked.labels, asked.top_labels, samples.outputs[0], self.class_names
            )
        options = dict(
            num_features=asked.num_features,
            model_regressor=asked.model_regressor,
            feature_selection=self.feature_selection,
        )
        explain_labels(found, self.base, samples, numbers, **options)
        found.result = pack(found, samples)
        if self.mode == "regression":
            tables.both_signs(found)

    def started(
        self, row: Any, outputs: np.ndarray, scaled_row: Any, bins: np.ndarray | None = None
    ) -> Explanation:
        """An explanation without weights: names, values, and what the model says.

        `bins` are the row's; None: they are looked up.
        """
        names = list(self.feature_names)
        is_sparse = scipy.sparse.issparse(row)
        values = tables.two_decimals(row.data if is_sparse else row)
        in_bins = {} if self.discretizer is None else self.discretizer.lambdas
        for k in self.categorical_features:
            if k in in_bins:
                continue
            level = int(row[0, k] if is_sparse else row[k])
            level = self.categorical_names[k][level] if k in self.categorical_names else level
            names[k] = f"{names[k]}={level}"
            if not is_sparse:
                values[k] = "True"
        of_bins, categorical = None, self.categorical_features
        if self.discretizer is not None:
            numbers = np.asarray(self.discretizer.discretize(row) if bins is None else bins)
            of_bins = list(names)
            for k, texts in self.discretizer.names.items():
                of_bins[k] = texts[int(numbers[k])]
        mapper = TableDomainMapper(
            names,
            values,
            scaled_row,
            categorical_features=categorical,
            discretized_feature_names=of_bins,
            feature_indexes=row.indices if is_sparse else None,
        )
        found = Explanation(mapper, mode=self.mode, class_names=self.class_names)
        if self.mode == "classification":
            found.predict_proba = outputs
        else:
            found.predicted_value = float(outputs[0])
            found.min_value = found.max_value = found.predicted_value
        return found

    @property
    def draws_otherwise(self) -> bool:
        """Whether somebody has other samples drawn."""
        name = "_LimeTabularExplainer__data_inverse"
        return getattr(type(self), name) is not _DRAWN or name in vars(self)

    def __data_inverse(
        self, data_row: np.ndarray, num_samples: int, sampling_method: str = "gaussian"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Samples as the surrogate and as the model sees them, drawn in the order of `lime`."""
        return table_samples.drawn(self, data_row, num_samples, sampling_method)


_DRAWN = LimeTabularExplainer._LimeTabularExplainer__data_inverse  # pyright: ignore
