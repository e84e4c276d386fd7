#!/usr/bin/env bash
# scikit-learn 1.9.1: SplineTransformer(degree=1, extrapolation="linear") makes other splines of a column if it is not the
# first one.
# Guess: each column has splines of its own, so the same column twice gives the same splines twice, whose sum is 1
# between the knots. Seen: the second copy's differ by up to 2, also on the rows that it was fitted on. The number of
# splines that are continued as lines is counted up once for every column.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.preprocessing import SplineTransformer

x = np.linspace(0, 1, 21)[:, None]
off = {}
for degree in (1, 2, 3):
    step = SplineTransformer(n_knots=4, degree=degree, extrapolation="linear")
    first, second = np.split(step.fit_transform(np.hstack([x, x])), 2, axis=1)
    assert np.allclose(first.sum(1), 1), "this has changed"
    off[degree] = np.abs(second - first).max()
print(sklearn.__version__, "largest difference between two copies of a column, by degree:", off)
assert off[1] > 1 and off[2] == off[3] == 0, "this has changed"
PYTHON
