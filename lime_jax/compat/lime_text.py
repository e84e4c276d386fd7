"""`lime.lime_text`: `lime`'s explanations of texts, its very numbers, in a fraction of its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import check_random_state

from lime_jax.compat.explanation import DomainMapper, Explanation
from lime_jax.compat.indexed import IndexedCharacters as IndexedCharacters
from lime_jax.compat.indexed import IndexedString as IndexedString
from lime_jax.compat.kernels import kernel_of
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.outputs import as_matrix, check_model, label_numbers
from lime_jax.compat.packed import (
    Samples,
    explain_labels,
    names_of,
    output_kind_of,
    packed,
)
from lime_jax.masked.ways import HOST
from lime_jax.text.documents import Document
from lime_jax.text.explanations import TextExplanations
from lime_jax.text.model import TextModel, open_text_model
from lime_jax.text.ways import choose_ways
from lime_jax.views.report import MarkedPiece, MarkedText, marked_text

_HUNDREDTHS = 100
"""Distances are in these."""

Indexed = Any
"""An `IndexedString` or `IndexedCharacters`, or what is like one."""


class TextDomainMapper(DomainMapper):
    """Words in place of numbers.

    Args:
        indexed_string: the text, cut.
    """

    def __init__(self, indexed_string: Indexed) -> None:
        self.indexed_string = indexed_string
        self.class_names: Any = None

    def map_exp_ids(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, exp: Any, positions: bool = False
    ) -> list[tuple[str, float]]:
        """Words and weights.

        Args:
            exp: pairs of number and weight.
            positions: whether words say where they are: "bad_3-6".

        Returns:
            Pairs of word and weight.
        """
        words = self.indexed_string
        if not positions:
            return [(words.word(pair[0]), pair[1]) for pair in exp]
        places = ["-".join(map(str, words.string_position(pair[0]).tolist())) for pair in exp]
        return [
            (f"{words.word(pair[0])}_{place}", pair[1])
            for pair, place in zip(exp, places, strict=True)
        ]

    def visualize_instance_html(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        exp: Any,
        label: object,
        div_name: object,
        exp_object_name: object,
        text: object = True,
        opacity: object = True,
    ) -> str:
        """The text, its words shaded by weight.

        Args:
            exp: pairs of number and weight.
            label: number of the output.
            div_name: not looked at.
            exp_object_name: not looked at.
            text: whether to show it.
            opacity: whether weaker words are paler.

        Returns:
            HTML.
        """
        if not text:
            return ""
        words = self.indexed_string
        pieces = [
            MarkedPiece(start, start + len(words.word(number)), float(weight), 0.0)
            for number, weight in exp
            for start in words.string_position(number).tolist()
        ]
        pieces = sorted((one for one in pieces if one.end > one.start), key=lambda one: one.start)
        whole = "".join(getattr(words, "as_list", [words.raw_string()]))
        names = self.class_names
        is_number = isinstance(label, int | np.integer)
        has_name = is_number and names is not None and 0 <= label < len(names)
        name = str(names[label]) if has_name and names is not None else "the output"
        return marked_text(MarkedText(whole, pieces, name, bool(opacity)))


class LimeTextExplainer:
    r"""Explains models of texts as `lime` does: the same numbers for the same `random_state`.

    Masked texts are asked for once each and in batches; a pipeline that counts words is asked by
    counts, without making texts.

    Args:
        kernel_width: of distances in hundredths.
        kernel: `(distances, kernel_width) -> weights` of NumPy arrays; None: exponential.
        verbose: whether to print what each fit says of the text.
        class_names: of the model's outputs.
        feature_selection: "auto", "none", "forward_selection", "highest_weights", "lasso_path".
        split_expression: a regular expression of what is between words, or a function that returns
            the words of a text.
        bow: whether all places of a word are hidden together.
        mask_string: stands in place of hidden words where not `bow`.
        random_state: number or `RandomState` that masks are drawn from.
        char_level: whether characters are hidden, not words.

    Example:
        >>> explainer = LimeTextExplainer(class_names=["bad", "good"], random_state=0)
        >>> def model(texts):
        ...     good = np.array([0.2 + 0.6 * ("good" in text) for text in texts])
        ...     return np.stack([1 - good, good], axis=1)
        >>> explanation = explainer.explain_instance("a good day for all", model)
        >>> [(word, round(weight, 2)) for word, weight in explanation.as_list()[:1]]
        [('good', 0.6)]
    """

    def __init__(
        self,
        kernel_width: object = 25,
        kernel: Callable[..., object] | None = None,
        verbose: bool = False,
        class_names: Any = None,
        feature_selection: str = "auto",
        split_expression: Any = r"\W+",
        bow: bool = True,
        mask_string: str | None = None,
        random_state: object = None,
        char_level: bool = False,
    ) -> None:
        self.random_state = check_random_state(random_state)
        self.base: Any = LimeBase(kernel_of(kernel, kernel_width), verbose, self.random_state)
        self.class_names = class_names
        self.vocabulary = None
        self.feature_selection = feature_selection
        self.bow = bow
        self.mask_string = mask_string
        self.split_expression = split_expression
        self.char_level = char_level

    def explain_instance(
        self,
        text_instance: object,
        classifier_fn: object,
        labels: object = (1,),
        top_labels: int | None = None,
        num_features: int = 10,
        num_samples: int = 5000,
        distance_metric: str = "cosine",
        model_regressor: object = None,
    ) -> Explanation:
        """Explain what a model says of a text.

        Args:
            text_instance: the text.
            classifier_fn: of a list of texts, that returns (texts, outputs): arrays, lists,
                tensors, or the scores of all labels as pipelines of Hugging Face give them.
            labels: numbers or names of the outputs to explain.
            top_labels: in place of `labels`, the text's k highest outputs.
            num_features: how many words an explanation has, at most.
            num_samples: masked texts, the text itself among them.
            distance_metric: between masks, of `sklearn.metrics.pairwise_distances`.
            model_regressor: of scikit-learn, with `coef_` and `sample_weight`; None: a ridge.

        Returns:
            The explanation; of a text without words an empty one.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
        """
        options = (labels, top_labels, num_features, num_samples, distance_metric, model_regressor)
        return self.explain_instances([text_instance], classifier_fn, *options)[0]

    def explain_instances(
        self,
        text_instances: Iterable[object],
        classifier_fn: Any,
        labels: object = (1,),
        top_labels: int | None = None,
        num_features: int = 10,
        num_samples: int = 5000,
        distance_metric: str = "cosine",
        model_regressor: object = None,
    ) -> list[Explanation]:
        """Explain many texts in one call; arguments are as of `explain_instance`.

        Args:
            text_instances: the texts.

        Returns:
            What `explain_instance` would say of one after the other.
        """
        check_model(classifier_fn, "classifier_fn")
        model = open_text_model(classifier_fn, None, self.class_names, None)
        return [
            self._explain(
                text, model, labels, top_labels, num_samples, distance_metric,
                num_features=num_features, model_regressor=model_regressor,
            )
            for text in text_instances
        ]  # fmt: skip

    def _explain(
        self,
        text: object,
        model: TextModel,
        labels: Any,
        top_labels: int | None,
        num_samples: int,
        metric: str,
        **options: object,
    ) -> Explanation:
        if not isinstance(text, str):
            raise ValueError(
                f"`text_instance`: expected a text, got {type(text).__name__}: {text!r:.60}; "
                "many texts are for `explain_instances`"
            )
        indexed = self._indexed(text)
        data, outputs, distances = self.__data_labels_distances(
            indexed, model, num_samples, distance_metric=metric
        )
        samples = Samples(data, np.asarray(outputs), distances)
        if self.class_names is None:
            self.class_names = [str(number) for number in range(samples.outputs.shape[1])]
        mapper = TextDomainMapper(indexed)
        mapper.class_names = self.class_names
        found = Explanation(mapper, class_names=self.class_names, random_state=self.random_state)
        found.predict_proba = samples.outputs[0]
        numbers, highest = label_numbers(labels, top_labels, samples.outputs[0], self.class_names)
        if highest is not None:
            found.top_labels = highest
        if not indexed.num_words():
            return _without_words(found, numbers)
        options["feature_selection"] = self.feature_selection
        explain_labels(found, self.base, samples, numbers, **options)
        regressor = options["model_regressor"]
        found.result = _result(found, self.base, samples, indexed, self.class_names, regressor)
        return found

    def _indexed(self, text: str) -> IndexedString | IndexedCharacters:
        if self.char_level:
            return IndexedCharacters(text, self.bow, self.mask_string)
        return IndexedString(text, self.split_expression, self.bow, self.mask_string)

    def __data_labels_distances(
        self,
        indexed_string: Indexed,
        classifier_fn: Any,
        num_samples: int,
        distance_metric: str = "cosine",
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masks, what the model says of the texts under them, and distances of the masks."""
        model = classifier_fn
        if not isinstance(model, TextModel):
            model = open_text_model(model, None, self.class_names, None)
        masks = drawn_masks(self.random_state, indexed_string.num_words(), num_samples)
        outputs = _in_order(_ask(model, indexed_string, masks), model, self.class_names)
        return masks.astype(np.float64), outputs, _distances(masks, distance_metric)


def drawn_masks(random: np.random.RandomState, words: int, count: int) -> np.ndarray:
    """(samples, words) which words stay, as `lime` draws them: the first sample has all."""
    if count < 1:
        raise ValueError(f"`num_samples`: expected a positive number, got {count}")
    masks = np.ones((count if words else 1, words), bool)
    if not words:
        return masks
    for row, size in enumerate(random.randint(1, words + 1, count - 1).tolist(), 1):
        # The numbers of `choice(words, size, replace=False)`, which does this and more.
        masks[row, random.permutation(words)[:size]] = False
    return masks


def _ask(model: TextModel, indexed: Indexed, masks: np.ndarray) -> np.ndarray:
    """Outputs for the text under each mask: by counts where words are counted, else by texts."""
    spans = indexed.spans() if hasattr(indexed, "spans") else None
    if spans is None or not masks.shape[1]:
        texts = [indexed.inverse_removing(np.flatnonzero(~mask)) for mask in masks[1:]]
        return model([indexed.raw_string(), *texts])
    replace = None if indexed.bow else partial(_instead, indexed.mask_string)
    document = Document(indexed.raw_string(), _numbered(indexed, spans))
    nothing = np.zeros(1, np.uint32)
    ways = choose_ways(model, [document], replace, nothing, np.ones(1, bool))
    if ways.way[0] == HOST:
        return ways.outputs(model, 0, masks)
    return model(list(document.masked(masks, replace)))


def _instead(mask: str, piece: str) -> str:
    return mask


def _numbered(indexed: Indexed, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """Start, end and word of each place."""
    ends = dict(spans)
    found = sorted(
        (start, ends[start], number)
        for number in range(indexed.num_words())
        for start in indexed.string_position(number).tolist()
    )
    return np.array(found, np.int32).reshape(-1, 3).T.copy()


def _distances(masks: np.ndarray, metric: str) -> np.ndarray:
    """Of each mask from the first one, in hundredths."""
    if metric == "cosine":
        share = masks.sum(1) / max(masks.shape[1], 1)
        return (1 - np.sqrt(share)) * _HUNDREDTHS
    from sklearn.metrics import pairwise_distances

    rows: Any = scipy.sparse.csr_matrix(masks.astype(np.float64))
    try:
        found = pairwise_distances(rows, rows[:1], metric=metric)
    except (TypeError, ValueError):  # a metric of dense rows
        found = pairwise_distances(rows.toarray(), rows[:1].toarray(), metric=metric)
    return found.ravel() * _HUNDREDTHS


def _in_order(outputs: np.ndarray, model: TextModel, class_names: Any) -> np.ndarray:
    """Outputs that have names of their own, in the order of `class_names`."""
    columns = model.output_columns
    if columns is None or class_names is None:
        return as_matrix(outputs, len(outputs), "classifier_fn")
    known = [str(name).lower() for name in columns]
    asked = [str(name).lower() for name in class_names]
    if sorted(known) != sorted(asked):
        return outputs
    return outputs[:, [known.index(name) for name in asked]]


def _without_words(found: Explanation, labels: Sequence[int]) -> Explanation:
    """There is nothing to hide, and the model says what it says."""
    from lime_jax.compat.scores import LocalPrediction, Score

    said = np.asarray(found.predict_proba, np.float64)
    for label in labels:
        found.intercept[label], found.local_exp[label] = float(said[label]), []
    found.score = Score.of({label: float("nan") for label in labels})
    found.local_pred = LocalPrediction.of({label: float(said[label]) for label in labels})
    return found


def _result(
    found: Explanation,
    base: object,
    samples: Samples,
    indexed: Indexed,
    names: Any,
    regressor: object,
) -> Any:
    """The same as a `lime_jax.TextExplanation`; None where pieces are not of the text."""
    spans = indexed.spans()
    if spans is None:
        return None
    places = _numbered(indexed, spans)
    words, outputs = indexed.num_words(), samples.outputs.shape[1]
    named = tuple(map(str, names))
    facts = dict(
        values=np.bincount(places[2], minlength=words)[None].astype(np.float64),
        names=names_of("word", words),
        output_names=named if len(named) == outputs else tuple(map(str, range(outputs))),
        output_kind=output_kind_of(samples.outputs[:1]),
        documents=(indexed.raw_string(),),
        spans=(places,),
        problems=("",),
        read=np.array([len(indexed.raw_string())], np.int64),
    )
    return packed(TextExplanations, found, base, samples, facts, regressor)
