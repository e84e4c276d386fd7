"""What a model is, seen without calling it; fitted estimators become JAX where they can."""

from __future__ import annotations

import dataclasses
from os import PathLike

from lime_jax.arguments import check_one_of
from lime_jax.forks import check_not_forked
from lime_jax.models.classifiers import (
    ClassIndicators,
    default_method,
    exclude_each_other,
    output_classes,
    predicted_classes,
)
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.functions import AnyFunction, as_pytree, is_pytree, why_on_device
from lime_jax.models.labels import plain_label
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.models.registry import (
    OUTPUT_KINDS,
    at_hand,
    can_be_converted,
    convert,
    has_methods,
    host_method,
    opener_of,
)
from lime_jax.typing import Estimator, ModelLike

_METHODS = {kind: method for method, kind in OUTPUT_KINDS.items()}


def as_predict_fn(
    model: ModelLike, output: str | None = None, table: RawTable | None = None
) -> Model:
    """See what a model is, and how to call it.

    A fitted estimator that the registry knows becomes a JAX function of the table: numbers, and
    codes where `table` has levels.

    Args:
        model: a pytree with `__call__`, a jitted function or a function marked by `jax_predict`
            (these run on the device, also with arguments by `functools.partial`); a fitted
            estimator or its bound method (`clf.predict_proba`); a Keras, Equinox, Flax or ONNX
            model; or any other function of a NumPy batch.
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
        >>> import numpy as np
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> tree = as_predict_fn(DecisionTreeRegressor().fit([[0], [1]], [2, 3]))
        >>> tree.path, tree.output_kind, tree.structure.num_leaves
        ('jax', 'value', 2)
        >>> tree(np.array([[0.4], [0.6]]))
        Array([[2.],
               [3.]], dtype=float32)
    """
    check_not_forked()
    if output is not None:
        check_one_of("output", output, _METHODS)
    if isinstance(model, Model):
        return _as_opened(model, output)
    model = at_hand(model)
    why = why_on_device(model)
    function = model if why is None else as_pytree(model)
    opener, opened = opener_of(function)
    if opener is not None:
        return opener(opened, output, table)
    of_estimator = _method_of_estimator(model, output)
    if of_estimator is not None:
        return _open_estimator(*of_estimator, table)
    if not callable(model):
        raise ValueError(
            f"`model`: expected a function of a batch or a fitted estimator, "
            f"got {type(model).__name__}{_where_to_open(model)}"
        )
    if why is not None:
        return Model(DevicePredict(function), "jax", why, output)
    if is_pytree(model):
        return Model(DevicePredict(as_pytree(model)), "jax", "a pytree with __call__", output)
    owner, name = getattr(model, "__self__", None), getattr(model, "__name__", "")
    classes = None if owner is None else output_classes(owner, name)  # of log-probabilities
    return Model(model, "host", "a Python function of a NumPy batch", output, classes)


def stays_on_host(model: ModelLike) -> bool:
    """Whether it can be seen, without a try, that a model runs on the host."""
    model = at_hand(model)
    if why_on_device(model) is not None or opener_of(model)[0] is not None:
        return False
    of_estimator = _method_of_estimator(model, None)
    if of_estimator is not None:
        return not can_be_converted(of_estimator[0])
    return callable(model) and not is_pytree(model)


def _where_to_open(model: object) -> str:
    """What to do with a file, or with what was written of a model."""
    if isinstance(model, dict | list):
        return (
            "; the dump of a model does not say all of it: hand over the model, or what its library"
            " loads (`xgboost.Booster`, `lightgbm.Booster`, `treelite.Model.deserialize`)"
        )
    if not isinstance(model, str | PathLike):
        return ""
    text = str(model).strip()
    if text.lower().endswith((".pmml", ".xml")) or text.startswith("<"):
        return (
            "; PMML is not read here: hand over the model that it was made of, export that to ONNX "
            "and open it by `lime_jax.models.onnx.load`, or hand over a function that calls PMML's "
            "interpreter"
        )
    return (
        "; open a file first, an ONNX one by `lime_jax.models.onnx.load`, one of a library of trees"
        " by that library (`xgboost.Booster(model_file=...)`, `lightgbm.Booster(model_file=...)`, "
        "`treelite.Model.deserialize(...)`)"
    )


def as_called_on_host(model: ModelLike) -> Model:
    """A model on the host: a fitted estimator is not converted, which can take long."""
    of_estimator = None if opener_of(model)[0] else _method_of_estimator(model, None)
    if of_estimator is not None:
        return _on_host(*of_estimator)
    opened = as_predict_fn(model)
    return opened if opened.host is None else opened.on_host("asked for")


def _method_of_estimator(model: ModelLike, output: str | None) -> tuple[Estimator, str] | None:
    """The estimator that was handed over, by itself or by one of its methods; None: it is none."""
    owner, name = getattr(model, "__self__", None), getattr(model, "__name__", None)
    if owner is not None and name in OUTPUT_KINDS and _is_estimator(owner):
        return owner, name if output is None else _METHODS[output]
    if hasattr(model, "predict") and _is_estimator(model):
        return model, default_method(model) if output is None else _METHODS[output]
    return None


def _as_opened(model: Model, output: str | None) -> Model:
    if output is None:
        return model
    if model.output_kind not in (None, output):
        raise ValueError(
            f"`output`: this model was opened for its {model.output_kind}, got {output!r}; "
            "hand over the model it was made of"
        )
    return dataclasses.replace(model, output_kind=output)


def _is_estimator(model: Estimator) -> bool:
    return hasattr(model, "fit") or has_methods(model)  # a Booster only predicts


def _open_estimator(estimator: Estimator, method: str, table: RawTable | None) -> Model:
    on_host = _on_host(estimator, method)
    if isinstance(on_host.predict, ClassIndicators):
        return _staying(on_host, "it predicts classes, one column for each")
    try:
        table = _table_of(estimator) if table is None else table
        converted = convert(estimator, method, table)
        predict = DevicePredict(converted.predict, by_rows=True)
    except NotConvertibleError as error:
        return _staying(on_host, str(error))
    except (AttributeError, KeyError) as error:  # of another version of its library
        if isinstance(error, ValueError):
            raise  # not fitted, by scikit-learn's and XGBoost's own exception
        return _staying(on_host, f"it could not be read ({type(error).__name__}: {error})")
    return dataclasses.replace(
        on_host,
        predict=predict,
        path="jax",
        reason=f"{on_host.reason} converted to JAX",
        structure=converted.structure,
        why_not_exact=converted.why_not_exact,
        host=on_host.predict,
        rounds_inputs=converted.rounds_inputs,
        converted=converted,
        num_raw=len(table.levels),
    )


def _staying(model: Model, why: str) -> Model:
    """A model that runs on the host, and why."""
    reason = f"{model.reason} on the host: {why}"
    return dataclasses.replace(model, reason=reason, why_not_exact=f"{why}, so it runs on the host")


def _on_host(estimator: Estimator, method: str) -> Model:
    """A method of an estimator as it is called on the host."""
    _check_takes_rows(estimator)
    kind = type(estimator).__name__
    by_library = host_method(estimator, method)
    if by_library is None and not hasattr(estimator, method):
        raise ValueError(
            f"`output`: {kind} has no `{method}`; expected the output of a method it has"
        )
    if type(estimator).__module__.partition(".")[0] == "sklearn":
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(estimator)
    predict: AnyFunction
    predict, output = by_library or (getattr(estimator, method), OUTPUT_KINDS[method])
    classes = predicted_classes(estimator)
    says_classes = method == "predict" and classes is not None and output != "margin"
    if says_classes and not isinstance(predict, ClassIndicators):
        predict = ClassIndicators(predict, classes)
    names = output_classes(estimator, method)
    if isinstance(predict, ClassIndicators):
        output = "probability"
        names = tuple(map(plain_label, predict.classes)) if names is None else names
    exclusive = exclude_each_other(estimator)
    return Model(predict, "host", f"{kind}.{method}", output, names, exclusive=exclusive)


def _check_takes_rows(estimator: Estimator) -> None:
    """Refuse a model of kernels, or distances, that were worked out before."""
    for name in ("kernel", "metric", "affinity"):
        value = getattr(estimator, name, None)
        if isinstance(value, str) and value == "precomputed":
            raise ValueError(
                f"`model`: expected a model of rows, got {type(estimator).__name__} with "
                f"{name}='precomputed', whose columns are the training rows; hand over a function "
                f"of rows that works out the {name} first, or a pipeline that does"
            )


def _table_of(estimator: Estimator) -> RawTable:
    """The table that an estimator says it was fitted on, all numbers."""
    names = getattr(estimator, "feature_names_in_", None)
    count = getattr(estimator, "n_features_in_", None)
    for name in ("num_features", "num_feature"):  # XGBoost's and LightGBM's Booster
        if count is None and has_methods(estimator) and hasattr(estimator, name):
            count = getattr(estimator, name)()
    if count is None:
        raise NotConvertibleError("it does not say how many columns it was fitted on")
    return RawTable.of_numbers(int(count), None if names is None else list(names))
