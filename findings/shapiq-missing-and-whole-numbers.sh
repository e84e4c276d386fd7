#!/usr/bin/env bash
# shapiq 1.4.1 sends missing values, and with XGBoost 3.2.0 rows at a threshold, to the other side of a split than the model does.
# Guess: its `TreeExplainer` takes the side that the trees themselves note for missing values; at most a few rows lie on a threshold.
# Seen: the sum of the values is off by up to 3.7 in half of the rows where values are missing (LightGBM 4.7.0 too), and by up to 8 in
# all rows of whole numbers with XGBoost, whose thresholds are whole numbers there; no error, no warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  shapiq==1.4.1 xgboost-cpu==3.2.0 lightgbm==4.7.0 scikit-learn==1.9.1 pandas==2.3.3
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import lightgbm
import numpy as np
import shapiq
import xgboost

rng = np.random.default_rng(0)
fractions = rng.normal(size=(400, 4)).astype(np.float32)
holes = np.where(rng.uniform(size=(400, 4)) < 0.2, np.float32(np.nan), fractions)
whole = rng.integers(0, 5, size=(400, 4)).astype(np.float32)


def off(library, X):
    y = 2 * np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 2] * X[:, 3])
    if library is xgboost:
        model = xgboost.XGBRegressor(n_estimators=10, max_depth=3).fit(X, y)
    else:
        model = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1).fit(X, y)
    explainer = shapiq.TreeExplainer(model=model, max_order=1, index="SV")
    total = [sum(explainer.explain(row).values) for row in X[:30]]  # that of no player included
    return abs(np.array(total) - model.predict(X[:30]))


found = {
    (library.__name__, name): off(library, X)
    for library in (xgboost, lightgbm)
    for name, X in (("fractions", fractions), ("missing", holes), ("whole", whole))
}
for case, rows in found.items():
    print(*case, "off by up to", rows.max(), "in", int((rows > 1e-3).sum()), "of 30 rows")
assert (found["xgboost", "fractions"] > 1e-3).sum() <= 2, "this has changed"
assert max(found["lightgbm", "fractions"].max(), found["lightgbm", "whole"].max()) < 1e-6, "this has changed"
assert (found["xgboost", "whole"] > 1e-3).sum() > 25, "this has changed"
assert (found["xgboost", "missing"] > 0.5).sum() > 5, "this has changed"
assert (found["lightgbm", "missing"] > 0.5).sum() > 3, "this has changed"
PYTHON
