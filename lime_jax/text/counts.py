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

from lime_jax.masked.linear_heads import RowModel, linear_head
from lime_jax.masked.rows import Csr, PlayerRows, RowPipeline, Weighing, then_tfidf
from lime_jax.text.documents import Document, Replace
from lime_jax.typing import Estimator

_METHODS = ("predict_proba", "decision_function", "predict")
_RUNS = tuple(flag + run for flag in ("(?u)", "") for run in (r"\b\w\w+\b", r"\b\w+\b", r"\w+"))
"""Patterns of words that are longest runs of letters and digits."""


@dataclasses.dataclass(frozen=True, eq=False)
class CountPipeline(RowPipeline):
    """A pipeline whose first step counts single words.

    Attributes:
        count: texts to their counts, whole numbers (signed where they are hashed).
        breaks: whether a word ends and the next begins wherever a text stands between them; None:
            that is not known of this vectorizer.
    """

    count: Callable[[Sequence[str]], Csr]
    breaks: Callable[[str], bool] | None


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
        weighing = then_tfidf(weighing, step) if is_tfidf else None
    asked = getattr(steps[-1], method)
    return CountPipeline(tuple(between), weighing, asked, count, _breaks(steps[0])), ""


def _breaks(step: Estimator) -> Callable[[str], bool] | None:
    """What stands between words breaks them if there is something, and none of it is of a word."""
    if step.tokenizer or step.preprocessor or step.token_pattern not in _RUNS:
        return None
    as_seen = step.build_preprocessor()
    return lambda part: bool(re.fullmatch(r"\W+", as_seen(part)))


def open_words(predict: Any) -> RowModel:
    """See whether a model counts words, and what it makes of the counts."""
    pipeline, why = open_counts(predict)
    if pipeline is None:
        return RowModel(None, None, why)
    return RowModel(pipeline, *linear_head(pipeline))


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
        return count, (*steps, tfidf.transform), then_tfidf(weighing, tfidf)
    return count, steps, weighing


def _ones(counts: Csr) -> Csr:
    counts.data.fill(1)
    return counts


def _normalize(norm: str) -> Callable[[Csr], Csr]:
    from sklearn.preprocessing import normalize

    return lambda counts: normalize(counts, norm=norm, copy=False)


def word_counts(
    pipeline: CountPipeline, documents: Sequence[Document], replace: Replace | None
) -> PlayerRows:
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
    return PlayerRows(parts[0], parts[1], whole, start)


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
