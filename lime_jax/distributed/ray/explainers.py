"""Explainers and a model with workers that stay between calls."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lime_jax.arguments import check_whole
from lime_jax.distributed.blocks import Blocks
from lime_jax.distributed.ray.pool import Pool, Resources, open_pool
from lime_jax.distributed.worker import ChunkSpec, ModelFactory, check_ids
from lime_jax.front.explainer import ExplainerLike
from lime_jax.typing import ModelLike, Scalar, Table

if TYPE_CHECKING:
    import pyarrow


class Explainers:
    """Workers that stay between calls: started, with the model opened and programs compiled.

    In a `with` block, `explain`, `explain_iter` and `explain_all` take it in place of an explainer
    and a model, one call after the other. A call that is left early lets its workers finish the
    blocks they have. They hold their cores: if Ray Data is to read rows meanwhile, leave it one by
    `num_workers`, else it waits for ever.

    Args:
        explainers: one, or several by name, each alone or with the options of its `explain`.
        model: as `explainer.explain` takes it, or a `ModelFactory`, which every worker calls.
        num_workers: processes; None: as many as the cluster has room for.
        num_cpus_per_worker: cores that a worker may take.
        num_gpus_per_worker: of a worker; 0: it computes on the CPU.
        **options: of `explainer.explain`, where there is one explainer.

    Raises:
        ValueError: if an argument is not usable, a model cannot be pickled, or the cluster has no
            room for a worker; it says what to do.
        ImportError: if Ray or pyarrow is missing.

    Example:
        >>> with ray.Explainers(explainer, model, num_workers=8) as workers:  # doctest: +SKIP
        ...     today = ray.explain(workers, X_today)
        ...     for ids, part in ray.explain_iter(workers, X_all):
        ...         part.save(f"{ids[0]}.npz")
    """

    def __init__(
        self,
        explainers: ExplainerLike | Mapping[str, object],
        model: ModelLike | ModelFactory,
        num_workers: int | None = None,
        num_cpus_per_worker: float | int = 1,
        num_gpus_per_worker: float | int = 0,
        **options: object,
    ) -> None:
        self.resources = Resources(num_workers, num_cpus_per_worker, num_gpus_per_worker)
        named = explainers if isinstance(explainers, Mapping) else {"explainer": explainers}
        if not named:
            raise ValueError("`explainers`: expected at least one, by name, got none")
        self.specs: dict[str, ChunkSpec] = {}
        for name, one in named.items():
            explainer, asked = one if isinstance(one, tuple) else (one, {})
            self.specs[name] = ChunkSpec(explainer, model, {**options, **asked}, form="numbers")
        kinds = {type(spec.explainer).__name__ for spec in self.specs.values()}
        if len(kinds) > 1:
            raise ValueError(
                f"`explainers`: expected explainers of one kind of data, got {' and '.join(kinds)}"
            )
        self._stack, self._pool = contextlib.ExitStack(), None

    def __enter__(self) -> Explainers:
        """Start Ray, if none runs, and the workers."""
        with contextlib.ExitStack() as stack:
            pool = stack.enter_context(open_pool(list(self.specs.values()), self.resources))
            pool.start()
            self._stack, self._pool = stack.pop_all(), pool
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers, and Ray if it was started for them."""
        self._pool = None
        self._stack.close()

    def blocks(self, X: Table, row_ids: Iterable[Scalar] | None, batch_size: int | None) -> Blocks:
        """The rows, once they and their ids were found usable."""
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        blocks = Blocks(next(iter(self.specs.values())).explainer, X, row_ids)
        check_ids(row_ids, len(blocks))
        return blocks

    def tables(
        self, blocks: Blocks, batch_size: int | None, ordered: bool
    ) -> Generator[tuple[tuple[int, int], str, pyarrow.Table], None, None]:
        """First row and row after the last of a block, name of the explainer, table."""
        if not len(blocks):
            return
        names = list(self.specs)
        with self._workers() as pool:
            bounds = blocks.bounds(pool.num_workers, batch_size)
            named = (((a, b), f"rows {a} to {b - 1} of `X`", *blocks.cut(a, b)) for a, b in bounds)
            with contextlib.closing(pool.run(named, ordered)) as finished:
                for ends, which, table in finished:
                    yield ends, names[which], table

    @contextlib.contextmanager
    def _workers(self) -> Iterator[Pool]:
        """The workers that stay, or outside a `with` block some for this call."""
        if self._pool is not None:
            yield self._pool
            return
        with open_pool(list(self.specs.values()), self.resources) as pool:
            yield pool


def explainers_of(
    explainers: object,
    model: object,
    num_workers: int | None,
    num_cpus_per_worker: float | int,
    num_gpus_per_worker: float | int,
    options: Mapping[str, object],
) -> Explainers:
    """The explainers of a call, whose workers stay if that is what was handed over."""
    resources = (num_workers, num_cpus_per_worker, num_gpus_per_worker)
    if not isinstance(explainers, Explainers):
        if model is None:
            raise ValueError(
                "`model`: expected the model to explain, got None; only `Explainers` bring their "
                "own"
            )
        return Explainers(explainers, model, *resources, **options)
    if model is not None or resources != (None, 1, 0) or options:
        raise ValueError(
            "`explainer`: `Explainers` have a model, workers and options of their own; leave out "
            "`model`, `num_workers`, `num_cpus_per_worker`, `num_gpus_per_worker` and options of "
            "`explain`, or hand over an explainer"
        )
    return explainers
