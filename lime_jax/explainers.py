"""`TabularExplainer`: LIME for tables, with the manners of scikit-learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lime_jax import exact, frames
from lime_jax.conditions import bin_conditions, display_schema
from lime_jax.domains.columns import TabularStats
from lime_jax.domains.config import TabularConfig, make_domain, make_method
from lime_jax.domains.learn import fit_tabular
from lime_jax.door import as_list, check_fit, column_number
from lime_jax.explanations import Explanations
from lime_jax.kept_model import KeptModel, open_model
from lime_jax.options import ExplainOptions, check_method
from lime_jax.precision import warn_unsettled
from lime_jax.progress import progress_bar
from lime_jax.row_fits import (
    Task,
    exact_fits,
    no_rows,
    row_variables,
    sampled_fits,
    settled_fit,
)
from lime_jax.row_ids import hash_ids
from lime_jax.row_ids import row_ids as content_ids
from lime_jax.table_model import TableModel, choose_labels

ALGORITHMS = ("lime",)
MODES = ("classification", "regression")


class TabularExplainer(BaseEstimator):
    """Explains the predictions of any model on a table, all rows in one call.

    What defines the answer is set here; `fit` learns the table; what varies from call to call is
    an argument of `explain`. The answer for a row depends on the row, the model and these
    settings, not on the other rows, their order or the batch size.

    Args:
        algorithm: "lime".
        mode: "classification" or "regression"; None: as the model says.
        discretizer: "quartile", "decile", "entropy" (needs `y` in `fit`), edges per column, a
            mapping from column to edges, or None: not discretized.
        sample_around_instance: whether samples are normal around the row, in place of the
            training bins (or, not discretized, the column means).
        encoding: "same_bin", "one_hot" or "standardized"; None: "same_bin" if discretized.
        distance_space: "encoded" or "standardized"; None: "encoded".
        distance: "euclidean", "cosine" or "manhattan".
        kernel: `(distances, kernel_width) -> weights` of JAX arrays; None: exponential.
        kernel_width: in units of the distance; None: 0.75 times the root of the column count.
        alpha: ridge penalty.
        feature_selection: "auto", "none", "highest_weights", "forward_selection" or "lasso_path".
        design: "sobol", "latin_hypercube" or "iid".
        output: "probability", "margin" or "value" of an estimator; None: what was handed over.
        categorical_features: names or numbers of columns whose numbers are levels; text,
            category and boolean columns of a frame are categorical by themselves.
        feature_names: of the columns of an array.
        categorical_names: names of levels, by column.
        class_names: of the outputs; None: as the model says.
        features: names or numbers of the columns to perturb, the others keep the row's values;
            None: all.
        seed: of all random numbers.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> model = LogisticRegression(max_iter=1000).fit(X, y)
        >>> explanations = TabularExplainer().fit(X).explain(X[:2], model)
        >>> explanations.coef.shape
        (2, 3, 4)
        >>> explanations[0].as_list(1)[0][0]
        'petal length (cm) <= 1.60'

    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?".
    """

    def __init__(
        self,
        algorithm: str = "lime",
        mode: str | None = None,
        discretizer: str | Sequence[Any] | Mapping[Any, Any] | None = "quartile",
        sample_around_instance: bool = False,
        encoding: str | None = None,
        distance_space: str | None = None,
        distance: str = "euclidean",
        kernel: Callable[..., Any] | None = None,
        kernel_width: float | None = None,
        alpha: float = 1.0,
        feature_selection: str = "auto",
        design: str = "sobol",
        output: str | None = None,
        categorical_features: Sequence[Any] | np.ndarray | None = None,
        feature_names: Sequence[str] | np.ndarray | None = None,
        categorical_names: Mapping[Any, Any] | None = None,
        class_names: Sequence[Any] | np.ndarray | None = None,
        features: Sequence[Any] | np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.mode = mode
        self.discretizer = discretizer
        self.sample_around_instance = sample_around_instance
        self.encoding = encoding
        self.distance_space = distance_space
        self.distance = distance
        self.kernel = kernel
        self.kernel_width = kernel_width
        self.alpha = alpha
        self.feature_selection = feature_selection
        self.design = design
        self.output = output
        self.categorical_features = categorical_features
        self.feature_names = feature_names
        self.categorical_names = categorical_names
        self.class_names = class_names
        self.features = features
        self.seed = seed

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> TabularExplainer:
        """Learn the columns of a table; no rows are kept.

        Args:
            X: training rows: an array, a pandas, polars or pyarrow table; or `TabularStats`, so
                that no rows are needed.
            y: (rows,) classes, for entropy bins.
            sample_weight: (rows,) non-negative.

        Returns:
            self.

        Raises:
            ValueError: if a setting or the table is not usable; it names the argument.
        """
        self._check_settings()
        if isinstance(X, TabularStats):
            schema = self._schema_of(X)
            stats = X
        else:
            categorical, names = self.categorical_features, self.feature_names
            schema = frames.learn_schema(
                X,
                None if categorical is None else as_list(categorical),
                None if names is None else as_list(names),
                self.categorical_names,
            )
            discretizer = self.discretizer
            if isinstance(discretizer, Mapping):
                discretizer = {
                    column_number(schema, k, "discretizer"): v for k, v in discretizer.items()
                }
            stats = fit_tabular(
                frames.encode(schema, X),
                discretizer=discretizer,
                categorical_features=np.flatnonzero(schema.categorical).tolist(),
                y=y,
                sample_weight=sample_weight,
            )
        self.schema_, self.stats_ = schema, stats
        self.n_features_in_ = stats.num_features
        self.feature_names_in_ = np.array(schema.columns, object)
        self._neighborhoods: dict[Any, Any] = {}
        self._kept: KeptModel | None = None
        self._conditions = bin_conditions(stats, schema)
        self._display_schema = display_schema(schema)
        # Settings that do not go together are refused here, not later.
        self._plan(None, 2, self.kernel_width)
        return self

    def explain(
        self,
        X: Any,
        model: Any,
        labels: Sequence[Any] | np.ndarray | None = None,
        top_labels: int | None = None,
        num_features: int | None = None,
        num_samples: int | str = 4096,
        tolerance: float | None = None,
        method: str = "auto",
        effective_num_samples: int | None = None,
        score: bool = True,
        row_ids: Sequence[Any] | np.ndarray | None = None,
        batch_size: int | None = None,
        progress: bool | None = None,
    ) -> Explanations:
        """Explain the model's predictions for rows.

        Args:
            X: rows, in the form `fit` was given.
            model: a fitted estimator or its bound method, a JAX function (jitted, marked by
                `jax_predict`, or a pytree with `__call__`), or any function of a batch.
            labels: outputs to explain, by number or name; None: all.
            top_labels: in place of `labels`, the row's k highest outputs.
            num_features: how many features each explanation keeps; None: all.
            num_samples: of each neighborhood, rounded up to whole replicates of a power of two; or
                "auto": from 4,096 on, for each row twice as many until its strongest weights
                (`num_features` or ten) are settled; `samples_used` says how many it took.
            tolerance: for "auto": weights are settled when their order is clear, or when their 95 %
                intervals reach less far than this to either side, in units of the output; None:
                only their order counts.
            method: "exact": in closed form, without samples, for sums over trees or over columns;
                "sampled"; "auto": exact where there is a closed form for this model and these
                settings.
            effective_num_samples: of an exact explanation, the finite run whose shrinkage by
                `alpha` is wanted; None: that of infinitely many samples, which is none. It has no
                effect on a sampled one.
            score: whether exact explanations of trees come with R², for which the model's variance
                in each neighborhood is sampled.
            row_ids: of the rows, numbers or text; None: a hash of the row's content. Where rows
                have neighborhoods of their own, these are a function of seed and id.
            batch_size: largest batch of a model that runs on the host; None: as memory allows.
            progress: whether to show a bar; None: on a terminal, if the work is long.

        Returns:
            The explanations, in the order of the rows.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            NotFittedError: before `fit`.
        """
        options = ExplainOptions(
            labels=labels,
            top_labels=top_labels,
            num_features=num_features,
            num_samples=num_samples,
            tolerance=tolerance,
            method=method,
            effective_num_samples=effective_num_samples,
            score=score,
            row_ids=row_ids,
            batch_size=batch_size,
            progress=progress,
        )
        return self._explain(X, model, [self.kernel_width], options)[0]

    def sweep(
        self, X: Any, model: Any, kernel_width: Sequence[float] | np.ndarray, **options: Any
    ) -> list[Explanations]:
        """Explain the same rows under several kernel widths, with one set of model calls.

        Args:
            X: as in `explain`.
            model: as in `explain`.
            kernel_width: widths, in units of the distance.
            **options: of `explain`; `num_samples` is a number.

        Returns:
            Explanations for every width, in their order; see `choose_width` and `width_figure`.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            NotFittedError: before `fit`.
        """
        widths = [float(width) for width in np.asarray(kernel_width, np.float64).reshape(-1)]
        if not widths:
            raise ValueError("`kernel_width`: expected at least one width, got none")
        unknown = sorted(set(options) - {f.name for f in dataclasses.fields(ExplainOptions)})
        if unknown:
            raise ValueError(f"`{unknown[0]}`: expected an option of `explain`, got {unknown[0]!r}")
        if options.get("num_samples") == "auto":
            raise ValueError("`num_samples`: expected a number, all widths share their samples")
        return self._explain(X, model, widths, ExplainOptions(**options))

    def _explain(
        self, X: Any, model: Any, widths: Sequence[float | None], options: ExplainOptions
    ) -> list[Explanations]:
        check_is_fitted(self, "stats_")
        options.check()
        configs = [self._plan(options.num_features, options.first_size, w) for w in widths]
        values = frames.encode(self.schema_, X)
        self._check_missing(configs[0], values)
        self._check_held(configs[0], values)
        kept = self._open(model, values)
        table_model = TableModel(kept.model, self.schema_)
        why_not = exact.why_not(kept.model.structure, self.stats_, configs[0])
        why_not = kept.model.why_not_exact if kept.model.structure is None else why_not
        check_method(options.method, why_not)

        if len(values):
            prediction = table_model.predict_rows(X, values, options.batch_size)
        else:
            known = (self.class_names, table_model.model.class_names, ("prediction",))
            count = len(next(names for names in known if names is not None))
            prediction = np.zeros((0, count))
        kind = table_model.output_kind(self.mode, prediction)
        names = table_model.output_names(self.class_names, prediction.shape[1])
        chosen = choose_labels(options.labels, options.top_labels, prediction, names)
        ids = options.row_ids
        with progress_bar(len(values), options.progress) as tick:
            task = Task.of(
                self.stats_,
                configs,
                values,
                seed=self.seed,
                ids=content_ids(values) if ids is None else hash_ids(ids, len(values)),
                labels=chosen,
                batch_size=options.batch_size,
                tick=tick,
                neighborhoods=self._neighborhoods,
            )
            both_add_up = kind == "probability" and prediction.shape[1] == 2
            both_add_up = both_add_up and np.allclose(prediction.sum(1), 1, rtol=0, atol=1e-5)
            is_exact = options.method != "sampled" and not why_not
            used: np.ndarray | None = None
            if len(values) == 0:
                fits = [no_rows(chosen.shape[1], values.shape[1])] * len(configs)
            elif is_exact:
                fits = exact_fits(task, kept, options.effective_num_samples, options.score)
            elif options.num_samples == "auto":
                top, tolerance = options.num_features or 10, options.tolerance
                found = settled_fit(task, table_model, both_add_up, tolerance, top)
                warn_unsettled(found.settled, found.num_samples, tolerance, stacklevel=3)
                fits, used = [found.fit], found.num_samples
            else:
                fits = sampled_fits(task, table_model, both_add_up)
        facts = dict(prediction=prediction, output_names=names, output_kind=kind)
        facts["model_path"] = f"{kept.model.path}: {kept.model.reason}"
        packed = []
        for config, fit in zip(configs, fits, strict=True):
            check_fit(fit, options.first_size, is_exact, table_model.hidden_error)
            packed.append(self._explanations(task, config, fit, is_exact, used, **facts))
        return packed

    def _open(self, model: Any, values: np.ndarray) -> KeptModel:
        """The model as JAX or as it is; the last one is recognized."""
        may_miss = (self.stats_.missing_bin >= 0) & ~self.stats_.categorical
        kept = open_model(model, self.output, self.schema_, values, may_miss, self._kept)
        self._kept = kept
        return kept

    def _explanations(
        self,
        task: Task,
        config: TabularConfig,
        fit: Any,
        is_exact: bool,
        used: np.ndarray | None,
        **facts: Any,
    ) -> Explanations:
        in_bins = config.encoding != "standardized"
        method = make_method(task.stats, config, shared=False)
        design = method.design
        if used is None:
            used = np.full(len(task.values), 0 if is_exact else design.num_samples)
        elif len(used):
            growth = int(used.max()) // design.num_samples
            design = design.with_replicates(growth * design.num_replicates)
        return Explanations(
            coef=fit.coef,
            std_error=fit.std_error,
            labels=task.labels,
            intercept=fit.intercept,
            score=fit.score,
            held_out_score=fit.score if fit.held_out_score is None else fit.held_out_score,
            local_pred=fit.local_pred,
            effective_samples=fit.effective_samples,
            samples_used=used,
            row_ids=task.ids,
            support=fit.support.astype(np.int8),
            values=task.values,
            bins=task.bins if in_bins else np.full_like(task.bins, -1),
            variables=row_variables(task.stats, task.centered, in_bins),
            conditions=self._conditions if in_bins else (),
            schema=self._display_schema,
            method="exact" if is_exact else "sampled",
            kernel_width=float(method.kernel_width),
            num_samples=design.num_samples,
            num_replicates=0 if is_exact else design.num_replicates,
            **facts,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without what is only kept to save time."""
        state: Any = super().__getstate__()
        return {**state, "_neighborhoods": {}, "_kept": None}

    def _check_settings(self) -> None:
        for name, known in (("algorithm", ALGORITHMS), ("mode", (*MODES, None))):
            if getattr(self, name) not in known:
                listed = ", ".join(map(str, known))
                raise ValueError(f"`{name}`: expected one of {listed}, got {getattr(self, name)!r}")
        whole = isinstance(self.seed, int | np.integer) and not isinstance(self.seed, bool)
        if not whole or not 0 <= self.seed < 2**32:
            raise ValueError(
                f"`seed`: expected a whole number from 0 to 4294967295, got {self.seed!r}"
            )

    def _schema_of(self, stats: TabularStats) -> frames.Schema:
        """Names for statistics that came without rows."""
        count = stats.num_features
        given = range(count) if self.feature_names is None else self.feature_names
        names = tuple(map(str, given))
        if len(names) != count:
            raise ValueError(f"`feature_names`: expected {count} names, got {len(names)}")
        first = stats.offsets[:-1]
        levels = [
            tuple((stats.bin_mean + stats.center[stats.bin_feature])[a:b].tolist()) if c else None
            for a, b, c in zip(first, stats.offsets[1:], stats.categorical, strict=True)
        ]
        return frames.Schema("array", names, tuple(map(bool, stats.categorical)), tuple(levels))

    def _plan(
        self, num_features: int | None, num_samples: int, kernel_width: float | None
    ) -> TabularConfig:
        """The configuration that the settings name; refused here if they do not go together."""
        discretized = self.discretizer is not None
        sampling = "around" if self.sample_around_instance else "bins" if discretized else "normal"
        encoding = self.encoding or ("same_bin" if discretized else "standardized")
        if not discretized and encoding != "standardized":
            raise ValueError(
                f"`encoding`: {encoding!r} needs bins, but `discretizer` is None; "
                "choose 'standardized' or a discretizer"
            )
        features = None
        if self.features is not None:
            found = {column_number(self.schema_, f, "features") for f in self.features}
            features = tuple(sorted(found))
        config = TabularConfig(
            kernel_width=kernel_width,
            alpha=float(self.alpha),
            num_samples=num_samples,
            sampling=sampling,
            encoding=encoding,
            distance_space=self.distance_space or "encoded",
            distance=self.distance,
            kernel=self.kernel,
            feature_selection=self.feature_selection,
            num_features=num_features,
            design=self.design,
            features=features,
        )
        make_method(self.stats_, config, shared=make_domain(self.stats_, config).shared)
        return config

    def _check_missing(self, config: TabularConfig, values: np.ndarray) -> None:
        in_bins = config.sampling == "bins" and config.encoding != "standardized"
        if in_bins and config.distance_space == "encoded":
            return
        numeric = ~self.stats_.categorical
        in_training = (self.stats_.missing_bin >= 0) & numeric
        bad = np.flatnonzero(in_training | (np.isnan(values).any(axis=0) & numeric))
        if bad.size:
            where = "the training rows" if in_training[bad[0]] else "`X`"
            raise ValueError(
                f"`X`: column {self.schema_.columns[bad[0]]!r} has missing values in {where}, "
                "which need bins: use a discretizer, without `sample_around_instance` and "
                "standardized distances, or fill them in"
            )

    def _check_held(self, config: TabularConfig, values: np.ndarray) -> None:
        if config.features is None:
            return
        held = ~np.isin(np.arange(values.shape[1]), config.features)
        unseen = np.argwhere((values < 0) & self.stats_.categorical & held)
        if unseen.size:
            row, column = unseen[0]
            raise ValueError(
                f"`features`: row {row} of `X` holds a level of {self.schema_.columns[column]!r} "
                "that `fit` did not see, and a column that is held fixed has to keep it; add the "
                "column to `features`, or fit with that level"
            )
