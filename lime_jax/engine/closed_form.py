"""Rows by a closed form, without samples."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import programs
from lime_jax.engine.collect import collect
from lime_jax.engine.devices import for_rows
from lime_jax.engine.work import Progress, Rows
from lime_jax.typing import ClosedForm, LinearFit


def explain_exact(
    form: ClosedForm,
    rows: Rows,
    variance: np.ndarray | None,
    progress: Progress | None = None,
    mesh: Mesh | None = None,
    effort: str | None = None,
) -> LinearFit:
    """Explain rows by a closed form.

    Args:
        variance: of the outputs in each row's neighborhood, (rows, labels); None: no scores.
        effort: of the compiler; see `programs`.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    rows, devices = dataclasses.replace(rows, variance=variance), for_rows(mesh)
    [form_there], block = devices.place([form]), form.rows_at_once

    def fit(part: Rows, count: int) -> LinearFit:
        program = {"form": form_there, "count": count, "block": block}
        return programs.fit_exact(part, devices, **program, effort=effort)

    # JAX returns before it is done, so several chunks keep several cores busy.
    labels, sizes = rows.labels.shape[1], [leaf[0].size for leaf in jax.tree.leaves(rows.instances)]
    most, at_once = min(1024, max(64, 8 * block)), 4 if mesh is None else 1
    return collect(fit, rows, devices, max(sizes), labels, progress, most, at_once)
