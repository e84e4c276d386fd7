#!/usr/bin/env bash
# onnxruntime 1.32.0: a TreeEnsemble (ai.onnx.ml 5) with post_transform 1 ends in LOGISTIC, with 2 in SOFTMAX.
# Guess: what the standard lists (onnx 1.23.2): 1 is SOFTMAX, 2 is LOGISTIC. Seen: the other way round; rows of 2 sum to 1, those
# of 1 do not. onnx's own reference evaluator makes neither of them. So we leave all such models to onnxruntime.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" onnxruntime==1.32.0 onnx==1.23.2
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, defs, helper, numpy_helper


def outputs(transform):
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", tree_roots=[0], n_targets=2,
        nodes_modes=numpy_helper.from_array(np.array([0], np.uint8)), nodes_featureids=[0],
        nodes_splits=numpy_helper.from_array(np.float32([0.1])), nodes_truenodeids=[0],
        nodes_trueleafs=[1], nodes_falsenodeids=[1], nodes_falseleafs=[1], leaf_targetids=[0, 1],
        leaf_weights=numpy_helper.from_array(np.float32([1, 2])), post_transform=transform,
    )
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph([node], "graph", [value("x", [None, 1])], [value("y", None)])
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": np.float32([[0], [1]])})[0]


text = defs.get_schema("TreeEnsemble", 5, "ai.onnx.ml").attributes["post_transform"].description
print(text)
print("1:", outputs(1).tolist(), "2:", outputs(2).tolist())
assert "'SOFTMAX' (1), 'LOGISTIC' (2)" in text, "this has changed"
assert np.allclose(outputs(2).sum(1), 1) and not np.allclose(outputs(1).sum(1), 1), "this has changed"
PYTHON
