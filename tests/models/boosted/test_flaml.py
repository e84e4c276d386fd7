"""What FLAML's search found is converted where it takes the columns as they are."""

import numpy as np
import pandas as pd
import pytest

from lime_jax import as_predict_fn
from lime_jax.models.convert.features import RawTable
from tests.models.trees.tree_oracle import agree

flaml = pytest.importorskip("flaml")
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"a": RNG.normal(size=200), "b": RNG.normal(size=200)})
TARGET = TABLE["a"] * TABLE["b"]
NUMBERS = RawTable(("a", "b"), (None, None))


def searched(table, y, task, kind):
    search = flaml.AutoML()
    search.fit(table, y, task=task, max_iter=1, time_budget=60, estimator_list=[kind], verbose=0)
    return search


@pytest.mark.parametrize("kind", ["lgbm", "xgboost"])
def test_a_search_for_numbers_says_what_it_found(kind):
    holes = TABLE.mask(RNG.random(TABLE.shape) < 0.1)
    search = searched(holes, TARGET, "regression", kind)
    model = as_predict_fn(search, table=NUMBERS)
    assert (model.path, model.output_kind) == ("jax", "value"), model.reason
    assert model.structure is not None
    agree(model(holes.to_numpy()), search.predict(holes))


def test_a_search_for_classes_has_probabilities():
    search = searched(TABLE, np.where(TARGET > 0, "yes", "no"), "classification", "lgbm")
    model = as_predict_fn(search, table=NUMBERS)
    assert (model.path, model.output_kind) == ("jax", "probability"), model.reason
    agree(model(TABLE.to_numpy()), search.predict_proba(TABLE))
    assert model.class_names == ("no", "yes")


def test_columns_that_it_changes_keep_it_on_the_host():
    words = TABLE.assign(c=np.where(TARGET > 0, "x", "y"))
    model = as_predict_fn(searched(words, TARGET, "regression", "lgbm"))
    assert model.path == "host"
    assert "makes other columns of dates, texts and categories" in model.reason
