"""How an ONNX model is opened, and which of its sums have a closed form."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import apply, linear, sum_of_trees
from lime_jax.models.convert.features import Features, RawTable, raw_features
from lime_jax.models.onnx.classes import output_classes
from lime_jax.models.onnx.evaluator import OnnxPredict, build
from lime_jax.models.onnx.operators import BUILDERS
from lime_jax.models.onnx.reader import Graph, Node, OnnxSource, Proto, read_graph, read_proto
from lime_jax.models.onnx.runtime import RuntimePredict, open_session
from lime_jax.models.onnx.tables import LinearModel
from lime_jax.models.onnx.tree_graphs import read_graph_of_trees
from lime_jax.models.onnx.trees import read_ensemble
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.models.registry import Converted, register_opener
from lime_jax.models.trees.thresholds import after_rounding
from lime_jax.optional import is_installed, require
from lime_jax.typing import AnyArray, ModelLike

_TREES = {
    "ai.onnx.ml.TreeEnsembleClassifier": read_ensemble,
    "ai.onnx.ml.TreeEnsembleRegressor": read_ensemble,
    "ai.onnx.ml.TreeEnsemble": read_graph_of_trees,
}
_LINES = ("ai.onnx.ml.LinearRegressor", "ai.onnx.ml.SVMRegressor")


def load(source: OnnxSource, output: str | None = None, table: RawTable | None = None) -> Model:
    """Open an ONNX model.

    The first output of real numbers is explained: a classifier's labels are left out. A graph that
    only takes batches of one is mapped over the batch.

    Args:
        source: path of a file, its bytes, or an `onnx.ModelProto`.
        output: what the outputs are ("probability", "margin" or "value"), if known.
        table: that the model is called with; None: one array of numbers, of any shape.

    Returns:
        A JAX function whose leaves are the weights. Where an operator has no JAX form here, a
        function on the host by onnxruntime, with the reason.

    Raises:
        ImportError: if `onnx` is not installed, or onnxruntime is needed and is not.
    """
    proto = read_proto(source)
    graph = None
    try:
        graph, weights = read_graph(proto)
        predict = build(graph, weights)
        converted = _converted(graph, predict, table)
        _try(converted.predict, graph, table)
    except NotConvertibleError as error:
        names = None if graph is None else output_classes(proto, graph.output)
        require("onnxruntime", extra="onnx", needed_by=f"{error}; running it")
        return _on_host(_runtime(source, proto, graph), str(error), output, names)
    return Model(
        DevicePredict(converted.predict),
        "jax",
        "an ONNX graph converted to JAX",
        output,
        output_classes(proto, graph.output),
        structure=converted.structure,
        why_not_exact=converted.why_not_exact,
        host=_Later(source, proto, graph) if is_installed("onnxruntime") else None,
        rounds_inputs=converted.rounds_inputs,
        converted=None if table is None else converted,
        num_raw=0 if table is None else len(table.levels),
    )


@register_opener(
    "onnx.ModelProto",
    exact=True,
    why_not="graphs other than of one forest or linear model are no sums",
)
def _open_proto(model: ModelLike, output: str | None, table: RawTable | None) -> Model:
    opened = load(model, output, table)
    if opened.host is None or jax.default_backend() != "cpu" or not _is_slow_on_cpu(model):
        return opened
    return opened.on_host("its convolutions are several times as fast in onnxruntime on a CPU")


def _is_slow_on_cpu(proto: Proto) -> bool:
    """Whether it convolves channels in groups, as MobileNet does, or three axes.

    Of 3 images with 64 channels onnxruntime takes a fifth of the time of XLA there; of small
    images and lines, and of all channels together, about as long.
    """
    for node in proto.graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        groups, kernel = (attributes.get(name) for name in ("group", "kernel_shape"))
        in_groups = groups is not None and groups.i > 1
        if node.op_type == "Conv" and (in_groups or (kernel is not None and len(kernel.ints) > 2)):
            return True
    return False


_WHY_SESSION = "an onnxruntime session; hand over the model itself to run it in JAX"


@register_opener("onnxruntime.InferenceSession", method="run", why_not=_WHY_SESSION, on_host=True)
def _open_session(model: ModelLike, output: str | None, table: RawTable | None) -> Model:
    return _on_host(RuntimePredict(model), _WHY_SESSION, output, None)


_TOKENS = 8
"""Of each text, where a model that takes any number is traced."""


class _Later:
    """A model on the host, whose session is made when it is called."""

    def __init__(self, source: OnnxSource, proto: Proto, graph: Graph | None) -> None:
        self.parts = source, proto, graph
        self.runtime: RuntimePredict | None = None

    def __call__(self, inputs: AnyArray) -> np.ndarray:
        if self.runtime is None:
            self.runtime = _runtime(*self.parts)
        return self.runtime(inputs)


def _runtime(source: OnnxSource, proto: Proto, graph: Graph | None) -> RuntimePredict:
    is_path = isinstance(source, str | os.PathLike)
    content = os.fspath(source) if is_path else proto.SerializeToString()
    return open_session(content, None if graph is None else graph.output)


def _on_host(
    runtime: RuntimePredict, reason: str, output: str | None, names: tuple[Any, ...] | None
) -> Model:
    why = "it runs on the host, its inside is not known"
    return Model(
        runtime, "host", f"onnxruntime on the host: {reason}", output, names, why_not_exact=why
    )


def _converted(graph: Graph, predict: OnnxPredict, table: RawTable | None) -> Converted:
    """The graph on a table, with its structure if it is nothing but a sum."""
    shape = graph.inputs[0].shape
    if table is None and len(graph.inputs) == 1 and shape and len(shape) == 2 and shape[1]:
        table = RawTable.of_numbers(shape[1])
    why = "its output is not a sum over trees or over columns"
    single = all(entry.dtype == "float32" for entry in graph.inputs)
    if table is None and takes_tokens(graph):
        return Converted(lambda inputs: predict, None, why)
    if table is None:
        return Converted.of_table(predict, why, single)
    features = raw_features(table)
    node = _only_model(graph)
    if node is not None and node.op in _TREES:
        ensemble = _TREES[node.op](node)
        if ensemble.transform == "NONE" and not ensemble.equal_columns:
            return _sum_of_trees(graph, ensemble.trees, features)
        last = ensemble.transform.replace("TWO_SIGMOIDS", "LOGISTIC")
        why = f"its probabilities are {last} of a sum over trees, not a sum themselves"
        if ensemble.equal_columns:
            why = "its trees test numbers for equality"
    model = BUILDERS[node.op](node) if node is not None and node.op in _LINES else None
    if isinstance(model, LinearModel):
        coef, intercept = (np.asarray(part, np.float64) for part in (model.coef, model.intercept))
        return linear(coef.T, intercept, features)
    if all(levels is None for levels in table.levels):
        return Converted.of_table(predict, why, single, len(table.levels))
    return dataclasses.replace(apply(predict, features, why), rounds_inputs=single)


def takes_tokens(graph: Graph) -> bool:
    """Whether the inputs are several rows of any length, as those of transformers are."""
    shapes = [entry.shape for entry in graph.inputs]
    return len(shapes) > 1 and all(s is not None and s[1:] == (None,) for s in shapes)


def _sum_of_trees(graph: Graph, trees: Any, features: Features) -> Converted:
    single = graph.inputs[0].dtype == "float32"
    if trees.num_features > len(features):
        raise NotConvertibleError(
            f"ONNX: its trees test column {trees.num_features - 1}, the table has {len(features)}"
        )
    trees = dataclasses.replace(
        trees,
        threshold=after_rounding(trees.threshold) if single else trees.threshold,
        num_features=len(features),
    )
    return sum_of_trees(trees, features, rounds_inputs=single)


def _only_model(graph: Graph) -> Node | None:
    """The node between input and output, if everything else leaves numbers as they are."""
    real = ("float32", "float64")
    if len(graph.inputs) != 1 or graph.inputs[0].dtype not in real:
        return None
    between = [node for node in graph.nodes if not _leaves_alone(node)]
    if len(between) != 1 or len(graph.nodes[-1].inputs) != 1 or len(between[0].inputs) != 1:
        return None
    return between[0]


def _leaves_alone(node: Node) -> bool:
    if node.op == "Cast":
        from onnx import TensorProto

        return node.get("to") in (TensorProto.FLOAT, TensorProto.DOUBLE)
    return node.op in ("Identity", "ai.onnx.ml.ZipMap")


def _try(predict: Any, graph: Graph, table: RawTable | None) -> None:
    """Trace the model once, as far as the shape of its input is known."""
    shapes = [entry.shape for entry in graph.inputs]
    if table is None and takes_tokens(graph):
        rows = jax.ShapeDtypeStruct((2, _TOKENS), jnp.int32)
        return _trace(predict, {entry.name: rows for entry in graph.inputs})
    if table is not None:
        shape: tuple[Any, ...] = (2, len(table.levels))
    elif len(shapes) == 1 and shapes[0]:
        shape = (2, *shapes[0][1:])
    elif all(s is not None and len(s) == 2 for s in shapes):
        shape = (2, sum(s[1] or 0 for s in shapes if s))
    else:
        return
    if None not in shape:
        _trace(predict, jax.ShapeDtypeStruct(shape, jnp.result_type(float)))


def _trace(predict: Any, inputs: Any) -> None:
    try:
        jax.eval_shape(predict, inputs)
    except NotConvertibleError:
        raise
    except Exception as error:  # an operator that is used in a way not thought of here
        notes = " ".join(n for n in getattr(error, "__notes__", ()) if n.startswith("in ONNX"))
        first = str(error).strip().partition("\n")[0][:200]
        raise NotConvertibleError(f"ONNX: it does not trace: {first} {notes}") from error
