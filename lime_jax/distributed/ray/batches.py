"""The explainers as a step of a Ray Data pipeline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lime_jax.arguments import check_whole
from lime_jax.distributed.worker import ChunkSpec, check_ids, explain_chunk, ids_of
from lime_jax.optional import require

if TYPE_CHECKING:
    import pyarrow
    from ray.data import ActorPoolStrategy


class RayBatchExplainer:
    """Explains batches of a `ray.data.Dataset`: a class for its `map_batches`.

    Every actor gets the explainer and the model once, and keeps to the cores that Ray gives it.
    Any batch format serves. As many actors as cores would leave none to read the files with:
    `actor_pool` says how many there may be.

    Args:
        explainer: a `TabularExplainer` that is fitted, or an `ImageExplainer`.
        model: as `explain` takes it, or a `ModelFactory`. Ray pickles these arguments by itself,
            so a model that cannot be pickled needs the factory.
        id_col: column of row ids, whole numbers or text; None: a hash of the content.
        feature_cols: columns that are explained; None: those of `fit`, by name; of an
            `ImageExplainer`, the column "image".
        form: "rows": a row for each row, with lists; "long": one for each row, label and feature.
        enable_x64: whether JAX counts in 64 bits; None: as it is set in the actor's process.
        **options: of `explainer.explain`.

    Raises:
        ValueError: if an argument is not usable; it names the argument.
        ImportError: if Ray is missing.

    Example:
        >>> explained = dataset.map_batches(  # doctest: +SKIP
        ...     RayBatchExplainer,
        ...     fn_constructor_args=(explainer, model),
        ...     fn_constructor_kwargs=dict(id_col="id", form="long"),
        ...     batch_format="pyarrow",
        ...     compute=actor_pool(),
        ... )
    """

    def __init__(
        self,
        explainer: Any,
        model: object,
        id_col: str | None = None,
        feature_cols: Sequence[str] | None = None,
        form: str = "rows",
        enable_x64: bool | None = None,
        **options: object,
    ) -> None:
        _keep_to_own_cores()
        self.spec = ChunkSpec(explainer, model, options, form)
        if enable_x64 is not None:
            self.spec.enable_x64 = enable_x64
        self.id_col = id_col
        names = explainer.columns if feature_cols is None else feature_cols
        self.feature_cols = [str(name) for name in names]

    def __call__(self, batch: Any) -> pyarrow.Table:
        """Explain a batch.

        Args:
            batch: a pyarrow table, a pandas frame, or a dictionary of arrays.

        Raises:
            ValueError: if a column is missing, an id is null, or two of the batch are the same.
        """
        wanted = [*self.feature_cols, *([] if self.id_col is None else [self.id_col])]
        columns = batch.column_names if hasattr(batch, "column_names") else list(batch)
        missing = [name for name in wanted if name not in columns]
        if missing:
            raise ValueError(
                f"`{'id_col' if missing == [self.id_col] else 'feature_cols'}`: the batch lacks "
                f"{', '.join(missing)}; it has {', '.join(map(str, columns))}"
            )
        ids = None if self.id_col is None else _checked_ids(batch[self.id_col])
        rows = self.spec.explainer.rows_of(batch, self.feature_cols)
        return explain_chunk(self.spec, rows, ids)


def actor_pool(num_workers: int | None = None) -> ActorPoolStrategy:
    """Actors for the `compute` of a Ray Data `map_batches`, with a core left to read the files.

    Where actors of one core each hold all of them, Ray Data waits for ever for one to read with,
    and says nothing.

    Args:
        num_workers: how many; None: one fewer than the cluster has cores.

    Returns:
        Ray's description of the pool.

    Raises:
        ValueError: if no core would be left.
        ImportError: if Ray is missing.

    Example:
        >>> explained = dataset.map_batches(  # doctest: +SKIP
        ...     RayBatchExplainer, fn_constructor_args=(explainer, model), compute=actor_pool(3)
        ... )
    """
    ray, data = (require(name, extra="ray") for name in ("ray", "ray.data"))
    if num_workers is not None:
        check_whole("num_workers", num_workers)
    if not ray.is_initialized():
        ray.init()
    cores = int(ray.cluster_resources().get("CPU", 0))
    wanted = max(1, cores - 1) if num_workers is None else num_workers
    if wanted >= cores:
        raise ValueError(
            f"`num_workers`: expected fewer than the {cores} cores of the cluster, got {wanted}; "
            "one has to be left for Ray Data to read the rows with (with a single core: "
            "`ray.init(num_cpus=2)`)"
        )
    return data.ActorPoolStrategy(size=wanted)


def _keep_to_own_cores() -> None:
    """Limit XLA to the actor's cores; it reads this once, when JAX first counts."""
    ray = require("ray", extra="ray")
    if ray.is_initialized() and (context := ray.get_runtime_context()).get_actor_id():
        cores = context.get_assigned_resources().get("CPU", 1)
        os.environ.setdefault("NPROC", str(max(1, int(cores))))


def _checked_ids(column: object) -> Any:
    pa = require("pyarrow", extra="cli")
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        column = pa.array(column, from_pandas=True)  # where NaN is null
    ids = ids_of(column)
    check_ids(ids, len(ids), "id_col")
    return ids
