#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1: Normalizer(norm="max") is exported as another one.
# Guess: the operator Normalizer of ONNX, norm MAX, is scikit-learn's, whose three norms have the same names. Seen: it divides by
# the largest entry where scikit-learn divides by the largest absolute one; the row (1, -4, 2) becomes (0.5, -2, 1) and not
# (0.25, -1, 0.5), and rows of negative numbers change their signs. Norms l1 and l2 are the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  onnxruntime==1.32.0 onnx==1.23.2 skl2onnx==1.20.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.preprocessing import Normalizer

X = np.array([[1, -4, 2], [-1, -2, -4], [3, 1, 2]], np.float32)
given = {}
for norm in ("l1", "l2", "max"):
    step = Normalizer(norm).fit(X)
    graph = skl2onnx.to_onnx(step, X[:1]).SerializeToString()
    given[norm] = onnxruntime.InferenceSession(graph).run(None, {"X": X})[0], step.transform(X)
print(skl2onnx.__version__, given["max"][0].tolist(), "scikit-learn:", given["max"][1].tolist())
for norm in ("l1", "l2"):
    assert np.allclose(*given[norm], atol=1e-6), "this has changed"
assert np.allclose(given["max"][0], X / X.max(1, keepdims=True)), "this has changed"
assert np.allclose(given["max"][1], X / abs(X).max(1, keepdims=True)), "this has changed"
PYTHON
