"""What should take no longer than something simpler: one of many outputs, some models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.clock import median_overhead, median_seconds
from benchmarks.record import Record, smaller
from lime_jax import ImageExplainer, TabularExplainer

OUTPUT = 3


def records(quick: bool) -> Iterator[Record]:
    yield from one_of_many(outputs=40 if quick else 1000, rows=5 if quick else 100)
    yield exact_one_of_many(classes=40 if quick else 1000, rows=20 if quick else 100)
    yield from neighbors(rows=500 if quick else 100_000, samples=256 if quick else 1024)
    yield depthwise(side=32 if quick else 224, samples=16 if quick else 256)


def one_of_many(outputs: int, rows: int) -> Iterator[Record]:
    """One output of a model on the host, over a model of this output; its own time left out."""
    rng = np.random.default_rng(0)
    X, slopes = rng.normal(size=(1000, 60)), 0.3 * rng.normal(size=(60, outputs))

    def every(inputs: np.ndarray) -> np.ndarray:
        odds = np.exp(inputs @ slopes)
        return odds / odds.sum(1, keepdims=True)

    def own_seconds(
        explainer: Any, model: Callable[[np.ndarray], np.ndarray], **asked: Any
    ) -> float:
        explain = lambda watched: explainer.explain(X[:rows], watched, **asked)  # noqa: E731
        explain(model)
        return median_overhead(explain, model, repeats=7)

    kinds = {
        "sampled LIME": TabularExplainer().fit(X),
        "sampled LIME around each row": TabularExplainer(sample_around_instance=True).fit(X),
        "KernelSHAP": TabularExplainer("kernel_shap").fit(X[:10]),
    }
    for name, explainer in kinds.items():
        alone = own_seconds(explainer, lambda inputs: every(inputs)[:, OUTPUT])
        for label, asked in (
            ("labels=[3]", {"labels": [OUTPUT]}),
            ("top_labels=1", {"top_labels": 1}),
        ):
            yield smaller(
                f"{label} of {outputs:,} outputs, {name}, {rows} x 60",
                own_seconds(explainer, every, **asked),
                alone,
                "s",
                "Beyond the time of the model, which is a function on the host; over a function of "
                "one output. Medians of 7.",
                target=1.3,
            )


def exact_one_of_many(classes: int, rows: int) -> Record:
    """One class of a forest, over a forest that knows this class only."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(5 * classes, 10))
    y = np.arange(len(X)) % classes
    of_all = RandomForestClassifier(10, max_depth=8, random_state=0).fit(X, y)
    of_one = RandomForestRegressor(10, max_depth=8, random_state=0).fit(X, y == OUTPUT)
    explainer = TabularExplainer().fit(X)

    def took(model: Any, **asked: Any) -> float:
        explain = lambda: explainer.explain(X[:rows], model, score=False, **asked)  # noqa: E731
        explain()
        return median_seconds(explain, repeats=5)

    return smaller(
        f"labels=[3] of {classes:,} classes, exact LIME of a forest, {rows} x 10",
        took(of_all, labels=[OUTPUT]),
        took(of_one),
        "s",
        "10 trees of depth 8, over a forest that was fitted to this class alone. Medians of 5.",
        target=1.3,
    )


def neighbors(rows: int, samples: int) -> Iterator[Record]:
    """A nearest-neighbor model, over the same as a function."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    X = np.random.default_rng(0).normal(size=(rows, 30))
    explainer = TabularExplainer().fit(X[:1000])
    for kind, y in ((KNeighborsClassifier, X[:, 0] > 0), (KNeighborsRegressor, X[:, 0])):
        model = kind(5, n_jobs=1).fit(X, y)
        call = getattr(model, "predict_proba", model.predict)
        both = []
        for handed in (model, lambda inputs, call=call: call(inputs)):
            explain = lambda m=handed: explainer.explain(X[1:2], m, num_samples=samples)  # noqa: E731
            explain()
            both.append(median_seconds(explain, repeats=5))
        yield smaller(
            f"{kind.__name__}, {rows:,} x 30, one row",
            *both,
            "s",
            f"{samples:,} samples; over the same model as a function on the host. Medians of 5.",
            target=1.1,
        )


def depthwise(side: int, samples: int) -> Record:
    """An ONNX network with depthwise convolutions, over its session."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights: list[Any] = []

    def weight(*shape: int) -> str:
        values = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"w{len(weights)}"))
        return weights[-1].name

    around = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", weight(64, 3, 3, 3)], ["c0"], strides=[2, 2], **around),
    ]
    for i in range(6):
        nodes += [
            helper.make_node("Conv", [f"c{i}", weight(64, 1, 3, 3)], [f"d{i}"], group=64, **around),
            helper.make_node("Relu", [f"d{i}"], [f"r{i}"]),
            helper.make_node("Conv", [f"r{i}", weight(64, 64, 1, 1)], [f"c{i + 1}"]),
        ]
    nodes += [
        helper.make_node("GlobalAveragePool", ["c6"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Softmax", ["f"], ["p"], axis=1),
    ]
    kind = TensorProto.FLOAT
    ends = (
        [helper.make_tensor_value_info("x", kind, ["N", side, side, 3])],
        [helper.make_tensor_value_info("p", kind, ["N", 64])],
    )
    graph = helper.make_graph(nodes, "depthwise", *ends, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    photo = rng.integers(0, 255, (side, side, 3)).astype(np.float32)
    explainer, both = ImageExplainer(segmentation="grid"), []
    for handed in (model, session):
        explain = lambda m=handed: explainer.explain(photo, m, top_labels=1, num_samples=samples)  # noqa: E731
        explain()
        both.append(median_seconds(explain, repeats=3))
    return smaller(
        f"ONNX network with depthwise convolutions, {side} x {side}",
        *both,
        "s",
        f"{samples} samples of one picture; over its onnxruntime session. Medians of 3.",
        target=1.1,
    )
