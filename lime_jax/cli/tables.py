"""Rows from a file, and the columns of them that the model was fitted on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lime_jax.cli.errors import InputError, describe, one_line
from lime_jax.cli.files import known_suffix

_SUFFIXES = (".csv", ".parquet", ".arrow", ".feather")


def read_table(path: str | Path, argument: str) -> Any:
    """Read a file: a pandas frame where pandas is installed, else a pyarrow table.

    Args:
        path: `.csv`, `.parquet`, `.arrow` or `.feather`.
        argument: for the errors.

    Returns:
        The table, wrapped by narwhals.

    Raises:
        InputError: if there is no such file, or it is no table.
    """
    path = Path(path)
    suffix = known_suffix(path, _SUFFIXES, argument)
    if not path.is_file():
        raise InputError(f"{argument}: no such file: {path}")
    import narwhals.stable.v1 as nw

    try:
        table = _read_csv(path) if suffix == ".csv" else _read_arrow(path, suffix)
        return nw.from_native(table, eager_only=True)
    except ImportError as error:
        raise InputError(
            f'{argument}: a {suffix} file needs pyarrow: pip install "lime_jax[cli]"'
        ) from error
    except Exception as error:  # a file can fail to parse in any way
        raise InputError(f"{argument}: cannot read {path} ({describe(error)})") from error


def as_read(table: Any, is_text: bool) -> Any:
    """An Arrow table as `read_table` would have read it.

    Args:
        table: the rows.
        is_text: whether all columns are text, of a csv file, that has to be read.

    Returns:
        The table, wrapped by narwhals.
    """
    import narwhals.stable.v1 as nw

    if is_text:
        import pyarrow.csv

        written = io.BytesIO()
        pyarrow.csv.write_csv(table, written)
        written.seek(0)
        table = _read_csv(written)
    elif find_spec("pandas"):
        table = table.to_pandas()
    return nw.from_native(table, eager_only=True)


def _read_csv(path: Path | io.BytesIO) -> Any:
    if find_spec("pandas"):
        import pandas

        # The numbers as they were written, which pandas reads by default from 3.1 on: a last digit
        # that is off can put a row into the next bin.
        exact = tuple(map(int, pandas.__version__.split(".")[:2])) >= (3, 1)
        return pandas.read_csv(path, **({} if exact else {"float_precision": "round_trip"}))
    import pyarrow.csv

    return pyarrow.csv.read_csv(path)


def _read_arrow(path: Path, suffix: str) -> Any:
    import pyarrow
    import pyarrow.parquet

    if suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
    else:
        with open(path, "rb") as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            open_ = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
            table = open_(file).read_all()
    return table.to_pandas() if find_spec("pandas") else table


def model_columns(model: Any, columns: Sequence[str], target: str | None) -> list[str]:
    """The columns that a model was fitted on.

    Args:
        model: from `load_model`.
        columns: of the training rows.
        target: the column that is no feature; None: there is none.

    Returns:
        The model's own `feature_names_in_`, else all columns but the target.

    Raises:
        InputError: if they do not fit the model.
    """
    names = fitted_names(model)
    if names is not None:
        if target in names:
            raise InputError(f"--target: {target!r} is a column that the model was fitted on")
        return names
    names = [name for name in columns if name != target]
    wanted = getattr(model, "n_features_in_", len(names))
    if wanted != len(names):
        hint = "" if target else "; name the column that it predicts by --target"
        raise InputError(
            f"--model: was fitted on {wanted} columns, the data have {len(names)} "
            f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}){hint}"
        )
    return names


def fitted_names(model: Any) -> list[str] | None:
    """The names of the columns that a model was fitted on.

    Args:
        model: from `load_model`.

    Returns:
        The names, or None if it was fitted on arrays.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return None
    names = [str(name) for name in names]
    made_up = [f"Column_{k}" for k in range(len(names))]  # LightGBM's, when fitted on arrays
    return None if names == made_up else names


def need_columns(table: Any, names: Sequence[str], argument: str, of: str) -> None:
    """See that a table has some columns.

    Args:
        table: from `read_table`.
        names: the columns.
        argument: for the error.
        of: the table's own argument, for the error.

    Raises:
        InputError: with the missing names and those that there are.
    """
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(
            f"{argument}: {of} has no column {_some(missing)}; it has {_some(table.columns)}"
        )


def _some(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(repr(one_line(name)) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def is_numeric(table: Any) -> bool:
    """Whether all columns are numbers or true/false, so that they fit an array.

    Args:
        table: from `read_table`.

    Returns:
        Whether they are.
    """
    import narwhals.stable.v1 as nw

    return all(dtype.is_numeric() or dtype == nw.Boolean for dtype in table.schema.values())


def boolean_columns(table: Any) -> list[str]:
    """The columns of true and false.

    Args:
        table: from `read_table`.

    Returns:
        Their names.
    """
    import narwhals.stable.v1 as nw

    return [name for name, dtype in table.schema.items() if dtype == nw.Boolean]


def to_matrix(table: Any) -> np.ndarray:
    """Numeric columns as an array, for a model that was fitted on one.

    Args:
        table: from `read_table`, all numeric.

    Returns:
        (rows, columns) in float64, NaN where missing.
    """
    import narwhals.stable.v1 as nw

    columns = [table.get_column(name).cast(nw.Float64).to_numpy() for name in table.columns]
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((len(table), 0))


def row_slice(rows: tuple[int | None, int | None], count: int) -> slice:
    """`--rows` as a slice.

    Args:
        rows: first row, and the row after the last; None: from the start, to the end.
        count: of rows in the data.

    Returns:
        The slice.

    Raises:
        InputError: if it is empty or outside the data.

    Example:
        >>> row_slice((2, None), 5)
        slice(2, 5, None)
    """
    first = 0 if rows[0] is None else rows[0]
    last = count if rows[1] is None else rows[1]
    if rows != (None, None) and not 0 <= first < last <= count:
        raise InputError(f"--rows: {first}:{last} is not a part of the data's {count} rows")
    return slice(first, last)
