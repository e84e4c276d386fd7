#!/usr/bin/env bash
# scikit-learn 1.9.1: a regression tree of targets far from 0 is another tree than that of the same targets near 0.
# Guess: in float64, targets of 1e8 plus or minus 100 leave nine digits, and the splits are the same. Seen: from 1e8 on the
# predictions differ by a quarter of the spread, and at 1e10 by three times it: the impurities are differences of large
# squares. Subtract a constant from such targets before fitting, and add it to the predictions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.tree import DecisionTreeRegressor

X = np.random.default_rng(0).normal(size=(200, 2))
y = 100 * X[:, 0] + X[:, 1]
near = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y).predict(X)
off = {}
for far in (1e6, 1e8, 1e9, 1e10):
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y + far)
    off[far] = np.abs(model.predict(X) - far - near).max() / y.std()
print(sklearn.__version__, "largest difference in standard deviations of the target:", off)
assert off[1e6] < 1e-6, "this has changed"
assert off[1e8] > 0.1 and off[1e9] > 0.5 and off[1e10] > 1, "this has changed"
PYTHON
