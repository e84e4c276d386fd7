"""Models of Spark ML say what their own `transform` says, on every row, without Spark."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml import feature as F

import lime_jax
from lime_jax.distributed import ChunkSpec
from lime_jax.distributed import spark as on_spark
from lime_jax.models import as_predict_fn, supported
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.registry import at_hand
from lime_jax.models.spark.fitted import as_text
from lime_jax.models.spark.reading import read_model
from lime_jax.results.arrow import rows_table
from lime_jax.tabular import frames
from tests.models.spark.spark_oracle import (
    COLUMNS,
    ESTIMATORS,
    OUTPUTS,
    TEXTS,
    estimator,
    people,
    preparation,
    said,
    small_session,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully support pandas:FutureWarning"
)

PEOPLE = people()
X = PEOPLE[COLUMNS]
NEW = pd.DataFrame(
    {
        "age": [20.0, np.nan, 33.0, 61.0],
        "hours": [30.0, 40.0, np.nan, 77.0],
        "job": ["pilot", "nurse", None, "clerk"],
        "city": ["x", "atlantis", "w", None],
    }
)
SCHEMA = frames.learn_schema(X)
TABLE = RawTable(SCHEMA.columns, SCHEMA.levels, SCHEMA.is_single, SCHEMA.backend)
NAMES = list(ESTIMATORS)


@pytest.fixture(scope="module")
def session():
    session = small_session()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def rows(session):
    return session.createDataFrame(PEOPLE).cache()


@pytest.fixture(scope="module")
def prepared(rows):
    return preparation().fit(rows)


@pytest.fixture(scope="module")
def models(rows, prepared):
    """Every model is fitted when a test first asks for it."""
    columns, fitted = prepared.transform(rows).cache(), {}

    def get(name):
        if name not in fitted:
            fitted[name] = PipelineModel([*prepared.stages, estimator(name).fit(columns)])
        return fitted[name]

    return get


@pytest.mark.parametrize("name", NAMES)
def test_a_model_says_what_transform_says_here_and_in_jax(session, models, name):
    frame = pd.concat([X[:20], NEW]) if name in TREES else X[:20]
    given = models(name)
    model = pickle.loads(pickle.dumps(at_hand(given)))
    transformed = given.transform(session.createDataFrame(frame))
    there = [column for method, column in TEXTS.items() if hasattr(model, method)]
    numbers, *others = said(transformed, "prediction", *there)
    if model.classes is not None:
        assert model.predict(frame).tolist() == [model.classes[int(k)] for k in numbers]
    row = next(r for r in ROWS if r.name == type(given.stages[-1]).__name__)
    methods = [m for m in OUTPUTS if hasattr(model, m) and (m in TEXTS or model.classes is None)]
    assert {OUTPUTS[method] for method in methods} == set(row.converted)
    for method in methods:
        wanted = others.pop(0) if method in TEXTS else numbers[:, None]
        found = getattr(model, method)(frame).reshape(len(frame), -1)
        if method == "decision_function" and found.shape[1] == 1:
            wanted = wanted[:, 1:]
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
        ours = as_predict_fn(model, OUTPUTS[method], TABLE)
        assert ours.path == "jax", ours.reason
        inputs = frames.encode(SCHEMA, frame[:20])
        np.testing.assert_allclose(ours(inputs), wanted[:20], rtol=1e-5, atol=1e-5)
        exact = OUTPUTS[method] in row.exact_lime and name != "mixed columns"
        assert (ours.structure is not None) is exact, ours.why_not_exact


TREES = [name for name in NAMES if "tree" in name or "forest" in name or "boosted" in name]
ROWS = [row for row in supported() if row.library == "pyspark"]


def test_the_table_lists_what_is_refused_with_its_reason():
    (row,) = [row for row in ROWS if row.name == "SQLTransformer"]
    assert row.converted == ()
    assert "only Spark evaluates" in row.why_not
    assert not [row for row in supported() if row.library == "lime_jax"]


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("lime", "boosted values"), ("lime", "line"), ("kernel_shap", "forest")],
)
def test_trees_and_lines_are_explained_exactly(models, name, algorithm):
    model = models(name)
    explainer = lime_jax.TabularExplainer(algorithm).fit(X[:12])
    found = explainer.explain(X[:3], model)
    assert found.method == "exact", found.model_path
    itself = at_hand(model)
    call = itself.predict if itself.classes is None else itself.predict_proba
    options = {"num_samples": 2**14} if algorithm == "lime" else {}
    sampled = explainer.explain(X[:3], lambda batch: call(batch), **options)
    slack = 4 * sampled.std_error + 2e-4
    assert (np.abs(found.coef - sampled.coef) <= slack).all()
    np.testing.assert_allclose(found.prediction, sampled.prediction, atol=1e-6)


def test_rows_of_a_dataframe_are_explained_as_they_are_here(session, rows, models):
    explainer = lime_jax.TabularExplainer("kernel_shap").fit(X[:12])
    df = session.createDataFrame(X[:9].assign(id=range(9)))
    found = on_spark.explain(df, explainer, models("forest"), id_col="id").toArrow()
    here = rows_table(explainer.explain(X[:9], models("forest"), row_ids=range(9)), range(9))
    found = found.sort_by("row_id")
    assert found["row_id"].to_pylist() == list(range(9))
    for name in ("weight", "prediction", "intercept"):
        ours, theirs = (np.array(one[name].to_pylist(), float) for one in (found, here))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def calls_of_java(session, monkeypatch, act):
    count, client = [], session.sparkContext._gateway._gateway_client
    send = type(client).send_command

    def counted(self, *arguments, **options):
        count.append(arguments[0])
        return send(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(client), "send_command", counted)
        act()
    return len([one for one in count if not one.startswith("m\n")])  # objects that are let go


def test_java_is_called_for_stages_and_for_no_row(session, models, monkeypatch):
    explainer = lime_jax.TabularExplainer("kernel_shap").fit(X[:12])
    model = models("forest")
    counts = [
        calls_of_java(session, monkeypatch, partial(explainer.explain, some, model))
        for some in (X[:1], X[:40])
    ]
    assert counts[0] == counts[1] < 400


def test_java_is_called_for_trees_and_for_no_node(session, rows, prepared, monkeypatch):
    columns = prepared.transform(rows)
    counts = []
    for depth in (1, 5):
        tree = estimator("tree of values").setMaxDepth(depth).fit(columns)
        model = PipelineModel([*prepared.stages, tree])
        counts.append(calls_of_java(session, monkeypatch, partial(at_hand, model)))
        assert len(at_hand(model).model.facts["trees"].feature) > 2**depth
    assert counts[0] == counts[1]


@pytest.mark.parametrize("what", ["error", "skip"])
@pytest.mark.parametrize(
    ("stage", "row"),
    [
        ("StringIndexerModel", {"job": "pilot"}),
        ("StringIndexerModel", {"city": None}),
        ("VectorAssembler", {"hours": np.nan}),
        ("Bucketizer", {"hours": 95.0}),
    ],
)
def test_what_a_stage_refuses_or_leaves_out_is_refused(session, models, what, stage, row):
    stages = {type(one).__name__: one for one in models("forest").stages[:6]}
    stages["StringIndexerModel"] = models("forest").stages[1]
    del stages["OneHotEncoderModel"]
    options = {"handleInvalid": what}
    if stage == "Bucketizer":
        options["splits"] = [0.0, 30.0, 40.0, 50.0, 90.0]
    changes = {stages[stage].getParam(name): value for name, value in options.items()}
    stages[stage] = stages[stage].copy(changes)
    model = PipelineModel([*stages.values(), models("forest").stages[-1]])
    frame = pd.concat([X[1:2], X[1:2].assign(**row)])
    with pytest.raises(ValueError, match="refuses" if what == "error" else "leaves rows out"):
        at_hand(model).predict_proba(frame)
    transformed = model.transform(session.createDataFrame(frame))
    if what == "error" or stage == "Bucketizer":
        with pytest.raises(Exception, match=r"NULL|nseen|Encountered|bounds"):
            transformed.collect()
    else:
        assert transformed.count() == 1


def test_numbers_are_indexed_by_the_text_that_spark_makes_of_them(session):
    numbers = [0.0, -1.5, 1e-3, 9.99e-4, 1e7, 123456.789, 9999999.5, 1.25e-12, 3e20, np.inf]
    df = session.createDataFrame([(x, int(k), bool(k % 2)) for k, x in enumerate(numbers)])
    for column, kind in zip(df.columns, (float, int, bool), strict=True):
        texts = df.select(df[column].cast("string"), df[column]).collect()
        assert [as_text(kind(value)) for _, value in texts] == [text for text, _ in texts]


def test_a_single_model_is_called_with_the_columns_of_its_vector(session, rows, prepared, models):
    (vectors,) = said(prepared.transform(rows), "for_lines")
    model = models("line").stages[-1]
    explainer = lime_jax.TabularExplainer().fit(vectors)
    found = explainer.explain(vectors[:5], model)
    assert found.method == "exact"
    (wanted,) = said(models("line").transform(rows), "prediction")
    np.testing.assert_allclose(found.prediction[:, 0], wanted[:5], rtol=1e-6)


def test_an_array_has_no_names_for_a_pipeline(models):
    with pytest.raises(ValueError, match=r"reads the columns .*'age'.* got an array"):
        at_hand(models("forest")).predict_proba(X.to_numpy())


@pytest.fixture(scope="module")
def with_sql(models):
    statement = F.SQLTransformer(statement="SELECT *, hours * 2 AS twice FROM __THIS__")
    return PipelineModel([statement, *models("forest").stages])


def test_what_is_not_read_is_called_through_spark_and_says_what_that_costs(models, with_sql):
    explainer = lime_jax.TabularExplainer("kernel_shap").fit(X[:6])
    with pytest.warns(UserWarning, match=r"SQLTransformer: its statement.*a job for every batch"):
        found = explainer.explain(X[:2], with_sql)
    assert found.model_path.startswith("host"), found.model_path
    itself = explainer.explain(X[:2], models("forest"))
    np.testing.assert_allclose(found.coef, itself.coef, atol=1e-5)
    assert found.output_names == itself.output_names


def test_what_only_spark_can_call_goes_to_no_worker(session, with_sql):
    explainer = lime_jax.TabularExplainer("kernel_shap").fit(X[:6])
    with pytest.warns(UserWarning, match="called through Spark"):
        spec = ChunkSpec(explainer, with_sql)
    with pytest.raises(ValueError, match="explain a collected frame in this process"):
        pickle.dumps(spec)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
class TestXgboost:
    """Its stages hold models of XGBoost, in 32 bits."""

    @pytest.fixture(scope="class")
    def columns(self, rows, prepared):
        return prepared.transform(rows).cache()

    @pytest.mark.parametrize(
        ("kind", "label", "features"),
        [
            ("Classifier", "pay_index", "for_trees"),
            ("Classifier", "third", "for_trees"),
            ("Regressor", "target", ["age_filled", "hours", "job_index"]),
        ],
    )
    def test_it_says_what_transform_says_here_and_in_jax(
        self, columns, prepared, kind, label, features
    ):
        boosted = pytest.importorskip("xgboost.spark")
        options = {"label_col": label, "features_col": features, "max_depth": 2, "n_estimators": 4}
        fitted = getattr(boosted, f"SparkXGB{kind}")(**options).fit(columns)
        with pytest.raises(NotConvertibleError, match="a column of margins"):
            read_model(fitted.copy({fitted.base_margin_col: "hours"}))
        given = PipelineModel([*prepared.stages, fitted])
        model = pickle.loads(pickle.dumps(at_hand(given)))
        names = ["prediction", *TEXTS.values()][: 1 if kind == "Regressor" else None]
        numbers, *others = said(fitted.transform(columns), *names)
        if kind == "Classifier":
            assert model.predict(X).tolist() == [model.classes[int(k)] for k in numbers]
        for method, wanted in zip(TEXTS, others, strict=False) or [("predict", numbers[:, None])]:
            found = getattr(model, method)(X).reshape(len(X), -1)
            wanted = wanted[:, -found.shape[1] :]
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
            ours = as_predict_fn(model, OUTPUTS[method], TABLE)
            assert ours.path == "jax", ours.reason
            np.testing.assert_allclose(ours(frames.encode(SCHEMA, X)), wanted, atol=1e-5)
            assert (ours.structure is not None) is (method != "predict_proba")

    def test_numbers_of_every_type_are_tested_as_it_tests_them_on_thresholds_too(self, session):
        boosted = pytest.importorskip("xgboost.spark")
        rng = np.random.default_rng(0)
        table = pd.DataFrame(
            {
                "whole": rng.integers(-3, 4, 80),
                "single": rng.normal(size=80).astype(np.float32),
                "double": np.where(rng.random(80) < 0.2, np.nan, rng.normal(size=80).round(1)),
            }
        )
        target = table["whole"] + table["single"] + np.nan_to_num(table["double"])
        options = {"features_col": list(table), "label_col": "y", "max_depth": 3}
        fitted = boosted.SparkXGBRegressor(**options, n_estimators=4).fit(
            session.createDataFrame(table.assign(y=target))
        )
        schema = frames.learn_schema(table)
        ours = as_predict_fn(fitted, table=RawTable(schema.columns, schema.levels))
        tests = np.flatnonzero(ours.structure.column > 0)
        column, value = ours.structure.column[tests], ours.structure.threshold[tests]
        sides = [np.nextafter(value, side) for side in (-np.inf, np.inf)]
        single = value.astype(np.float32)
        sides += [np.nextafter(single, np.float32(side)) for side in (-np.inf, np.inf)]
        asked = pd.concat([table, *[table.iloc[np.arange(len(tests)) % 80]] * 5])
        asked = asked.astype({"single": float}).reset_index(drop=True)
        for k, (name, number) in enumerate(
            zip(np.tile(column, 5), np.concatenate([value, *sides]), strict=True)
        ):
            asked.iloc[80 + k, name] = number
        (wanted,) = said(fitted.transform(session.createDataFrame(asked)), "prediction")
        np.testing.assert_allclose(at_hand(fitted).predict(asked), wanted, rtol=1e-6)
        found = np.ravel(ours(frames.encode(schema, asked)))
        np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6)
