"""What a model is to the engine: a pytree on the device, or a function of a NumPy batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property
from os import PathLike
from typing import Any, Generic, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.forks import check_not_forked
from lime_jax.models.classifiers import (
    ClassIndicators,
    default_method,
    exclude_each_other,
    output_classes,
    predicted_classes,
)
from lime_jax.models.convert.features import NotConvertibleError, RawTable
from lime_jax.models.convert.inputs import DeviceTable, HostColumns, SpikeCheck, Spikes
from lime_jax.models.labels import plain_label
from lime_jax.models.registry import Converted, convert, has_methods, host_method, opener_of
from lime_jax.models.structure import Structure

Function = TypeVar("Function", bound=Callable[..., Any])


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True, eq=False)
class DevicePredict(Generic[Function]):
    """A JAX model as a pytree: its arrays are traced, so new weights do not compile anew.

    Attributes:
        fn: callable; itself a pytree (its arrays are the leaves) or a plain function.
    """

    fn: Function

    def __call__(self, inputs: Any) -> Any:
        """Call the model on a batch."""
        return self.fn(inputs)

    def tree_flatten(self) -> tuple[Any, Any]:
        """Arrays as children; functions, numbers and names stay in the structure."""
        leaves, structure = jax.tree_util.tree_flatten(self.fn)
        is_array = tuple(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves)
        arrays = tuple(leaf for leaf, array in zip(leaves, is_array, strict=True) if array)
        others = tuple(leaf for leaf, array in zip(leaves, is_array, strict=True) if not array)
        return arrays, (structure, is_array, others)

    @classmethod
    def tree_unflatten(cls, aux: Any, arrays: Any) -> DevicePredict[Any]:
        """Put the arrays back."""
        structure, is_array, others = aux
        array, other = iter(arrays), iter(others)
        leaves = [next(array) if traced else next(other) for traced in is_array]
        return cls(jax.tree_util.tree_unflatten(structure, leaves))


@dataclasses.dataclass(frozen=True, eq=False)
class RowModel:
    """A converted model of rows that are given.

    Attributes:
        columns: the host makes of them.
    """

    columns: HostColumns
    predict: DevicePredict[Any]

    def __call__(self, values: np.ndarray) -> Any:
        """The outputs for numbers and level codes in float64, (rows, features)."""
        return self.predict(self.columns(values).astype(jnp.result_type(float)))


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A model as the explainers use it; a pytree, and a function of a batch.

    Attributes:
        predict: `DevicePredict`, or a function of a batch on the host.
        path: "jax" or "host".
        reason: why, in words.
        output_kind: "probability", "margin" or "value"; None where only the numbers can tell.
        classes: that the outputs are of, if the model knows them.
        structure: of a converted model whose output is a sum over trees or over columns.
        why_not_exact: why it has no structure.
        host: a converted model as it came, a function of a batch on the host.
        rounds_inputs: see `Converted`.
        exclusive: whether probabilities sum to 1; not those of several targets.
        converted: what it was converted to, if it can be called with columns that the host makes.
        num_raw: columns of its table.
    """

    predict: Callable[..., Any]
    path: str
    reason: str
    output_kind: str | None
    classes: tuple[Any, ...] | None = None
    structure: Structure | None = None
    why_not_exact: str = "its inside is not known"
    host: Callable[..., Any] | None = None
    rounds_inputs: bool = False
    exclusive: bool = True
    converted: Converted | None = None
    num_raw: int = 0

    def __call__(self, inputs: Any) -> Any:
        """Call the model on a batch; of a NumPy array each number is taken for what it is."""
        rows = self.rows if isinstance(inputs, np.ndarray) else None
        return self.predict(inputs) if rows is None else rows(np.asarray(inputs, np.float64))

    @property
    def rows(self) -> RowModel | None:
        """A converted model of rows that are given; None: its `predict` loses nothing of them."""
        return None if self.rounds_inputs else self.on_columns

    @cached_property
    def on_columns(self) -> RowModel | None:
        """A converted model on columns that the host makes."""
        if self.converted is None:
            return None
        columns = HostColumns(self.num_raw)
        return RowModel(columns, DevicePredict(self.converted.build(columns)))

    def on_host(self, why: str) -> Model:
        """A converted model as it came; its structure, of the very numbers, stays."""
        assert self.host is not None
        reason = f"{self.reason.removesuffix(' converted to JAX')} on the host: {why}"
        return dataclasses.replace(self, predict=self.host, path="host", reason=reason)

    def on_samples(self, spikes: Sequence[Spikes | None]) -> DevicePredict[Any]:
        """A converted model of samples that the device draws.

        Args:
            spikes: of each column, numbers that many samples are equal to.

        Returns:
            The model; thresholds part the spikes as they do on the host.

        Raises:
            ValueError: if the device's precision does not tell two of them apart that a threshold
                parts.
        """
        if self.converted is None or not any(spikes):
            return self.predict  # pyright: ignore[reportReturnType]
        check = SpikeCheck(tuple(spikes))
        self.converted.build(check)
        if not check.moved:
            return self.predict  # pyright: ignore[reportReturnType]
        return DevicePredict(self.converted.build(DeviceTable(tuple(spikes))))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, if the model knows them."""
        return None if self.classes is None else tuple(map(str, self.classes))

    def tree_flatten(self) -> tuple[Any, Any]:
        """The arrays of `predict`; a copy with other arrays has no structure."""
        facts = (self.path, self.reason, self.output_kind, self.classes)
        return (self.predict,), facts

    @classmethod
    def tree_unflatten(cls, facts: Any, children: Any) -> Model:
        """Put the arrays back."""
        return cls(*children, *facts)


_MARK = "__lime_jax_predict__"


def jax_predict(fn: Function) -> Function:
    """Mark a function as JAX: it runs inside the jitted program.

    A bare Python function is called on NumPy batches, even if it would trace, because tracing
    freezes what it captures: weights, randomness, batch statistics.

    Args:
        fn: `(samples, ...) -> (samples,)` or `(samples, outputs)`, of `jax.numpy` operations.

    Returns:
        The same function, marked.

    Example:
        >>> @jax_predict
        ... def first_column(inputs):
        ...     return inputs[:, 0]
    """
    try:
        setattr(fn, _MARK, True)
    except AttributeError as error:
        raise ValueError(
            f"`fn`: expected a Python function, got {type(fn).__name__}; wrap it in one"
        ) from error
    return fn


_KINDS = {"predict_proba": "probability", "decision_function": "margin", "predict": "value"}
_METHODS = {kind: method for method, kind in _KINDS.items()}


def as_predict_fn(model: Any, output: str | None = None, table: RawTable | None = None) -> Model:
    """See what a model is, and how to call it.

    A fitted estimator that the registry knows becomes a JAX function of the table: numbers, and
    codes where `table` has levels.

    Args:
        model: a pytree with `__call__`, a jitted function or a function marked by `jax_predict`
            (these run on the device); a fitted estimator or its bound method
            (`clf.predict_proba`); a Keras, Equinox, Flax or ONNX model; or any other function of
            a NumPy batch.
        output: "probability", "margin" or "value"; None: what the handed method returns, or
            for an estimator `predict_proba` if it has one, else of a classifier
            `decision_function`, else `predict`. Where `predict` says classes, there is a column
            for each that says 1 where it is predicted, else 0.
        table: that the model is called with; None: numbers in all columns.

    Returns:
        The model.

    Raises:
        ValueError: if it is none of these, or has no method for `output`.
        RuntimeError: in a forked child of a process that has used JAX.

    Example:
        >>> as_predict_fn(lambda batch: batch[:, 0]).path
        'host'
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> tree = as_predict_fn(DecisionTreeRegressor().fit([[0], [1]], [2, 3]))
        >>> tree.path, tree.output_kind, tree.structure.num_leaves
        ('jax', 'value', 2)
        >>> tree(np.array([[0.4], [0.6]]))
        Array([[2.],
               [3.]], dtype=float32)
    """
    check_not_forked()
    if output is not None and output not in _METHODS:
        raise ValueError(f"`output`: expected one of {', '.join(_METHODS)}, got {output!r}")
    if isinstance(model, Model):
        if None not in (output, model.output_kind) and output != model.output_kind:
            raise ValueError(
                f"`output`: this model was opened for its {model.output_kind}, got {output!r}; "
                "hand over the model it was made of"
            )
        return model if output is None else dataclasses.replace(model, output_kind=output)
    owner, name = getattr(model, "__self__", None), getattr(model, "__name__", None)
    opener = opener_of(owner if name in ("predict", "run") else model)
    if opener is not None:
        return opener(owner if name in ("predict", "run") else model, output, table)
    if owner is not None and name in _KINDS and _is_estimator(owner):
        if output is not None and _METHODS[output] != name:
            name = _METHODS[output]
        return _from_estimator(owner, name, table)
    if hasattr(model, "predict") and _is_estimator(model):
        method = default_method(model) if output is None else _METHODS[output]
        return _from_estimator(model, method, table)
    if not callable(model):
        opened = "; open a file first, an ONNX one by `lime_jax.models.onnx.load`"
        raise ValueError(
            f"`model`: expected a function of a batch or a fitted estimator, "
            f"got {type(model).__name__}{opened if isinstance(model, str | PathLike) else ''}"
        )
    marked = getattr(model, _MARK, False)
    if marked or isinstance(model, jax.stages.Wrapped):
        reason = "marked by jax_predict" if marked else "a jitted function"
        return Model(DevicePredict(model), "jax", reason, output)
    if not jax.tree_util.all_leaves([model]):
        return Model(DevicePredict(model), "jax", "a pytree with __call__", output)
    classes = None if owner is None else output_classes(owner, str(name))  # of log-probabilities
    return Model(model, "host", "a Python function of a NumPy batch", output, classes)


def _is_estimator(model: Any) -> bool:
    return hasattr(model, "fit") or has_methods(model)  # a Booster only predicts


def _from_estimator(estimator: Any, method: str, table: RawTable | None) -> Model:
    kind = type(estimator).__name__
    own_way = host_method(estimator, method)
    if own_way is None and not hasattr(estimator, method):
        raise ValueError(
            f"`output`: {kind} has no `{method}`; expected the output of a method it has"
        )
    if type(estimator).__module__.partition(".")[0] == "sklearn":
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(estimator)
    bound, output_kind = own_way or (getattr(estimator, method), _KINDS[method])
    names, exclusive = output_classes(estimator, method), exclude_each_other(estimator)
    chosen_from = predicted_classes(estimator)
    says_classes = method == "predict" and chosen_from is not None and output_kind != "margin"
    if says_classes and not isinstance(bound, ClassIndicators):
        bound = ClassIndicators(bound, chosen_from)
    if isinstance(bound, ClassIndicators):
        reason = "it predicts classes, one column for each"
        names = tuple(map(plain_label, bound.classes)) if names is None else names
        return Model(
            bound,
            "host",
            f"{kind}.{method} on the host: {reason}",
            "probability",
            names,
            why_not_exact=f"{reason}, so it runs on the host",
            exclusive=exclusive,
        )
    try:
        table = _table_of(estimator) if table is None else table
        converted = convert(estimator, method, table)
        predict = DevicePredict(converted.predict)
    except (NotConvertibleError, AttributeError, KeyError) as error:
        if isinstance(error, ValueError):
            raise  # not fitted, by scikit-learn's and XGBoost's own exception
        if not isinstance(error, NotConvertibleError):  # of another version of its library
            error = NotConvertibleError(f"it could not be read ({type(error).__name__}: {error})")
        reason = f"{kind}.{method} on the host: {error}"
        why = f"{error}, so it runs on the host"
        facts: Any = dict(why_not_exact=why, exclusive=exclusive)
        return Model(bound, "host", reason, output_kind, names, **facts)
    return Model(
        predict,
        "jax",
        f"{kind}.{method} converted to JAX",
        output_kind,
        names,
        structure=converted.structure,
        why_not_exact=converted.why_not_exact,
        host=bound,
        rounds_inputs=converted.rounds_inputs,
        exclusive=exclusive,
        converted=converted,
        num_raw=len(table.levels),
    )


def _table_of(estimator: Any) -> RawTable:
    """The table that an estimator says it was fitted on, all numbers."""
    names = getattr(estimator, "feature_names_in_", None)
    count = getattr(estimator, "n_features_in_", None)
    for name in ("num_features", "num_feature"):  # XGBoost's and LightGBM's Booster
        if count is None and has_methods(estimator) and hasattr(estimator, name):
            count = getattr(estimator, name)()
    if count is None:
        raise NotConvertibleError("it does not say how many columns it was fitted on")
    return RawTable.of_numbers(int(count), None if names is None else list(names))
