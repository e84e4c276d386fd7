#!/usr/bin/env bash
# shap 0.51.0: an Explanation of one row, values (features,) and one base value, cannot be told the name of its output.
# Guess: `output_names="price"` names it, as for several rows, whose Explanation takes the same text. Seen: IndexError for the
# text; and a list of one name is taken, but then the axis of features counts as one of outputs (`output_dims` is (0,)).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" shap==0.51.0 numpy==2.3.5 matplotlib==3.10.7
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import shap

several = shap.Explanation(np.array([[1.0, 2.0]]), np.array([0.5]), np.array([[3.0, 4.0]]), feature_names=["a", "b"], output_names="price")
one = dict(values=np.array([1.0, 2.0]), base_values=0.5, data=np.array([3.0, 4.0]), feature_names=["a", "b"])
try:
    error = None
    shap.Explanation(**one, output_names="price")
except IndexError as raised:
    error = raised
listed = shap.Explanation(**one, output_names=["price"])
print(shap.__version__, "several rows:", several.output_names, several.output_dims, "one row:", repr(error), "in a list:", listed.output_dims)
assert several.output_names == "price" and several.output_dims == (), "this has changed"
assert error is not None, "this has changed"
assert listed.output_dims == (0,), "this has changed"
PYTHON
