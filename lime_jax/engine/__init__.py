"""Rows times samples, in chunks of one shape.

Two plans. Where samples do not depend on x, all rows share one neighborhood: it is drawn once, the
model is called on it once, and rows only differ in how they see it. Otherwise every row draws its
own, from a key that is a function of the seed and the row's id. A JAX model runs inside the jitted
program; any other is called between two of them, so its exceptions are its own.
"""

from lime_jax.engine.adaptive import AdaptiveFit
from lime_jax.engine.alike import explain_alike
from lime_jax.engine.closed_form import explain_exact
from lime_jax.engine.device_calls import predict_rows, render
from lime_jax.engine.explain import explain, explain_until, sweep
from lime_jax.engine.keys import keys_of
from lime_jax.engine.shared_run import draw_shared
from lime_jax.engine.work import HostInputs, Progress, Rows, SharedNeighborhood, Work

__all__ = [
    "AdaptiveFit",
    "HostInputs",
    "Progress",
    "Rows",
    "SharedNeighborhood",
    "Work",
    "draw_shared",
    "explain",
    "explain_alike",
    "explain_exact",
    "explain_until",
    "keys_of",
    "predict_rows",
    "render",
    "sweep",
]
