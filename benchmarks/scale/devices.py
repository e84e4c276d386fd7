"""Eight devices, which one CPU is told to be: the same numbers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np

from benchmarks import cases
from benchmarks.clock import in_fresh_process, seconds
from benchmarks.record import Record, at_most

DEVICES = 8


def records(quick: bool) -> Iterator[Record]:
    rows, trees = (16, 3) if quick else (2000, 100)
    flags = {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}",
        "NPROC": str(2 * DEVICES),  # XLA's threads: devices that wait for each other need one each
    }
    found = in_fresh_process("benchmarks.scale.devices", rows, trees, environment=flags)
    yield at_most(
        f"{DEVICES} forced host devices: largest difference between coefficients",
        found["apart"],
        "",
        f"Breast cancer, converted forest of {trees} trees. A shared neighborhood and {rows:,} "
        f"rows, rows over {DEVICES} devices; samples around {rows // 16} rows and KernelSHAP of "
        "them, over 8 devices and over 4 times 2, which share a row's samples: against one "
        "device. Row ids and bins are the same bit by bit. The devices are threads of one CPU, so "
        f"their speed says nothing ({found['mesh']:.3g} s for all, one device {found['one']:.3g} "
        "s, with compilation).",
        target=1e-5,
    )


def compare(rows: int, trees: int) -> dict[str, float]:
    """What a process of its own runs, in which there are so many devices."""
    import jax

    from lime_jax import TabularExplainer

    assert jax.device_count() == DEVICES
    meshes = [jax.make_mesh((8,), ("rows",)), jax.make_mesh((4, 2), ("rows", "samples"))]
    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, rows)
    kinds = [
        (TabularExplainer(), case.X_train, X),
        (TabularExplainer(sample_around_instance=True), case.X_train, X[: rows // 16]),
        (TabularExplainer("kernel_shap"), case.X_train[:100], X[: rows // 16]),
    ]
    apart, times = 0.0, {"one": 0.0, "mesh": 0.0}
    for explainer, training, some in kinds:
        explainer.fit(training)
        found = []
        for mesh in (None, *meshes):

            def explain(mesh: object = mesh, explainer: object = explainer) -> None:
                found.append(  # noqa: B023
                    explainer.explain(some, case.model, method="sampled", mesh=mesh)  # noqa: B023
                )

            times["one" if mesh is None else "mesh"] += seconds(explain)
        for other in found[1:]:
            assert np.array_equal(other.key_ids, found[0].key_ids)
            assert np.array_equal(other.bins, found[0].bins)
            apart = float(np.maximum(apart, np.abs(other.coef - found[0].coef).max()))
    return {"apart": apart, **times}


if __name__ == "__main__":
    print(json.dumps(compare(*map(int, sys.argv[1:]))))
