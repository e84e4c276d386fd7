"""The registry: which function turns which fitted model, or which step of a pipeline, into JAX.

A family of models registers its converters under the names of its classes, so that no library is
imported before somebody hands over one of its models.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from lime_jax.models.convert.column_map import Chain
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import Features, RawTable, raw_features
from lime_jax.models.convert.inputs import Base, DeviceTable, Inputs
from lime_jax.models.libraries import LIBRARIES
from lime_jax.models.structure import Additive, LinkedSum, Structure, TreeSum
from lime_jax.typing import Estimator, ModelLike, Pytree

_T = TypeVar("_T", bound=Callable[..., Any])

OUTPUT_KINDS = {"predict_proba": "probability", "decision_function": "margin", "predict": "value"}
"""What the outputs of a model's methods are."""
METHODS = tuple(OUTPUT_KINDS)


@dataclasses.dataclass(frozen=True, eq=False)
class Converted:
    """A model in JAX.

    Attributes:
        build: from `Inputs`, what the model is called with, to a pytree, (samples, ...) ->
            (samples, outputs).
        structure: of the output, where it is a sum over trees or columns.
        why_not_exact: where it is not: why.
        rounds_inputs: whether the library itself rounds the numbers of the table to float32 first,
            as the device does; else 64-bit inputs may lie between a threshold and its 32-bit
            neighbor.
        linked: of the output, where it is a function of a sum.
        faster_on_host: why a CPU is better off with the library's own predictions; empty: it is
            not.
    """

    build: Base
    structure: Structure | None = None
    why_not_exact: str = ""
    rounds_inputs: bool = False
    linked: LinkedSum | None = None
    faster_on_host: str = ""

    @classmethod
    def of_table(
        cls,
        predict: Pytree,
        why_not_exact: str,
        rounds_inputs: bool = False,
        num_raw: int | None = None,
    ) -> Converted:
        """A model that is called with the raw table; `num_raw` None: or with no table at all."""

        def build(inputs: Inputs) -> Any:
            return Chain((inputs.table(num_raw), predict))

        return cls(build, None, why_not_exact, rounds_inputs)

    @cached_property
    def predict(self) -> Any:
        """The model on the raw table in the device's precision."""
        return self.build(DeviceTable())

    def then(self, fn: Pytree, why_not_exact: str) -> Converted:
        """A function of the model's outputs."""

        def build(inputs: Inputs) -> Any:
            return Chain((self.build(inputs), fn))

        linked = None
        if isinstance(self.structure, TreeSum | Additive):
            linked = LinkedSum(self.structure, fn)
        elif self.linked is not None:
            linked = LinkedSum(self.linked.structure, Chain((self.linked.link, fn)))
        return dataclasses.replace(
            self, build=build, structure=None, why_not_exact=why_not_exact, linked=linked
        )


Converter = Callable[[Any, str, Features], Converted]
Transformer = Callable[[Any, Features], Features]
HostMethod = tuple[Callable[..., Any], str]
"""How a model is called on the host, and what comes out: "probability", "margin" or "value"."""
HostMethods = Callable[[Any, str], HostMethod | None]
Opener = Callable[[Any, str | None, RawTable | None], Any]


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of the models of a class.

    Attributes:
        function: that converts them; None: they stay on the host.
        methods: of the model that it converts; of an opener the model's own that says the same.
        exact: of these, those whose output is a sum, for some models of the class at least.
        why_not: why the others are none, or what keeps some models from it.
        on_host: whether an opener only ever opens them there.
    """

    function: Callable[..., Any] | None
    methods: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    why_not: str = ""
    on_host: bool = False


# They find their columns by name, or leave it to the first step.
_LOOK_THEMSELVES = {"sklearn.Pipeline", "imblearn.Pipeline", "sklearn.ColumnTransformer"}
_LOOK_THEMSELVES |= {"lime_jax.FittedPipeline"}
_CONVERTERS: dict[str, Entry] = {}
_HOST_METHODS: dict[str, HostMethods] = {}
_TRANSFORMERS: dict[str, Entry] = {}
_OPENERS: dict[str, Entry] = {}
_READERS: dict[str, Callable[[Any], Any]] = {}


def _registrar(
    known: dict[str, Entry], classes: Sequence[str | type], **facts: Any
) -> Callable[[_T], _T]:
    """A decorator that enters a function, and what is known of it, for some classes."""

    def register(function: _T) -> _T:
        known.update({_name(c): Entry(function, **facts) for c in classes})
        return function

    return register


def register_converter(
    *classes: str | type,
    methods: tuple[str, ...] = METHODS,
    exact: tuple[str, ...] = (),
    why_not: str = "",
) -> Callable[[_T], _T]:
    """Teach lime_jax to run a kind of fitted model in JAX.

    Args:
        *classes: the model's classes, or their names as "library.ClassName" (the library is the
            first part of the module, so that it need not be imported).
        methods: of the model that the function converts; others run on the host.
        exact: of these, those whose output is a sum over trees or columns; and
        why_not: why the others are none; `lime_jax.models.supported` lists both.

    Returns:
        A decorator for a function `(model, method, features) -> Converted`: `method` is one of
        `methods`, `features` says where the model's columns come from. It raises
        `NotConvertibleError` for what it can not do; the model then runs on the host.

    Example:
        >>> from lime_jax.models.convert.compose import apply
        >>> class Double:
        ...     n_features_in_ = 1
        ...     def fit(self, X): ...
        ...     def predict(self, X):
        ...         return 2 * X[:, 0]
        >>> @register_converter(Double, methods=("predict",))
        ... def convert_double(model, method, features):
        ...     return apply(lambda inputs: 2 * inputs[:, :1], features)
        >>> from lime_jax import as_predict_fn
        >>> as_predict_fn(Double()).path
        'jax'
    """
    return _registrar(_CONVERTERS, classes, methods=methods, exact=exact, why_not=why_not)


def of_members(*methods: str) -> dict[str, Any]:
    """What `register_converter` is told of a model that is as good as its parts."""
    return {"methods": methods, "exact": methods, "why_not": "where one of its parts is no sum"}


def keep_on_host(*classes: str | type, why: str, steps: bool = False) -> None:
    """Say that models of some classes, or steps of pipelines, have no JAX form, and why."""
    known = _TRANSFORMERS if steps else _CONVERTERS
    known.update({_name(c): Entry(None, why_not=why) for c in classes})


def register_methods(*classes: str | type) -> Callable[[_T], _T]:
    """Say how a kind of model is called whose methods are not scikit-learn's.

    Returns:
        A decorator for a function `(model, method)` that returns a function of a batch, and what
        its outputs are ("probability", "margin" or "value"); or None: the model's own `method`.
    """

    def register(function: _T) -> _T:
        _HOST_METHODS.update(dict.fromkeys(map(_name, classes), function))
        return function

    return register


def has_methods(model: Estimator) -> bool:
    """Whether it is a model that is called in its own way."""
    return _find(model, _HOST_METHODS) is not None


def host_method(model: Estimator, method: str) -> HostMethod | None:
    """How to call a model on the host; None: by its own `method`."""
    found = _find(model, _HOST_METHODS)
    return None if found is None else found[1](model, method)


def register_transformer(*classes: str | type, mixes: str = "") -> Callable[[_T], _T]:
    """The same for a step of a pipeline: a function `(transformer, features) -> Features`.

    Args:
        *classes: as for `register_converter`.
        mixes: why its columns are not made of one column each; empty: they are, and a model
            behind the step that is a sum of columns is one of raw columns.

    Returns:
        A decorator.

    Example:
        >>> class Halve:
        ...     def transform(self, X):
        ...         return X / 2
        >>> @register_transformer(Halve)
        ... def halve(transformer, features):
        ...     return features.replaced([c.then("divide", 2.0) for c in features.columns])
    """
    exact = () if mixes else ("transform",)
    facts = {"methods": ("transform",), "exact": exact, "why_not": mixes}
    return _registrar(_TRANSFORMERS, classes, **facts)


def register_opener(
    *classes: str | type,
    method: str | None = None,
    exact: bool = False,
    why_not: str = "",
    on_host: bool = False,
) -> Callable[[_T], _T]:
    """The same for a kind of model that is no estimator with `fit` and scikit-learn's methods.

    Args:
        method: of the model that says the same as the model itself.
        exact: whether its output can be a sum; and
        why_not: why others are none.
        on_host: whether it only ever runs there.

    Returns:
        A decorator for a function `(model, output, table) -> Model`: what `as_predict_fn` returns
        for the model itself, and for its bound `method`.
    """
    methods = () if method is None else (method,)
    facts = {"methods": methods, "exact": ("predict",) * exact, "why_not": why_not}
    return _registrar(_OPENERS, classes, on_host=on_host, **facts)


def register_reader(*classes: str | type) -> Callable[[_T], _T]:
    """Say how a kind of model that lives in another process is read into this one."""

    def register(function: _T) -> _T:
        _READERS.update(dict.fromkeys(map(_name, classes), function))
        return function

    return register


def at_hand(model: ModelLike) -> ModelLike:
    """A model that lives in another process, as one of this; any other as it is."""
    found = _find(model, _READERS)
    return model if found is None else found[1](model)


def opener_of(model: ModelLike) -> tuple[Opener | None, ModelLike]:
    """The function that opens this kind of model, None if there is none, and the model for it."""
    found = _find(model, _OPENERS)
    if found is not None:
        return found[1].function, model
    owner = getattr(model, "__self__", None)
    found = _find(owner, _OPENERS)
    if found is not None and getattr(model, "__name__", "") in found[1].methods:
        return found[1].function, owner
    return None, model


def can_be_converted(model: Estimator) -> bool:
    """Whether models of its class have a JAX form; it may turn out to have none."""
    found = _find(model, _CONVERTERS)
    return found is not None and found[1].function is not None


def convert(model: Estimator, method: str, table: RawTable) -> Converted:
    """A fitted model in JAX."""
    return convert_on(model, method, raw_features(table))


def convert_on(model: Estimator, method: str, features: Features) -> Converted:
    """The same behind the steps of a pipeline, or within an ensemble."""
    cls, entry = _entry_of(model, _CONVERTERS)
    kind = type(model).__name__
    if method not in entry.methods:
        raise NotConvertibleError(f"{kind}.{method} has no JAX form here")
    if _method_of(type(model), method) is not _method_of(cls, method):
        raise NotConvertibleError(f"{kind} has a `{method}` of its own")
    _check_columns(model, cls, features)
    return entry.function(model, method, features)


def transform_on(transformer: Estimator, features: Features) -> Features:
    """The columns after a step of a pipeline."""
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return features
    cls, entry = _entry_of(transformer, _TRANSFORMERS)
    if _method_of(type(transformer), "transform") is not _method_of(cls, "transform"):
        kind = type(transformer).__name__
        raise NotConvertibleError(f"{kind} has a `transform` of its own")
    _check_columns(transformer, cls, features)
    return entry.function(transformer, features)


def convert_by_name(name: str, model: object, method: str, features: Features) -> Converted:
    """A model that its family holds as plain arrays, by the name of its own class."""
    entry = _CONVERTERS[name]
    if entry.function is None or method not in entry.methods:
        raise NotConvertibleError(f"{name.rpartition('.')[2]}.{method} has no JAX form here")
    return entry.function(model, method, features)


def transform_by_name(name: str, step: object, features: object) -> Any:
    """The same for a step, by its family's own record of columns."""
    function = _TRANSFORMERS[name].function
    assert function is not None
    return function(step, features)


def why_on_host(name: str) -> str:
    """Why the models, or the steps, of a class have no JAX form; empty: that is not known."""
    entry = _CONVERTERS.get(name) or _TRANSFORMERS.get(name)
    return "" if entry is None else entry.why_not


def entries() -> tuple[tuple[bool, dict[str, Entry]], ...]:
    """All that is registered, by class; and whether the models are called themselves."""
    for library in LIBRARIES.values():
        importlib.import_module(library.family)
    return (False, _CONVERTERS), (False, _TRANSFORMERS), (True, _OPENERS)


def _check_columns(model: Estimator, cls: type, features: Features) -> None:
    """Whether a model was fitted on these columns, by what scikit-learn's classes keep of them."""
    if _name(cls) in _LOOK_THEMSELVES:
        return
    kind, count = type(model).__name__, getattr(model, "n_features_in_", None)
    if count is not None and count != len(features):
        raise NotConvertibleError(f"{kind}: was fitted on {count} columns and gets {len(features)}")
    if cls.__module__.partition(".")[0] != "sklearn":
        return  # LightGBM changes names as it likes
    names = getattr(model, "feature_names_in_", None)
    if names is not None and features.names is not None and tuple(names) != features.names:
        raise NotConvertibleError(f"{kind}: was fitted on columns of other names or another order")


def _method_of(cls: type, name: str) -> Any:
    """The method as the class holds it: `available_if` makes a new function at every access."""
    return inspect.getattr_static(cls, name, None)


def _name(cls: str | type) -> str:
    return cls if isinstance(cls, str) else f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}"


def _entry_of(instance: Estimator, known: dict[str, Any]) -> tuple[type, Any]:
    """The nearest entry of what has a JAX form."""
    found, kind = _find(instance, known), type(instance).__name__
    if found is None:
        raise NotConvertibleError(f"{kind} has no JAX form here")
    if found[1].function is None:
        raise NotConvertibleError(f"{kind}: {found[1].why_not}")
    return found


def _find(instance: ModelLike, known: dict[str, Any]) -> tuple[type, Any] | None:
    """The entry of the nearest of an object's classes."""
    for cls in type(instance).__mro__:
        library = cls.__module__.partition(".")[0]
        if library in LIBRARIES:
            importlib.import_module(LIBRARIES[library].family)
        if _name(cls) in known:
            return cls, known[_name(cls)]
    return None
