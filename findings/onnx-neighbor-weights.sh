#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1: an exported KNeighborsRegressor(weights="distance") weighs its neighbors alike.
# Guess: the export weighs by 1 / distance, or is refused as other settings are. Seen: it is exported without a word, and gives
# what weights="uniform" gives, to seven digits; off by up to 0.14 on new rows, and on rows of the training data, which have a
# neighbor at distance 0, by more than 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  onnxruntime==1.32.0 onnx==1.23.2 skl2onnx==1.20.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.neighbors import KNeighborsRegressor

rng = np.random.default_rng(0)
X, new = rng.normal(size=(300, 5)).astype(np.float32), rng.normal(size=(200, 5)).astype(np.float32)
weighted = KNeighborsRegressor(weights="distance").fit(X, X[:, 0])
alike = KNeighborsRegressor(weights="uniform").fit(X, X[:, 0])
graph = skl2onnx.to_onnx(weighted, X[:1]).SerializeToString()
session = onnxruntime.InferenceSession(graph)
given = {name: session.run(None, {"X": rows})[0].ravel() for name, rows in (("new", new), ("old", X))}
off = [abs(given["new"] - weighted.predict(new)).max(), abs(given["old"] - weighted.predict(X)).max()]
print(skl2onnx.__version__, "off by", off, "from uniform", abs(given["new"] - alike.predict(new)).max())
assert off[0] > 0.1 and off[1] > 1, "this has changed"
assert abs(given["new"] - alike.predict(new)).max() < 1e-5, "this has changed"
PYTHON
