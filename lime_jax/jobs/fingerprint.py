"""What the numbers of a job are a function of, in words and hashes that another run can compare."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from lime_jax.distributed.worker import ModelFactory
from lime_jax.jobs.source import file_hash
from lime_jax.tabular.frames import Schema

_PACKAGES = ("lime_jax", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "pyarrow")
_PLAIN = (str, bytes, bytearray, bool, int, float, complex, np.generic, type(None))


def content_hash(value: object) -> str:
    """Hash what an object holds: numbers, text, code, and what is made of them.

    Of a Python function its code, its defaults and what it encloses count, not what its module
    holds; of other objects what their pickle would hold; of what cannot be pickled, classes and
    modules, no more than the name.
    """
    return _Hashing().of(value).hex()


class _Hashing:
    """One hash, made of those of all that is in it; so order and borders count everywhere."""

    def __init__(self) -> None:
        self._above: list[int] = []  # ids of what encloses the value at hand: objects have cycles
        self._known: dict[int, tuple[Any, bytes]] = {}

    def of(self, value: object) -> bytes:
        if isinstance(value, _PLAIN):
            return _digest([f"{type(value).__name__}:{value!r}".encode()])
        if id(value) in self._known:
            return self._known[id(value)][1]
        if id(value) in self._above:
            return _digest([b"above", str(self._above[::-1].index(id(value))).encode()])
        self._above.append(id(value))
        found = _digest(self._pieces(value))
        self._above.pop()
        if not isinstance(value, np.ndarray | Mapping | list | tuple):  # copies would be kept alive
            self._known[id(value)] = value, found
        return found

    def _pieces(self, value: object) -> Iterator[bytes]:
        if isinstance(value, np.ndarray | jax.Array):
            yield from self._array(np.asarray(value))
        elif isinstance(value, Mapping):
            yield from sorted(self.of(name) + self.of(entry) for name, entry in value.items())
        elif isinstance(value, list | tuple):
            yield type(value).__name__.encode()
            yield from map(self.of, value)
        elif isinstance(value, set | frozenset):
            yield from sorted(map(self.of, value))
        elif isinstance(value, type | types.ModuleType):
            yield _name(value).encode()
        elif isinstance(value, types.CodeType):
            yield from map(self.of, (value.co_code, value.co_consts, value.co_names))
        elif isinstance(value, types.FunctionType):
            cells = [_enclosed(cell) for cell in value.__closure__ or ()]
            yield from map(
                self.of, (value.__code__, value.__defaults__, value.__kwdefaults__, cells)
            )
        elif isinstance(value, types.MethodType):
            yield from map(self.of, (value.__func__, value.__self__))
        elif callable(value) and hasattr(value, "__wrapped__"):  # by `jax.jit`, for one
            yield _name(type(value)).encode()
            yield self.of(getattr(value, "__wrapped__", None))
        elif dataclasses.is_dataclass(value):
            yield _name(type(value)).encode()
            yield self.of(_fields(value))
        else:
            yield from self._object(value)

    def _array(self, array: np.ndarray) -> Iterator[bytes]:
        yield f"{array.dtype.str}{array.shape}".encode()
        if array.dtype.names:  # between the fields may be bytes that nobody set
            yield from (self.of(array[name]) for name in array.dtype.names)
        else:
            yield self.of(array.tolist()) if array.dtype.hasobject else array.tobytes()

    def _object(self, value: object) -> Iterator[bytes]:
        """What a pickle would hold; its bytes also tell which equal texts are one object."""
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # whatever a stranger's object raises when it is asked for its state
            yield _name(value).encode()
            return
        if isinstance(reduced, str):
            yield _name(value).encode()
            return
        make, arguments, state, entries, items = (*reduced, None, None, None)[:5]
        yield _name(make).encode()
        yield from map(self.of, (arguments, state, list(entries or ()), dict(items or ())))


def _fields(value: Any) -> dict[str, Any]:
    state = value.__getstate__()  # without what is only kept to save time
    return {f.name: state[f.name] for f in dataclasses.fields(value) if f.compare}


def _digest(pieces: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(str(len(piece)).encode() + b":")
        digest.update(piece)
    return digest.digest()


def _enclosed(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is not set yet
        return None


def model_hash(model: object) -> str:
    """Hash a model, or how a `ModelFactory` makes it: of files, what they hold counts."""
    if not isinstance(model, ModelFactory):
        return content_hash(model)
    arguments = [_or_file(value) for value in model.arguments]
    keywords = {name: _or_file(value) for name, value in model.keywords.items()}
    return content_hash((model.make, arguments, keywords))


def _or_file(value: Any) -> Any:
    is_file = isinstance(value, str | os.PathLike) and os.path.isfile(value)
    return ("file", file_hash(os.fspath(value))) if is_file else value


def in_words(value: object) -> Any:
    """A setting or an option as JSON: itself where it is plain, else a hash and a name.

    Example:
        >>> in_words({"labels": np.array([1, 2])})
        {'labels': [1, 2]}
        >>> in_words(abs)[16:]
        ' of builtins.abs'
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): in_words(entry) for name, entry in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(in_words, value), key=str)
    if isinstance(value, list | tuple):
        return [in_words(entry) for entry in value]
    return f"{content_hash(value)[:16]} of {_name(value)}"


def versions(model: object, schema: Schema | None) -> dict[str, str]:
    """The packages that sway numbers, by name: the model's own too; "none" where one is missing.

    A model's own are those of its class and of all its parts.
    """
    library = ("narwhals", str(schema.backend)) if schema and schema.kind == "frame" else ()
    installed = importlib.metadata.packages_distributions()
    of_model = {name for module in _modules(model) for name in installed.get(module, ())}
    found = {}
    for name in dict.fromkeys([*_PACKAGES, *library, *sorted(of_model)]):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _modules(model: Any) -> set[str]:
    """Names of the top modules that a model's classes and functions are of."""
    model = model.make if isinstance(model, ModelFactory) else model
    model = getattr(model, "__self__", model)  # of `model.predict_proba`
    is_estimator = hasattr(model, "get_params") and not isinstance(model, type)
    parts = [model, *(model.get_params(deep=True).values() if is_estimator else ())]
    owners = [kind for part in parts for kind in type(part).__mro__]
    owners += [part for part in parts if callable(part)]
    names = (getattr(owner, "__module__", None) for owner in owners)
    return {name.partition(".")[0] for name in names if isinstance(name, str)}


def _name(value: Any) -> str:
    if isinstance(value, types.ModuleType | np.ufunc):  # older ufuncs do not know their module
        return value.__name__
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"
