#!/usr/bin/env bash
# interpret-core 0.7.8: with numpy 2.0.0 an explainable boosting machine takes columns of fractions for columns of levels.
# Guess: 240 normal numbers are a continuous feature with any NumPy that pip lets stand beside it. Seen: with 2.3.5 they are;
# with 2.0.0 they are a nominal one, without a word. A column that has missing values stays continuous with both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/types.py" <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
import interpret
import numpy as np
from interpret.glassbox import ExplainableBoostingRegressor

X = np.random.default_rng(5).normal(size=(240, 2)).round(2)
X[::10, 0] = np.nan
model = ExplainableBoostingRegressor(outer_bags=1, max_rounds=5, interactions=0, n_jobs=1).fit(X, X[:, 1])
print(interpret.__version__, "numpy", np.__version__, model.feature_types_in_)
assert model.feature_types_in_ == ["continuous", sys.argv[1]], "this has changed"
PYTHON
for pair in 2.0.0:nominal 2.3.5:continuous; do
  ${PYTHON:-python3} -m pip install --quiet --target "$folder/${pair%:*}" \
    interpret-core==0.7.8 "numpy==${pair%:*}" pandas==2.2.2 scikit-learn==1.8.0
  PYTHONPATH="$folder/${pair%:*}" ${PYTHON:-python3} "$folder/types.py" "${pair#*:}"
done
