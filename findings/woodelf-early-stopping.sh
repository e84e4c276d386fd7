#!/usr/bin/env bash
# woodelf-explainer 0.4.8 explains trees of an XGBoost 3.2.0 model that its `predict` does not use.
# Guess: the values of a row and the mean output of the background add up to `predict`, whatever the model, as
# shap.TreeExplainer's do. Seen: after early stopping `predict` ends with the best iteration, the values go on to the
# last one; without early stopping, with dart and with missing numbers they add up.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" woodelf-explainer==0.4.8 xgboost-cpu==3.2.0 \
  scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} - 2>"$folder/progress" <<'PYTHON' || { cat "$folder/progress" >&2; exit 1; }
import numpy as np
import pandas as pd
import xgboost
from woodelf.explainer import WoodelfExplainer

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(500, 3)), columns=list("abc")).astype(np.float32)
y = X["a"] * X["b"] + X["c"]
rows, background = X[:20], X[100:150]
noisy = [(X[:100], y[:100] + 2 * rng.normal(size=100))]
off = {}
for name, stop, data, booster in [
    ("early stopping", 3, X, "gbtree"),
    ("all rounds", None, X, "gbtree"),
    ("dart", None, X, "dart"),
    ("missing numbers", None, X.where(rng.random(X.shape) > 0.2), "gbtree"),
]:
    model = xgboost.XGBRegressor(
        n_estimators=60, max_depth=4, learning_rate=0.5, booster=booster, early_stopping_rounds=stop
    )
    model.fit(data, y, eval_set=noisy, verbose=False)
    explained = WoodelfExplainer(model, background).shap_values(rows)
    total = np.asarray(explained).sum(1) + model.predict(background).mean()
    off[name] = float(np.abs(total - model.predict(rows)).max())
    if stop:
        used, made = model.best_iteration + 1, model.get_booster().num_boosted_rounds()
        assert used < made, "this has changed"
print("how far the values of a row are from adding up:", off)
assert off.pop("early stopping") > 1e-2 and max(off.values()) < 1e-4, "this has changed"
PYTHON
