"""Models that are called as they are: on the host, with the frames they were fitted on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lime_jax import TabularExplainer, as_predict_fn

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"a": RNG.normal(size=90), "b": RNG.normal(size=90)})
WORDS = TABLE.assign(
    word=RNG.choice(["x", "y"], 90),
    day=pd.Timestamp("2026-01-01") + pd.to_timedelta(range(90), "D"),
)
TARGET = TABLE["a"] + (WORDS["word"] == "x")
CALLS = {"num_samples": 64, "method": "sampled"}


def test_a_pygam_is_called_as_it_is():
    pygam = pytest.importorskip("pygam")
    for gam, y in ((pygam.LinearGAM(), TARGET), (pygam.LogisticGAM(), TARGET > 0.5)):
        gam.fit(TABLE.to_numpy(), y.to_numpy())
        predict = getattr(gam, "predict_proba", gam.predict)
        found = TabularExplainer().fit(TABLE.to_numpy()).explain(TABLE[:2].to_numpy(), gam, **CALLS)
        assert "its splines are not read here" in found.model_path
        np.testing.assert_allclose(
            found.prediction[:, -1], predict(TABLE[:2].to_numpy()), rtol=1e-6
        )


def test_a_pipeline_behind_a_vectorizer_of_skrub_gets_its_frame():
    skrub = pytest.importorskip("skrub")
    pipeline = make_pipeline(skrub.TableVectorizer(), LogisticRegression())
    pipeline.fit(WORDS, TARGET > 0.5)
    found = TabularExplainer().fit(WORDS).explain(WORDS[:2], pipeline, **CALLS)
    assert "it makes columns of dates and texts" in found.model_path
    np.testing.assert_allclose(found.prediction, pipeline.predict_proba(WORDS[:2]), rtol=1e-6)


class Predictor:
    """As AutoGluon's: it has the methods of classifiers, whatever it was fitted for."""

    problem_type = "regression"

    def fit(self, table):
        return self

    def predict(self, table):
        return table["a"] * 2

    def predict_proba(self, table):
        raise AssertionError("only for classification")


def test_a_predictor_of_numbers_is_not_asked_for_probabilities():
    model = as_predict_fn(Predictor().fit(TABLE))
    assert model.output_kind == "value"
    found = TabularExplainer().fit(TABLE).explain(TABLE[:2], Predictor(), **CALLS)
    np.testing.assert_allclose(found.prediction[:, 0], TABLE["a"][:2] * 2, rtol=1e-6)


def test_a_predictor_of_autogluon_is_called_with_its_frame(tmp_path):
    tabular = pytest.importorskip("autogluon.tabular")
    predictor = tabular.TabularPredictor("target", verbosity=0, path=str(tmp_path))
    table = WORDS[["a", "word"]]
    few = {"RF": {"n_estimators": 5}}
    predictor.fit(table.assign(target=TARGET), hyperparameters=few, num_cpus=1)
    found = TabularExplainer().fit(table).explain(table[:2], predictor, **CALLS)
    assert "it puts models of many libraries together" in found.model_path
    np.testing.assert_allclose(found.prediction[:, 0], predictor.predict(table[:2]), rtol=1e-6)
