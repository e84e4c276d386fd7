"""What the outputs of a model are called, and which of them a label means."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64

from lime_jax.typing import Scalar

Labels: TypeAlias = Any
"""A sequence of outputs by class, name or number; None: all. Anything else is refused."""
_LISTED = 10  # classes that an error names
_PASSES = 16  # over all outputs, each for the highest that is left


@dataclasses.dataclass(frozen=True)
class OutputLabels:
    """The names and the classes of a model's outputs.

    Attributes:
        classes: as the model knows them, plain numbers or text; None: outputs go by number.

    Example:
        >>> outputs = OutputLabels(("cat", "dog"), (1, 2))
        >>> outputs.number(2), outputs.number("dog"), outputs.label(0)
        (1, 1, 1)
        >>> OutputLabels(("cat", "dog")).number(0)
        0
    """

    names: tuple[str, ...]
    classes: tuple[Any, ...] | None = None

    def label(self, number: int | np.integer) -> Any:
        """What an output is asked for by: its class, or its number where there are no classes."""
        return int(number) if self.classes is None else self.classes[number]

    def number(self, label: Scalar, argument: str = "labels") -> int:
        """The output that a label means.

        Args:
            label: a class or a name; a number is a position only where there are no classes.
        """
        wanted = plain_label(label)
        for known in (self.classes or (), self.names, tuple(map(str, self.classes or ()))):
            for number, one in enumerate(known):
                if isinstance(one, str) == isinstance(wanted, str) and one == wanted:
                    return number
        is_number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
        if self.classes is None and is_number and wanted in range(len(self.names)):
            return int(wanted)
        if self.classes is not None and not isinstance(wanted, str) and str(wanted) in self.names:
            return self.names.index(str(wanted))
        raise ValueError(f"`{argument}`: expected {self._known()}, got {label!r}")

    def _known(self) -> str:
        """What labels there are, in words."""
        shown = list(self.names[:_LISTED])
        if self.classes is not None:
            pairs = zip(self.classes[:_LISTED], self.names, strict=False)
            shown = [name if name == str(c) else f"{c} ({name})" for c, name in pairs]
        listed = ", ".join([*shown, "..."] if len(self.names) > _LISTED else shown)
        if self.classes is not None:
            return f"classes among {listed}"
        return f"numbers from 0 to {len(self.names) - 1} or names among {listed}"


def plain_label(label: Scalar) -> Any:
    """A class as Python's own number or text, which files can hold.

    Example:
        >>> plain_label(np.int64(3)), plain_label(np.str_("a")), plain_label(np.True_)
        (3, 'a', True)
    """
    if isinstance(label, np.generic | np.ndarray) and np.ndim(label) == 0:
        label = label.item()
    return label if isinstance(label, bool | int | float | str) else str(label)


def is_missing(value: Scalar) -> bool:
    """Whether a value is None, NaN, NaT or `pandas.NA`."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA has no truth value
        return True


def name_outputs(
    count: int,
    classes: Sequence[object] | np.ndarray | None = None,
    columns: Sequence[object] | None = None,
    class_names: Sequence[object] | np.ndarray | None = None,
) -> OutputLabels:
    """Names and classes of the outputs of a model.

    Args:
        columns: of the frame that it returned; None: it returned an array.

    Returns:
        The explainer's names, else the model's, else numbers. A name that was there before gets
        its number: ImageNet has two cranes. Names that are numbers are classes, too.

    Example:
        >>> name_outputs(2, class_names=["cat", "dog"]).names
        ('cat', 'dog')
        >>> name_outputs(3, class_names=["crane", "stork", "crane"]).names
        ('crane', 'stork', 'crane (2)')
        >>> name_outputs(2, classes=[1, 2], class_names=["cat", "dog"]).classes
        (1, 2)
    """
    known, shown = _fitting(classes, count), _fitting(columns, count)
    chosen = _fitting(class_names, count)
    if class_names is not None and chosen is None:
        raise ValueError(
            f"`class_names`: expected {count} names, one per output of the model, "
            f"got {len(class_names)}"
        )
    for labels in (chosen, shown):
        if known is None and labels is not None and not any(isinstance(x, str) for x in labels):
            known = labels
    if known is not None and len(set(known)) < count:
        known = None
    named = next((labels for labels in (chosen, known, shown) if labels is not None), None)
    if named is None:
        named = ("prediction",) if count == 1 else range(count)
    return OutputLabels(_told_apart(tuple(map(str, named))), known)


def _fitting(labels: Labels, count: int) -> tuple[Any, ...] | None:
    """Labels of so many outputs; of one column of two classes it is the second."""
    if labels is None:
        return None
    plain = tuple(plain_label(label) for label in labels)
    if count == 1 and len(plain) == 2:
        return plain[1:]
    return plain if len(plain) == count else None


def _told_apart(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) == len(names):
        return names
    before: set[str] = set()
    unique = []
    for number, name in enumerate(names):
        unique.append(f"{name} ({number})" if name in before else name)
        before.add(name)
    return tuple(unique)


def choose_labels(
    labels: Labels,
    top_labels: int | None,
    prediction: Float64[np.ndarray, "rows outputs"],
    outputs: OutputLabels,
) -> np.ndarray:
    """Which outputs to explain.

    Args:
        labels: a sequence of classes, names or numbers, see `OutputLabels.number`; None: all.
        top_labels: in place of `labels`, each row's k highest outputs.
    """
    rows, count = prediction.shape
    if top_labels is not None:
        if top_labels > count:
            raise ValueError(f"`top_labels`: expected at most {count} outputs, got {top_labels}")
        return _highest(prediction, top_labels)
    if labels is None:
        chosen = list(range(count))
    else:
        if isinstance(labels, str) or np.ndim(labels) != 1 or len(labels) == 0:
            example = [outputs.label(0)] if outputs.names else [0]
            raise ValueError(
                f"`labels`: expected a list of classes, names or numbers, such as {example}, "
                f"got {labels!r}"
            )
        chosen = [outputs.number(label) for label in labels]
    return np.tile(np.array(chosen, np.int64), (rows, 1))


def _highest(prediction: Float64[np.ndarray, "rows outputs"], count: int) -> np.ndarray:
    """The highest outputs of every row, of equal ones the first: sorting all would take longer."""
    if count > _PASSES:
        return np.argsort(-prediction, axis=1, kind="stable")[:, :count].astype(np.int64)
    left, chosen = prediction.copy(), np.zeros((len(prediction), count), np.int64)
    for place in range(count):
        chosen[:, place] = best = left.argmax(axis=1)
        np.put_along_axis(left, best[:, None], -np.inf, axis=1)
    return chosen
