"""Texts: LIME against `lime_text`, on texts that are drawn from word frequencies."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import text_job, text_noise, transformer
from benchmarks.clock import median_seconds
from benchmarks.peer import lime_text_explanation
from benchmarks.record import Record, faster
from lime_jax import TextExplainer

CLASSES, VOCABULARY = 20, 20_000
HOW = (
    "Words of frequency 1 / rank, six times as often in their class, every twelfth with a capital "
    "letter; both split at \\W+, 5,000 samples (ours 5,120, with standard errors), highest class. "
)


def texts_of(count: int, words: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of so many words, and their classes."""
    rng = np.random.default_rng(seed)
    names = np.array([f"w{rank}x" for rank in range(VOCABULARY)])
    classes_of = np.random.default_rng(0).integers(0, CLASSES, VOCABULARY)
    frequency = 1 / np.arange(1, VOCABULARY + 1) ** 1.05
    classes = rng.integers(0, CLASSES, count)
    texts = []
    for one in classes:
        share = frequency * np.where(classes_of == one, 6, 1)
        drawn = names[rng.choice(VOCABULARY, size=words, p=share / share.sum())]
        drawn[::12] = np.char.capitalize(drawn[::12])
        texts.append(" ".join(drawn))
    return texts, classes


@functools.cache
def pipeline_of(kind: str, count: int) -> Any:
    """A fitted pipeline."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    steps = {
        "logistic": (TfidfVectorizer(), LogisticRegression(C=10, max_iter=200)),
        "bigrams": (CountVectorizer(ngram_range=(1, 2)), MultinomialNB()),
        "forest": (TfidfVectorizer(), RandomForestClassifier(20, max_depth=12, random_state=0)),
    }[kind]
    return make_pipeline(*steps).fit(*texts_of(count, 150, seed=1))


def records(quick: bool) -> Iterator[Record]:
    count, repeats = (100, 1) if quick else (3000, 3)
    many, short, long = (2, 16, 20) if quick else (1000, 100, 300)
    options = {"num_samples": 64} if quick else {}
    few = {"num_features": 6, **options}
    logistic = pipeline_of("logistic", count)
    what = "LIME text, tf-idf + logistic regression, 20 classes"
    for name, texts, words, target, asked in (
        (f"{many:,} texts of {short} words", many, short, 150, options),
        (f"one text of {long} words", 1, long, 40, options),
        (f"one of {long}, 6 features", 1, long, 150, few),
    ):
        yield against_lime(f"{what}, {name}", logistic, texts, words, target, repeats, asked)
    bigrams = pipeline_of("bigrams", count)
    what = f"LIME text, word bigrams + MultinomialNB, one text of {long} words"
    yield against_lime(what, bigrams, 1, long, 20, repeats, options)
    forest = pipeline_of("forest", count)
    what = f"LIME text, tf-idf + forest, one text of {long} words"
    yield against_lime(what, forest, 1, long, 1, repeats, options)
    (text,), _ = texts_of(1, 60, seed=5)
    yield from text_noise.records(text, logistic, quick)
    yield from text_job.records(texts_of(100 if quick else 100_000, text_job.WORDS, 7)[0], logistic)
    yield from transformer.records(quick)


def against_lime(
    name: str,
    model: Any,
    count: int,
    words: int,
    target: float,
    repeats: int,
    options: dict[str, Any],
) -> Record:
    """Texts in a second, warm; `lime`'s from ten of them at most."""
    texts, _ = texts_of(count, words, seed=5)
    explainer = TextExplainer(split=r"\W+")

    def ours() -> Any:
        return explainer.explain(texts, model, top_labels=1, **options)

    def limes() -> None:
        for text in texts[:10]:
            lime_text_explanation(text, model.predict_proba, **options)

    ours()
    time = median_seconds(ours, repeats) / count
    peer = median_seconds(limes, 1 if count > 1 else repeats) / min(count, 10)
    return faster(name, 1 / time, 1 / peer, "texts/s", f"{HOW}Medians of {repeats}.", target)
