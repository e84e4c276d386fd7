#!/usr/bin/env bash
# XGBoost 3.2.0: `predict_proba` of `XGBClassifier(objective="binary:logitraw")` is no probability.
# Guess: the margin through a sigmoid, or an error. Seen: one minus the margin and the margin itself, below 0 and above 1;
# so whoever hands `predict_proba` to an explainer explains log-odds under the name of a probability.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" xgboost-cpu==3.2.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import xgboost

X = np.random.default_rng(0).normal(size=(200, 2))
model = xgboost.XGBClassifier(objective="binary:logitraw", n_estimators=5).fit(X, X[:, 0] > 0)
scores, margin = model.predict_proba(X), model.predict(X, output_margin=True)
print(xgboost.__version__, "predict_proba from", scores.min(), "to", scores.max(), "margin:", margin[:2], scores[:2])
assert scores.min() < -1 and scores.max() > 2, "this has changed"
assert np.allclose(scores, np.column_stack([1 - margin, margin])), "this has changed"
PYTHON
