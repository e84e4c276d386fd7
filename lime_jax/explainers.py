"""`TabularExplainer`: LIME for tables, with the manners of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lime_jax import engine, frames
from lime_jax.conditions import bin_conditions, display_schema
from lime_jax.domains.columns import TabularStats
from lime_jax.domains.config import TabularConfig, make_domain, make_method
from lime_jax.domains.learn import fit_tabular
from lime_jax.domains.tabular import TabularInstance, encode_rows, host_inputs
from lime_jax.explanations import Explanations
from lime_jax.mirror import NotMirroredError, mirror_back, second_output
from lime_jax.models.predict import Model, as_predict_fn
from lime_jax.progress import progress_bar
from lime_jax.row_ids import hash_ids
from lime_jax.row_ids import row_ids as content_ids
from lime_jax.table_model import TableModel, choose_labels
from lime_jax.typing import LinearFit

ALGORITHMS = ("lime",)
MODES = ("classification", "regression")
METHODS = ("auto", "sampled", "exact")


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
                None if categorical is None else _as_list(categorical),
                None if names is None else _as_list(names),
                self.categorical_names,
            )
            discretizer = self.discretizer
            if isinstance(discretizer, Mapping):
                discretizer = {_column(schema, k, "discretizer"): v for k, v in discretizer.items()}
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
        self._neighborhood: Any = None
        self._conditions = bin_conditions(stats, schema)
        self._display_schema = display_schema(schema)
        self._plan(None, 2)  # settings that do not go together are refused here, not later
        return self

    def explain(
        self,
        X: Any,
        model: Any,
        labels: Sequence[Any] | np.ndarray | None = None,
        top_labels: int | None = None,
        num_features: int | None = None,
        num_samples: int = 4096,
        method: str = "auto",
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
            num_samples: of each neighborhood, rounded up to whole replicates of a power of two.
            method: "sampled"; "auto" the same for models without a closed form; "exact" refuses.
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
        check_is_fitted(self, "stats_")
        _check_counts(labels, top_labels, num_features, num_samples, batch_size)
        table_model = TableModel(as_predict_fn(model, self.output), self.schema_)
        _check_method(method, table_model.model)
        config, domain, lime = self._plan(num_features, num_samples)
        values = frames.encode(self.schema_, X)
        self._check_missing(config, values)
        self._check_held(config, values)
        ids = content_ids(values) if row_ids is None else hash_ids(row_ids, len(values))

        if len(values):
            prediction = table_model.predict_rows(X, values, batch_size)
        else:
            known = (self.class_names, table_model.model.class_names, ("prediction",))
            count = len(next(names for names in known if names is not None))
            prediction = np.zeros((0, count))
        kind = table_model.output_kind(self.mode, prediction)
        names = table_model.output_names(self.class_names, prediction.shape[1])
        chosen = choose_labels(labels, top_labels, prediction, names)

        bins, centered = encode_rows(self.stats_, values)
        instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
        run = partial(self._run, domain, lime, instances, ids, values, config, batch_size)
        with progress_bar(len(values), progress) as tick:
            if len(values) == 0:
                fit: Any = _no_rows(chosen.shape[1], values.shape[1])
            elif table_model.on_device:
                fit = run(table_model.on_codes(), chosen, tick)
            elif kind == "probability" and prediction.shape[1] == 2:
                fit = _run_mirrored(run, table_model, chosen, tick)
            else:
                fit = run(table_model, chosen, tick)
        _check_fit(fit, values.shape[1], num_samples, table_model.hidden_error)
        in_bins = config.encoding != "standardized"
        return Explanations(
            coef=fit.coef,
            std_error=fit.std_error,
            labels=chosen,
            intercept=fit.intercept,
            score=fit.score,
            local_pred=fit.local_pred,
            prediction=prediction,
            effective_samples=fit.effective_samples,
            row_ids=ids,
            support=fit.support.astype(np.int8),
            values=values,
            bins=bins if in_bins else np.full_like(bins, -1),
            variables=_variables(self.stats_, centered, in_bins),
            output_names=names,
            conditions=self._conditions if in_bins else (),
            schema=self._display_schema,
            method="sampled",
            model_path=f"{table_model.model.path}: {table_model.model.reason}",
            output_kind=kind,
            num_samples=lime.design.num_samples,
            num_replicates=lime.design.num_replicates,
        )

    def _run(
        self,
        domain: Any,
        lime: Any,
        instances: TabularInstance,
        ids: np.ndarray,
        values: np.ndarray,
        config: TabularConfig,
        batch_size: int | None,
        target: Any,
        labels: np.ndarray,
        tick: Callable[[int], None],
    ) -> LinearFit:
        rows = engine.Rows(instances, ids, labels.astype(np.int32))
        shared_key, row_key = engine.keys_of(self.seed)
        to_inputs = partial(host_inputs, self.stats_, sampling=config.sampling)
        if domain.shared:
            neighborhood = self._shared_neighborhood(config, type(lime))
            return engine.explain_shared(
                shared_key, domain, lime, target, rows, to_inputs, neighborhood, batch_size, tick
            )
        perturbed = np.asarray(domain.perturbed)

        def inputs_of(samples: Any, taken: slice) -> np.ndarray:
            made = to_inputs(samples)
            if perturbed.all():
                return made
            # Columns that are held fixed carry the row's own values to the last digit.
            return np.where(perturbed, made, values[taken][:, None, None, :])

        return engine.explain_rows(row_key, domain, lime, target, rows, inputs_of, batch_size, tick)

    def _shared_neighborhood(
        self, config: TabularConfig, method: type
    ) -> engine.SharedNeighborhood:
        """The last shared neighborhood, if it is the one that is asked for."""
        precision = jnp.result_type(float)
        facts = (self.seed, config.num_samples, config.sampling, config.design, precision, method)
        kept = getattr(self, "_neighborhood", None)
        if kept is None or kept[0] != facts:
            kept = self._neighborhood = (facts, engine.SharedNeighborhood())
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        """Without the cached neighborhood."""
        state: Any = super().__getstate__()
        return {**state, "_neighborhood": None}

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

    def _plan(self, num_features: int | None, num_samples: int) -> tuple[TabularConfig, Any, Any]:
        """The configuration, and the domain and the method that it names."""
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
            found = {_column(self.schema_, f, "features") for f in self.features}
            features = tuple(sorted(found))
        config = TabularConfig(
            kernel_width=self.kernel_width,
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
        domain = make_domain(self.stats_, config)
        method = make_method(self.stats_, config, shared=domain.shared)
        return config, jax.device_put(domain), method

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


def _as_list(names: Any) -> list[Any]:
    """Names or numbers of columns, from any sequence, also an array or an index."""
    return names.tolist() if hasattr(names, "tolist") else list(names)


def _column(schema: frames.Schema, column: int | str, argument: str) -> int:
    if isinstance(column, str) and column in schema.columns:
        return schema.columns.index(column)
    if not isinstance(column, str) and int(column) in range(len(schema.columns)):
        return int(column)
    raise ValueError(
        f"`{argument}`: expected names or numbers of the {len(schema.columns)} columns, "
        f"got {column!r}"
    )


def _check_counts(
    labels: Any, top_labels: Any, num_features: Any, num_samples: Any, batch: Any
) -> None:
    counts: dict[str, tuple[Any, int]] = {
        "top_labels": (top_labels, 1),
        "num_features": (num_features, 1),
        "num_samples": (num_samples, 2),
        "batch_size": (batch, 1),
    }
    for name, (value, least) in counts.items():
        if value is None and name != "num_samples":
            continue
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise ValueError(f"`{name}`: expected a whole number, at least {least}, got {value!r}")
    if labels is not None and top_labels is not None:
        raise ValueError("`top_labels`: expected either `labels` or `top_labels`, got both")


def _check_method(method: str, model: Model) -> None:
    if method not in METHODS:
        raise ValueError(f"`method`: expected one of {', '.join(METHODS)}, got {method!r}")
    if method == "exact":
        raise ValueError(
            f"`method`: no closed form is known for this model ({model.reason}); "
            "use 'sampled' or 'auto'"
        )


def _check_fit(
    fit: LinearFit, features: int, num_samples: int, hidden_error: Exception | None
) -> None:
    if not np.isfinite(fit.coef).all() or not np.isfinite(fit.intercept).all():
        row = int(np.flatnonzero(~np.isfinite(fit.coef).all(axis=(1, 2)))[0])
        raise ValueError(
            f"`model`: its outputs on the samples of row {row} are not all finite numbers; "
            "check that it accepts values that do not occur together in the training rows"
        ) from hidden_error
    few = np.flatnonzero(fit.effective_samples < min(features + 2, num_samples / 10))
    if few.size:
        least = float(fit.effective_samples[few].min())
        warnings.warn(
            f"the kernel is so narrow that {few.size} of {len(fit.coef)} rows rest on few samples "
            f"(effective sample size down to {least:.3g}, {features} features); use a larger "
            "`kernel_width` or more `num_samples`",
            UserWarning,
            stacklevel=3,
        )


def _run_mirrored(
    run: Callable[..., LinearFit], model: TableModel, labels: np.ndarray, tick: Any
) -> LinearFit:
    """Both probabilities from the second, unless they turn out not to add up to 1."""
    try:
        fit = run(second_output(model), np.zeros((len(labels), 1), np.int64), tick)
    except NotMirroredError:
        return run(model, labels, tick)
    return mirror_back(fit, labels)


def _variables(stats: TabularStats, centered: np.ndarray, in_bins: bool) -> np.ndarray:
    """The rows' own interpretable variables, one per feature."""
    if in_bins:
        return np.ones(centered.shape, np.float32)
    units = np.where(stats.categorical, 1.0, (centered - stats.mean) / stats.scale)
    return units.astype(np.float32)


def _no_rows(labels: int, features: int) -> LinearFit:
    wide, narrow = jnp.zeros((0, labels, features)), jnp.zeros((0, labels))
    fit = LinearFit(
        coef=wide,
        std_error=wide,
        selected=wide.astype(bool),
        intercept=narrow,
        score=narrow,
        local_pred=narrow,
        effective_samples=jnp.zeros(0),
        support=jnp.zeros((0, features), jnp.int32),
    )
    return jax.tree.map(np.asarray, fit)
