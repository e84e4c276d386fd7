"""What a model on the host says of samples that all rows share, asked before there are rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lime_jax.front import call
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.front.settings import read_settings
from lime_jax.models.opening import stays_on_host
from lime_jax.models.unchanging import Unchanging
from lime_jax.tabular import frames
from lime_jax.tabular.algorithms import SETTINGS
from lime_jax.tabular.call import TableCall
from lime_jax.tabular.lime import LimePlan, TabularLime
from lime_jax.tabular.opening.open_model import RecentModels
from lime_jax.tabular.opening.opened import OpenedModel

_SET_THE_SAMPLES = ("labels", "top_labels", "num_samples", "batch_size")
"""Options of `explain` that say what the model is asked."""


class _Asking(TableCall):
    """A call that ends when the model has answered for the samples."""

    def fit(self, model: OpenedModel, request: call.Request) -> list[call.Outcome]:
        """Ask; there is nothing to explain."""
        assert isinstance(self.algorithm, TabularLime)
        assert isinstance(self.plan, LimePlan)
        self.algorithm.ask(self.plan, self.table_request(model, request))
        return []


def ask_ahead(explainer: ExplainerLike, model: Unchanging, options: Mapping[str, object]) -> None:
    """Have an explainer, and copies made of it from now on, know what a model says of its samples.

    Only of a model that is known to stay on the host, and where all rows share their samples; it
    is also asked about one typical row, to see how many outputs it has.

    Args:
        options: of the calls of `explain` that will come.
    """
    learned = getattr(explainer, "learned", None)
    if not isinstance(learned, TabularLime) or not stays_on_host(model.model):
        return
    chosen = {name: options[name] for name in _SET_THE_SAMPLES if name in options}
    if chosen.get("num_samples") == "auto":
        del chosen["num_samples"]  # the first size is that of no number
    few = ExplainOptions(method="sampled", progress=False, **chosen)  # pyright: ignore[reportArgumentType]
    plan = learned.plan(read_settings(explainer, SETTINGS), few, [explainer.kernel_width])
    typical = learned.samples.typical_rows
    if typical is None or not learned.prepared.domain(plan.configs[0]).shared:
        return
    row = frames.decode(learned.schema, np.asarray(typical()[:1]))
    call.explain(_Asking(explainer, learned, plan, row, RecentModels()), model, few)
