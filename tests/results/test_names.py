"""Names of features and levels: as learned from a table, and as text that files hold."""

import dataclasses
import json

import pandas as pd

from lime_jax.results.names import FeatureNames
from lime_jax.tabular import frames


def test_names_are_json_and_read_back_as_they_were():
    X = pd.DataFrame(
        {
            "age": [1.0, 2.0],
            "sex": pd.Categorical(["f", "m"]),
            "day": pd.date_range("2024-01-01", periods=2),
        }
    )
    names = frames.learn_schema(X).names
    text = json.dumps(dataclasses.asdict(names))
    assert FeatureNames.restored(json.loads(text)) == names
    assert names.categorical == (False, True, False)
    assert names.display_value(1, 1.0) == "m"
    assert names.display_value(2, 0.0) == "1970-01-01"


def test_plain_numbers_need_no_more_than_the_names_of_the_columns():
    names = FeatureNames(("a", "b"))
    assert names == FeatureNames(("a", "b"), (None, None), (None, None), (2, 2))
