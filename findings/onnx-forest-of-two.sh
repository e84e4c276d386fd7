#!/usr/bin/env bash
# onnxruntime 1.27.0: a forest for two classes, exported by skl2onnx 1.20.0, gives -p and p in place of 1 - p and p.
# Guess: scores of a tree ensemble that are not transformed are scikit-learn's probabilities, as in 1.24.4. Seen: the second
# column is right, the first one is its negative, and where the second is above 0 it is the label, however small it is; rows
# sum to 0. Forests for three classes are right, and from 1.28.0 on those for two are, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  onnxruntime==1.27.0 onnx==1.20.0 skl2onnx==1.20.0 scikit-learn==1.8.0
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.ensemble import RandomForestClassifier

X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
found = {}
for classes in (2, 3):
    y = np.digitize(X[:, 0], np.linspace(-0.5, 0.5, classes - 1) if classes > 2 else [0.0])
    forest = RandomForestClassifier(5, max_depth=2, random_state=0).fit(X, y)
    model = skl2onnx.to_onnx(forest, X[:1], options={"zipmap": False}).SerializeToString()
    label, probability = onnxruntime.InferenceSession(model).run(None, {"X": X})
    found[classes] = probability, forest.predict_proba(X), (label != forest.predict(X)).sum()
print(onnxruntime.__version__, "two classes:", found[2][0][:2].tolist(), "scikit-learn:", found[2][1][:2].tolist(), "wrong labels:", found[2][2])
assert np.allclose(*found[3][:2], atol=1e-6) and found[3][2] == 0, "this has changed"
assert np.allclose(found[2][0][:, 1], found[2][1][:, 1], atol=1e-6), "this has changed"
assert np.allclose(found[2][0][:, 0], -found[2][1][:, 1], atol=1e-6), "this has changed"
assert found[2][2] > 10, "this has changed"
PYTHON
