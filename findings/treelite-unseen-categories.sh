#!/usr/bin/env bash
# treelite 4.8.1: an imported HistGradientBoosting model of scikit-learn 1.9.1 sends a category that it has not seen
# elsewhere than scikit-learn does.
# Guess: `import_model` keeps what `predict` says of every row that `predict` takes; scikit-learn treats a category it has
# not seen as a missing value. Seen: known and missing categories are equal to the last digits, unseen ones are not where
# missing values go to the child of the listed categories: treelite sends what is not listed to the other one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" treelite==4.8.1 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} - <<'PYTHON'
import numpy as np
import treelite
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(size=500), rng.integers(0, 5, 500)])
y = X[:, 0] + 3 * (X[:, 1] == 3) + rng.normal(size=500) / 4
model = HistGradientBoostingRegressor(max_iter=10, categorical_features=[1]).fit(X, y)
imported = treelite.sklearn.import_model(model)
off = {}
for name, category in {"known": 3.0, "missing": np.nan, "unseen": 9.0}.items():
    rows = X[:100].copy()
    rows[:, 1] = category
    found = treelite.gtil.predict(imported, rows).reshape(-1)
    off[name] = float(np.abs(found - model.predict(rows)).max())
print(treelite.__version__, "largest difference from scikit-learn, by category:", off)
rows[:, 1] = np.nan
missing = model.predict(rows)
rows[:, 1] = 9.0
assert np.array_equal(model.predict(rows), missing), "scikit-learn has changed"
assert off["known"] < 1e-12 and off["missing"] < 1e-12 and off["unseen"] > 1e-2, "this has changed"
PYTHON
