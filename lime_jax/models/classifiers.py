"""What a classifier's outputs are of: its classes, whatever it calls them and however it answers.

The numbers of classes are no quantity. A classifier without probabilities is explained by its
margins, and where it has none, by a column for each class that says whether it is predicted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from lime_jax.models.labels import plain_label
from lime_jax.models.registry import host_method
from lime_jax.typing import Estimator, Table

Classes: TypeAlias = Any
"""The classes of the one target, or a list with those of each."""

_NUMBERS = ("regression", "quantile")  # AutoGluon's words


class ClassIndicators:
    """A `predict` that says classes, as columns that say 1 for the class and 0 for the others.

    Args:
        predict: of a batch: (samples,) classes; (samples, targets) of them; or (samples, labels)
            of 0 and 1 where a sample can have several labels.
        classes: of the one target, or a list with those of each.

    Example:
        >>> ClassIndicators(lambda batch: ["b", "a"], np.array(["a", "b", "c"]))(None).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """

    def __init__(self, predict: Callable[[Any], Any], classes: Classes) -> None:
        self.predict = predict
        self.classes = classes

    def __call__(self, batch: Table) -> np.ndarray:
        """One column for each class, target after target."""
        found = self.predict(batch)
        found = np.asarray(found.toarray() if hasattr(found, "toarray") else found)
        if isinstance(self.classes, list):
            several = zip(found.reshape(len(found), -1).T, self.classes, strict=True)
            return np.concatenate([_indicators(one, classes) for one, classes in several], axis=1)
        if found.ndim == 2 and found.shape[1] > 1:
            return found.astype(np.float64)
        return _indicators(found.reshape(-1), self.classes)


def _indicators(found: np.ndarray, classes: Classes) -> np.ndarray:
    same = found[:, None] == np.asarray(classes)[None]
    lost = np.flatnonzero(~same.any(axis=1))
    if lost.size:
        raise ValueError(
            f"`model`: expected classes among {', '.join(map(str, classes[:10]))}, but it predicts "
            f"{found[lost[0]]!r} for input {lost[0]}"
        )
    return same.astype(np.float64)


def predicted_classes(estimator: Estimator) -> Any:
    """The classes that `predict` chooses from, a list of those of each target; None: of none."""
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list) and not (classes and np.ndim(classes[0]) == 1):
        classes = np.asarray(classes)
    if isinstance(classes, list) and len(classes) == 1:
        return classes[0]
    if isinstance(classes, list) and _is_chain(estimator):  # its list goes along the chain
        place = np.argsort(np.asarray(last_step(estimator).order_))
        return [classes[int(k)] for k in place]
    if classes is not None and len(classes):  # CatBoost's regressors have none
        return classes if isinstance(classes, list) else np.asarray(classes).reshape(-1)
    if _finds_outliers(estimator):
        return np.array([-1, 1])
    if _is_of_sklearn(estimator, "ClusterMixin") and hasattr(last_step(estimator), "labels_"):
        return np.unique(last_step(estimator).labels_)
    return None


def default_method(estimator: Estimator) -> str:
    """What is explained of an estimator: probabilities, else margins, else its `predict`."""
    if hasattr(estimator, "predict_proba") and not _is_search_for_numbers(estimator):
        of_library = host_method(estimator, "predict_proba")
        if of_library is None or of_library[1] == "probability":
            return "predict_proba"
        return "decision_function"
    of_library = host_method(estimator, "predict")
    says_classes = of_library is not None and isinstance(of_library[0], ClassIndicators)
    if says_classes or predicted_classes(estimator) is not None:
        margins = hasattr(estimator, "decision_function")
        if margins or host_method(estimator, "decision_function") is not None:
            return "decision_function"
    return "predict"


def _is_search_for_numbers(estimator: Estimator) -> bool:
    """Whether it only says a number, though it has methods of classifiers: FLAML's, AutoGluon's."""
    problem = getattr(estimator, "problem_type", None)
    kind = getattr(estimator, "_estimator_type", None)
    return kind == "regressor" or (isinstance(problem, str) and problem in _NUMBERS)


def output_classes(estimator: Estimator, method: str) -> tuple[Any, ...] | None:
    """The classes that the columns of a method's outputs are of; None if they are of no classes.

    Of several targets texts such as "target 0: yes".
    """
    classes, last = predicted_classes(estimator), last_step(estimator)
    if classes is None or (method == "decision_function" and _finds_outliers(estimator)):
        return None
    margin = method == "decision_function"
    if isinstance(classes, list):
        if margin or (_is_chain(estimator) and method != "predict"):
            classes = [of_target[1:2] for of_target in classes]  # the second class alone
        return tuple(f"target {k}: {c}" for k, of_target in enumerate(classes) for c in of_target)
    plain = tuple(plain_label(c) for c in classes)
    if (count := _targets_of_booster(last)) > 1:
        return tuple(range(count))  # of labels, whose flags it predicts
    if margin and len(plain) == 2 and exclude_each_other(estimator):
        return plain[1:]  # one column: the margin of the second class
    if margin and getattr(last, "decision_function_shape", "ovr") == "ovo":
        return tuple(f"{a} against {b}" for a, b in combinations(plain, 2))
    return plain


def exclude_each_other(estimator: Estimator) -> bool:
    """Whether a row has one class of one target, so that all probabilities sum to 1."""
    last = last_step(estimator)
    binarizer = getattr(last, "_label_binarizer", None) or getattr(last, "label_binarizer_", None)
    kind = str(getattr(binarizer, "y_type_", ""))
    several = isinstance(predicted_classes(estimator), list) or _targets_of_booster(last) > 1
    several |= _has_each_by_itself(last)
    return not several and not kind.startswith("multilabel")


def _has_each_by_itself(model: Estimator) -> bool:
    """Whether LightGBM's or CatBoost's classes or labels are each against all others."""
    if getattr(model, "objective_", None) == "multiclassova":
        return True
    if type(model).__module__.partition(".")[0] != "catboost":
        return False
    loss = str(model.get_all_params().get("loss_function"))
    return loss.startswith(("MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy"))


def _targets_of_booster(model: Estimator) -> int:
    """Of one of XGBoost's classifiers, which keep their number nowhere else."""
    if not hasattr(model, "get_booster") or not hasattr(model, "classes_"):
        return 1
    learner = json.loads(model.get_booster().save_config())["learner"]
    return int(learner["learner_model_param"].get("num_target", 1))


def last_step(estimator: Estimator) -> Any:
    """The model within pipelines and searches."""
    while True:
        steps: Sequence[Any] = getattr(estimator, "steps", None) or ()
        inner = steps[-1][1] if steps else getattr(estimator, "best_estimator_", None)
        if inner is None or isinstance(inner, str):
            return estimator
        estimator = inner


def _is_chain(estimator: Estimator) -> bool:
    return type(last_step(estimator)).__name__ == "ClassifierChain"


def _finds_outliers(estimator: Estimator) -> bool:
    return _is_of_sklearn(estimator, "OutlierMixin")


def _is_of_sklearn(estimator: Estimator, mixin: str) -> bool:
    """Whether scikit-learn says what an estimator does."""
    return any(
        cls.__name__ == mixin and cls.__module__.partition(".")[0] == "sklearn"
        for cls in type(last_step(estimator)).__mro__
    )
