"""What `to_shap` hands over is what shap's own plots take: each of them is drawn."""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import lime_jax

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap's own, of matplotlib
    import shap

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Köln", "Ulm"], 60),
        "age": RNG.integers(18, 90, 60).astype(float),
        "income": RNG.normal(size=60).round(2),
        "since": pd.date_range("2024-01-01", periods=60),
    }
)
FRAME.loc[[1, 4], "age"] = np.nan
ROWS = pd.concat([FRAME[:8], FRAME[:1].assign(city="Jena")], ignore_index=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # shap's own


def score(rows):
    return rows.age.fillna(50) / 100 + (rows.city == "Ulm") + rows.income


def chances(rows):
    one = 1 / (1 + np.exp(-score(rows)))
    return np.stack([one / 2, 1 - one, one / 2], axis=1)


@pytest.fixture(scope="module", params=["lime", "kernel_shap"])
def one_output(request):
    explainer = lime_jax.TabularExplainer(request.param).fit(FRAME)
    return explainer.explain(ROWS, score, num_samples=128)


@pytest.fixture(scope="module")
def three_outputs():
    explainer = lime_jax.TabularExplainer(class_names=["a", "b", "c"]).fit(FRAME)
    return explainer.explain(ROWS, chances, num_samples=128, num_features=2)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


DATA_SET = {
    "bar": lambda e: shap.plots.bar(e, show=False),
    "beeswarm": lambda e: shap.plots.beeswarm(e, show=False),
    "violin": lambda e: shap.plots.violin(e, show=False),
    "heatmap": lambda e: shap.plots.heatmap(e, show=False),
    "scatter": lambda e: shap.plots.scatter(e[:, "age"], color=e[:, "city"], show=False),
    "scatter of levels": lambda e: shap.plots.scatter(e[:, "city"], color=e, show=False),
    "scatter of all": lambda e: shap.plots.scatter(e, show=False),
    "decision": lambda e: shap.plots.decision(
        float(np.mean(e.base_values)),
        e.values,
        e.display_data,
        feature_names=list(e.feature_names),
        show=False,
    ),
}
ONE_ROW = {
    "waterfall": lambda e: shap.plots.waterfall(e, show=False),
    "bar": lambda e: shap.plots.bar(e, show=False),
    "force": lambda e: shap.plots.force(e, matplotlib=True, show=False),
}


@pytest.mark.parametrize("plot", DATA_SET)
def test_plots_of_a_data_set_take_it(one_output, three_outputs, plot):
    for explanation in (one_output.to_shap(), three_outputs.to_shap(1)):
        DATA_SET[plot](explanation)
        plt.gcf().canvas.draw()
        plt.close("all")


@pytest.mark.parametrize("plot", ONE_ROW)
@pytest.mark.parametrize("row", [0, 1, 8])
def test_plots_of_a_row_take_it_and_name_its_levels(one_output, three_outputs, plot, row):
    for explanation in (
        one_output.to_shap()[row],
        one_output[row].to_shap(),
        three_outputs.to_shap()[row, :, 1],
        three_outputs[row].to_shap(1),
    ):
        ONE_ROW[plot](explanation)
        figure = plt.gcf()
        figure.canvas.draw()
        words = " ".join(text.get_text() for text in figure.findobj(plt.Text))
        assert one_output.value(row, 0) in words or plot == "force"  # which leaves out small ones
        plt.close("all")


def test_one_output_has_values_of_rows_and_features(one_output):
    explanation = one_output.to_shap()
    assert explanation.values.shape == explanation.data.shape == (9, 4)
    assert explanation.base_values.shape == (9,)
    total = explanation.values.sum(1) + explanation.base_values
    np.testing.assert_allclose(total, one_output.local_pred[:, 0], atol=1e-5)
    assert explanation.display_data[:8, 0].tolist() == ROWS.city[:8].tolist()
    assert explanation.display_data[8, 0] == one_output.value(8, 0)
    assert explanation.display_data[0, 3] == "2024-01-01"
    assert explanation.output_names == "prediction"


def test_several_outputs_keep_their_names(three_outputs):
    explanation = three_outputs.to_shap()
    assert explanation.values.shape == (9, 4, 3)
    assert list(explanation.output_names) == ["a", "b", "c"]
    np.testing.assert_array_equal(explanation[:, :, "b"].values, three_outputs.to_shap("b").values)
    np.testing.assert_array_equal(explanation.values[:, :, 2], three_outputs.to_shap(2).values)


def test_outputs_that_differ_by_row_have_the_names_of_each_row():
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(5, random_state=0).fit(X, np.array(["x", "y", "z"])[y])
    explainer = lime_jax.TabularExplainer().fit(X)
    top = explainer.explain(X[::50], model, top_labels=2).to_shap()
    assert top.values.shape == (3, 4, 2)
    assert top[0].output_names[0] == "x"
    assert top[2].output_names[0] == "z"
    assert explainer.explain(X[::50], model, top_labels=1).to_shap().values.shape == (3, 4)


def test_numbers_alone_need_no_other_names():
    X = RNG.normal(size=(20, 3))
    found = lime_jax.TabularExplainer().fit(X).explain(X[:2], lambda v: v.sum(1), num_samples=64)
    assert found.to_shap().display_data is None
    shap.plots.waterfall(found.to_shap()[0], show=False)
