"""alibi's distributed KernelShap on Ray, in an environment of its own: needs no `lime_jax`.

`python -m benchmarks.scale.alibi_peer TREES BACKGROUND COALITIONS ROWS` prints JSON.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
import warnings
from typing import Any

import numpy as np

from benchmarks import cases

PACKAGES = ("alibi", "ray", "shap", "scikit-learn", "numpy")
BATCHES = (1, 10)


def explain(trees: int, background: int, coalitions: int, rows: int) -> dict[str, Any]:
    """Seconds for the rows on two CPUs, at the better of two batch sizes, warm."""
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    import ray
    from alibi.explainers import KernelShap

    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, rows)
    took, values = {}, np.zeros(0)
    for size in BATCHES:
        options = {"n_cpus": 2, "batch_size": size}
        explainer = KernelShap(case.model.predict_proba, seed=0, distributed_opts=options)
        explainer.fit(case.X_train[:background])
        explainer.explain(X[:2], nsamples=2 * X.shape[1], l1_reg=False, silent=True)
        start = time.perf_counter()
        found = explainer.explain(X, nsamples=coalitions, l1_reg=False, silent=True)
        took[size] = time.perf_counter() - start
        values = np.asarray(found.shap_values[1])
    ray.shutdown()
    best = min(took, key=lambda size: took[size])
    return {
        "seconds": took[best],
        "batch_size": best,
        "values": values.tolist(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(explain(*map(int, sys.argv[1:]))))
