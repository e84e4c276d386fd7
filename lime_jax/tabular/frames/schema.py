"""What a table is made of: columns, levels, dtypes; learned once, kept without any row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lime_jax.arguments import column_number, column_numbers, short_list
from lime_jax.results.names import FeatureNames, Time, level_name
from lime_jax.tabular.frames import columns as col
from lime_jax.tabular.frames.digits import learn_decimals
from lime_jax.tabular.frames.whole_numbers import learn_step, object_type
from lime_jax.typing import Column, Scalar, Table


@dataclasses.dataclass(frozen=True)
class Schema:
    """The columns of a table, and what it takes to rebuild it from numbers and level codes.

    An array's schema can be written by hand (the first four fields), so that an explainer can be
    made from statistics alone.

    Attributes:
        columns: the display name of each feature.
        levels: per categorical feature its values in code order, the missing value last as None;
            None for a numeric feature.
        level_names: per categorical feature its levels' display names; None: made from the levels.
        array_dtype: the dtype of the array that the model expects.
        backend: "pandas", "polars" or "pyarrow" for a frame.
        times: per feature "datetime", "duration" or None.
        nulls: per numeric feature whether a missing number is null rather than NaN.
        steps: per feature what its numbers are multiples of, 1 for whole numbers; 0 for others.
        objects: per feature the type of the numbers in a column of objects, where they are whole.
        decimals: per feature with how many its numbers are shown, 0 for whole ones.
        added: per feature how many of its levels, the last ones, are not of the fitted rows.
        template: the native frame without rows: its columns and dtypes.
        level_columns: per categorical feature its levels as a native column, dtype and all.
        names: of features and levels as readers see them, made from the others.

    Example:
        >>> schema = Schema("array", ("age", "sex"), (False, True), (None, (0.0, 1.0)))
        >>> schema.columns
        ('age', 'sex')
    """

    kind: Literal["array", "frame"]
    columns: tuple[str, ...]
    categorical: tuple[bool, ...]
    levels: tuple[tuple[Any, ...] | None, ...]
    level_names: tuple[tuple[str, ...] | None, ...] | None = None
    array_dtype: str = "float64"
    backend: str | None = None
    times: tuple[Time, ...] = ()
    nulls: tuple[bool, ...] = ()
    steps: tuple[float, ...] = ()
    objects: tuple[type | None, ...] = ()
    decimals: tuple[int, ...] = ()
    added: tuple[int, ...] = ()
    template: Table = dataclasses.field(default=None, compare=False, repr=False)
    level_columns: tuple[Any, ...] = dataclasses.field(default=(), compare=False, repr=False)
    names: FeatureNames = dataclasses.field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        by_column = self.level_names or (None,) * len(self.columns)
        made = (tuple(map(level_name, levels or ())) for levels in self.levels)
        levels = tuple(
            (names or texts) if categorical else None
            for names, texts, categorical in zip(by_column, made, self.categorical, strict=True)
        )
        names = FeatureNames(self.columns, levels, self.times, self.decimals)
        object.__setattr__(self, "names", names)

    @property
    def fitted_names(self) -> tuple[str, ...]:
        """The names of the table's own columns, which `columns` may call by other names."""
        if self.template is None:
            return self.columns
        names = getattr(self.template, "column_names", None)  # of pyarrow
        return tuple(map(str, self.template.columns if names is None else names))

    @property
    def is_single(self) -> bool:
        """Whether all numbers are float32: then they stay so in the steps of a pipeline."""
        if self.kind == "array":
            return np.dtype(self.array_dtype) == np.float32
        import narwhals.stable.v1 as nw

        dtypes = nw.from_native(self.template).schema.values()
        numbers = [d for d, levels in zip(dtypes, self.levels, strict=True) if levels is None]
        return bool(numbers) and all(dtype == nw.Float32 for dtype in numbers)

    def time(self, j: int) -> Time:
        """Whether feature `j` is a moment, a length of time, or neither."""
        return self.times[j] if self.times else None

    def step(self, j: int) -> float:
        """What the numbers of feature `j` are multiples of; 0: of nothing."""
        return self.steps[j] if self.steps else 0.0

    def native_levels(self, j: int) -> Any:
        """The levels of categorical feature `j` as a native column."""
        if self.level_columns:
            return self.level_columns[j]
        values, dtype = self.levels[j] or (), np.dtype(self.array_dtype)
        if dtype.kind in "OUS":
            return np.array(values, dtype=dtype)
        return np.array([np.nan if value is None else value for value in values], np.float64)


def learn_schema(
    X: Table,
    categorical_features: Sequence[object] | None = None,
    feature_names: Sequence[str] | None = None,
    categorical_names: Mapping[object, object] | None = None,
) -> Schema:
    """Learn the columns, levels and dtypes of a table.

    Text, categories, booleans and mixed objects are categorical by themselves. Levels are those
    that occur, in the order of their categories or else sorted; missing is a level of its own,
    last. Dates and durations are numbers of seconds.

    Args:
        X: the training table: a 2-D array, a list of rows, a pandas, polars or pyarrow table.
        feature_names: the columns' names, for arrays "0", "1", ... by default.

    Example:
        >>> schema = learn_schema([["a", 1.5], ["b", 2.0], ["a", None]])
        >>> schema.categorical, schema.levels
        ((True, False), (('a', 'b'), None))
    """
    table = col.as_table(X)
    columns = _feature_names(table, feature_names)
    if table.shape[0] == 0:
        raise ValueError(f"`X` must have at least one row to learn from, got shape {table.shape}.")
    declared = column_numbers(columns, categorical_features or (), "categorical_features")
    learned = [
        _learn_column(col.get_column(table, j), name, j in declared)
        for j, name in enumerate(columns)
    ]
    levels = tuple(column.levels for column in learned)
    schema = Schema(
        kind="array",
        columns=tuple(columns),
        categorical=tuple(column.levels is not None for column in learned),
        levels=levels,
        level_names=_level_names(levels, columns, categorical_names),
        times=tuple(column.time for column in learned),
        nulls=tuple(column.null for column in learned),
        steps=tuple(column.step for column in learned),
        decimals=tuple(column.decimals for column in learned),
        objects=tuple(column.object for column in learned),
        level_columns=tuple(column.native for column in learned),
    )
    if isinstance(table, np.ndarray):
        return dataclasses.replace(schema, array_dtype=table.dtype.str)
    return dataclasses.replace(
        schema,
        kind="frame",
        backend=col.backend(table),
        template=table[np.zeros(0, np.int64)].to_native(),  # a copy: keeps no training row alive
    )


def _feature_names(table: Table, feature_names: Sequence[str] | None) -> list[str]:
    names = col.column_names(table) if feature_names is None else [str(n) for n in feature_names]
    if len(names) != table.shape[1]:
        raise ValueError(
            f"`feature_names` must name all {table.shape[1]} columns of `X`, "
            f"got {len(names)} names."
        )
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"`feature_names` must differ from each other, got twice: {twice}.")
    return names


@dataclasses.dataclass(frozen=True)
class _Learned:
    """What is kept of a column; see `Schema`."""

    null: bool
    levels: tuple[Scalar, ...] | None = None
    native: Column = None
    step: float = 0.0
    decimals: int = 2
    time: Time = None
    object: type | None = None


def _learn_column(column: Column, name: str, is_declared: bool) -> _Learned:
    null = _missing_is_null(column)
    if is_declared or col.is_categorical(column, name):
        return _Learned(null, *_learn_levels(column, name))
    step = learn_step(column)
    decimals = learn_decimals(column, name, step)
    return _Learned(null, None, None, step, decimals, col.time_kind(column), object_type(column))


def _learn_levels(column: Column, name: str) -> tuple[tuple[Any, ...], Any]:
    """The values that occur, and one native element of each, missing last."""
    values = col.to_list(column)
    try:  # backwards, so that the first occurrence stays
        first = dict(zip(reversed(values), range(len(values) - 1, -1, -1), strict=True))
    except TypeError as error:
        raise ValueError(f"`X`: column {name!r} must hold plain values ({error}).") from error
    missing = [row for value, row in first.items() if col.is_missing(value)][:1]
    order = sorted_levels([value for value in first if not col.is_missing(value)], column)
    rows = np.array([first[value] for value in order] + missing, np.int64)
    native = column[rows]
    if not isinstance(column, np.ndarray):
        native = native.to_native()
        native = native.reset_index(drop=True) if hasattr(native, "reset_index") else native
    return tuple(order) + (None,) * len(missing), native


def sorted_levels(values: list[Any], column: Column) -> list[Any]:
    """By the column's own categories if they have an order of their own, else by value."""
    if not isinstance(column, np.ndarray):
        categories = _categories(column)
        if categories is not None:
            place = {value: i for i, value in enumerate(categories)}
            return sorted(values, key=place.__getitem__)
    try:
        return sorted(values)
    except (TypeError, ValueError):  # of several types; NumPy's numbers compare with a tuple's
        return sorted(values, key=lambda value: (type(value).__name__, str(value)))


def _categories(column: Column) -> list[Any] | None:
    """The categories of a frame's column, if their order means something."""
    import narwhals.stable.v1 as nw

    if column.implementation.is_polars():
        # A Categorical's order is that in which this process first saw its strings.
        return column.to_native().dtype.categories.to_list() if column.dtype == nw.Enum else None
    if column.dtype in (nw.Categorical, nw.Enum):
        return column.cat.get_categories().to_list()
    return None


def _missing_is_null(column: Column) -> bool:
    """Whether missing numbers go back as null: wherever there is a null and no NaN was seen."""
    if isinstance(column, np.ndarray):
        return True
    import narwhals.stable.v1 as nw

    if column.dtype not in (nw.Float32, nw.Float64):
        return True
    return not column.implementation.is_pandas() and not bool(column.is_nan().any())


def _level_names(
    levels: tuple[tuple[Any, ...] | None, ...],
    columns: Sequence[str],
    categorical_names: Mapping[Any, Any] | None,
) -> tuple[tuple[str, ...] | None, ...]:
    names: list[tuple[str, ...] | None] = [
        None if values is None else tuple(level_name(v) for v in values) for values in levels
    ]
    for feature, labels in (categorical_names or {}).items():
        j = column_number(columns, feature, "categorical_names")
        values = levels[j]
        if values is None:
            raise ValueError(
                f"`categorical_names` names the levels of {columns[j]!r}, which is numeric: "
                "add it to `categorical_features`."
            )
        try:
            names[j] = tuple("missing" if v is None else str(labels[_code(v)]) for v in values)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"`categorical_names` of {columns[j]!r} must have a name for each integer code in "
                f"{short_list([level_name(v) for v in values])}, got {labels!r}."
            ) from error
    return tuple(names)


def _code(value: Scalar) -> int:
    code = int(value)
    if code != value or code < 0:
        raise ValueError(value)
    return code
