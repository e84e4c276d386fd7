"""Explanations on Ray: on all cores of this machine, or on a cluster that runs.

A row's explanation is the same as `explainer.explain` gives, whatever the number of workers, the
blocks and the order in which they are finished.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lime_jax.distributed.ray.batches import RayBatchExplainer, actor_pool
from lime_jax.distributed.ray.explainers import Explainers, explainers_of
from lime_jax.distributed.ray.pool import Resources, open_pool
from lime_jax.distributed.worker import ChunkSpec, explain_chunk
from lime_jax.front.progress import progress_bar
from lime_jax.optional import require
from lime_jax.results.arrow import explanations_of
from lime_jax.results.concatenation import concatenate
from lime_jax.results.explanations import Explanations

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "Explainers",
    "RayBatchExplainer",
    "actor_pool",
    "explain",
    "explain_all",
    "explain_iter",
    "explain_tables",
]


def explain(
    explainer: object,
    X: object,
    model: object = None,
    num_workers: int | None = None,
    batch_size: int | None = None,
    num_cpus_per_worker: float | int = 1,
    num_gpus_per_worker: float | int = 0,
    ordered: bool = True,
    row_ids: Iterable[object] | None = None,
    progress: bool | None = None,
    **options: object,
) -> Explanations:
    """Explain the model's predictions for rows, by several workers.

    Where no Ray runs, a local one is started, and stopped at the end.

    Args:
        explainer: a `TabularExplainer` that is fitted, or any other explainer; or `Explainers`,
            whose workers stay between calls.
        X: rows, in the form the explainer takes, or images.
        model: as `explainer.explain` takes it, or a `ModelFactory`, which every worker calls; None
            where `Explainers` bring their own.
        num_workers: processes; None: as many as the cluster has room for.
        batch_size: rows that a worker is given at once; None: several blocks for each worker, of
            4,096 rows at most.
        num_cpus_per_worker: cores that a worker may take.
        num_gpus_per_worker: of a worker; 0: it computes on the CPU.
        ordered: whether the rows come in the order of `X`, else as they were finished; `row_ids`
            of the explanations tell which is which.
        row_ids: of the rows, numbers or text, as in `TabularExplainer.explain`.
        progress: whether to show a bar; None: on a terminal, if the work is long.
        **options: of `explainer.explain`.

    Returns:
        The explanations.

    Raises:
        ValueError: if an argument is not usable, a model cannot be pickled, or the cluster has no
            room for a worker; it says what to do.
        ImportError: if Ray or pyarrow is missing.
        Exception: the model's own, with a note about the rows.

    Example:
        >>> import lime_jax  # doctest: +SKIP
        >>> from lime_jax.distributed import ray  # doctest: +SKIP
        >>> explainer = lime_jax.TabularExplainer().fit(X_train)  # doctest: +SKIP
        >>> explanations = ray.explain(explainer, X_test, model, num_workers=8)  # doctest: +SKIP
    """
    resources = (num_workers, num_cpus_per_worker, num_gpus_per_worker)
    workers = explainers_of(explainer, model, *resources, options)
    (name,) = _only(workers)
    return explain_all(
        workers, X, None, None, batch_size, ordered=ordered, row_ids=row_ids, progress=progress
    )[name]


def explain_all(
    explainers: Mapping[str, object] | Explainers,
    X: object,
    model: object = None,
    num_workers: int | None = None,
    batch_size: int | None = None,
    num_cpus_per_worker: float | int = 1,
    num_gpus_per_worker: float | int = 0,
    ordered: bool = True,
    row_ids: Iterable[object] | None = None,
    progress: bool | None = None,
) -> dict[str, Explanations]:
    """Explain rows by several explainers; each block of rows is sent once.

    Args:
        explainers: by name: an explainer, or (explainer, options of its `explain`).
        X: as in `explain`, and so are the others.
        progress: as in `explain`; rows count once for each explainer.

    Returns:
        The explanations of every explainer, by name.

    Raises:
        Exception: as `explain`.

    Example:
        >>> lime = lime_jax.TabularExplainer().fit(X_train)  # doctest: +SKIP
        >>> shap = lime_jax.TabularExplainer("kernel_shap").fit(background)  # doctest: +SKIP
        >>> both = ray.explain_all({"lime": lime, "shap": shap}, X_test, model)  # doctest: +SKIP
    """
    resources = (num_workers, num_cpus_per_worker, num_gpus_per_worker)
    workers = explainers_of(explainers, model, *resources, {})
    blocks = workers.blocks(X, row_ids, batch_size)
    found: dict[str, list[Explanations]] = {name: [] for name in workers.specs}
    with (
        progress_bar(len(found) * len(blocks), progress) as tick,
        contextlib.closing(workers.tables(blocks, batch_size, ordered)) as tables,
    ):
        for (start, stop), name, table in tables:
            found[name].append(blocks.name(explanations_of(table), start, stop))
            tick(table.num_rows)
    if not len(blocks):
        require("ray", extra="ray")
        empty, _ = blocks.cut(0, 0)
        found = {
            name: [blocks.name(explanations_of(explain_chunk(spec, empty)), 0, 0)]
            for name, spec in workers.specs.items()
        }
    return {name: concatenate(parts) for name, parts in found.items()}


def explain_iter(
    explainer: object,
    X: object,
    model: object = None,
    num_workers: int | None = None,
    batch_size: int | None = None,
    num_cpus_per_worker: float | int = 1,
    num_gpus_per_worker: float | int = 0,
    ordered: bool = False,
    row_ids: Iterable[object] | None = None,
    progress: bool | None = None,
    **options: object,
) -> Iterator[tuple[Any, Explanations]]:
    """Explain rows, and hand over every block when it is finished.

    No more than two blocks for each worker (four where `ordered`) are under way, however long the
    one who asks takes. Work starts with the first `next`; closing the generator ends it.

    Args:
        explainer: as in `explain`, and so are the others.
        ordered: whether blocks come in the order of `X`.

    Returns:
        A generator of row ids, as they were given, else the index of a frame or the rows' numbers,
        and the explanations of these rows.

    Raises:
        Exception: as `explain`.

    Example:
        >>> for ids, part in ray.explain_iter(explainer, X_test, model):  # doctest: +SKIP
        ...     part.save(f"{ids[0]}.npz")
    """
    resources = (num_workers, num_cpus_per_worker, num_gpus_per_worker)
    workers = explainers_of(explainer, model, *resources, options)
    _only(workers)
    blocks = workers.blocks(X, row_ids, batch_size)
    require("ray", extra="ray")

    def parts() -> Iterator[tuple[Any, Explanations]]:
        with (
            progress_bar(len(blocks), progress) as tick,
            contextlib.closing(workers.tables(blocks, batch_size, ordered)) as tables,
        ):
            for (start, stop), _, table in tables:
                part = blocks.name(explanations_of(table), start, stop)
                tick(len(part))
                ids = blocks.row_ids
                yield (part.row_ids if ids is None else ids[start:stop]), part

    return parts()


def explain_tables(
    spec: ChunkSpec,
    blocks: Iterable[tuple[int, object, object]],
    num_workers: int | None = None,
    num_cpus_per_worker: float | int = 1,
    num_gpus_per_worker: float | int = 0,
    ordered: bool = False,
    name_of: Callable[[int], str] = "block {}".format,
) -> Generator[tuple[int, pyarrow.Table], None, None]:
    """Explain blocks of rows that come from anywhere, as Arrow tables of the spec's form.

    Args:
        spec: what to do with every block.
        blocks: number, rows and row ids (or None) of each; taken when a worker has room.
        num_workers: as in `explain`, and so are the cores and GPUs of each.
        ordered: whether tables come in the order of the blocks, else as they are finished.
        name_of: what messages call a block, from its number.

    Yields:
        Number of the block, and its table.

    Raises:
        Exception: as `explain`.
    """
    settings = Resources(num_workers, num_cpus_per_worker, num_gpus_per_worker)
    named = ((number, f"rows of {name_of(number)}", X, ids) for number, X, ids in blocks)
    with open_pool([spec], settings) as pool:
        for number, _, table in pool.run(named, ordered):
            yield number, table


def _only(workers: Explainers) -> list[str]:
    """The name of the one explainer; ValueError if there are several."""
    names = list(workers.specs)
    if len(names) > 1:
        raise ValueError(
            f"`explainer`: expected one, got `Explainers` of {', '.join(names)}; `explain_all` "
            "takes several"
        )
    return names
