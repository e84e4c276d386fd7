"""Spark gives the numbers of this process, however it cuts the rows and whatever dies."""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import socket
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyspark import cloudpickle
from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

import lime_jax
from lime_jax.distributed import ChunkSpec
from lime_jax.distributed import spark as on_spark
from lime_jax.distributed.spark.images import decode_image
from lime_jax.distributed.spark.tables import check_java, master
from lime_jax.distributed.spark.udf import ExplainColumns
from lime_jax.distributed.spark.worker import ExplainBatches, PackedSpec
from lime_jax.optional import is_installed
from lime_jax.results.arrow import explanations_of, long_table, rows_table

pytestmark = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully support pandas:FutureWarning"
)


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


IRIS = load_iris()
X, TRAIN = IRIS.data[::4], IRIS.data[::10]
NAMES = ["sepal length", "sepal width", "petal length", "petal.width"]  # a dot, as real names have
TREE = DecisionTreeClassifier(random_state=0, max_depth=3).fit(IRIS.data, IRIS.target)
PORT = free_port() if is_installed("grpc") else None
CONNECT = {  # the same Java answers clients, too
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.port": str(PORT),
}
SAMPLED = {"num_samples": 256, "method": "sampled"}


both = pytest.mark.parametrize("session", ["classic", "connect"], indirect=True)
"""Kinds of session; of what has no mark, the first."""


@pytest.fixture(scope="module")
def server():
    if not shutil.which("java"):
        pytest.fail("Spark needs Java: install openjdk-17-jre-headless (or any of 17 and newer)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.delenv("NPROC", raising=False)
        builder = SparkSession.builder.master("local[2,3]")  # two tasks, of which one may die twice
        for name, value in {
            "spark.ui.enabled": "false",
            "spark.log.level": "OFF",
            "spark.sql.shuffle.partitions": "2",
            # Else the clock of a pandas moment is that of this machine, not of the session.
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "7",
            "spark.sql.session.timeZone": "Europe/Berlin",
            **(CONNECT if PORT else {}),
        }.items():
            builder = builder.config(name, value)
        with warnings.catch_warnings():
            # JAX warns of forks; what Spark forks is another program at once.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            session = builder.getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="module")
def session(request, server):
    if getattr(request, "param", "classic") == "classic":
        yield server
        return
    if not PORT:
        pytest.skip("Spark Connect needs grpcio: pip install 'pyspark[connect]'")
    from pyspark.sql.connect.session import SparkSession as Client

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")  # as a process of such sessions has it
        client = Client.builder.remote(f"sc://localhost:{PORT}").create()
        yield client
        gc.collect()  # models tell their server that they are let go: while it is there
        client.stop()  # else its end waits for a server that is gone


@pytest.fixture(scope="module")
def rows(session):
    frame = pd.DataFrame(X, columns=NAMES).assign(id=range(len(X)))
    return session.createDataFrame(frame).repartition(3).cache()


def fitted(**settings):
    names = {"feature_names": NAMES, "class_names": IRIS.target_names}
    return lime_jax.TabularExplainer(**names, **settings).fit(TRAIN)


# Few explainers and shapes, since every worker compiles them.


@pytest.fixture(scope="module")
def explainer():
    return fitted()


@pytest.fixture(scope="module")
def around():
    """Rows have neighborhoods of their own, so that ids matter."""
    return fitted(sample_around_instance=True)


@pytest.fixture(scope="module")
def shapley():
    return fitted(algorithm="kernel_shap")


@pytest.fixture(scope="module")
def pairs():
    return fitted(algorithm="kernel_shap", interactions=True)


@pytest.fixture
def here_in_a_worker(monkeypatch):
    """What a worker gets of a spec, in this process."""
    monkeypatch.setenv("NPROC", "1")

    def broadcast(spec):
        return SimpleNamespace(value=PackedSpec(cloudpickle.dumps(spec), spec.enable_x64))

    return broadcast


def leaves(column):
    """The lengths of a column's lists, and what is in them."""
    column, lengths = column.combine_chunks(), []
    while pa.types.is_list(column.type):
        lengths.append(column.value_lengths().to_pylist())
        column = column.flatten()
    return lengths, column


def assert_same(found, expected, atol=1e-5):
    """Two tables hold the same rows, in any order."""
    assert found.schema.equals(expected.schema.remove_metadata())
    order = [
        (name, "ascending")
        for name in ("row_id", "label", "feature")
        if not pa.types.is_list(found.schema.field(name).type)
    ]
    found, expected = found.sort_by(order), expected.sort_by(order)
    for name in expected.column_names:
        (lengths, values), (sizes, wanted) = leaves(found[name]), leaves(expected[name])
        assert lengths == sizes, name
        if pa.types.is_floating(wanted.type):
            values, wanted = (one.to_numpy(zero_copy_only=False) for one in (values, wanted))
            np.testing.assert_allclose(values, wanted, rtol=0, atol=atol, err_msg=name)
        else:
            assert values.equals(wanted), name


@both
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("explainer", SAMPLED),
        ("around", SAMPLED),
        ("explainer", {}),
        ("shapley", {}),
        ("pairs", {}),
    ],
)
def test_rows_are_explained_as_they_are_here(rows, request, name, options):
    explainer = request.getfixturevalue(name)
    here = explainer.explain(X, TREE.predict_proba, row_ids=range(len(X)), **options)
    there = on_spark.explain(rows, explainer, TREE.predict_proba, NAMES, "id", **options)
    assert_same(there.toArrow(), rows_table(here, range(len(X))))


@pytest.mark.parametrize("way", ["stream", "batches"])
def test_rows_of_a_stream_keep_their_ids_and_numbers(session, around, tmp_path, way):
    """Three files, each a batch: as a stream, or as the frames that `foreachBatch` gets."""
    frame = pd.DataFrame(X, columns=NAMES).assign(id=range(len(X)))
    (tmp_path / "in").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(X)), 3)):
        frame.iloc[part].to_parquet(tmp_path / "in" / f"{number}.parquet", index=False)
    schema = ", ".join([*(f"`{name}` double" for name in NAMES), "id bigint"])
    stream = session.readStream.schema(schema).option("maxFilesPerTrigger", 1)
    stream = stream.parquet(str(tmp_path / "in"))
    found = []

    def explain(df):
        return on_spark.explain(df, around, TREE.predict_proba, NAMES, "id", **SAMPLED)

    if way == "stream":
        writer = explain(stream).writeStream.foreachBatch(lambda df, _: found.append(df.toArrow()))
    else:
        writer = stream.writeStream.foreachBatch(lambda df, _: found.append(explain(df).toArrow()))
    writer.trigger(availableNow=True).start().awaitTermination()
    assert len(found) == 3
    here = around.explain(X, TREE.predict_proba, row_ids=range(len(X)), **SAMPLED)
    assert_same(pa.concat_tables(found), rows_table(here, range(len(X))))


@both
def test_the_long_form_has_a_row_for_every_label_and_weight(rows, explainer):
    options = {"top_labels": 1, "num_features": 2}
    here = explainer.explain(X, TREE, **options)
    there = on_spark.explain(rows, explainer, TREE, id_col="id", output="long", **options)
    table = there.toArrow()
    assert len(table) == 2 * len(X)
    assert_same(table, long_table(here, range(len(X))))


@pytest.mark.parametrize("cut", ["one", "many", "sorted"])
def test_without_ids_a_row_is_its_content_however_rows_are_cut(rows, around, cut):
    cuts = {
        "one": rows.coalesce(1),
        "many": rows.repartition(9),
        "sorted": rows.orderBy("petal length"),
    }
    there = on_spark.explain(cuts[cut], around, TREE, **SAMPLED)
    here = around.explain(X, TREE, **SAMPLED)
    assert_same(there.toArrow(), rows_table(here, here.key_ids))


@both
def test_frames_reach_the_model_as_they_were_fitted(session):
    count = 24
    frame = pd.DataFrame(
        {
            "carrier": ["AA", "UA", None, "DL"] * (count // 4),
            "delay": np.where(np.arange(count) % 5, np.linspace(-3, 9, count), np.nan),
            "month": np.arange(count) % 12 + 1,
            "when": pd.date_range("2013-01-01", periods=count, freq="9h"),
            "late": np.arange(count) % 3 == 0,
        }
    )

    def model(rows):
        late = rows["late"].to_numpy().astype(bool)
        hours = rows["when"].dt.hour.to_numpy() / 24
        carrier = (rows["carrier"] == "AA").to_numpy()
        return (
            rows["delay"].fillna(0).to_numpy() + hours * late + carrier * rows["month"].to_numpy()
        )

    explainer = lime_jax.TabularExplainer("kernel_shap").fit(frame[::5])
    df = session.createDataFrame(frame).select("late", "when", "carrier", "delay", "month")
    df = df.withColumn("delay", F.when(~F.isnan("delay"), F.col("delay")))  # null, not NaN
    df = df.withColumn("month", F.col("month").cast("decimal(4,0)")).repartition(3)
    there = on_spark.explain(df, explainer, model)
    here = explainer.explain(frame, model)
    assert_same(there.toArrow(), rows_table(here, here.key_ids))


@both
def test_text_ids_are_kept(rows, around):
    names = [f"row {number}" for number in range(len(X))]
    df = rows.withColumn("id", F.concat(F.lit("row "), F.col("id")))
    here = around.explain(X, TREE, row_ids=names, **SAMPLED)
    there = on_spark.explain(df, around, TREE, id_col="id", **SAMPLED)
    assert_same(there.toArrow(), rows_table(here, names))


@both
@pytest.mark.parametrize("count", [0, 1])
def test_no_row_and_one_row_are_data_sets_too(rows, shapley, count):
    df = rows.where(F.col("id") < count).repartition(3)
    here = shapley.explain(X[:count], TREE, row_ids=range(count))
    there = on_spark.explain(df, shapley, TREE, id_col="id")
    assert_same(there.toArrow(), rows_table(here, np.arange(count)))


def test_workers_count_in_the_precision_of_the_driver(rows, shapley):
    with jax.enable_x64(jax.numpy.result_type(float) == np.float32):  # the other one
        here = shapley.explain(X, TREE, row_ids=range(len(X)))
        df = on_spark.explain(rows, shapley, TREE, id_col="id")
    assert_same(df.toArrow(), rows_table(here, range(len(X))), atol=1e-12)


def test_a_worker_keeps_to_the_cores_of_its_task(rows):
    def model(X):
        return X[:, 0] + float(os.environ["NPROC"])

    explainer = lime_jax.TabularExplainer("kernel_shap").fit(TRAIN)
    found = on_spark.explain(rows, explainer, model, NAMES, "id").toArrow().sort_by("row_id")
    first = np.array(found["prediction"].to_pylist())[:, 0]
    np.testing.assert_allclose(first - X[:, 0], 1, atol=1e-6)


@both
def test_a_killed_worker_is_replaced_and_the_numbers_are_the_same(rows, around, tmp_path):
    mark = str(tmp_path / "killed")

    def model(X):
        from pyspark import TaskContext

        if TaskContext.get().partitionId() == 2 and not os.path.exists(mark):
            with open(mark, "w"):
                os.kill(os.getpid(), signal.SIGKILL)
        return TREE.predict_proba(X)

    df = on_spark.explain(rows.repartition(4), around, model, id_col="id", **SAMPLED)
    disturbed = df.toArrow()
    assert os.path.exists(mark)
    assert disturbed.sort_by("row_id").equals(df.toArrow().sort_by("row_id"))


@both
def test_an_exception_of_the_model_says_where(rows, explainer):
    def model(X):
        raise ZeroDivisionError("no such luck")

    df = on_spark.explain(rows.coalesce(1), explainer, model, id_col="id", **SAMPLED)
    with pytest.raises(PythonException, match="no such luck") as raised:
        df.collect()
    assert "raised for rows 0 to 37 of partition 0, ids " in str(raised.value)


# The function of columns.


QUOTED = [f"`{name}`" for name in NAMES]


@both
def test_the_udf_gives_what_as_list_says_strongest_first(rows, explainer):
    udf = on_spark.explanations_udf(explainer, TREE, num_features=2, top_labels=1)
    df = rows.withColumn("explanations", udf(*QUOTED)).select("id", "explanations")
    here = explainer.explain(X, TREE, num_features=2, top_labels=1)
    for row, expected in zip(df.orderBy("id").collect(), here, strict=True):
        found = [(pair.feature, pytest.approx(pair.weight, abs=1e-5)) for pair in row.explanations]
        assert expected.as_list() == found


@pytest.mark.parametrize("label", [None, "virginica", 0])
def test_the_udf_explains_the_predicted_class_or_what_it_is_asked_for(rows, shapley, label):
    udf = on_spark.explanations_udf(shapley, TREE, label=label)
    df = rows.where("id >= 30").select("id", udf(*QUOTED).alias("found")).orderBy("id")
    for row, expected in zip(df.collect(), shapley.explain(X[30:], TREE), strict=True):
        number = {"virginica": 2}.get(label, label)
        wanted = dict(expected.as_list(num_features=None, label=number))
        assert {pair.feature: pair.weight for pair in row.found} == pytest.approx(wanted, abs=1e-5)


def test_the_udf_counts_its_columns(explainer, here_in_a_worker):
    udf = ExplainColumns(here_in_a_worker(ChunkSpec(explainer, TREE, SAMPLED)))
    with pytest.raises(ValueError, match=r"expected 4 columns.*got 1"):
        udf(pa.array([1.0]))


# Images.

PHOTOS = np.random.default_rng(0).integers(0, 256, (5, 12, 18, 3), np.uint8)
PICTURES = lime_jax.ImageExplainer(segmentation="grid", cell_size=6)


def brightness():
    """A model that can be sent: this file is not there in a worker."""
    return lambda images: np.stack([images[..., k].mean((1, 2)) for k in range(3)], 1) / 255


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def as_struct(pixels):
    height, width, channels = pixels.shape
    data = pixels[..., [2, 1, 0, 3][:channels]].tobytes()
    mode = {3: 16, 4: 24}[channels]
    return ("photo.png", height, width, channels, mode, data)


STRUCT = "struct<origin:string,height:int,width:int,nChannels:int,mode:int,data:binary>"


@both
@pytest.mark.parametrize(("kind", "encoded"), [("binary", png), (STRUCT, as_struct)])
def test_images_get_columns_of_superpixels_and_weights(session, kind, encoded):
    data = [(f"p{number}", encoded(photo)) for number, photo in enumerate(PHOTOS)]
    df = session.createDataFrame([*data, ("none", None)], f"name string, image {kind}").repartition(
        2
    )
    options = {"num_samples": 128, "top_labels": 2}
    found = on_spark.explain_images(df, PICTURES, brightness(), id_col="name", **options)
    assert found.columns == ["name", "image", "labels", "superpixels", "weights"]
    *photos, none = sorted(found.collect(), key=lambda row: (row.name == "none", row.name))
    assert none.weights is None
    assert none.superpixels is None
    names = [f"p{number}" for number in range(5)]
    here = PICTURES.explain(PHOTOS, brightness(), row_ids=names, **options)
    assert [row.name for row in photos] == names
    for number, row in enumerate(photos):
        np.testing.assert_allclose(row.weights, here.coef[number], atol=1e-5)
        assert row.labels == [here.output_names[k] for k in here.labels[number]]
        segments = np.full((12, 18), -1)
        for superpixel, pixels in enumerate(row.superpixels.clusters):
            for pixel in pixels:
                segments[pixel.y, pixel.x] = superpixel
        np.testing.assert_array_equal(segments, here.segments[number])


def test_images_are_known_by_their_content_and_columns_are_optional(session):
    df = session.createDataFrame([(png(photo),) for photo in PHOTOS[:2]], "image binary")
    found = on_spark.explain_images(
        df,
        PICTURES,
        brightness(),
        superpixel_col=None,
        label_col=None,
        num_samples=128,
        top_labels=2,
    )
    assert found.columns == ["image", "weights"]
    here = PICTURES.explain(PHOTOS[:2], brightness(), num_samples=128, top_labels=2)
    np.testing.assert_allclose([row.weights for row in found.collect()], here.coef, atol=1e-5)


def test_pixels_are_read_in_the_order_of_models():
    photo = PHOTOS[0]
    clear = np.dstack([photo, photo[..., :1]])
    parts = ("origin", "height", "width", "nChannels", "mode", "data")
    for pixels in (photo, clear):
        struct = dict(zip(parts, as_struct(pixels), strict=True))
        for value in (struct, png(pixels)):
            np.testing.assert_array_equal(decode_image(value), pixels)
            np.testing.assert_array_equal(decode_image(value, "first"), np.moveaxis(pixels, -1, 0))
    gray = photo[..., 0]
    struct = dict(height=12, width=18, nChannels=1, mode=0, data=gray.tobytes())
    for value in (struct, png(gray)):
        np.testing.assert_array_equal(decode_image(value), gray)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"no image", "8 bytes that start with b'no image'"),
        (dict(height=-1, width=-1, nChannels=-1, mode=-1, data=b""), "dropInvalid"),
        (dict(height=1, width=1, nChannels=3, mode=21, data=b"123456789012"), "mode 21"),
        (dict(height=2, width=1, nChannels=3, mode=16, data=b"123"), "3 bytes"),
    ],
)
def test_what_is_no_image_is_refused(value, message):
    with pytest.raises(ValueError, match=f"`image_col`: .*{message}"):
        decode_image(value)


# Blocks of a driver.


@both
def test_blocks_come_back_as_tables_that_hold_everything(session, shapley):
    taken = []

    def blocks():
        for number in range(5):
            taken.append(number)
            yield number, X[number * 8 : number * 8 + 8], None

    tables = {}
    found = on_spark.explain_tables(ChunkSpec(shapley, TREE), blocks(), 2, session)
    for given, (number, table) in enumerate(found, 1):
        assert len(taken) <= given + 2
        tables[number] = table
    assert sorted(tables) == list(range(5))
    found = lime_jax.concatenate([explanations_of(tables[number]) for number in range(5)])
    here = shapley.explain(X, TREE)
    np.testing.assert_array_equal(found.row_ids, here.key_ids)
    np.testing.assert_allclose(found.coef, here.coef, atol=1e-5)
    assert tables[0].schema.equals(rows_table(here, here.key_ids).schema, check_metadata=True)


def test_who_wants_no_more_blocks_stops_the_others(session, shapley):
    taken = []

    def blocks():
        for number in range(100):
            taken.append(number)
            yield number, X[:3], None

    found = on_spark.explain_tables(ChunkSpec(shapley, TREE), blocks(), 2, session)
    next(found)
    found.close()
    assert len(taken) <= 3
    assert not session.sparkContext.statusTracker().getActiveJobsIds()


@both
def test_an_exception_in_a_block_comes_back_as_itself(session, explainer):
    def model(X):
        raise ZeroDivisionError("no such luck")

    with pytest.raises(ZeroDivisionError) as raised:
        list(on_spark.explain_tables(ChunkSpec(explainer, model), [(7, X[:3], None)]))
    assert "raised for block 7" in raised.value.__notes__


def test_the_master_that_is_configured_is_kept(session):
    system, name = session.sparkContext._jvm.System, "spark.master"
    of_this_session = system.clearProperty(name)
    try:
        assert master(3) == "local[3,3]"
        system.setProperty(name, "local[*]")  # as Spark does where nothing is configured
        assert master(3) == "local[3,3]"
        system.setProperty(name, "spark://head:7077")  # as spark-submit does
        assert master(3) == "spark://head:7077"
    finally:
        system.setProperty(name, of_this_session)


# Models that the server of Spark Connect holds.


@pytest.mark.parametrize("session", ["connect"], indirect=True)
def test_a_model_of_the_server_is_read_and_explained(session):
    from pyspark.ml import PipelineModel
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import VectorAssembler

    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names)
    labels = frame.assign(label=IRIS.target[::4].astype(float))
    vector = VectorAssembler(inputCols=names, outputCol="features")
    forest = RandomForestClassifier(numTrees=2, maxDepth=3, seed=1)
    model = PipelineModel([vector, forest.fit(vector.transform(session.createDataFrame(labels)))])
    rows = model.transform(session.createDataFrame(frame)).select("probability").collect()
    before = set(Path("/tmp").glob("lime_jax-*"))
    found = lime_jax.TabularExplainer("kernel_shap").fit(frame[:10]).explain(frame, model)
    assert found.method == "exact"
    assert set(Path("/tmp").glob("lime_jax-*")) <= before  # where the server's trees are read
    wanted = [probability.toArray() for (probability,) in rows]
    np.testing.assert_allclose(found.prediction, wanted, atol=1e-6)


# What is refused.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": "wide"}, "`output`: expected one of struct, long, got 'wide'"),
        ({"explainer": PICTURES}, "`explainer`: .*`explain_images`"),
        ({"feature_cols": ["petal length", "height"]}, r"lacks the columns \['height'\]; it has"),
        ({"feature_cols": ["petal length"]}, "expected 4 columns.*got 1"),
        ({"feature_cols": [*NAMES[:3], "id", "parts"]}, "expected 4 columns.*got 5"),
        ({"feature_cols": [*NAMES[:3], "parts"]}, "'parts' is of type array<int>"),
        ({"feature_cols": [*NAMES[:3], "day"]}, "'day' is of type date.*array, which has no times"),
        ({"id_col": "number"}, "no column 'number'; it has"),
        ({"id_col": "parts"}, "'parts' is of type array<int>; expected whole"),
        ({"id_col": "twice"}, "`id_col`: .*occurs 38 times in 'twice'"),
        ({"id_col": "holes"}, "`id_col`: .*19 of 38 in 'holes' are null"),
        ({"samples": 3}, "`samples`: no option"),
        ({"model": threading.Lock()}, "`model`: lock cannot be pickled.*ModelFactory"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(rows, explainer, changes, message):
    df = rows.withColumn("parts", F.array(F.lit(1))).withColumn("day", F.current_date())
    df = df.withColumn("twice", F.lit(1.5)).withColumn("holes", F.expr("nullif(id % 2, 0) * id"))
    given = {"df": df, "explainer": explainer, "model": TREE, **changes}
    with pytest.raises(ValueError, match=message):
        on_spark.explain(**given)


def test_a_frame_lacks_what_was_there_in_fit(rows):
    explainer = lime_jax.TabularExplainer().fit(pd.DataFrame(IRIS.data, columns=["a", *NAMES[1:]]))
    with pytest.raises(ValueError, match=r"the columns \['a'\] were there in `fit`"):
        on_spark.explain(rows, explainer, TREE)


def test_null_ids_that_were_not_looked_for_fail_in_the_worker(explainer, here_in_a_worker):
    work = ExplainBatches(here_in_a_worker(ChunkSpec(explainer, TREE, SAMPLED)), has_ids=True)
    batch = pa.record_batch([*map(pa.array, X[:2].T.copy()), pa.array([1, None])], list("0123i"))
    with pytest.raises(ValueError, match="`id_col`: expected an id for every row, but 1 of 2"):
        list(work(iter([batch])))


def test_an_explainer_is_fitted_first(rows):
    with pytest.raises(NotFittedError):
        on_spark.explain(rows, lime_jax.TabularExplainer(), TREE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"explainer": lime_jax.TabularExplainer()}, "expected an ImageExplainer"),
        ({"image_col": "photo"}, "no column 'photo'; it has"),
        ({"image_col": "id"}, "'id' is of type bigint; expected binary"),
        ({"output_col": "id"}, "`id`: the DataFrame has a column of that name already"),
    ],
)
def test_images_that_cannot_work_are_refused(rows, changes, message):
    df = rows.withColumn("image", F.lit(b""))
    with pytest.raises(ValueError, match=message):
        on_spark.explain_images(
            **{"df": df, "explainer": PICTURES, "model": brightness(), **changes}
        )


TEXTS = ["a good day", None, "a bad, bad day", "", "good and bad"]


def stars():
    return lambda texts: [text.count("good") - 2.0 * text.count("bad") for text in texts]


@both
@pytest.mark.parametrize("output", ["struct", "long"])
def test_texts_get_their_words(session, output):
    data = [(f"t{number}", text) for number, text in enumerate(TEXTS)]
    df = session.createDataFrame(data, "name string, body string").repartition(2)
    found = on_spark.explain_texts(
        df, lime_jax.TextExplainer(), stars(), "body", id_col="name", output=output
    )
    table = found.orderBy("row_id").toArrow()
    ids = [f"t{number}" for number in range(5)]
    wanted = lime_jax.TextExplainer().explain(TEXTS, stars(), row_ids=ids)
    if output == "long":
        expected = long_table(wanted).select(["row_id", "feature", "weight"])
        order = [("row_id", "ascending"), ("feature", "ascending")]
        got, expected = table.select(expected.column_names).sort_by(order), expected.sort_by(order)
        assert got["feature"].to_pylist() == expected["feature"].to_pylist()
        np.testing.assert_allclose(got["weight"], expected["weight"], atol=1e-6)
        return
    assert table["feature"].to_pylist() == wanted.words
    assert table["spans"].to_pylist() == [spans.tolist() for spans in wanted.spans]
    assert "missing" in table["problem"].to_pylist()[1]
    assert table["text"].to_pylist() == list(wanted.documents)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"explainer": PICTURES}, "expected a TextExplainer, got ImageExplainer"),
        ({"text_col": "body"}, "no column 'body'; it has"),
        ({"text_col": "id"}, "'id' is of type bigint; expected text"),
        ({"output": "wide"}, "`output`: expected one of struct, long"),
        ({"samples": 3}, "`samples`: no option"),
    ],
)
def test_texts_that_cannot_work_are_refused(rows, changes, message):
    df = rows.withColumn("word", F.lit("good"))
    given = {"explainer": lime_jax.TextExplainer(), "model": stars(), "text_col": "word"}
    with pytest.raises(ValueError, match=message):
        on_spark.explain_texts(df, **{**given, **changes})


def test_a_missing_library_names_the_extra(explainer, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(ImportError, match=r"lime_jax\[spark\]"):
        on_spark.explanations_udf(explainer, TREE)
    with pytest.raises(ImportError, match=r"lime_jax\[spark\]"):
        next(on_spark.explain_tables(ChunkSpec(explainer, TREE), []))


@pytest.mark.parametrize("home", [None, "/nowhere"])
def test_no_java_is_said_before_spark_starts(monkeypatch, tmp_path, home):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", home)
    with pytest.raises(RuntimeError, match="Java 17" + (".*JAVA_HOME='/nowhere'" if home else "")):
        check_java()
