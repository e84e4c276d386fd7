"""The table of models is true: a small one of each class, its numbers, and what is exact of it."""

import importlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.version import Version
from sklearn.base import is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import all_estimators

from lime_jax.models import as_predict_fn, supported
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable, raw_features
from lime_jax.models.libraries import LIBRARIES
from lime_jax.models.registry import transform_on
from lime_jax.models.structure import Additive
from tests.models.trees.tree_oracle import assert_equal, device_float, walk

RNG = np.random.default_rng(8)
X = np.abs(RNG.normal(size=(80, 4))).astype(np.float32).astype(float)
NUMBER = X[:, 0] + X[:, 1] * X[:, 2] + RNG.random(80) / 9
TWO, TARGETS = np.digitize(NUMBER, [np.median(NUMBER)]), np.stack([NUMBER, X[:, 3]], 1)
LABELS = np.stack([TWO, X[:, 0] > 0.5], 1).astype(int)
ONE_TREE = DecisionTreeRegressor(max_depth=2)
CLASSIFIES = RandomForestClassifier(2, max_depth=2, random_state=0)
LOGISTIC = LogisticRegression()
VALUES = {"n_estimators": 2, "max_depth": 2}
QUIET = {"iterations": 3, "depth": 2, "verbose": 0, "allow_writing_files": False}

CLASSES = {**dict(all_estimators()), "SelectorMixin": VarianceThreshold}
# Arguments of classes that need some, or are not quick and quiet without.
ARGUMENTS = {
    "AdaBoostClassifier": {"n_estimators": 2},
    "AdaBoostRegressor": {"n_estimators": 2},
    "BaggingClassifier": {"n_estimators": 2},
    "BaggingRegressor": {"estimator": ONE_TREE, "n_estimators": 2},
    "CalibratedClassifierCV": {"estimator": LOGISTIC, "cv": 2},
    "GaussianProcessRegressor": {"alpha": 9.0},
    "GradientBoostingClassifier": VALUES,
    "GradientBoostingRegressor": VALUES,
    "GridSearchCV": {"param_grid": {}, "cv": 2},
    "HistGradientBoostingClassifier": {"max_iter": 2, "max_depth": 2},
    "HistGradientBoostingRegressor": {"max_iter": 2, "max_depth": 2},
    "IsolationForest": {"n_estimators": 2},
    "KernelRidge": {"kernel": "linear"},
    "LogisticRegressionCV": {"Cs": 2, "cv": 2},
    "MLPClassifier": {"hidden_layer_sizes": 3, "max_iter": 400, "solver": "lbfgs"},
    "MLPRegressor": {"hidden_layer_sizes": 3, "max_iter": 400, "solver": "lbfgs"},
    "MultiOutputClassifier": {"estimator": CLASSIFIES},
    "MultiOutputRegressor": {"estimator": ONE_TREE},
    "NuSVC": {"kernel": "linear", "probability": True},
    "NuSVR": {"kernel": "linear"},
    "OneVsOneClassifier": {"estimator": LOGISTIC},
    "OneVsRestClassifier": {"estimator": LOGISTIC},
    "OutputCodeClassifier": {"estimator": LOGISTIC},
    "RadiusNeighborsClassifier": {"radius": 9.0},
    "RadiusNeighborsRegressor": {"radius": 9.0},
    "RandomForestClassifier": VALUES,
    "RandomForestRegressor": VALUES,
    "RandomizedSearchCV": {"param_distributions": {}, "n_iter": 1, "cv": 2},
    "SGDClassifier": {"loss": "log_loss"},
    "SVC": {"kernel": "linear", "probability": True},
    "SVR": {"kernel": "linear"},
    "StackingClassifier": {"estimators": [("one", CLASSIFIES)], "cv": 2},
    "StackingRegressor": {"estimators": [("one", ONE_TREE)], "cv": 2},
    "TransformedTargetRegressor": {"regressor": ONE_TREE},
    "TunedThresholdClassifierCV": {"cv": 2},
    "VotingClassifier": {"estimators": [("one", CLASSIFIES)], "voting": "soft"},
    "VotingRegressor": {"estimators": [("one", ONE_TREE)]},
}
TARGET = {"MultiOutputClassifier": LABELS, "MultiOutputRegressor": TARGETS}
# What is as good as its parts, of several.
_OF_PARTS = [{"estimator": LOGISTIC}, {"estimator": CLASSIFIES}]
SEVERAL = {
    **dict.fromkeys(("BaggingClassifier", "FixedThresholdClassifier"), _OF_PARTS),
    "TunedThresholdClassifierCV": _OF_PARTS,
    "FrozenEstimator": [
        {"estimator": model.fit(X, y)}
        for model, y in ((LOGISTIC, TWO), (CLASSIFIES, TWO), (ONE_TREE, NUMBER))
    ],
    "GridSearchCV": [*_OF_PARTS, {"estimator": ONE_TREE}],
    "RandomizedSearchCV": [*_OF_PARTS, {"estimator": ONE_TREE}],
    "Pipeline": [{"steps": [("one", model)]} for model in (LOGISTIC, CLASSIFIES, ONE_TREE)],
}
STEPS = {
    "ColumnTransformer": {"transformers": [("scale", StandardScaler(), [0, 2])]},
    "FeatureUnion": {"transformer_list": [("scale", StandardScaler())]},
    "Pipeline": {"steps": [("scale", StandardScaler())]},
    "SelectorMixin": {},
}
METHODS = {"probability": "predict_proba", "margin": "decision_function", "value": "predict"}
ROWS = [row for row in supported() if row.library in {lib.package for lib in LIBRARIES.values()}]
SKLEARN = [row for row in ROWS if row.library == "scikit-learn"]
STEPS_OF = [row for row in SKLEARN if row.converted == ("columns",) or "Imputer" in row.name]
MODELS = [row for row in SKLEARN if row not in STEPS_OF]
SILENT = {"lightgbm": {"verbosity": -1}, "xgboost": {"verbosity": 0}}
HOMES = {  # the module of its models, and their arguments
    "catboost": ("catboost", QUIET),
    "interpret-core": (
        "interpret.glassbox",
        {"max_rounds": 2, "interactions": 0, "outer_bags": 1, "n_jobs": 1},
    ),
    "lightgbm": ("lightgbm", {**VALUES, "verbosity": -1}),
    "xgboost": ("xgboost", VALUES),
}
BOOSTED = [row for row in ROWS if row.library in HOMES]


def name_of(row):
    return row.name


def examples(name):
    """Fitted models of a class, together with every output that it can have."""
    for changes in SEVERAL.get(name, [{}]):
        model = CLASSES[name](**{**ARGUMENTS.get(name, {}), **changes})
        y = TARGETS if name.startswith("MultiTask") else NUMBER
        yield model.fit(X, TARGET.get(name, TWO if is_classifier(model) else y))


@pytest.mark.parametrize("row", MODELS, ids=name_of)
@pytest.mark.filterwarnings("ignore")
def test_a_model_of_scikit_learn_is_what_its_row_says(row):
    check(row, list(examples(row.name)))


def check(row, models):
    """What is converted agrees with the model's own, and all that is exact has a structure."""
    converted, exact, whys = set(), set(), set()
    for model in models:
        for output, method in METHODS.items():
            try:
                ours = as_predict_fn(model, output)
            except ValueError:
                assert not hasattr(model, method)
                continue
            converted |= {output} if ours.path == "jax" else set()
            exact |= {output} if ours.structure is not None else set()
            if ours.path == "jax":
                compare(ours)
            whys.add(ours.why_not_exact)
    assert converted == set(row.converted)
    assert exact == set(row.exact_lime) == set(row.exact_shapley)
    assert exact == converted != set() or any(row.why_not in why for why in whys)


def compare(ours):
    """A model as its structure says, without a program for each, else as it runs."""
    if ours.structure is None:
        assert_equal(ours, X[:8], ours.host(X[:8].astype(device_float())))
        return
    if isinstance(ours.structure, Additive):
        own = ours.structure.intercept + (X[:8] - ours.structure.shift) @ ours.structure.slope
    else:
        own, _ = walk(ours.structure, X[:8])
    theirs = ours.host(X[:8])
    theirs = np.hstack(theirs) if isinstance(theirs, list) else theirs
    np.testing.assert_allclose(own, theirs.reshape(own.shape), rtol=2e-6, atol=2e-6)


def boosted(row):
    """Small models of a library of boosted trees."""
    if row.name == "Booster":
        library = importlib.import_module(row.library)
        table = (library.DMatrix if row.library == "xgboost" else library.Dataset)(X, TWO)
        losses = {"xgboost": ("reg:squarederror", "binary:logistic")}
        losses = losses.get(row.library, ("regression", "binary"))
        return [
            library.train({"objective": loss, **SILENT[row.library]}, table, 2) for loss in losses
        ]
    module, arguments = HOMES[row.library]
    model = getattr(importlib.import_module(module), row.name)(**arguments)
    groups = {"group": [40, 40]} if row.name.endswith("Ranker") else {}
    return [model.fit(X, TWO, **groups)]


@pytest.mark.parametrize("row", BOOSTED, ids=lambda row: f"{row.library} {row.name}")
@pytest.mark.filterwarnings("ignore")
def test_boosted_trees_are_what_their_row_says(row):
    check(row, boosted(row))


def called_themselves():
    """Of each library whose models are called themselves, one model."""
    import equinox
    import jax
    import keras
    import onnxruntime
    from flax import nnx
    from skl2onnx import to_onnx

    graph = to_onnx(CLASSIFIES.fit(X, TWO), X[:1].astype(np.float32), options={"zipmap": False})
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    yield "equinox", equinox.nn.Linear(4, 2, key=jax.random.key(0))
    yield "flax", nnx.Linear(4, 2, rngs=nnx.Rngs(0))
    yield from (("keras", network), ("onnx", graph), ("onnxruntime", session))


def test_models_that_are_called_themselves_are_what_their_row_says():
    rows = {row.library: row for row in ROWS if row.name in ("Module", "Model", "ModelProto")}
    del rows["treelite"]  # `test_treelite.py` has its models
    rows["onnxruntime"] = next(row for row in ROWS if row.name == "InferenceSession")
    for library, model in called_themselves():
        ours, row = as_predict_fn(model), rows.pop(library)
        assert row.converted == (("outputs",) if ours.path == "jax" else ())
        assert row.exact_lime == (() if ours.structure is None else ("outputs",))
        assert ours.structure or row.why_not in f"{ours.why_not_exact} {ours.reason}"
    assert not rows


@pytest.mark.parametrize("row", STEPS_OF, ids=name_of)
@pytest.mark.filterwarnings("ignore")
def test_a_step_is_what_its_row_says(row):
    step = CLASSES[row.name](**STEPS.get(row.name, {})).fit(X, NUMBER)
    table = raw_features(RawTable.of_numbers(4))
    if not row.converted:
        with pytest.raises(NotConvertibleError, match=row.why_not):
            transform_on(step, table)
        return
    assert (transform_on(step, table).base is None) is (row.exact_lime == ("columns",))


def test_every_class_has_a_row_for_the_reason_it_has_no_exact_form():
    for row in ROWS:
        whole = row.exact_lime == row.converted != ()
        assert bool(row.why_not) or whole, row


def test_the_oldest_versions_are_those_that_the_tests_ask_for():
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["onnx"]]
    asked += project["optional-dependencies"]["test"]
    oldest = {}
    for requirement in asked:
        package, _, version = requirement.partition(">=")
        oldest.setdefault(package.removesuffix("-cpu"), version)
    for library in LIBRARIES.values():
        assert oldest.get(library.package, library.oldest) == library.oldest
        assert Version(library.newest) >= Version(library.oldest)
