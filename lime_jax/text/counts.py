"""Pipelines that count words: what each word of a text adds to the counts, without making texts.

Under a mask the counts of a text are those that always stand there, and what each word adds that
is there. That holds where words are counted one by one; `ways.py` sees for each text if they are.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from lime_jax.text.documents import Document, Replace
from lime_jax.typing import Bool, Estimator

_METHODS = ("predict_proba", "decision_function", "predict")
_RUNS = tuple(flag + run for flag in ("(?u)", "") for run in (r"\b\w\w+\b", r"\b\w+\b", r"\w+"))
"""Patterns of words that are longest runs of letters and digits."""
Csr = Any
"""A sparse matrix of rows, as scikit-learn's transformers return it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Weighing:
    """What a count becomes, as far as it is done by numbers.

    Attributes:
        binary: 1 for any count.
        sublinear: 1 and its logarithm.
        idf: factor of each column; None: 1.
        norm: of a row: "l1", "l2" or None.
    """

    binary: bool = False
    sublinear: bool = False
    idf: np.ndarray | None = None
    norm: str | None = None

    @property
    def is_weighed(self) -> bool:
        """Whether there is more than a flag: then nothing else can follow."""
        return self.sublinear or self.idf is not None or self.norm is not None


@dataclasses.dataclass(frozen=True, eq=False)
class CountPipeline:
    """A pipeline whose first step counts single words.

    Attributes:
        count: texts to their counts, whole numbers (signed where they are hashed).
        steps: from counts to what the last step sees.
        weighing: the same in numbers; None: other steps are among them.
        last: the last step.
        method: of the last step, that is explained.
        breaks: whether a word ends and the next begins wherever a text stands between them; None:
            that is not known of this vectorizer.
    """

    count: Callable[[Sequence[str]], Csr]
    steps: tuple[Callable[[Csr], Any], ...]
    weighing: Weighing | None
    last: Estimator
    method: str
    breaks: Callable[[str], bool] | None

    def outputs(self, counts: Csr) -> Any:
        """What the pipeline says of texts with these counts."""
        for step in self.steps:
            counts = step(counts)
        return getattr(self.last, self.method)(counts)


def open_counts(predict: Any) -> tuple[CountPipeline | None, str]:
    """What a bound method of a pipeline does with texts; None, and why, where it does not count."""
    pipeline: Estimator = getattr(predict, "__self__", None)
    method = getattr(predict, "__name__", "")
    if type(pipeline).__name__ != "Pipeline" or method not in _METHODS:
        return None, "it is no pipeline of scikit-learn"
    steps = [step for _, step in pipeline.steps if step is not None and step != "passthrough"]
    if len(steps) < 2:
        return None, "the pipeline is one step"
    counted = _counting(steps[0])
    if isinstance(counted, str):
        return None, counted
    count, own, weighing = counted
    between = list(own)
    for step in steps[1:-1]:
        between.append(step.transform)
        is_tfidf = type(step).__name__ == "TfidfTransformer"
        weighing = _then_tfidf(weighing, step) if is_tfidf else None
    last, breaks = steps[-1], _breaks(steps[0])
    return CountPipeline(count, tuple(between), weighing, last, method, breaks), ""


def _breaks(step: Estimator) -> Callable[[str], bool] | None:
    """What stands between words breaks them if there is something, and none of it is of a word."""
    if step.tokenizer or step.preprocessor or step.token_pattern not in _RUNS:
        return None
    as_seen = step.build_preprocessor()
    return lambda part: bool(re.fullmatch(r"\W+", as_seen(part)))


def _counting(step: Estimator) -> Any:
    """How a vectorizer counts, its own steps after that, and the same in numbers; or why not."""
    from sklearn.feature_extraction import text

    if type(step) not in (text.CountVectorizer, text.TfidfVectorizer, text.HashingVectorizer):
        return f"its first step is a {type(step).__name__}, which counts no words"
    if step.analyzer != "word" or tuple(step.ngram_range) != (1, 1) or step.input != "content":
        return f"{type(step).__name__} counts more than single words"
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
        return count, (*steps, tfidf.transform), _then_tfidf(weighing, tfidf)
    return count, steps, weighing


def _then_tfidf(weighing: Weighing | None, step: Estimator) -> Weighing | None:
    if weighing is None or weighing.is_weighed:
        return None
    idf = np.asarray(step.idf_, np.float64) if step.use_idf else None
    return dataclasses.replace(weighing, sublinear=bool(step.sublinear_tf), idf=idf, norm=step.norm)


def _ones(counts: Csr) -> Csr:
    counts.data.fill(1)
    return counts


def _normalize(norm: str) -> Callable[[Csr], Csr]:
    from sklearn.preprocessing import normalize

    return lambda counts: normalize(counts, norm=norm, copy=False)


@dataclasses.dataclass(frozen=True, eq=False)
class WordCounts:
    """What the words of some texts add to their counts.

    Attributes:
        added: (players of all texts, columns) what each adds when it is there.
        always: (texts, columns) what is there under the empty mask.
        whole: (texts, columns) counts of the texts as they are.
        start: (texts + 1,) where each text's players are in `added`.
    """

    added: Csr
    always: Csr
    whole: Csr
    start: np.ndarray

    def local(self) -> np.ndarray:
        """(texts,) whether a text's counts are the sum of those of its pieces."""
        texts = len(self.start) - 1
        owner = np.repeat(np.arange(texts), np.diff(self.start))
        ones = np.ones(len(owner), self.added.dtype)
        join = sparse.csr_array((ones, (owner, np.arange(len(owner)))), (texts, len(owner)))
        away = abs(join @ self.added + self.always - self.whole)
        return np.asarray(away.sum(axis=1)).reshape(-1) == 0

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Csr:
        """The counts of a text under each mask, as the vectorizer would return them."""
        added = self.added[self.start[row] : self.start[row + 1]]
        kept = sparse.csr_array(masks.astype(added.dtype))
        return self._total(kept @ added, np.full(len(masks), row))

    def under(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> Csr:
        """The counts of some texts under some masks of each, text after text."""
        kept = [np.nonzero(of_row) for of_row in masks]
        places = np.cumsum([0, *map(len, masks)])
        line = np.concatenate([k[0] + a for k, a in zip(kept, places, strict=False)])
        player = np.concatenate([k[1] + self.start[r] for k, r in zip(kept, rows, strict=True)])
        ones = np.ones(len(line), self.added.dtype)
        chosen = sparse.csr_array((ones, (line, player)), (int(places[-1]), self.added.shape[0]))
        return self._total(chosen @ self.added, np.repeat(rows, np.diff(places)))

    def _total(self, counts: Csr, rows: np.ndarray) -> Csr:
        """Counts and what is always there, in the vectorizer's own form."""
        if self.always.nnz:
            counts = counts + self.always[rows]
        counts.eliminate_zeros()
        counts.sort_indices()
        return type(self.whole)(counts)


def word_counts(
    pipeline: CountPipeline, documents: Sequence[Document], replace: Replace | None
) -> WordCounts:
    """Count each distinct piece of some texts once, and see what the players are made of."""
    known: defaultdict[str, int] = defaultdict()
    known.default_factory = known.__len__
    start = np.cumsum([0, *(document.num_players for document in documents)])
    added, always = _Entries(), _Entries()
    for row, document in enumerate(documents):
        text, (starts, ends, players) = document.text, document.spans.tolist()
        own = [text[a:b] for a, b in zip(starts, ends, strict=True)]
        between = [text[a:b] for a, b in zip([0, *ends], [*starts, len(text)], strict=True)]
        mine = start[row] + np.array(players, np.int64)
        added.extend(mine, [known[piece] for piece in own], 1)
        if replace is not None:
            instead = [known[replace(piece)] for piece in own]
            added.extend(mine, instead, -1)
            always.extend(np.full(len(own), row), instead, 1)
        always.extend(np.full(len(between), row), [known[part] for part in between], 1)
    counted = sparse.csr_array(pipeline.count(list(known)))
    whole = pipeline.count([document.text for document in documents])
    shapes = (int(start[-1]), len(known)), (len(documents), len(known))
    parts = [
        one.matrix(shape, counted.dtype) @ counted
        for one, shape in zip((added, always), shapes, strict=True)
    ]
    for part in parts:
        part.eliminate_zeros()
        part.sort_indices()
    return WordCounts(parts[0], parts[1], whole, start)


class _Entries:
    """Entries of a sparse matrix, those of one place added up."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = [np.zeros(0, np.int64)]
        self.columns: list[int] = []
        self.values: list[np.ndarray] = [np.zeros(0)]

    def extend(self, rows: np.ndarray, columns: list[int], value: int) -> None:
        self.rows.append(rows)
        self.columns += columns
        self.values.append(np.full(len(rows), value))

    def matrix(self, shape: tuple[int, int], dtype: Any) -> Csr:
        values = np.concatenate(self.values).astype(dtype)
        entries: Any = (values, (np.concatenate(self.rows), self.columns))
        return sparse.csr_array(entries, shape=shape)
