#!/usr/bin/env bash
# pandas 3.1.1 with pyarrow 26.0.1: a categorical column of integers does not come back from parquet as one.
# Guess: pandas notes in the file which columns are categorical, and text categories do come back. Seen: integers come back
# as int64, so a model that takes categories by dtype (LightGBM, XGBoost, HistGradientBoosting) sees numbers in the copy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" pandas==3.1.1 pyarrow==26.0.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import io

import pandas as pd
import pyarrow

frame = pd.DataFrame({"whole": pd.Categorical([3, 1, 3]), "text": pd.Categorical(["x", "y", "x"])})
file = io.BytesIO()
frame.to_parquet(file)
file.seek(0)
back = pd.read_parquet(file)
print(pd.__version__, pyarrow.__version__, back.dtypes.to_dict())
assert str(back["text"].dtype) == "category", "this has changed"
assert str(back["whole"].dtype) == "int64", "this has changed"
PYTHON
