"""Pipelines that count words: what their vectorizers count of texts under masks.

`ways.py` sees for each text if that is what the pipeline says of masked texts.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from lime_jax.masked.linear_heads import LinearHead, RowModel, linear_head
from lime_jax.masked.rows import Csr, MaskedRows, RowPipeline, Weighing, then_tfidf
from lime_jax.text.chunks import chunk_rows
from lime_jax.text.counts import word_counts
from lime_jax.text.documents import Document, Replace
from lime_jax.text.grams import GramCounting, GramRows, GramText
from lime_jax.typing import Bool, Estimator

_METHODS = ("predict_proba", "decision_function", "predict")
_RUNS = tuple(flag + run for flag in ("(?u)", "") for run in (r"\b\w\w+\b", r"\b\w+\b", r"\w+"))
"""Patterns of words that are longest runs of letters and digits."""
_SEVERAL = "n-grams are of several words"
WORDS, CHUNKS = "words", "chunks"


@dataclasses.dataclass(frozen=True, eq=False)
class Counting:
    """What a vectorizer counts.

    Attributes:
        count: texts to their counts, whole numbers (signed where they are hashed).
        steps: of its own, after that.
        weighing: the same in numbers.
        unit: what is counted: `WORDS`, a `GramCounting` of n-grams, or `CHUNKS`: of characters.
        breaks: whether a word ends and the next begins wherever a text stands between them; None:
            that is not known of this vectorizer.
    """

    count: Callable[[Sequence[str]], Csr]
    steps: tuple[Callable[[Csr], Any], ...]
    weighing: Weighing | None
    unit: GramCounting | str
    breaks: Callable[[str], bool] | None

    def rows(self, documents: Sequence[Document], replace: Replace | None) -> MaskedRows:
        """The counts of some texts under masks."""
        if self.unit == WORDS:
            return word_counts(self.count, documents, replace)
        if isinstance(self.unit, GramCounting):
            texts = [GramText.of(document, self.unit, replace) for document in documents]
            return GramRows(texts, self.count([document.text for document in documents]))
        return chunk_rows(self.count, documents, replace)


@dataclasses.dataclass(frozen=True, eq=False)
class UnionCounting:
    """What the vectorizers of a `FeatureUnion` count, side by side.

    Attributes:
        weights: of the vectorizers; see `FeatureUnion`.
    """

    parts: Sequence[Counting]
    weights: Sequence[float | int]

    unit = "several"
    weighing = None

    @property
    def breaks(self) -> Callable[[str], bool] | None:
        """Whether that is so for all of them."""
        each = [part.breaks for part in self.parts]
        if any(one is None for one in each):
            return None
        return lambda between: all(one(between) for one in each if one is not None)

    @cached_property
    def ends(self) -> np.ndarray:
        """Where the columns of each begin, and the last end."""
        return np.cumsum([0, *(part.count([""]).shape[1] for part in self.parts)])

    @property
    def steps(self) -> tuple[Callable[[Csr], Any], ...]:
        """The steps of each, on its own columns."""
        return (self._weigh,)

    def _weigh(self, counts: Csr) -> Csr:
        found = []
        for k, (part, weight) in enumerate(zip(self.parts, self.weights, strict=True)):
            counted = counts[:, self.ends[k] : self.ends[k + 1]]
            for step in part.steps:
                counted = step(counted)
            found.append(counted if weight == 1 else counted * weight)
        return sparse.hstack(found).tocsr()

    def rows(self, documents: Sequence[Document], replace: Replace | None) -> MaskedRows:
        """The counts of some texts under masks."""
        return UnionRows([part.rows(documents, replace) for part in self.parts])


@dataclasses.dataclass(frozen=True, eq=False)
class UnionRows:
    """Counts of several vectorizers side by side; see `MaskedRows`."""

    parts: Sequence[MaskedRows]

    def local(self) -> np.ndarray:
        """(texts,) whether all of them know the text."""
        return np.all([part.local() for part in self.parts], axis=0)

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Csr:
        """The counts of a text under masks."""
        return sparse.hstack([part.masked(row, masks) for part in self.parts]).tocsr()

    def under(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> Csr:
        """The counts of some texts under some masks of each, text after text."""
        return sparse.hstack([part.under(rows, masks) for part in self.parts]).tocsr()


@dataclasses.dataclass(frozen=True, eq=False)
class CountPipeline(RowPipeline):
    """A pipeline whose first step counts words, n-grams of words, or of characters inside words."""

    counting: Counting | UnionCounting
    scored: LinearHead | None = None
    """The last step, where scores are sums over n-grams."""


def open_words(predict: Any) -> RowModel:
    """See whether a model counts words, and what it makes of the counts."""
    pipeline, why = open_counts(predict)
    if pipeline is None:
        return RowModel(None, None, why)
    if isinstance(pipeline.counting.unit, GramCounting):
        head, _ = linear_head(pipeline)
        scored = head if head is not None and head.adds_up else None
        return RowModel(dataclasses.replace(pipeline, scored=scored), None, _SEVERAL)
    if pipeline.counting.unit != WORDS:
        return RowModel(pipeline, None, _SEVERAL)
    return RowModel(pipeline, *linear_head(pipeline))


def open_counts(predict: Any) -> tuple[CountPipeline | None, str]:
    """What a bound method of a pipeline does with texts; None, and why, where it does not count."""
    pipeline: Estimator = getattr(predict, "__self__", None)
    method = getattr(predict, "__name__", "")
    if type(pipeline).__name__ != "Pipeline" or method not in _METHODS:
        return None, "it is no pipeline of scikit-learn"
    steps = _steps_of(pipeline)
    if len(steps) < 2:
        return None, "the pipeline is one step"
    counting = _counting(steps[0])
    if isinstance(counting, str):
        return None, counting
    more, weighing = _then(counting.weighing, steps[1:-1])
    asked = getattr(steps[-1], method)
    return CountPipeline((*counting.steps, *more), weighing, asked, counting), ""


def _steps_of(pipeline: Estimator) -> list[Any]:
    """The steps that do something."""
    return [step for _, step in pipeline.steps if step is not None and step != "passthrough"]


def _then(weighing: Weighing | None, steps: Sequence[Estimator]) -> tuple[list[Any], Any]:
    """What steps do after a vectorizer, and the weighing with them."""
    for step in steps:
        is_tfidf = type(step).__name__ == "TfidfTransformer"
        weighing = then_tfidf(weighing, step) if is_tfidf else None
    return [step.transform for step in steps], weighing


def _counting(step: Estimator) -> Counting | UnionCounting | str:
    """What the first step of a pipeline counts; or why it does not."""
    if type(step).__name__ == "FeatureUnion":
        named = [(n, t) for n, t in step.transformer_list if t not in ("drop", "passthrough")]
        parts = [_counting(transformer) for _, transformer in named]
        known = [part for part in parts if isinstance(part, Counting)]
        if len(known) < len(parts) or len(named) < len(step.transformer_list):
            return next((p for p in parts if isinstance(p, str)), "it passes texts through")
        weights = step.transformer_weights or {}
        return UnionCounting(known, [weights.get(name, 1) for name, _ in named])
    if type(step).__name__ == "Pipeline":
        first, *others = _steps_of(step)
        counting = _counting(first)
        if not isinstance(counting, Counting):
            return counting if isinstance(counting, str) else "it has unions in unions"
        more, weighing = _then(counting.weighing, others)
        return dataclasses.replace(counting, steps=(*counting.steps, *more), weighing=weighing)
    counted = _raw_counts(step)
    if isinstance(counted, str):
        return counted
    count, steps, weighing = counted
    return Counting(count, steps, weighing, _unit(step), _breaks(step))


def _breaks(step: Estimator) -> Callable[[str], bool] | None:
    """What stands between words breaks them if there is something, and none of it is of a word."""
    if step.preprocessor:
        return None
    if step.analyzer == "char_wb":
        return lambda part: True  # a chunk is counted as it stands
    if step.tokenizer or step.token_pattern not in _RUNS:
        return None
    as_seen = step.build_preprocessor()
    return lambda part: bool(re.fullmatch(r"\W+", as_seen(part)))


def _unit(step: Estimator) -> GramCounting | str:
    """What a vectorizer counts."""
    if step.analyzer == "char_wb":
        return CHUNKS
    if tuple(step.ngram_range) == (1, 1):
        return WORDS
    as_seen, words = step.build_preprocessor(), step.build_tokenizer()
    stops = step.get_stop_words() or ()

    def words_of(text: str) -> list[str]:
        return [word for word in words(as_seen(text)) if word not in stops]

    places = _listed(step) if hasattr(step, "vocabulary_") else _hashed(step)
    return GramCounting(words_of, tuple(step.ngram_range), places)


def _listed(step: Estimator) -> Callable[[list[str]], np.ndarray]:
    """Columns of n-grams in a vocabulary."""
    columns = step.vocabulary_
    return lambda grams: np.array([(columns.get(gram, -1), 1) for gram in grams], np.int64)


def _hashed(step: Estimator) -> Callable[[list[str]], np.ndarray]:
    """Columns and signs of n-grams that are hashed."""
    from sklearn.feature_extraction import FeatureHasher

    options = {"input_type": "string", "alternate_sign": step.alternate_sign}
    hasher: Any = FeatureHasher(step.n_features, **options)

    def places(grams: list[str]) -> np.ndarray:
        rows = hasher.transform([[gram] for gram in grams])
        return np.stack([rows.indices, rows.data.astype(np.int64)], axis=1).astype(np.int64)

    return places


def _raw_counts(step: Estimator) -> Any:
    """How a vectorizer counts, its own steps after that, and the same in numbers; or why not."""
    from sklearn.feature_extraction import text

    if type(step) not in (text.CountVectorizer, text.TfidfVectorizer, text.HashingVectorizer):
        return f"its first step is a {type(step).__name__}, which counts no words"
    if step.analyzer not in ("word", "char_wb") or step.input != "content":
        return f"{type(step).__name__} looks at texts as a whole"
    raw = copy.copy(step)
    raw.binary = False
    if isinstance(step, text.HashingVectorizer):
        if step.binary:
            return "HashingVectorizer(binary=True) may set counts that cancel out to 1"
        raw.norm = None
        steps = () if step.norm is None else (_normalize(step.norm),)
        return raw.transform, steps, Weighing(norm=step.norm)

    def count(texts: Sequence[str]) -> Csr:
        return text.CountVectorizer.transform(raw, texts)

    steps = (_ones,) if step.binary else ()
    weighing = Weighing(binary=bool(step.binary))
    if isinstance(step, text.TfidfVectorizer):
        tfidf: Estimator = text.TfidfTransformer(
            norm=step.norm, use_idf=step.use_idf, sublinear_tf=step.sublinear_tf
        )
        tfidf.n_features_in_ = len(step.vocabulary_)
        if step.use_idf:
            tfidf.idf_ = step.idf_
        return count, (*steps, tfidf.transform), then_tfidf(weighing, tfidf)
    return count, steps, weighing


def _ones(counts: Csr) -> Csr:
    counts.data.fill(1)
    return counts


def _normalize(norm: str) -> Callable[[Csr], Csr]:
    from sklearn.preprocessing import normalize

    return lambda counts: normalize(counts, norm=norm, copy=False)
