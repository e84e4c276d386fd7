"""statsmodels' results in JAX: lines, and what links make of them; formulas stay on the host."""

import numpy as np
import pandas as pd
import pytest

from lime_jax import TabularExplainer
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from tests.models.trees.tree_oracle import agree

api = pytest.importorskip("statsmodels.api")
pytestmark = pytest.mark.precision

RNG = np.random.default_rng(6)
X = np.column_stack([np.ones(150), RNG.normal(size=(150, 2))])
TARGET = X @ [0.3, 1.0, -0.5] + RNG.normal(size=150)
TWO, THREE = (TARGET > 0).astype(int), np.digitize(TARGET, [-0.5, 1.0])
COUNTS = RNG.poisson(np.exp(TARGET / 3))
families = api.families
TABLE = RawTable.of_numbers(3)

MODELS = {  # model, what it predicts, whether that is exact
    "least squares": (api.OLS(TARGET, X), "value", True),
    "weighted": (api.WLS(TARGET, X, weights=1 + TWO), "value", True),
    "robust": (api.RLM(TARGET, X), "value", True),
    "quantiles": (api.QuantReg(TARGET, X), "value", True),
    "logit": (api.Logit(TWO, X), "probability", False),
    "probit": (api.Probit(TWO, X), "probability", False),
    "classes": (api.MNLogit(THREE, X), "probability", False),
    "counts": (api.Poisson(COUNTS, X), "value", False),
    "spread counts": (api.NegativeBinomial(COUNTS, X), "value", False),
    "binomial": (api.GLM(TWO, X, families.Binomial()), "probability", False),
    "gamma": (api.GLM(COUNTS + 0.5, X, families.Gamma(families.links.Log())), "value", False),
    "normal": (api.GLM(TARGET, X, families.Gaussian()), "value", True),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_predictions_are_the_model_s_own(name):
    model, kind, exact = MODELS[name]
    options = {} if name in ("robust", "quantiles", "least squares", "weighted") else {"disp": 0}
    results = model.fit(**options)
    ours = as_predict_fn(results, table=TABLE)
    assert (ours.path, ours.output_kind) == ("jax", kind), ours.reason
    assert (ours.structure is not None) is exact
    agree(ours(X), results.predict(X))
    if not exact:
        margin = as_predict_fn(results, "margin", TABLE)
        assert margin.structure is not None
        agree(margin(X), results.predict(X, which="linear"))


@pytest.mark.filterwarnings("ignore")
def test_what_has_no_jax_form_says_so():
    poisson = api.GLM(COUNTS, X, families.Poisson(families.links.Sqrt())).fit()
    assert "Sqrt has no JAX form here" in as_predict_fn(poisson, table=TABLE).reason
    with pytest.raises(ValueError, match="RegressionResultsWrapper has no `predict_proba`"):
        as_predict_fn(api.OLS(TARGET, X).fit(), "probability")


def test_a_formula_is_called_with_frames():
    table = pd.DataFrame({"x": X[:, 1], "level": np.where(X[:, 2] > 0, "a", "b")})
    results = api.OLS.from_formula("y ~ x + C(level)", table.assign(y=TARGET)).fit()
    explained = TabularExplainer("kernel_shap").fit(table[:20]).explain(table[:4], results)
    assert "a formula makes its columns" in explained.model_path
    ends = explained.intercept + explained.coef.sum(axis=2)
    np.testing.assert_allclose(ends[:, 0], results.predict(table[:4]), atol=1e-5)
