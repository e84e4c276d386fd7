"""Explanations of the images in a Spark DataFrame."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from lime_jax.distributed.spark.columns import check_unique, id_column, type_of
from lime_jax.distributed.spark.worker import blocks_with_ids, broadcast, told_where
from lime_jax.distributed.worker import ChunkSpec, explain_chunk
from lime_jax.image import in_layout_of
from lime_jax.image.explainer import ImageExplainer
from lime_jax.image.read import as_array
from lime_jax.optional import require
from lime_jax.results.arrow import explanations_of, list_array

IMAGES_AT_ONCE = 16
"""Images of a block: they, and their superpixels, are in memory together."""

_SUPERPIXELS = "struct<clusters:array<array<struct<x:int,y:int>>>>"
_WEIGHTS = "array<array<double>>"
_PARTS = ("height", "width", "nChannels", "mode", "data")
# OpenCV's number of a type of unsigned bytes -> where its channels are in red, green, blue, alpha.
_CHANNELS = {0: [0], 16: [2, 1, 0], 24: [2, 1, 0, 3]}


def explain_images(
    df: Any,
    explainer: object,
    model: object,
    image_col: str = "image",
    id_col: str | None = None,
    output_col: str = "weights",
    superpixel_col: str | None = "superpixels",
    label_col: str | None = "labels",
    check_ids: bool = True,
    **options: object,
) -> Any:
    """Explain the images of a DataFrame; lazily, with all its columns and new ones.

    Args:
        df: a Spark DataFrame.
        explainer: an `ImageExplainer`.
        model: as `ImageExplainer.explain` takes it, or a `ModelFactory`.
        image_col: name of the column with the images: encoded bytes (PNG, JPEG...), or the structs
            of Spark's image source, of gray, color or color with alpha. Models get them as arrays
            of unsigned bytes in the order red, green, blue, alpha; a gray image has no channels.
        id_col: name of the column with the images' ids; None: a hash of the content.
        output_col: name of a new column: a list of weights, one for each superpixel, for each
            explained output.
        superpixel_col: name of a new column: a struct whose `clusters` list the `x` and `y` of
            each superpixel's pixels, as in SynapseML; None: without.
        label_col: name of a new column: the names of the explained outputs; None: without.
        check_ids: whether to look for null and repeated ids now: one aggregation of `id_col`.
        **options: of `ImageExplainer.explain`, but for `row_ids` and `progress`.

    Returns:
        A DataFrame. Where the image is null, so are the new columns.

    Raises:
        ValueError: if an argument is not usable, a column is missing or would be replaced, an id
            is null or not the only one of its kind, or the model cannot be pickled.

    Example:
        >>> df = spark.read.format("image").load("photos/")  # doctest: +SKIP
        >>> explain_images(df, ImageExplainer(), model).select("weights")  # doctest: +SKIP
    """
    if not isinstance(explainer, ImageExplainer):
        raise ValueError(
            f"`explainer`: expected an ImageExplainer, got {type(explainer).__name__}; tables go "
            "through `explain`"
        )
    spec = ChunkSpec(explainer, model, options)
    _check_images(df, image_col)
    added = {"labels": label_col, "superpixels": superpixel_col, "weights": output_col}
    new = {what: name for what, name in added.items() if name is not None}
    for name in new.values():
        if name in df.columns:
            raise ValueError(
                f"`{name}`: the DataFrame has a column of that name already; choose another "
                "`output_col`, `superpixel_col` or `label_col`"
            )
    from pyspark.sql import types

    schema = types.StructType(list(df.schema.fields))
    kinds = {"labels": "array<string>", "superpixels": _SUPERPIXELS, "weights": _WEIGHTS}
    for what, name in new.items():
        schema.add(name, types.DataType.fromDDL(kinds[what]))
    if id_col is not None:
        chosen, _ = id_column(df, id_col)
        if check_ids and not df.isStreaming:
            check_unique(df, id_col)
        df = df.select("*", chosen.alias("_lime_jax_id"))
    position = df.columns.index(image_col)
    work = ExplainPictures(broadcast(df.sparkSession, spec), position, id_col is not None, new)
    return df.mapInArrow(work, schema)


def _check_images(df: object, image_col: str) -> None:
    from pyspark.sql import types

    dtype = type_of(df, image_col, "image_col")
    is_struct = isinstance(dtype, types.StructType) and set(_PARTS) <= set(dtype.names)
    if not is_struct and not isinstance(dtype, types.BinaryType):
        raise ValueError(
            f"`image_col`: column {image_col!r} is of type {dtype.simpleString()}; expected binary "
            f"(an encoded image), or a struct with {', '.join(_PARTS)}"
        )


@dataclasses.dataclass
class ExplainPictures:
    """The function of `mapInArrow` for images: batches to batches with the columns `new`, in order.

    `packed` is Spark's broadcast of a `PackedSpec`, `position` of the column with the images;
    `has_ids`: the last column is the images' ids, to be taken out.
    """

    packed: Any
    position: int
    has_ids: bool
    new: dict[str, str]

    def __call__(self, batches: object) -> Iterator[Any]:
        """Explain a partition, block by block."""
        spec = self.packed.value.open()
        for first, block, ids in blocks_with_ids(batches, IMAGES_AT_ONCE, self.has_ids):
            with told_where(first, len(block), ids):
                found = self.explain(spec, block.column(self.position).to_pylist(), ids)
            for what, name in self.new.items():
                block = block.append_column(name, found[what])
            yield from block.to_batches()

    def explain(self, spec: ChunkSpec, values: list[Any], ids: Any) -> dict[str, Any]:
        """The new columns of a block."""
        import pyarrow as pa

        axis = spec.explainer.channel_axis
        there = [row for row, value in enumerate(values) if value is not None]
        if not there:
            kinds = {"labels": pa.list_(pa.string()), "superpixels": _clusters([]).type}
            kinds["weights"] = pa.list_(pa.list_(pa.float64()))
            return {what: pa.nulls(len(values), kinds[what]) for what in self.new}
        images = [decode_image(values[row], axis) for row in there]
        chosen = None if ids is None else [ids[row] for row in there]
        table = explain_chunk(spec, images, chosen)
        found = {"labels": table["label"], "weights": table["weight"]}
        if "superpixels" in self.new:
            explanations: Any = explanations_of(table)
            found["superpixels"] = _clusters(explanations.segments)
        place = {row: number for number, row in enumerate(there)}
        take = pa.array([place.get(row) for row in range(len(values))], pa.int64())
        return {what: found[what].take(take) for what in self.new}


def decode_image(value: Any, channel_axis: str = "last") -> np.ndarray:
    """The pixels of an image as Spark holds it: encoded bytes, or a mapping like its image struct.

    Unsigned bytes (height, width) if gray, else with channels in the order red, green, blue, alpha.

    Example:
        >>> blue = dict(height=1, width=1, nChannels=3, mode=16, data=bytes([255, 0, 0]))
        >>> decode_image(blue).tolist()
        [[[0, 0, 255]]]
    """
    if isinstance(value, bytes):
        return _decode_bytes(value, channel_axis)
    height, width, channels, mode, data = (value[part] for part in _PARTS)
    if len(_CHANNELS.get(mode, ())) != channels or len(data) != height * width * channels:
        raise ValueError(
            f"`image_col`: expected an image of unsigned bytes with 1, 3 or 4 channels, got "
            f"mode {mode}, {height} x {width} pixels, {channels} channels, {len(data)} bytes"
            + ("; leave out what Spark could not read: dropInvalid=true" if channels < 0 else "")
        )
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, channels)[..., _CHANNELS[mode]]
    axis: Any = channel_axis
    return in_layout_of(pixels[:, :, 0] if channels == 1 else pixels, pixels, axis)


def _decode_bytes(data: bytes, channel_axis: str) -> np.ndarray:
    require("PIL", extra="image", needed_by="an encoded image")
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            axis: Any = channel_axis
            return as_array(image, axis, "`image_col`")
    except UnidentifiedImageError as error:
        raise ValueError(
            f"`image_col`: {len(data)} bytes that start with {data[:8]!r} are no image that Pillow "
            "reads; leave them out, or make them null"
        ) from error


def _clusters(segments: Any) -> Any:
    """Superpixels as lists of places: structs of lists of lists of (x, y)."""
    import pyarrow as pa

    places, sizes, counts = [np.zeros((0, 2), np.int32)], [np.zeros(0, np.int64)], [0]
    for labels in segments:
        order = np.argsort(labels, axis=None, kind="stable")
        y, x = np.divmod(order, labels.shape[1])
        places.append(np.stack([x, y], axis=1).astype(np.int32))
        sizes.append(np.bincount(labels.reshape(-1)))
        counts.append(len(sizes[-1]))
    x, y = np.concatenate(places).T
    points = pa.StructArray.from_arrays([pa.array(x), pa.array(y)], ["x", "y"])
    superpixels = list_array(points, np.concatenate(sizes))
    return pa.StructArray.from_arrays([list_array(superpixels, np.array(counts[1:]))], ["clusters"])
