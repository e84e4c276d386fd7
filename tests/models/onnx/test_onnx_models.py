"""Whole ONNX models: which run in JAX, which have a structure, and which run by onnxruntime."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsOneClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from lime_jax import as_predict_fn
from lime_jax.models.convert.features import RawTable
from lime_jax.models.onnx import load
from lime_jax.models.structure import Additive, TreeSum
from lime_jax.models.trees import tree_predict
from tests.models.trees.tree_oracle import at_thresholds, thresholds_of, walk

pytestmark = pytest.mark.precision

X3, y3 = load_iris(return_X_y=True)
X3 = X3.astype(np.float32)
X2, y2 = X3[:100], y3[:100]
XR, yr = (part[:150] for part in load_diabetes(return_X_y=True))
XR = XR.astype(np.float32)


def run(model, x):
    return jax.jit(lambda predict, x: predict(x))(model.predict, jnp.asarray(x))


EXPORTED = {
    "logistic": (LogisticRegression(), X3, y3, None),
    "logistic of two": (LogisticRegression(), X2, y2, None),
    "scaled logistic": (make_pipeline(StandardScaler(), LogisticRegression()), X3, y3, None),
    "forest": (RandomForestClassifier(5, random_state=0), X3, y3, TreeSum),
    "forest of two": (RandomForestClassifier(5, max_depth=2, random_state=0), X2, y2, TreeSum),
    "boosting": (GradientBoostingClassifier(n_estimators=4, random_state=0), X3, y3, None),
    "boosting of two": (GradientBoostingClassifier(n_estimators=4, random_state=0), X2, y2, None),
    "network": (MLPClassifier((5,), max_iter=300, random_state=0, tol=0.01), X3, y3, None),
    "line": (LinearRegression(), XR, yr, Additive),
    "support vectors": (SVR(), XR, yr, None),
    "support vectors of a line": (SVR(kernel="linear"), XR, yr, Additive),
    "support vectors of classes": (SVC(), X3, y3, None),
    "a process": (GaussianProcessRegressor(RBF(0.1, "fixed"), alpha=9.0), XR, yr, None),
    "outliers": (IsolationForest(n_estimators=3), XR, yr, None),
    "forest of numbers": (RandomForestRegressor(4, random_state=0), XR, yr, TreeSum),
    "boosting of numbers": (GradientBoostingRegressor(n_estimators=5), XR, yr, TreeSum),
}


@pytest.mark.filterwarnings("ignore:Attribute `prob:FutureWarning")  # skl2onnx looks at them
@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_estimator_says_what_onnxruntime_says(name):
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, X, y, structure = EXPORTED[name]
    classifies, zipmap = hasattr(estimator, "predict_proba"), name.endswith("of two")
    options = {"zipmap": zipmap} if classifies else None
    opsets = {"": 17, "ai.onnx.ml": 3}
    proto = skl2onnx.to_onnx(estimator.fit(X, y), X[:1], options=options, target_opset=opsets)
    model = as_predict_fn(proto)
    assert model.path == "jax", model.reason
    assert type(model.structure) is (structure or type(None))
    assert (structure is None) == bool(model.why_not_exact)
    session = as_predict_fn(onnxruntime.InferenceSession(proto.SerializeToString()))
    assert session.path == "host"
    expected = session(X)
    np.testing.assert_allclose(run(model, X), expected, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(model.host(X), expected, rtol=1e-6)
    if classifies and zipmap:
        assert model.class_names == tuple(str(c) for c in estimator.classes_)


_LABELS = np.stack([yr > 90, XR[:, 0] > 0], 1).astype(int)
OF_SEVERAL = {
    "pairs of classes": (OneVsOneClassifier(LogisticRegression()), X3, y3),
    "pairs of classes, trees": (OneVsOneClassifier(DecisionTreeClassifier(max_depth=2)), X3, y3),
    "several labels": (MultiOutputClassifier(LogisticRegression()), XR, _LABELS),
    "several numbers": (MultiOutputRegressor(DecisionTreeRegressor(max_depth=2)), XR, XR[:, :2]),
}


@pytest.mark.filterwarnings("ignore:Attribute `prob:FutureWarning")
@pytest.mark.parametrize("name", OF_SEVERAL)
def test_models_of_several_models_say_what_onnxruntime_says(name):
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, X, y = OF_SEVERAL[name]
    options = None if name == "several numbers" else {"zipmap": False}
    proto = skl2onnx.to_onnx(estimator.fit(X, y), X[:1], options=options)
    model = as_predict_fn(proto)
    assert model.path == "jax", model.reason
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    last = session.run(None, {"X": X})[-1]
    last = np.hstack(last) if isinstance(last, list) else last
    np.testing.assert_allclose(run(model, X), last, rtol=1e-5, atol=2e-6)
    np.testing.assert_array_equal(as_predict_fn(session)(X), last)


@pytest.mark.filterwarnings("ignore:Attribute `prob:FutureWarning")
def test_an_exported_imputer_of_neighbors_stays_with_onnxruntime_for_a_reason():
    skl2onnx = pytest.importorskip("skl2onnx")
    holes = XR.copy()
    holes[::5, 1] = np.nan
    proto = skl2onnx.to_onnx(make_pipeline(KNNImputer(), Ridge()).fit(holes, yr), holes[:1])
    assert "(Compress): the numbers decide how large its output is" in as_predict_fn(proto).reason


def test_an_exported_forest_decides_as_onnxruntime_at_every_threshold():
    skl2onnx = pytest.importorskip("skl2onnx")
    forest = RandomForestRegressor(6, random_state=0).fit(XR, yr)
    rows = at_thresholds(*thresholds_of(forest.estimators_), XR, np.float32)
    proto = skl2onnx.to_onnx(forest, XR[:1])
    np.testing.assert_allclose(
        walk(load(proto).structure, rows.astype(np.float64))[0],
        onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"X": rows})[0],
        rtol=1e-6,
    )


# Hand-made trees: one input column for each test.

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def stumps(modes, missing, kind="Regressor", leaves=((1.0, 2.0),), **attributes):
    """One tree for each mode, of one test at 0.1 in a column of its own."""
    count = len(modes)
    nodes = dict(
        nodes_treeids=np.repeat(np.arange(count), 3).tolist(),
        nodes_nodeids=[0, 1, 2] * count,
        nodes_featureids=np.repeat(np.arange(count), 3).tolist(),
        nodes_modes=[m for mode in modes for m in (mode, "LEAF", "LEAF")],
        nodes_values=[0.1, 0.0, 0.0] * count,
        nodes_truenodeids=[1, 0, 0] * count,
        nodes_falsenodeids=[2, 0, 0] * count,
        nodes_missing_value_tracks_true=[missing, 0, 0] * count,
    )
    part = "class" if kind == "Classifier" else "target"
    rows = [
        (tree, 1 + leaf, output, pair[leaf] * (tree + 1))
        for tree in range(count)
        for output, pair in enumerate(leaves)
        for leaf in range(2)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    names = ("treeids", "nodeids", "ids", "weights")
    nodes |= {f"{part}_{n}": column for n, column in zip(names, columns, strict=True)}
    if kind == "Regressor":
        nodes["n_targets"] = len(leaves)
    outputs = ["y"] if kind == "Regressor" else ["label", "y"]
    node = helper.make_node(
        f"TreeEnsemble{kind}", ["x"], outputs, domain="ai.onnx.ml", **nodes, **attributes
    )
    return model_of([node], count)


def model_of(nodes, width, weights=None, input_type=TensorProto.FLOAT, ml=3):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", input_type, [None, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", ml)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


def by_onnxruntime(proto, x):
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(["y"], {"x": x.astype(np.float32)})[0]


AT = np.float32(0.1)
POINTS = [-1, np.nextafter(AT, np.float32(0)), AT, np.nextafter(AT, np.float32(1)), 1, np.nan]


@pytest.mark.parametrize("missing", [0, 1])
def test_every_test_of_a_tree_decides_as_onnxruntime_does(missing):
    proto = stumps(MODES, missing)
    x = np.random.default_rng(0).choice(np.array(POINTS, np.float32), (300, len(MODES)))
    model = load(proto)
    assert model.path == "jax"
    np.testing.assert_allclose(run(model, x), by_onnxruntime(proto, x), rtol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_trees_that_test_for_equality_have_no_structure(mode):
    model = load(stumps([mode], 0))
    assert (model.structure is None) == (mode in ("BRANCH_EQ", "BRANCH_NEQ"))


def test_a_structure_decides_for_numbers_of_64_bits_as_the_graph_after_rounding(x64):
    proto = stumps(MODES[:4], 0)
    near = np.float64(AT) + np.array([-6e-9, -3e-9, -1e-9, 0, 1e-9, 3e-9, 6e-9])
    x = np.repeat(near[:, None], 4, axis=1)
    structure = load(proto).structure
    got = jax.jit(tree_predict(structure))(jnp.asarray(x))
    np.testing.assert_allclose(got, by_onnxruntime(proto, x), rtol=1e-6)


GRAPH_MODES = [*MODES, "BRANCH_MEMBER"]


def graph_of_trees(modes, missing=0, values=(0.1,), outputs=1, **attributes):
    """One tree for each mode, in a column of its own, and one that is a leaf."""
    count = len(modes)
    numbers = [*values, np.nan]
    members = numbers * modes.count("BRANCH_MEMBER")
    kinds = [GRAPH_MODES.index(m) for mode in modes for m in ("BRANCH_LEQ", mode)] + [0]
    last = 2 * count
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        tree_roots=[*range(0, last, 2), last],
        n_targets=outputs,
        nodes_modes=numpy_helper.from_array(np.array(kinds, np.uint8)),
        nodes_featureids=[*np.repeat(np.arange(count), 2).tolist(), 0],
        nodes_splits=numpy_helper.from_array(np.float32([0.9, 0.1] * count + [0])),
        nodes_truenodeids=[k + 1 if k % 2 == 0 else k for k in range(last)] + [2 * last],
        nodes_trueleafs=[0, 1] * count + [1],
        nodes_falsenodeids=[last + k for k in range(last)] + [2 * last],
        nodes_falseleafs=[1, 1] * count + [1],
        nodes_missing_value_tracks_true=[1, missing] * count + [0],
        leaf_targetids=[k % outputs for k in range(2 * last)] + [0],
        leaf_weights=numpy_helper.from_array(np.arange(2 * last + 1, dtype=np.float32) ** 1.5),
        **({"membership_values": numpy_helper.from_array(np.float32(members))} if members else {}),
        **attributes,
    )
    return model_of([node], count, ml=5)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_graph_of_trees_decides_as_onnxruntime_does(missing):
    proto = graph_of_trees(GRAPH_MODES, missing, values=(1, 3))
    x = np.random.default_rng(0).choice(np.array(POINTS, np.float32), (300, len(GRAPH_MODES)))
    model = load(proto)
    assert (model.path, model.structure) == ("jax", None)
    np.testing.assert_allclose(run(model, x), by_onnxruntime(proto, x), rtol=1e-6)


@pytest.mark.parametrize("aggregate", [0, 1])
def test_a_graph_of_trees_is_exact(aggregate):
    proto = graph_of_trees(MODES[:4], outputs=2, aggregate_function=aggregate)
    x = np.random.default_rng(0).choice(np.array(POINTS, np.float32), (300, 4))
    model = load(proto)
    assert isinstance(model.structure, TreeSum)
    np.testing.assert_allclose(run(model, x), by_onnxruntime(proto, x), rtol=1e-5)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"aggregate_function": 2}, "aggregate_function 2 has no JAX form"),
        ({"post_transform": 2}, "onnxruntime reads it as another one than the standard"),
    ],
)
def test_a_graph_of_trees_that_is_no_sum_runs_by_onnxruntime(attributes, reason):
    model = load(graph_of_trees(MODES[:2], **attributes))
    assert (model.path, reason in model.reason) == ("host", True)


PAIR, MIXED = ((0.2, 0.7),), ((-0.2, 0.7),)
THREE = ((0.2, 0.7), (-0.3, 0.4), (1.0, 0.1))
ENSEMBLES = {
    "two targets": dict(leaves=THREE[:2], base_values=[0.5, -1.0]),
    "average": dict(aggregate_function="AVERAGE", base_values=[0.5]),
    "two probabilities": dict(kind="Classifier", leaves=PAIR, classlabels_int64s=[0, 1]),
    "two margins": dict(kind="Classifier", leaves=MIXED, classlabels_int64s=[0, 1]),
    "a margin with a base": dict(
        kind="Classifier", leaves=MIXED, classlabels_int64s=[0, 1], base_values=[0.1]),
    "logistic": dict(
        kind="Classifier", leaves=MIXED, classlabels_int64s=[0, 1], post_transform="LOGISTIC"),
    "logistic with a base": dict(
        kind="Classifier", leaves=PAIR, classlabels_strings=["a", "b"], base_values=[-0.4],
        post_transform="LOGISTIC"),
    "two columns": dict(kind="Classifier", leaves=THREE[:2], classlabels_int64s=[0, 1]),
    **{f"three classes, {post}": dict(
        kind="Classifier", leaves=THREE, classlabels_int64s=[0, 1, 2], base_values=[0.1, 0, 0.2],
        post_transform=post) for post in ("NONE", "LOGISTIC", "SOFTMAX")},
}  # fmt: skip


@pytest.mark.parametrize("name", ENSEMBLES)
def test_sums_of_trees_end_as_in_onnxruntime(name):
    proto = stumps(["BRANCH_LEQ", "BRANCH_GT"], 0, **ENSEMBLES[name])
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    model = load(proto)
    assert model.path == "jax", model.reason
    expected = by_onnxruntime(proto, x)
    np.testing.assert_allclose(run(model, x), expected, rtol=1e-5, atol=1e-6)
    assert (model.structure is None) == (ENSEMBLES[name].get("post_transform", "NONE") != "NONE")


TWO = dict(kind="Classifier", classlabels_int64s=[0, 1])
REFUSED = {
    "PROBIT": (dict(post_transform="PROBIT"), "post_transform PROBIT"),
    "of one number": (dict(post_transform="LOGISTIC"), "post_transform LOGISTIC of one number"),
    "MIN": (dict(aggregate_function="MIN"), "aggregate_function MIN"),
    "SOFTMAX of one score": (dict(TWO, leaves=PAIR, post_transform="SOFTMAX"), "SOFTMAX of one"),
    "two bases": (dict(TWO, leaves=PAIR, base_values=[0.1, 0.2]), "2 base values for two classes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_clear_runs_by_onnxruntime_and_says_why(name):
    attributes, reason = REFUSED[name]
    proto = stumps(["BRANCH_LEQ", "BRANCH_GT"], 0, **attributes)
    model = load(proto)
    assert model.path == "host"
    assert reason in model.reason
    x = np.array([[0, 0], [1, 1]], np.float32)
    np.testing.assert_array_equal(model(x), by_onnxruntime(proto, x))


HOST = {
    "an unknown operator": ([helper.make_node("Det", ["x"], ["y"], name="d")], "'d' (Det)"),
    "a loop's cousin": (
        [helper.make_node("Hardmax", ["x"], ["y"])],
        "node 'number 0' (Hardmax): this operator has no JAX form",
    ),
    "sizes from numbers": (
        [
            helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
            helper.make_node("Cast", ["m"], ["i"], to=TensorProto.INT64),
            helper.make_node("Unsqueeze", ["i", "zero"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["c"]),
            helper.make_node("ReduceSum", ["c"], ["s"]),
            helper.make_node("Add", ["x", "s"], ["y"]),
        ],
        "sizes depend on values",
    ),
}


@pytest.mark.parametrize("name", HOST)
def test_an_unknown_operator_is_named_and_run_by_onnxruntime(name):
    nodes, reason = HOST[name]
    proto = model_of(nodes, 2, {"zero": np.array([0])})
    model = load(proto)
    assert model.path == "host"
    assert reason in model.reason
    x = np.array([[1, 2], [3, 4]], np.float32)
    np.testing.assert_array_equal(model(x), by_onnxruntime(proto, x))


@pytest.fixture(scope="module")
def gemm():
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"]),
        helper.make_node("Sigmoid", ["h"], ["y"]),
    ]
    return model_of(nodes, 2, {"w": np.float32([[1, 2, 3], [4, 5, 6]])})


def test_new_weights_do_not_trace_again(gemm):
    traces = []

    @jax.jit
    def call(model, x):
        traces.append(1)
        return model(x)

    other = onnx.ModelProto.FromString(gemm.SerializeToString())
    new = numpy_helper.from_array(np.zeros((2, 3), np.float32), "w")
    other.graph.initializer[0].CopyFrom(new)
    x = jnp.ones((1, 2))
    first = call(load(gemm).predict, x)
    again = call(load(gemm).predict, x)
    changed = call(load(other).predict, x)
    assert len(traces) == 1
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(changed, 0.5)


def test_a_model_is_read_from_a_path_bytes_or_message(gemm, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(gemm, path)
    x = jnp.ones((2, 2))
    answers = [load(source)(x) for source in (path, str(path), gemm.SerializeToString(), gemm)]
    for answer in answers:
        np.testing.assert_array_equal(answer, answers[0])
    opened = load(gemm)
    assert as_predict_fn(opened) is opened
    assert as_predict_fn(opened, "margin").output_kind == "margin"
    assert as_predict_fn(gemm, "probability").output_kind == "probability"


def test_several_inputs_are_the_columns_of_one_table():
    inputs = [
        helper.make_tensor_value_info(name, kind, [None, width])
        for name, kind, width in [("a", TensorProto.FLOAT, 2), ("b", TensorProto.INT64, 1)]
    ]
    nodes = [
        helper.make_node("Cast", ["b"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["real", "a"], ["y"], axis=1),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs)
    versions = [helper.make_opsetid("", 17)]
    model = load(helper.make_model(graph, opset_imports=versions, ir_version=8))
    x = np.array([[1.5, 2.5, 3], [4, 5, 6]], np.float32)
    np.testing.assert_array_equal(run(model, x), x[:, [2, 0, 1]])
    np.testing.assert_array_equal(model.host(x), x[:, [2, 0, 1]])


def test_levels_of_a_table_reach_the_graph_as_their_numbers(gemm):
    table = RawTable(None, (None, (10.0, 20.0)))
    model = as_predict_fn(gemm, table=table)
    codes, numbers = np.array([[0.1, 0], [0.2, 1]]), np.float32([[0.1, 10], [0.2, 20]])
    np.testing.assert_allclose(run(model, codes), by_onnxruntime(gemm, numbers), rtol=1e-6)
    trees = as_predict_fn(stumps(["BRANCH_LEQ", "BRANCH_GT"], 0), table=table)
    assert [list(flags) for flags in trees.structure.level_sets] == [[False, False]]


@pytest.mark.filterwarnings("default")
def test_without_onnxruntime_the_error_names_the_extra(gemm):
    code = """
import sys
sys.modules["onnxruntime"] = None
from onnx import TensorProto, helper
from lime_jax.models.onnx import load
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2])
def model(op):
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "g", [value("x")], [value("y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
assert load(model("Relu")).path == "jax"
try:
    load(model("Det"))
except ImportError as error:
    assert 'pip install "lime_jax[onnx]"' in str(error) and "Det" in str(error), error
else:
    raise AssertionError("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_without_onnx_the_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "lime_jax\[onnx\]"'):
        load(tmp_path / "model.onnx")
