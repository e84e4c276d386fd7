#!/usr/bin/env bash
# catboost 1.2.10: a classifier of two categorical columns learns no statistic of both together unless it is asked to.
# Guess: it combines categorical columns greedily by default, which its paper counts among its two novelties. Seen: the trained
# model reports `max_ctr_complexity` 1, its JSON form has statistics of single columns only, and a target that depends on the
# pair is learned to 85 %; with `max_ctr_complexity=2` to 98 %, with statistics of both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" catboost==1.2.10 numpy==2.3.5 pandas==2.3.3
cd "$folder"
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import json

import catboost
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
table = pd.DataFrame({"first": rng.choice(list("abcdef"), 2000), "second": rng.choice(list("uvwxyz"), 2000)})
effect = rng.normal(size=(6, 6))
pair = effect[table["first"].map("abcdef".index), table["second"].map("uvwxyz".index)]
y = (pair + 0.1 * rng.normal(size=2000) > 0).astype(int)
found = {}
for asked in (None, 2):
    more = {} if asked is None else {"max_ctr_complexity": asked}
    model = catboost.CatBoostClassifier(iterations=60, depth=3, random_seed=1, verbose=0, allow_writing_files=False,
                                        thread_count=1, cat_features=["first", "second"], **more).fit(table, y)
    model.save_model("model.json", format="json", pool=catboost.Pool(table, cat_features=["first", "second"]))
    columns = {len(part["elements"]) for part in json.load(open("model.json"))["features_info"]["ctrs"]}
    found[asked] = model.get_all_params()["max_ctr_complexity"], sorted(columns), round(model.score(table, y), 2)
print(catboost.__version__, found)
assert found[None][:2] == (1, [1]) and found[None][2] < 0.9, "this has changed"
assert found[2][:2] == (2, [1, 2]) and found[2][2] > 0.95, "this has changed"
PYTHON
