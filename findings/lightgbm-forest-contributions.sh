#!/usr/bin/env bash
# LightGBM 4.7.0: contributions of boosting="rf" add up to the number of trees times the prediction.
# Guess: `predict(pred_contrib=True)` adds up to the raw score of each row, as for every other kind of boosting. Seen: a forest
# averages its trees in `predict` and adds them up in its contributions: with 20 trees they are 20 times too large, the expected
# value in the last column too. shap.TreeExplainer without a background hands these numbers on.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" \
  lightgbm==4.7.0 numpy==2.4.6 scipy==1.17.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import lightgbm
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 4))
y = 2 * X[:, 0] + X[:, 2] * X[:, 3]
ratio = {}
for boosting in ("gbdt", "dart", "rf"):
    settings = dict(boosting=boosting, bagging_freq=1, bagging_fraction=0.5, verbose=-1)
    model = lightgbm.train(settings, lightgbm.Dataset(X, y), num_boost_round=20)
    ratio[boosting] = model.predict(X, pred_contrib=True).sum(1) / model.predict(X)
print(lightgbm.__version__, {name: (rows.min(), rows.max()) for name, rows in ratio.items()})
assert np.allclose(ratio["gbdt"], 1) and np.allclose(ratio["dart"], 1), "this has changed"
assert np.allclose(ratio["rf"], 20), "this has changed"
PYTHON
