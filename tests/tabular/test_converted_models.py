"""A model that runs in JAX is explained as the same model that runs on the host."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import KernelPCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.svm import SVC

from lime_jax import TabularExplainer
from tests.house import assert_same

pytestmark = pytest.mark.precision

FIELDS = ("prediction", "coef", "std_error", "intercept", "score", "local_pred")

RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "height": RNG.normal(170, 10, 200),
        "weight": RNG.gamma(20.0, 3.5, 200),
        "city": RNG.choice(["Lima", "Oslo", "Rome"], 200),
    }
)
LABEL = (FRAME["height"] + 0.5 * FRAME["weight"] + 9 * (FRAME["city"] == "Oslo") > 208).astype(int)
NUMBERS = ["height", "weight"]
SOME = FRAME[:6]
ASKED = dict(num_samples=256, method="sampled")


def scaled(*steps):
    columns = ColumnTransformer(
        [("scale", StandardScaler(), NUMBERS), ("levels", OneHotEncoder(), ["city"])]
    )
    return make_pipeline(columns, *steps)


def coded(*steps):
    levels = [("levels", OrdinalEncoder(), ["city"])]
    return make_pipeline(ColumnTransformer(levels, remainder="passthrough"), *steps)


FAMILIES = {
    "logistic": lambda: scaled(LogisticRegression()),
    "naive Bayes": lambda: scaled(GaussianNB(var_smoothing=1e-2)),
    "network": lambda: scaled(MLPClassifier((8,), max_iter=150, tol=1e-2, random_state=0)),
    "forest": lambda: coded(RandomForestClassifier(5, max_depth=4, random_state=0)),
    "boosting": lambda: coded(GradientBoostingClassifier(n_estimators=5, random_state=0)),
    "AdaBoost": lambda: coded(AdaBoostClassifier(n_estimators=4, random_state=0)),
    "histograms": lambda: coded(HistGradientBoostingClassifier(max_iter=4)),
    "xgboost": lambda: coded(xgboost.XGBClassifier(n_estimators=4, n_jobs=1)),
    "lightgbm": lambda: coded(lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbose=-1)),
}


def fitted(name):
    model = FAMILIES[name]()
    if name == "lightgbm":  # it warns of a table that lost its names
        model[0].set_output(transform="pandas")
    return model.fit(FRAME, LABEL)


@pytest.fixture(scope="module")
def explainer():
    return TabularExplainer(class_names=["no", "yes"]).fit(FRAME)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_samples_give_the_same_explanations(name, explainer):
    model = fitted(name)
    ours = explainer.explain(SOME, model, **ASKED)
    theirs = explainer.explain(SOME, lambda frame: model.predict_proba(frame), **ASKED)
    assert ours.model_path == "jax: Pipeline.predict_proba converted to JAX"
    assert theirs.model_path == "host: a Python function of a NumPy batch"
    assert (ours.method, ours.output_kind) == ("sampled", "probability")
    assert_same(ours, theirs, FIELDS, tolerance=1e-4)


def test_a_margin_too(explainer):
    model = scaled(SVC()).fit(FRAME, LABEL)
    ours = explainer.explain(SOME, model.decision_function, **ASKED)
    theirs = explainer.explain(SOME, lambda frame: model.decision_function(frame), **ASKED)
    assert ours.model_path == "jax: Pipeline.decision_function converted to JAX"
    assert (ours.output_kind, ours.output_names) == ("margin", ("yes",))
    assert_same(ours, theirs, FIELDS, tolerance=1e-3)


def in_logs(table):
    return np.log(table)


UNKNOWN = {
    "a transformer": (
        lambda: make_pipeline(
            ColumnTransformer(
                [("parts", KernelPCA(2), NUMBERS), ("levels", OneHotEncoder(), ["city"])]
            ),
            LogisticRegression(),
        ),
        r"step 'columntransformer__parts' \(KernelPCA\): has no JAX form",
    ),
    "a function": (
        lambda: make_pipeline(
            ColumnTransformer(
                [
                    ("log", FunctionTransformer(in_logs), NUMBERS),
                    ("levels", OneHotEncoder(), ["city"]),
                ]
            ),
            RandomForestClassifier(3, max_depth=2, random_state=0),
        ),
        r"step 'columntransformer__log' \(FunctionTransformer\)",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_has_no_jax_form_runs_on_the_host_and_the_step_is_named(name, explainer):
    make, reason = UNKNOWN[name]
    model = make().fit(FRAME, LABEL)
    ours = explainer.explain(SOME, model, num_samples=256)
    assert ours.method == "sampled"
    assert ours.model_path.startswith("host: Pipeline.predict_proba on the host: step")
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(ours.model_path)
    theirs = explainer.explain(SOME, lambda frame: model.predict_proba(frame), **ASKED)
    np.testing.assert_array_equal(ours.coef, theirs.coef)
    with pytest.raises(ValueError, match=rf"`method`: there is no closed form.*{reason}"):
        explainer.explain(SOME, model, method="exact")


def test_it_does_not_matter_which_models_were_seen_before(explainer):
    one, two = fitted("forest"), fitted("logistic")
    fresh = {}
    for name, model in (("one", one), ("two", two)):
        fresh[name] = TabularExplainer(class_names=["no", "yes"]).fit(FRAME)
        fresh[name] = fresh[name].explain(SOME, model, num_samples=256)
    for name, model in (("one", one), ("two", two), ("one", one), ("two", two)):
        found = explainer.explain(SOME, model, num_samples=256)
        np.testing.assert_array_equal(found.coef, fresh[name].coef)
        assert found.method == fresh[name].method


def test_a_model_that_is_fitted_again_or_changed_by_hand_is_explained_anew(explainer):
    model = coded(RandomForestClassifier(5, max_depth=3, random_state=0)).fit(FRAME, LABEL)
    before = explainer.explain(SOME, model, score=False)
    model.fit(FRAME, 1 - LABEL)
    after = explainer.explain(SOME, model, score=False)
    np.testing.assert_allclose(after.coef, before.coef[:, ::-1], atol=0.2)
    assert np.abs(after.coef - before.coef).max() > 0.1
    for tree in model[-1].estimators_:
        tree.tree_.value[:] = [[0.25, 0.75]]
    flat = explainer.explain(SOME, model, score=False)
    np.testing.assert_allclose(flat.coef, 0, atol=1e-6)
    np.testing.assert_allclose(flat.intercept, [[0.25, 0.75]] * 6, atol=1e-6)
