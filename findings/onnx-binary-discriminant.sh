#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1: the probabilities of an exported LinearDiscriminantAnalysis of two classes are too sure.
# Guess: a linear classifier of two classes is exported as LogisticRegression is, whose probabilities come out right to seven
# digits. Seen: labels are right, but each probability is the sigmoid of twice the decision function, off by up to 0.15; with
# three classes they are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  onnxruntime==1.32.0 onnx==1.23.2 skl2onnx==1.20.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

rng = np.random.default_rng(0)
X, new = rng.normal(size=(2, 300, 5)).astype(np.float32)
signal = X[:, 0] + X[:, 1] * X[:, 2]
found = {}
for classes, edges in ((2, [0.0]), (3, [-0.5, 0.5])):
    model = LinearDiscriminantAnalysis().fit(X, np.digitize(signal, edges))
    graph = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False}).SerializeToString()
    label, probability = onnxruntime.InferenceSession(graph).run(None, {"X": new})
    assert (label == model.predict(new)).all(), "this has changed"
    found[classes] = model, probability, abs(probability - model.predict_proba(new)).max()
model, probability, error = found[2]
print(skl2onnx.__version__, "two classes: off by", error, "three:", found[3][2])
twice = 1 / (1 + np.exp(-2 * model.decision_function(new)))
assert found[3][2] < 1e-5, "this has changed"
assert error > 0.1 and abs(probability[:, 1] - twice).max() < 1e-5, "this has changed"
PYTHON
