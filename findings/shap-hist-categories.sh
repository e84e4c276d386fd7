#!/usr/bin/env bash
# shap 0.51.0 with scikit-learn 1.9.1: `TreeExplainer` reads a split on categories as one on numbers, without a word.
# Guess: a `HistGradientBoostingRegressor` with categorical features is refused, or its values sum to the prediction; a sum that
# is off is an error by default ("Additivity check failed"). Seen: no error and no warning, with and without a background, and
# the sums are off by more than the column can change them: the check compares with shap's own reading of the trees.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" shap==0.51.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import shap
import sklearn
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(size=800), rng.integers(0, 12, 800)])
y = X[:, 0] + 3 * np.isin(X[:, 1], [1, 5, 7])
off = {}
for columns, background in (([1], None), ([1], X[:50]), (None, None)):
    model = HistGradientBoostingRegressor(categorical_features=columns, max_iter=20).fit(X, y)
    explained = shap.TreeExplainer(model, background)(X[:20])
    sums = explained.values.sum(1) + explained.base_values
    off[str(columns), background is not None] = np.abs(sums - model.predict(X[:20])).max()
print(shap.__version__, sklearn.__version__, "(categories, background): largest |sum - prediction|", off)
assert off["None", False] < 1e-6, "this has changed"
assert min(off["[1]", False], off["[1]", True]) > 1, "this has changed"
PYTHON
