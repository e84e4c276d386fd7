"""Ray actors that share blocks, and are replaced when they die."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import threading
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from lime_jax.arguments import check_whole
from lime_jax.distributed.ray.worker import Worker, worker_environment
from lime_jax.distributed.sending import forking, pack
from lime_jax.distributed.worker import ChunkSpec
from lime_jax.optional import require
from lime_jax.warn import warn

_DEATHS = 3
"""Of actors, until a block is given up; and of those that died at the start, one after another."""
_PATIENCE = 300.0
"""Seconds without any running actor: a cluster that is busy, or lost what it had."""
_AHEAD = 2
"""Blocks that an actor has at once, so that it never waits for the next."""


class _Session:
    """Ray as it was started here, for all calls that run at the same time."""

    lock = threading.Lock()
    calls = 0
    is_ours = False


@contextlib.contextmanager
def running_ray() -> Iterator[Any]:
    """Ray: the one that runs, else a local one that ends with the last call that needs it."""
    ray = require("ray", extra="ray")
    with _Session.lock:
        if not ray.is_initialized():
            with forking():
                ray.init(include_dashboard=False, logging_level="warning")
            _Session.is_ours = True
        _Session.calls += 1
    try:
        yield ray
    finally:
        with _Session.lock:
            _Session.calls -= 1
            if _Session.is_ours and not _Session.calls:
                _Session.is_ours = False
                ray.shutdown()


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a call takes of a cluster; `num_workers` None: as many as there is room for."""

    num_workers: int | None
    num_cpus: float | int
    num_gpus: float | int

    def __post_init__(self) -> None:
        if self.num_workers is not None:
            check_whole("num_workers", self.num_workers)
        for name, least in (("num_cpus", "more than 0"), ("num_gpus", "0 or more")):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or value < 0 or (value == 0 and name == "num_cpus"):
                raise ValueError(f"`{name}_per_worker`: expected {least}, got {value!r}")

    def workers_of(self, nodes: Sequence[dict[str, Any]]) -> int:
        """How many workers to start; ValueError if the cluster has no room for one."""
        alive = [node["Resources"] for node in nodes if node["Alive"]]
        wanted = {"CPU": self.num_cpus, "GPU": self.num_gpus}
        room = sum(
            min(int(node.get(kind, 0) / each + 1e-9) for kind, each in wanted.items() if each)
            for node in alive
        )
        asked = " and ".join(f"{each:g} {kind}" for kind, each in wanted.items() if each)
        has = "; ".join(
            ", ".join(f"{node.get(kind, 0):g} {kind}" for kind in wanted) for node in alive
        )
        if room == 0:
            raise ValueError(
                f"`num_{'gpus' if self.num_gpus else 'cpus'}_per_worker`: a worker asks for "
                f"{asked}, and no node of the cluster has that (it has {has}); ask for less, or "
                "let the cluster grow first"
            )
        if self.num_workers is not None and self.num_workers > room:
            warn(
                f"`num_workers`: {self.num_workers} workers of {asked} each were asked for, and "
                f"the cluster has room for {room} ({has}); the others start when there is more"
            )
        return self.num_workers or room


@dataclasses.dataclass(eq=False)
class _Task:
    """A block to be explained by one of the specs; not wanted once its call has ended."""

    order: int
    key: Any
    which: int
    rows: str
    block: Any
    deaths: int = 0
    is_wanted: bool = True


@dataclasses.dataclass(eq=False)
class _Actor:
    """An actor and what it was asked, oldest first; None stands for its start."""

    handle: Any
    asked: dict[Any, _Task | None]

    @property
    def runs(self) -> bool:
        return None not in self.asked.values()

    @property
    def tasks(self) -> list[_Task]:
        return [task for task in self.asked.values() if task is not None]


class Pool:
    """Actors that explain blocks. Made by `open_pool`."""

    def __init__(self, ray: Any, specs: Sequence[ChunkSpec], resources: Resources) -> None:
        self.num_workers = resources.workers_of(ray.nodes())
        self._ray, self._resources, self._num_specs = ray, resources, len(specs)
        self._class = ray.remote(Worker).options(
            num_cpus=resources.num_cpus,
            num_gpus=resources.num_gpus,
            runtime_env={"env_vars": worker_environment(resources.num_cpus, resources.num_gpus)},
        )
        self._packed = ray.put(pack(list(specs), ray.cloudpickle.dumps))
        self._enable_x64 = specs[0].enable_x64
        self._actors: list[_Actor] = []
        self._waiting: deque[_Task] = deque()
        self._failed_starts = 0
        self._seen: set[tuple[type, str]] = set()
        self._at_work = threading.Lock()

    def start(self) -> None:
        """Start all actors, before there is anything to do."""
        for _ in range(self.num_workers - len(self._actors)):
            self._start()

    def run(
        self, blocks: Iterable[tuple[object, str, object, object]], ordered: bool
    ) -> Generator[tuple[Any, int, Any], None, None]:
        """Explain blocks by all specs: keys of the blocks, numbers of the specs, tables.

        Args:
            blocks: key, name of the rows in messages, rows, row ids; taken when there is room.
            ordered: whether tables come in the order of the blocks, else as they are finished.
        """
        if not self._at_work.acquire(blocking=False):
            raise RuntimeError(
                "the workers of these `Explainers` are at work for another call; use up or close "
                "its generator first"
            )
        self._seen.clear()
        try:
            yield from self._run(blocks, ordered)
        finally:
            self._waiting.clear()
            for task in (task for actor in self._actors for task in actor.tasks):
                task.is_wanted = False
            self._at_work.release()

    def _run(
        self, blocks: Iterable[tuple[object, str, object, object]], ordered: bool
    ) -> Iterator[tuple[Any, int, Any]]:
        tasks, finished = self._tasks(blocks), {}
        most = self.num_workers * _AHEAD * (2 if ordered else 1)
        taken = yielded = 0
        while True:
            for task in islice(tasks, most - (taken - yielded)):
                self._add(task)
                taken += 1
            if taken == yielded:
                return
            task, table = self._next()
            finished[task.order] = task, table
            while finished:
                first = yielded if ordered else next(iter(finished))
                if first not in finished:
                    break
                task, table = finished.pop(first)
                yield task.key, task.which, table
                yielded += 1

    def close(self) -> None:
        """End all actors, whatever they do."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors.clear()
        self._waiting.clear()

    def _tasks(self, blocks: Iterable[tuple[Any, str, Any, Any]]) -> Iterator[_Task]:
        """A task for every spec; those of a block share what was sent."""
        order = 0
        for key, name, rows, ids in blocks:
            block = self._ray.put(self._ray.cloudpickle.dumps((rows, ids)))
            for which in range(self._num_specs):
                yield _Task(order, key, which, name, block)
                order += 1

    def _add(self, task: _Task) -> None:
        self._waiting.append(task)
        if len(self._actors) < self.num_workers:
            self._start()
        self._assign()

    def _start(self) -> None:
        handle = self._class.remote(self._packed, self._enable_x64)
        self._actors.append(_Actor(handle, {handle.start.remote(): None}))

    def _assign(self) -> None:
        """Give waiting blocks to the actors that have fewest."""
        while self._waiting:
            able = [one for one in self._actors if one.runs and len(one.asked) < _AHEAD]
            if not able:
                return
            actor = min(able, key=lambda one: len(one.asked))
            task = self._waiting.popleft()
            actor.asked[actor.handle.explain.remote(task.which, task.block)] = task

    def _next(self) -> tuple[_Task, Any]:
        """A task that is finished."""
        while True:
            self._assign()
            places = {ref: actor for actor in self._actors for ref in actor.asked}
            timeout = None if any(one.runs for one in self._actors) else _PATIENCE
            ready, _ = self._ray.wait(list(places), num_returns=1, timeout=timeout)
            if not ready:
                raise TimeoutError(self._nothing_runs())
            found = self._collect(places[ready[0]], ready[0])
            if found is not None:
                return found

    def _collect(self, actor: _Actor, ref: Any) -> tuple[_Task, Any] | None:
        """What an actor answered; None if it only started, or died."""
        task, errors = actor.asked[ref], self._ray.exceptions
        # Of an actor that was ended because its node ran out of memory Ray does not say it died.
        died = (errors.RayActorError, errors.NodeDiedError, errors.OutOfMemoryError)
        try:
            answer = self._ray.get(ref)
        except died as error:
            self._replace(actor, error)
            return None
        except errors.ObjectLostError as error:  # with the node that held it
            if task is None:
                raise
            del actor.asked[ref]
            self._again([task], error)
            return None
        del actor.asked[ref]
        # The others come first next time.
        self._actors.append(self._actors.pop(self._actors.index(actor)))
        if task is None:
            self._failed_starts = 0
            return None
        if not task.is_wanted:
            return None
        table, caught, failure = answer
        self._warn(caught)
        if failure is not None:
            error = pickle.loads(failure)
            error.add_note(f"In the block of {task.rows}; other notes count from its first row.")
            raise error
        return task, table

    def _replace(self, actor: _Actor, error: Exception) -> None:
        """Start another actor for one that died, and hand its blocks on."""
        self._actors.remove(actor)
        self._ray.kill(actor.handle)  # if it is only out of reach
        if actor.runs:
            self._again(actor.tasks, error)
        else:
            self._failed_starts += 1
            if self._failed_starts >= _DEATHS:
                raise RuntimeError(
                    f"{_DEATHS} workers died before they could start; the last one: {error}"
                ) from error
        self._start()

    def _again(self, tasks: list[_Task], error: Exception) -> None:
        """Put tasks back; it was the first that the actor was working at."""
        for task in tasks[:1]:
            task.deaths += 1
            if task.is_wanted and task.deaths >= _DEATHS:
                raise RuntimeError(
                    f"{task.rows}: {_DEATHS} workers died while explaining these rows (out of "
                    f"memory?); try smaller blocks. The last one: {error}"
                ) from error
        self._waiting.extendleft(task for task in reversed(tasks) if task.is_wanted)

    def _warn(self, caught: list[bytes]) -> None:
        """Warn as the worker did, about everything once."""
        for data in caught:
            message, filename, line = pickle.loads(data)
            if (type(message), str(message)) not in self._seen:
                self._seen.add((type(message), str(message)))
                if filename is None:  # of the package itself: the user's line is here
                    warn(str(message))
                else:
                    warnings.warn_explicit(message, type(message), filename, line)

    def _nothing_runs(self) -> str:
        each = f"{self._resources.num_cpus:g} CPU and {self._resources.num_gpus:g} GPU"
        free, all_ = (
            ", ".join(f"{found.get(kind, 0):g} {kind}" for kind in ("CPU", "GPU"))
            for found in (self._ray.available_resources(), self._ray.cluster_resources())
        )
        return (
            f"no worker of {each} could start within {_PATIENCE:.0f} seconds: of {all_} in the "
            f"cluster {free} are free"
        )


@contextlib.contextmanager
def open_pool(specs: Sequence[ChunkSpec], resources: Resources) -> Iterator[Pool]:
    """A pool, and Ray to go with it, until the end of the block."""
    with running_ray() as ray:
        pool = Pool(ray, specs, resources)
        try:
            yield pool
        finally:
            pool.close()
