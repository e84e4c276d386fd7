#!/usr/bin/env bash
# shap 0.51.0 with scikit-learn 1.9.1: `TreeExplainer` decides splits in float64 that the trees decide in float32.
# Guess: interventional values of a small boosted model, ten columns, are those of all 1,024 coalitions of the model itself to
# six digits. Seen: values of two columns are off by 0.05, with no warning, since they still sum to the prediction; of the same
# table rounded to float32 before fitting they are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" shap==0.51.0 scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import math

import numpy as np
import shap
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor


def worst(table, target, rows):
    """The largest difference from the definition, over some rows."""
    model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(table, target)
    background, players = table[:50], table.shape[1]
    theirs = shap.TreeExplainer(model, background).shap_values(table[rows])
    subsets = np.indices([2] * players).reshape(players, -1).T.astype(bool)
    number, size = np.arange(len(subsets)), subsets.sum(1)
    largest = 0.0
    for row, found in zip(table[rows], theirs):
        inputs = np.where(subsets[:, None], row, background)
        worth = model.predict(inputs.reshape(-1, players)).reshape(len(subsets), -1).mean(1)
        for player in range(players):
            bit = 1 << (players - 1 - player)
            without = number[number & bit == 0]
            shares = [1 / (players * math.comb(players - 1, size[k])) for k in without]
            value = np.dot(shares, worth[without | bit] - worth[without])
            largest = max(largest, abs(value - found[player]))
    return largest


X, y = load_diabetes(return_X_y=True)
as_it_is, rounded = worst(X, y, [0, 7, 15]), worst(X.astype(np.float32).astype(float), y, [0, 7, 15])
print(f"largest error, table as it is: {as_it_is:.2g}; rounded to float32: {rounded:.2g}")
assert as_it_is > 0.01 and rounded < 1e-5
PYTHON
