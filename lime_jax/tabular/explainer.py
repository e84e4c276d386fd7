"""`TabularExplainer`: LIME and Shapley values for tables, with the manners of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
from jax.sharding import Mesh
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lime_jax.arguments import check_whole
from lime_jax.forks import use_jax
from lime_jax.front import call
from lime_jax.front.options import ExplainOptions
from lime_jax.front.settings import read_settings
from lime_jax.results.explanations import Explanations
from lime_jax.tabular import frames
from lime_jax.tabular.algorithms import ALGORITHMS, SETTINGS
from lime_jax.tabular.call import TableCall
from lime_jax.tabular.opening.open_model import RecentModels
from lime_jax.tabular.sparse.call import explain_sparse, learn_sparse
from lime_jax.tabular.sparse.rows import SparseRows, SparseTable, is_sparse
from lime_jax.typing import Column, ModelLike, Pytree, Table


class TabularExplainer(BaseEstimator):
    """Explains the predictions of any model on a table, all rows in one call.

    What defines the answer is set here; `fit` learns the table; what varies from call to call is
    an argument of `explain`. The answer for a row depends on the row, the model and these
    settings, not on the other rows, their order or the batch size.

    Of SciPy's sparse matrices and arrays a row's non-zeros are shown and hidden: hidden ones are 0
    (of KernelSHAP: as in the background), distances are shares of the largest there can be, LIME
    draws 5,000 masks, and the model gets csr rows.

    Args:
        algorithm: "lime": weights of a local linear model, on samples of the training bins;
            "kernel_shap": Shapley values against the rows of `fit`, the background; or "tree_path":
            those of trees, whose training rows stand for it. Settings of another are refused.
        mode: "classification" or "regression"; None: as the model says.
        discretizer: "quartile", "decile", "entropy" (needs `y` in `fit`), edges per column, a
            mapping from column to edges, or None: not discretized. With a name, a numeric column
            of few values has them as bins, and so has each value that much of the mass sits on.
        sample_around_instance: whether samples are normal around the row, in place of the
            training bins (or, not discretized, the column means); levels, and numbers whose bins
            are single values, are drawn from those of the training rows all the same.
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
        link: of KernelSHAP: "identity", or "logit": Shapley values of the log-odds of the mean
            probability, which is kept 1e-6 away from 0 and 1.
        groups: of Shapley values: names or numbers of columns that are shown and hidden together
            (one-hot columns, time windows), by the group's name or in lists.
        summarize: of KernelSHAP: how many rows, of k-means clusters, are its background; None: all.
        value: "shapley", or "banzhaf", for which each coalition counts the same.
        interactions: of Shapley values of trees: whether to explain pairs of features too.
        max_pairs: of KernelSHAP: how many to keep, those that matter most on the background.
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

        >>> values = TabularExplainer("kernel_shap").fit(X[::3]).explain(X[:2], model)
        >>> bool(abs(values.intercept + values.coef.sum(2) - values.prediction).max() < 1e-5)
        True

    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?"; Lundberg & Lee (2017), "A unified
    approach to interpreting model predictions".
    """

    def __init__(
        self,
        algorithm: str = "lime",
        mode: str | None = None,
        discretizer: str | Sequence[object] | Mapping[object, object] | None = "quartile",
        sample_around_instance: bool = False,
        encoding: str | None = None,
        distance_space: str | None = None,
        distance: str = "euclidean",
        kernel: Callable[..., object] | None = None,
        kernel_width: float | None = None,
        alpha: float = 1.0,
        feature_selection: str = "auto",
        design: str = "sobol",
        output: str | None = None,
        categorical_features: Sequence[object] | np.ndarray | None = None,
        feature_names: Sequence[str] | np.ndarray | None = None,
        categorical_names: Mapping[object, object] | None = None,
        class_names: Sequence[object] | np.ndarray | None = None,
        features: Sequence[object] | np.ndarray | None = None,
        link: str = "identity",
        groups: Mapping[str, Sequence[object]] | Sequence[Sequence[object]] | None = None,
        summarize: int | None = None,
        value: str = "shapley",
        interactions: bool = False,
        max_pairs: int | None = None,
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
        self.link = link
        self.groups = groups
        self.summarize = summarize
        self.value = value
        self.interactions = interactions
        self.max_pairs = max_pairs
        self.seed = seed

    def fit(
        self, X: Table, y: Column | None = None, sample_weight: Column | None = None
    ) -> TabularExplainer:
        """Learn the columns of a table, of which only KernelSHAP keeps rows: its background.

        Args:
            X: training rows, or background: an array, a pandas, polars or pyarrow table, a sparse
                matrix or array; or, for LIME, `TabularStats`, so that no rows are needed.
            y: (rows,) classes, for entropy bins.
            sample_weight: (rows,) non-negative.

        Returns:
            self.

        Raises:
            ValueError: if a setting or the table is not usable; it names the argument.

        Example:
            >>> explainer = TabularExplainer(feature_names=["age", "hours"])
            >>> explainer.fit([[20, 40], [35, 38], [50, 20]]).schema_.columns
            ('age', 'hours')
        """
        use_jax()
        if is_sparse(X):
            learned = learn_sparse(self, X)
        else:
            settings = read_settings(self, SETTINGS)
            learned = ALGORITHMS[self.algorithm].learn(settings, X, y, sample_weight)
            if learned.stats is not None:
                self.stats_ = learned.stats
        self._learned, self.schema_ = learned, learned.schema
        self.n_features_in_ = len(self.schema_.columns)
        self.feature_names_in_ = np.array(self.schema_.columns, object)
        self._recent_models = RecentModels()
        return self

    def explain(
        self,
        X: Table,
        model: ModelLike,
        labels: Sequence[object] | np.ndarray | None = None,
        top_labels: int | None = None,
        num_features: int | None = None,
        num_samples: int | str | None = None,
        tolerance: float | None = None,
        method: str = "auto",
        effective_num_samples: int | None = None,
        score: bool = True,
        held_out_score: bool = False,
        row_ids: Iterable[object] | None = None,
        batch_size: int | None = None,
        mesh: Mesh | None = None,
        progress: bool | None = None,
    ) -> Explanations:
        """Explain the model's predictions for rows.

        Args:
            X: rows, in the form `fit` was given; or one row: `frame.iloc[0]`, a mapping from the
                columns' names, or its values in their order.
            model: a fitted estimator or its bound method, a JAX function (jitted, marked by
                `jax_predict`, or a pytree with `__call__`), or any function of a batch.
            labels: outputs to explain; None: all. The classes of the model, or their names; of a
                model without classes the numbers of its outputs, or their names.
            top_labels: in place of `labels`, the row's k highest outputs.
            num_features: how many features each explanation keeps; None: all.
            num_samples: of each neighborhood, rounded up to whole replicates of a power of two; or
                "auto": from 4,096 on, for each row twice as many until its strongest weights
                (`num_features` or ten) are settled; `samples_used` says how many it took. None:
                4,096. For KernelSHAP the number of coalitions, which all rows share; None or
                "auto": 2,048 and two for each feature, or all coalitions if they are fewer. Of a
                converted model each background row has so many of its own, so that fewer do; of a
                function of a sum of trees all of up to 13 features are known by a formula.
            tolerance: for "auto": weights are settled when their 95 % intervals reach less far than
                this to either side, or their order is clear; None: only their order counts.
            method: "exact": in closed form, without samples, for sums over trees or over columns;
                "sampled"; "auto": exact where there is a closed form for this model and these
                settings. `model_path` says which of several ways with the same numbers, but for
                their last digits, was taken: few rows of large trees are explained one by one.
            effective_num_samples: of an exact explanation, the finite run whose shrinkage by
                `alpha` is wanted; None: that of infinitely many samples, which is none. It has no
                effect on a sampled one.
            score: whether exact explanations of trees have R²; the model's variance is sampled.
            held_out_score: whether sampled explanations come with R² on samples that the surrogate
                was not fitted to; NaN otherwise.
            row_ids: of the rows, numbers or text, by which results name them; None: the index of a
                pandas frame, else their numbers. Neighborhoods that rows have of their own are a
                function of seed and id; without ids, of seed and content.
            batch_size: largest batch of a model that runs on the host; None: as memory allows.
            mesh: devices that share the work, such as `jax.make_mesh((8,), ("rows",))`; None: JAX's
                default one. Numbers do not depend on it. Rows go over its first axis; over the
                second go the replicates of a row that has samples of its own, else rows too. Of
                several processes each calls this with the same `X` and gets all results.
            progress: whether to show a bar; None: on a terminal, if the work is long.

        Returns:
            The explanations, in the order of the rows.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            RuntimeError: in a forked child of a process that has used JAX.
            NotFittedError: before `fit`.

        Example:
            >>> X = np.arange(40.0).reshape(20, 2)
            >>> explainer = TabularExplainer(feature_names=["age", "hours"]).fit(X)
            >>> explanations = explainer.explain(X[:3], lambda batch: batch[:, 0] / 10)
            >>> explanations.coef.shape
            (3, 1, 2)
            >>> explanations[0].as_list(1)[0][0]
            'age <= 9.50'
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
            held_out_score=held_out_score,
            row_ids=row_ids,
            batch_size=batch_size,
            mesh=mesh,
            progress=progress,
        )
        return self._explain(X, model, options, [self.kernel_width])[0]

    def warm_up(self, model: ModelLike, rows: int = 1, **options: object) -> TabularExplainer:
        """Open a model, draw the samples and compile all that later calls need.

        For a service, before it takes requests: a call of `explain` with as many rows and the same
        options then takes little more than the model itself. The explainer may be called by several
        threads at a time. It keeps what it needs of the last four models.

        Args:
            model: as in `explain`. An estimator is recognized until it is fitted again.
            rows: that a call will have.
            **options: of `explain`, as the calls will have them.

        Returns:
            self.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            NotFittedError: before `fit`.

        Example:
            >>> X = np.arange(40.0).reshape(20, 2)
            >>> explainer = TabularExplainer().fit(X).warm_up(lambda batch: batch[:, 0])
            >>> len(explainer.explain(X[:1], lambda batch: batch[:, 0]))
            1
        """
        check_is_fitted(self, "schema_")
        check_whole("rows", rows)
        if isinstance(self._learned, SparseTable):
            raise ValueError("`model`: sparse rows need no warming up but a call of `explain`")
        typical = self._learned.samples.typical_rows
        assert typical is not None
        X = frames.decode(self.schema_, np.resize(typical(), (rows, self.n_features_in_)))
        self.explain(X, model, **{"progress": False, **options})
        return self

    def sweep(
        self,
        X: Table,
        model: ModelLike,
        kernel_width: Sequence[float | int] | np.ndarray,
        **options: object,
    ) -> list[Explanations]:
        """Explain the same rows under several kernel widths, with one set of model calls.

        Args:
            X: as in `explain`.
            model: as in `explain`.
            kernel_width: widths, in units of the distance.
            **options: of `explain`; `num_samples` is a number, and `held_out_score` is True.

        Returns:
            Explanations for every width, in their order; see `choose_width` and `width_figure`.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            NotFittedError: before `fit`.

        Example:
            >>> X = np.arange(40.0).reshape(20, 2)
            >>> model = lambda batch: batch[:, 0] * batch[:, 1]
            >>> swept = TabularExplainer().fit(X).sweep(X[:3], model, [0.5, 2.0])
            >>> [explanations.kernel_width for explanations in swept]
            [0.5, 2.0]
        """
        widths = [float(width) for width in np.asarray(kernel_width, np.float64).reshape(-1)]
        if not widths:
            raise ValueError("`kernel_width`: expected at least one width, got none")
        return self._explain(X, model, ExplainOptions.of_sweep(options), widths)

    def _explain(
        self,
        X: Table,
        model: ModelLike,
        options: ExplainOptions,
        widths: Sequence[float | int | None],
    ) -> list[Explanations]:
        check_is_fitted(self, "schema_")
        use_jax()
        options.check()
        learned = self._learned
        if isinstance(learned, SparseTable):
            return explain_sparse(self, learned, X, model, options, widths)
        if not isinstance(learned, ALGORITHMS[self.algorithm]):
            raise ValueError("`algorithm`: was changed after `fit`; call `fit` again")
        plan = learned.plan(read_settings(self, SETTINGS), options, widths)
        table = TableCall(self, learned, plan, X, self._recent_models)
        return call.explain(table, model, options)

    min_block_rows: ClassVar[int] = 32  # what the engine takes at once of a model on the host

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that rows are read from; none before `fit`."""
        schema = getattr(self, "schema_", None)
        return () if schema is None else schema.fitted_names

    @property
    def learned(self) -> Pytree:
        """What `fit` has learned of the training rows."""
        return getattr(self, "_learned", None)

    def rows(self, X: Table) -> frames.TableRows | SparseRows:
        """The rows of a table, to be counted and cut.

        Example:
            >>> len(TabularExplainer().rows([[20, 40], [35, 38], [50, 20]]))
            3
        """
        return SparseRows(X) if is_sparse(X) else frames.TableRows(X)

    def rows_of(self, batch: Table, columns: Sequence[str]) -> Table:
        """Rows from columns of an Arrow table, a frame or a mapping, as `explain` takes them.

        Example:
            >>> explainer = TabularExplainer().fit([[20, 40], [35, 38], [50, 20]])
            >>> explainer.rows_of({"age": [30], "hours": [35], "name": ["Ann"]}, ["age", "hours"])
            array([[30, 35]])
        """
        check_is_fitted(self, "schema_")
        return frames.select_columns(self.schema_, batch, columns)
