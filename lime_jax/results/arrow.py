"""Explanations as Arrow tables of a fixed schema, and back: what workers and files exchange.

Two forms. In `rows_table` a row of the data set is a row of the table, with lists for its labels
and features; nothing is lost, and `explanations_of` reads it back. In `long_table` there is a row
for every row, label and selected feature. A number that is not known (NaN) is null in both. The
types are the same in either precision of JAX.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.image.explanations import ImageExplanations
from lime_jax.optional import require
from lime_jax.results.explanations import Explanations
from lime_jax.results.row_index import as_ids, column_names, id_column, level_columns, objects

if TYPE_CHECKING:
    import pyarrow

LONG_COLUMNS = (
    *("row_id", "label", "feature", "condition", "value", "weight", "std_error"),
    *("intercept", "score", "local_pred", "prediction"),
)
"""Of `long_table`: the last four belong to the row and the label."""

_WHOLE = ("labels", "bins", "support", "key_ids", "samples_used")
_KEY = b"lime_jax"
KINDS = {one.kind: one for one in (Explanations, ImageExplanations)}
"""Of explanations, by the name that files and tables give them."""
# Attribute, column, and whether there is an entry per (l)abel, (f)eature, (o)utput or neither.
_NUMBERS = (
    ("coef", "weight", "lf"),
    ("std_error", "std_error", "lf"),
    ("intercept", "intercept", "l"),
    ("score", "score", "l"),
    ("local_pred", "local_pred", "l"),
    ("prediction", "prediction", "o"),
    ("held_out_score", "held_out_score", "l"),
    ("effective_samples", "effective_samples", ""),
    ("samples_used", "samples_used", ""),
    ("labels", "label_number", "l"),
    ("values", "number", "f"),
    ("bins", "bin", "f"),
    ("variables", "variable", "f"),
    ("support", "support", "f"),
    ("key_ids", "key_id", ""),
)


def row_schema(id_type: Any = None, images: bool = False) -> pyarrow.Schema:
    """The columns of `rows_table`.

    Args:
        id_type: of `row_id`; None: int64.
        images: whether images were explained; then the superpixels and the image come last.

    Returns:
        `row_id`; the lists `label`, `feature`, `condition` and `value`; `weight` and `std_error`,
        a list of features for each label; `intercept`, `score`, `local_pred` by label and
        `prediction` by output; then what else `Explanations` have of a row.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> row_schema().names[:7]
        ['row_id', 'label', 'feature', 'condition', 'value', 'weight', 'std_error']
    """
    pa = require("pyarrow", extra="cli")
    texts = pa.list_(pa.string())
    fields: list[tuple[str, Any]] = [("row_id", id_type or pa.int64())]
    fields += [(name, texts) for name in ("label", "feature", "condition", "value")]
    for name, column, axes in _NUMBERS:
        type_ = _number_type(name)
        for _ in axes:
            type_ = pa.list_(type_)
        fields.append((column, type_))
    if images:
        picture = [("data", pa.binary()), ("shape", pa.list_(pa.int64())), ("dtype", pa.string())]
        fields.append(("superpixels", pa.list_(pa.list_(pa.int64()))))
        fields.append(("image", pa.struct(picture)))
    return pa.schema(fields)


def long_schema(id_type: Any = None) -> pyarrow.Schema:
    """The columns of `long_table`.

    Args:
        id_type: of `row_id`; None: int64.

    Returns:
        `LONG_COLUMNS`: an id, four texts, and numbers.

    Raises:
        ImportError: if pyarrow is missing.
    """
    pa = require("pyarrow", extra="cli")
    types = [id_type or pa.int64(), *[pa.string()] * 4, *[pa.float64()] * 6]
    return pa.schema(list(zip(LONG_COLUMNS, types, strict=True)))


def rows_table(
    explanations: Explanations,
    row_ids: Iterable[Any] | None = None,
    texts: bool = True,
) -> pyarrow.Table:
    """A table with one row for every row of the data set.

    Args:
        explanations: of tables or images.
        row_ids: what the rows are to be called; None: the `row_ids` of `explanations`.
        texts: whether `label`, `feature`, `condition` and `value` are wanted; `explanations_of`
            does not need them, and they take longer to make than all numbers.

    Returns:
        A table of `row_schema`; the facts that all rows share are in its metadata.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> import lime_jax
        >>> X = np.arange(8.0).reshape(4, 2)
        >>> found = lime_jax.TabularExplainer().fit(X).explain(X, lambda batch: batch.sum(1))
        >>> table = rows_table(found, ["a", "b", "c", "d"])
        >>> table["weight"][0].as_py() == found.coef[0].tolist()
        True
        >>> np.array_equal(explanations_of(table).coef, found.coef)
        True
    """
    pa = require("pyarrow", extra="cli")
    is_image = isinstance(explanations, ImageExplanations)
    ids = _id_column(explanations, row_ids)
    present = _present(explanations)
    columns: dict[str, Any] = {
        "row_id": ids,
        **(_text_columns(explanations, present) if texts else {}),
        **{
            column: _nested(getattr(explanations, name), name, axes, present)
            for name, column, axes in _NUMBERS
        },
    }
    if is_image:
        columns |= _picture_columns(explanations)
    arrays, facts = explanations._stored()
    facts["labels"] = explanations.labels.shape[1]
    if row_ids is not None:
        facts["row_names"] = ("",)
    facts["dtypes"] = {name: arrays[name].dtype.str for name, _, _ in _NUMBERS}
    schema = row_schema(ids.type, is_image).with_metadata({_KEY: json.dumps(facts)})
    fields = [field for field in schema if field.name in columns]
    return pa.table(columns, schema=pa.schema(fields, schema.metadata))


def long_table(explanations: Explanations, row_ids: Iterable[Any] | None = None) -> pyarrow.Table:
    """A table with one row for every row of the data set, label and selected feature.

    Args:
        explanations: of tables or images.
        row_ids: as in `rows_table`.

    Returns:
        A table of `long_schema`.

    Raises:
        ImportError: if pyarrow is missing.
    """
    pa = require("pyarrow", extra="cli")
    ids = _id_column(explanations, row_ids)
    row, label, feature = np.nonzero(explanations.listed)
    unknown = explanations.never_met[row, feature]
    number = explanations.labels[row, label]
    texts, names = _texts(explanations), pa.array(explanations.feature_names, pa.string())
    columns: list[Any] = [
        ids.take(pa.array(row)),
        pa.array(explanations.output_names, pa.string()).take(pa.array(number)),
        names.take(pa.array(feature)),
        *(dictionary.take(pa.array(codes[row, feature])) for codes, dictionary in texts),
    ]
    numbers = [
        np.where(unknown, np.nan, explanations.coef[row, label, feature]),
        explanations.std_error[row, label, feature],
        *(getattr(explanations, name)[row, label] for name in LONG_COLUMNS[7:10]),
        explanations.prediction[row, number],
    ]
    columns += [_known(column.astype(np.float64)) for column in numbers]
    return pa.table(columns, schema=long_schema(ids.type))


def explanations_of(table: pyarrow.Table) -> Explanations:
    """What a table of `rows_table` was made of, without a copy of the texts.

    Args:
        table: of `rows_table`; rows may be taken out of it.

    Returns:
        The explanations; `ImageExplanations` of images.

    Raises:
        ValueError: if the table is something else.
        ImportError: if pyarrow is missing.
    """
    require("pyarrow", extra="cli")
    metadata = table.schema.metadata or {}
    if _KEY not in metadata:
        raise ValueError(
            "`table`: expected a table of `rows_table` with its metadata, got one with columns "
            f"{', '.join(table.column_names[:8])}"
        )
    facts = json.loads(metadata[_KEY])
    kind, names = KINDS[facts["kind"]], facts["names"]
    sizes = {"l": facts["labels"], "o": len(facts["output_names"]), "f": len(names["columns"])}
    arrays: dict[str, Any] = {}
    for name, column, axes in _NUMBERS:
        filler = {"std_error": np.nan, "bins": -1}.get(name, 0)
        found = _dense(table[column].combine_chunks(), axes, sizes, filler)
        arrays[name] = found.astype(facts["dtypes"][name])
    if kind is ImageExplanations:
        arrays |= _pictures(table)
        arrays["feature_mask"] = arrays["values"] > 0
    return kind(**kind._restored(arrays, facts), row_ids=_ids_of(table["row_id"]))


def list_array(flat: Any, sizes: np.ndarray) -> pyarrow.ListArray:
    """An array of lists, from what is in them.

    Args:
        flat: Arrow array of all items, list after list.
        sizes: (lists,) whole numbers: how many items each list has.

    Returns:
        The lists.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> import pyarrow
        >>> list_array(pyarrow.array([1, 2, 3]), np.array([2, 0, 1])).to_pylist()
        [[1, 2], [], [3]]
    """
    pa = require("pyarrow", extra="cli")
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


def _number_type(name: str) -> Any:
    pa = require("pyarrow", extra="cli")
    return pa.int64() if name in _WHOLE else pa.float64()


def _id_column(explanations: Explanations, row_ids: Any) -> Any:
    """The rows' names in their own type; a struct where they have several levels."""
    pa = require("pyarrow", extra="cli")
    if row_ids is not None:
        return id_column(as_ids(row_ids))
    names = explanations.row_names
    levels = [id_column(level) for level in level_columns(explanations.row_ids, names)]
    return (
        levels[0]
        if len(levels) == 1
        else pa.StructArray.from_arrays(levels, names=column_names(names, ()))
    )


def _ids_of(column: Any) -> np.ndarray:
    """The rows' names from their column; tuples from a struct."""
    types = require("pyarrow", extra="cli").types
    if types.is_struct(column.type):
        levels = [_ids_of(level).tolist() for level in column.combine_chunks().flatten()]
        return objects(list(zip(*levels, strict=True)))
    has_zone = types.is_timestamp(column.type) and column.type.tz is not None
    plain = types.is_integer(column.type) or types.is_floating(column.type)
    if (plain and not column.null_count) or (types.is_timestamp(column.type) and not has_zone):
        return column.to_numpy()
    return objects(column.to_pylist())


def _present(explanations: Explanations) -> np.ndarray:
    """(rows, features) which features a row has: an image has no more than its superpixels."""
    if isinstance(explanations, ImageExplanations):
        return explanations.feature_mask
    return np.ones(explanations.values.shape, bool)


def _texts(explanations: Explanations) -> list[tuple[np.ndarray, Any]]:
    """Conditions and values: (rows, features) codes, and the texts of all codes."""
    pa = require("pyarrow", extra="cli")
    found = [explanations.texts(k) for k in range(len(explanations.feature_names))]
    codes, first = np.empty(explanations.values.shape, np.int64), 0
    for k, (own, conditions, _) in enumerate(found):
        codes[:, k] = own + first
        first += len(conditions)
    both = ([text for one in found for text in one[position]] for position in (1, 2))
    return [(codes, pa.array(texts, pa.string())) for texts in both]


def _text_columns(explanations: Explanations, present: np.ndarray) -> dict[str, Any]:
    pa = require("pyarrow", extra="cli")
    names, outputs = (
        pa.array(texts, pa.string())
        for texts in (explanations.feature_names, explanations.output_names)
    )
    rows, labels = explanations.labels.shape
    features = np.broadcast_to(np.arange(len(names)), explanations.values.shape)
    (codes, conditions), (_, values) = _texts(explanations)
    columns = {
        "label": list_array(outputs.take(_indices(explanations.labels)), np.full(rows, labels))
    }
    each = {
        "feature": (names, features),
        "condition": (conditions, codes),
        "value": (values, codes),
    }
    for name, (dictionary, numbers) in each.items():
        taken = dictionary.take(_indices(numbers[present]))
        columns[name] = list_array(taken, present.sum(1))
    return columns


def _indices(numbers: np.ndarray) -> Any:
    return require("pyarrow", extra="cli").array(numbers.reshape(-1))


def _nested(values: np.ndarray, name: str, axes: str, present: np.ndarray) -> Any:
    """An array as lists, one axis within the other; features that a row lacks are left out."""
    values = values.astype(np.int64 if name in _WHOLE else np.float64)
    rows, sizes = len(values), present.sum(1)
    if axes == "":
        return _known(values)
    if axes == "f":
        return list_array(_known(values[present]), sizes)
    if axes == "lf":
        labels = values.shape[1]
        inner = values[np.broadcast_to(present[:, None], values.shape)]
        return list_array(
            list_array(_known(inner), np.repeat(sizes, labels)), np.full(rows, labels)
        )
    return list_array(_known(values.reshape(-1)), np.full(rows, values.shape[1]))


def _known(values: np.ndarray) -> Any:
    """Numbers as a column, null where NaN."""
    return require("pyarrow", extra="cli").array(values, from_pandas=True)


def _dense(column: Any, axes: str, sizes: dict[str, int], filler: float | int) -> np.ndarray:
    """Nested lists as an array, filled up where a row lacks features."""
    rows = len(column)
    shape = (rows, *(sizes[axis] for axis in axes))
    for _ in axes[:-1]:
        column = column.flatten()
    if not axes.endswith("f"):
        flat = column.flatten() if axes else column
        return flat.to_numpy(zero_copy_only=False).reshape(shape)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    dense = np.full((len(column), sizes["f"]), filler, flat.dtype)
    dense[np.arange(sizes["f"]) < lengths[:, None]] = flat
    return dense.reshape(shape)


def _picture_columns(explanations: ImageExplanations) -> dict[str, Any]:
    pa = require("pyarrow", extra="cli")
    superpixels = [
        list_array(pa.array(own.reshape(-1).astype(np.int64)), np.full(own.shape[0], own.shape[1]))
        for own in explanations.segments
    ]
    heights = np.array([len(own) for own in superpixels], np.int64)
    empty = pa.array([], pa.list_(pa.int64()))
    images = [
        {"data": image.tobytes(), "shape": list(image.shape), "dtype": image.dtype.str}
        for image in explanations.images
    ]
    return {
        "superpixels": list_array(pa.concat_arrays([empty, *superpixels]), heights),
        "image": pa.array(images, row_schema(images=True).field("image").type),
    }


def _pictures(table: pyarrow.Table) -> dict[str, np.ndarray]:
    arrays = {}
    for row, superpixels in enumerate(table["superpixels"]):
        flat = superpixels.values.flatten().to_numpy()
        arrays[f"segments_{row}"] = flat.reshape(len(superpixels), -1).astype(np.int32)
    for row, image in enumerate(table["image"].to_pylist()):
        flat = np.frombuffer(image["data"], np.dtype(image["dtype"]))
        arrays[f"image_{row}"] = flat.reshape(image["shape"]).copy()
    return arrays
