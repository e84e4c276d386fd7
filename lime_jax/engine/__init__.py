"""Rows times samples, in chunks of one shape.

Two plans. Where samples do not depend on x, all rows share one neighborhood: it is drawn once, the
model is called on it once, and rows only differ in how they see it. Otherwise every row draws its
own, from a key that is a function of the seed and the row's id. A JAX model runs inside the jitted
program; any other is called between two of them, so its exceptions are its own.
"""

from lime_jax.engine.closed_form import explain_exact
from lime_jax.engine.device_calls import predict_rows, render
from lime_jax.engine.keys import keys_of
from lime_jax.engine.row_run import RowRun
from lime_jax.engine.rows import explain_rows, sweep_rows
from lime_jax.engine.shared import adjust, explain_shared, fit_shared, lay_out, sweep_shared
from lime_jax.engine.shared_run import SharedNeighborhood, SharedRun
from lime_jax.engine.typing import HostInputs, HostPredict, Progress, Rows

__all__ = [
    "HostInputs",
    "HostPredict",
    "Progress",
    "RowRun",
    "Rows",
    "SharedNeighborhood",
    "SharedRun",
    "adjust",
    "explain_exact",
    "explain_rows",
    "explain_shared",
    "fit_shared",
    "keys_of",
    "lay_out",
    "predict_rows",
    "render",
    "sweep_rows",
    "sweep_shared",
]
