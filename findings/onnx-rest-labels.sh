#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1: an exported OneVsRestClassifier(LinearSVC()) of two classes gives other labels.
# Guess: label 1 where the decision function is positive, as in scikit-learn; the decision itself may be laid out differently.
# Seen: the two columns are 1 - d and d, the label is the larger one, so it changes at d = 0.5: 39 of 200 labels differ. The same
# LinearSVC by itself keeps all its labels.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  onnxruntime==1.32.0 onnx==1.23.2 skl2onnx==1.20.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

rng = np.random.default_rng(0)
X, new = rng.normal(size=(300, 5)).astype(np.float32), rng.normal(size=(200, 5)).astype(np.float32)
y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
labels = {}
for model in (LinearSVC(), OneVsRestClassifier(LinearSVC())):
    options = {"zipmap": False} if isinstance(model, OneVsRestClassifier) else None
    graph = skl2onnx.to_onnx(model.fit(X, y), X[:1], options=options).SerializeToString()
    labels[type(model).__name__] = onnxruntime.InferenceSession(graph).run(None, {"X": new})[0]
decision, expected = model.decision_function(new), model.predict(new)
wrong = {name: int((given != expected).sum()) for name, given in labels.items()}
print(skl2onnx.__version__, "labels of 200 that differ:", wrong)
assert wrong["LinearSVC"] == 0 and wrong["OneVsRestClassifier"] > 20, "this has changed"
assert (labels["OneVsRestClassifier"] == (decision > 0.5)).all(), "this has changed"
PYTHON
