"""What no training row had is listed by its name, and levels that a background lacks are exact."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from lightgbm import LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import lime_jax
from lime_jax import TabularExplainer, concatenate
from lime_jax.distributed.spark.udf import strongest_first
from lime_jax.results.arrow import long_table, rows_table
from tests.house import all_coalitions, shapley_values

pytestmark = pytest.mark.precision

WORDS = "(never in the training rows)"
RNG = np.random.default_rng(0)
ROWS = 300
TRAIN = pd.DataFrame(
    {
        "income": RNG.normal(size=ROWS),
        "city": RNG.choice(["Rome", "Oslo"], ROWS),
        "age": RNG.normal(size=ROWS),
    }
)
ODD = pd.DataFrame(
    {"income": [np.nan, 0.1, 0.2], "city": ["Rome", "Lima", "Oslo"], "age": [0.5, 0.5, 0.6]}
)
LISTED = [f"income = missing {WORDS}", f"city = Lima {WORDS}", None]


def model(rows):
    rows = rows if isinstance(rows, pd.DataFrame) else rows.to_pandas()
    return 0.9 * rows.income.isna() + 0.8 * (rows.city == "Lima") + 0.1 * rows.age


@pytest.fixture(scope="module", params=["sampled", "exact", "polars"])
def explained(request):
    if request.param == "exact":
        encode = OneHotEncoder(handle_unknown="ignore")
        columns = make_column_transformer((encode, ["city"]), ("passthrough", ["age"]))
        fitted = make_pipeline(columns, LinearRegression()).fit(TRAIN, TRAIN.age)
        return TabularExplainer().fit(TRAIN).explain(ODD, fitted, method="exact")
    as_frame = pl.from_pandas if request.param == "polars" else (lambda frame: frame)
    return TabularExplainer().fit(as_frame(TRAIN)).explain(as_frame(ODD), model)


def test_what_training_never_had_is_listed_with_nan(explained, tmp_path):
    table = explained.to_pandas()
    lines = long_table(explained).to_pylist()
    of_spark = strongest_first(explained, rows_table(explained)["condition"]).to_pylist()
    unknown = [{"feature": text, "weight": None} for text in LISTED]
    assert [pairs[-1] == last for pairs, last in zip(of_spark, unknown, strict=True)] == [
        text is not None for text in LISTED
    ]
    explained.save(tmp_path / "e.npz")
    for views in (explained, lime_jax.load(tmp_path / "e.npz")):
        for row, text in enumerate(LISTED):
            unknown = [name for name, weight in views[row].as_list(1) if np.isnan(weight)]
            assert unknown == ([text] if text else [])
            of_map = [k for k, weight in views[row].as_map()[0] if np.isnan(weight)]
            assert of_map == [row] * bool(text)
            assert len(views[row].as_list(1)) == 1 + bool(text)
            page = views[row].as_html()
            assert (WORDS in page) == bool(text)
            assert ("its weight is not known" in page) == bool(text)
            assert "nan" not in page.lower().replace(WORDS, "")
            if text:
                assert table[table["row_id"] == row].set_index("condition").weight.isna()[text]
                assert {line["weight"] for line in lines if line["condition"] == text} == {None}
    assert np.isfinite(explained.coef).all()


@pytest.mark.parametrize("row", range(3))
def test_what_is_listed_can_be_drawn(row):
    explained = TabularExplainer().fit(TRAIN).explain(ODD, model)
    figure = explained[row].as_pyplot_figure()
    texts = [label.get_text().replace("\n", " ") for label in figure.axes[0].get_yticklabels()]
    assert any(WORDS in text for text in texts) == (LISTED[row] is not None)
    figure.canvas.draw()


def test_a_column_that_is_held_is_not_listed():
    explained = TabularExplainer(features=["city", "age"]).fit(TRAIN).explain(ODD[:1], model)
    assert not any("income" in text for text, _ in explained[0].as_list())


@pytest.mark.parametrize("algorithm", ["lime", "kernel_shap"])
def test_parts_that_met_other_levels_are_one_data_set(algorithm):
    explainer = TabularExplainer(algorithm).fit(TRAIN[:40])
    rows = pd.concat([ODD, ODD[:2].assign(city=["Bonn", None])], ignore_index=True)
    whole = explainer.explain(rows, model)
    parts = [explainer.explain(rows[a:b], model) for a, b in ((0, 2), (2, 4), (4, 5))]
    joined = concatenate(parts)
    np.testing.assert_array_equal(joined.coef, whole.coef)
    for row in range(len(rows)):
        assert [t for t, _ in joined[row].as_list()] == [t for t, _ in whole[row].as_list()]
    assert [joined.value(row, 1) for row in range(5)] == ["Rome", "Lima", "Oslo", "Bonn", "missing"]


def brute_force(predict, row, background):
    """Shapley values of all coalitions, by the model's own predictions."""

    def worth(coalition):
        mixed = background.copy()
        for name in background.columns[coalition]:
            mixed[name] = pd.Series([row[name].iloc[0]] * len(mixed)).astype(row[name].dtype).values
        return predict(mixed).mean()

    return shapley_values(np.array([*map(worth, all_coalitions(len(background.columns)))]))


def states(dtype: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    names = [f"s{k:02d}" for k in range(12)]
    table = pd.DataFrame({"a": rng.normal(size=400), "state": rng.choice(names, 400)})
    y = table.a + table.state.str[1:].astype(int) % 4 * (table.a > 0)
    return table.astype({"state": dtype}), y


def lightgbm(X, y):
    return LGBMRegressor(n_estimators=20, verbose=-1, min_child_samples=5).fit(X, y)


def one_hot_line(X, y):
    encode = make_column_transformer((OneHotEncoder(), ["state"]), remainder="passthrough")
    return make_pipeline(encode, LinearRegression()).fit(X, y)


@pytest.mark.parametrize(("fit", "dtype"), [(lightgbm, "category"), (one_hot_line, "object")])
def test_levels_that_the_background_lacks_have_a_closed_form(fit, dtype):
    X, y = states(dtype)
    fitted = fit(X, y)
    background = X[~X.state.isin(["s03", "s07"])][:30]
    rows = X[X.state.isin(["s03", "s07"])][:3]
    explainer = TabularExplainer("kernel_shap").fit(background)
    found = explainer.explain(rows, fitted, method="exact")
    assert found.std_error.max() == 0
    assert [one.method for one in found] == ["exact"] * 3
    np.testing.assert_allclose(found.prediction[:, 0], fitted.predict(rows), rtol=1e-5)
    for k in range(3):
        expected = brute_force(fitted.predict, rows[k : k + 1], background)
        np.testing.assert_allclose(found.coef[k, 0], expected, atol=2e-5)
        assert f"state = {rows.state.iloc[k]}" in dict(found[k].as_list())


def test_a_row_has_its_numbers_whatever_levels_the_others_have():
    X, y = states("category")
    fitted = lightgbm(X, y)
    explainer = TabularExplainer("kernel_shap").fit(X[:8])
    together = explainer.explain(X[20:60], fitted)
    for k in (0, 17, 39):
        alone = explainer.explain(X[20 + k : 21 + k], fitted)
        np.testing.assert_allclose(alone.coef[0], together.coef[k], atol=1e-6)
        assert alone.key_ids[0] == together.key_ids[k]
