"""Operator by operator, a graph in JAX says what onnxruntime says."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lime_jax import as_predict_fn
from lime_jax.models.onnx import load

pytestmark = pytest.mark.precision

rng = np.random.default_rng(3)
INT_END = np.iinfo(np.int64).max


def real(*shape, low=-2.0, high=2.0):
    return rng.uniform(low, high, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def model_of(nodes, x, weights, opset=17, batch=None, output="y", kind=TensorProto.FLOAT):
    element = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", element, [batch, *x.shape[1:]])],
        [helper.make_tensor_value_info(output, kind, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


def run_by_onnxruntime(proto, x):
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run([session.get_outputs()[-1].name], {"x": x})[0]


def agree(proto, x, rtol=1e-5):
    model = load(proto)
    assert model.path == "jax", model.reason
    expected = np.asarray(run_by_onnxruntime(proto, x), np.float64)
    got = np.asarray(model(jnp.asarray(x)))
    assert got.shape == expected.shape
    atol = 1e-6 * max(1, np.abs(expected[np.isfinite(expected)]).max(initial=0))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)
    return model


X, POSITIVE = real(3, 4), real(3, 4, low=0.1)
SIGNS = np.array([[-2, -1, 0, 0.5], [1, 2, -0.5, 3]], np.float32)
WITH_NAN = np.array([[1, np.nan, 3], [np.nan, -2, 0]], np.float32)
WHOLE = np.array([[-7, 7], [-2, 9]], np.float32)
IMAGE, WIDE = real(2, 3, 7, 6), real(2, 4, 8, 5)
EMPTY = np.zeros(0, np.float32)
LINE, BLOCK = real(2, 3, 9), real(2, 2, 4, 5, 3)

# Name: (operator, attributes, first input, other inputs), and the version of the operators if it
# is not 17. A cast to real numbers follows.
STANDARD = {
    **{op: (op, {}, X, []) for op in ("Abs", "Neg", "Exp", "Floor", "Ceil", "Round", "Sign")},
    **{op: (op, {}, POSITIVE, []) for op in ("Log", "Sqrt", "Reciprocal")},
    **{op: (op, {}, X, []) for op in ("Sin", "Cos", "Tan", "Atan", "Identity", "Dropout")},
    **{op: (op, {}, X, [real(4)]) for op in ("Add", "Sub", "Mul", "Equal", "Less", "Greater")},
    **{op: (op, {}, SIGNS, [np.float32([0.5])]) for op in ("LessOrEqual", "GreaterOrEqual")},
    **{op: (op, {}, X, [real(1, 4), real(1)]) for op in ("Min", "Max", "Sum", "Mean")},
    **{op: (op, {}, 3 * X, []) for op in ("Relu", "LeakyRelu", "Elu", "Celu", "Selu", "Sigmoid")},
    **{op: (op, {}, 3 * X, []) for op in ("HardSigmoid", "HardSwish", "Tanh", "Softplus", "Erf")},
    **{op: (op, {}, 3 * X, []) for op in ("Softsign", "ThresholdedRelu")},
    "Mish": ("Mish", {}, X, [], 18),
    "Gelu": ("Gelu", {}, X, [], 20),
    "Gelu tanh": ("Gelu", dict(approximate="tanh"), X, [], 20),
    "Div": ("Div", {}, X, [real(4, low=1)]),
    "Pow": ("Pow", {}, POSITIVE, [np.float32([2, 0.5, -1, 3])]),
    "Pow of whole numbers": ("Pow", {}, X, [ints(2)]),
    "Mod": ("Mod", dict(fmod=1), X, [real(4, low=1)]),
    "IsNaN": ("IsNaN", {}, WITH_NAN, []),
    "Selu with numbers": ("Selu", dict(alpha=2.0, gamma=0.7), X, []),
    "LeakyRelu with a number": ("LeakyRelu", dict(alpha=0.3), X, []),
    "HardSigmoid with numbers": ("HardSigmoid", dict(alpha=0.5, beta=0.1), X, []),
    "PRelu": ("PRelu", {}, IMAGE, [real(3, 1, 1)]),
    "Clip": ("Clip", {}, X, [np.float32(-0.5), np.float32(1)]),
    "Clip from below": ("Clip", {}, X, [np.float32(0)]),
    "Clip of old": ("Clip", dict(min=-0.5, max=0.5), X, [], 10),
    "Cast": ("Cast", dict(to=TensorProto.INT32), 3 * X, []),
    "Reshape": ("Reshape", {}, IMAGE, [ints(0, -1, 6)]),
    "Flatten": ("Flatten", {}, IMAGE, []),
    "Flatten from 2": ("Flatten", dict(axis=2), IMAGE, []),
    "Squeeze": ("Squeeze", {}, real(3, 1, 2, 1), [ints(1, -1)]),
    "Squeeze of old": ("Squeeze", dict(axes=[1]), real(3, 1, 2, 1), [], 11),
    "Unsqueeze": ("Unsqueeze", {}, X, [ints(0, -1)]),
    "Unsqueeze of old": ("Unsqueeze", dict(axes=[1]), X, [], 11),
    "Transpose": ("Transpose", dict(perm=[0, 2, 3, 1]), IMAGE, []),
    "Transpose of all": ("Transpose", {}, X, []),
    "Expand": ("Expand", {}, X, [ints(2, 1, 4)]),
    "Tile": ("Tile", {}, X, [ints(1, 2)]),
    "Shape": ("Shape", {}, IMAGE, []),
    "Size": ("Size", {}, IMAGE, []),
    "Gather": ("Gather", dict(axis=1), X, [ints(2, -1, 0)]),
    "Gather one": ("Gather", dict(axis=1), X, [np.array(1, np.int64)]),
    "GatherND": ("GatherND", {}, IMAGE, [np.array([[[1, -1], [0, 2]]], np.int64)]),
    "GatherND of batches": ("GatherND", dict(batch_dims=2), IMAGE,
                            [np.arange(-6, 6).reshape(2, 3, 2, 1) // 2]),
    "Slice": ("Slice", {}, IMAGE, [ints(1, -5), ints(INT_END, -1), ints(2, 3)]),
    "Slice backwards": ("Slice", {}, X, [ints(-1), ints(-INT_END), ints(1), ints(-2)]),
    "Slice of old": ("Slice", dict(starts=[1], ends=[3], axes=[1]), X, [], 9),
    "Split": ("Split", dict(axis=1), X, [ints(1, 3)]),
    "Pad": ("Pad", {}, X, [ints(0, 1, 0, 2), np.float32(7)]),
    "Pad edge": ("Pad", dict(mode="edge"), X, [ints(0, 1, 0, 2)]),
    "Pad reflect": ("Pad", dict(mode="reflect"), X, [ints(0, 1, 0, 2)]),
    "Pad of old": ("Pad", dict(pads=[0, 1, 0, 2], value=0.5), X, [], 10),
    "Conv": ("Conv", {}, IMAGE, [real(4, 3, 3, 2), real(4)]),
    "Conv strided": ("Conv", dict(strides=[2, 1], pads=[1, 0, 2, 1]), IMAGE, [real(4, 3, 3, 2)]),
    "Conv dilated": ("Conv", dict(dilations=[2, 2]), IMAGE, [real(2, 3, 3, 2)]),
    "Conv in groups": ("Conv", dict(group=2), WIDE, [real(6, 2, 3, 3), real(6)]),
    "Conv by channel": ("Conv", dict(group=4), WIDE, [real(4, 1, 3, 3)]),
    "Conv by channel, several": ("Conv", dict(group=4, dilations=[1, 2], strides=[2, 1],
                                              pads=[0, 1, 2, 1]), WIDE, [real(12, 1, 3, 2)]),
    "Conv by channel, many": ("Conv", dict(group=20, pads=[1, 1, 1, 1]), real(2, 20, 6, 7),
                              [real(20, 1, 3, 3)]),
    "Conv by channel of a line": ("Conv", dict(group=3, pads=[1, 2], strides=[2]), LINE,
                                  [real(6, 1, 3)]),
    "Conv by channel of a block": ("Conv", dict(group=2, pads=[1, 0, 1, 0, 1, 1]), BLOCK,
                                   [real(4, 1, 2, 3, 2)]),
    "Conv same, upper": ("Conv", dict(auto_pad="SAME_UPPER", strides=[2, 2]), IMAGE,
                         [real(4, 3, 3, 2)]),
    "Conv same, lower": ("Conv", dict(auto_pad="SAME_LOWER", strides=[2, 1]), IMAGE,
                         [real(4, 3, 4, 2)]),
    "Conv valid": ("Conv", dict(auto_pad="VALID"), IMAGE, [real(4, 3, 3, 2)]),
    "Conv of a line": ("Conv", dict(pads=[1, 1]), LINE, [real(2, 3, 3)]),
    "Conv of a block": ("Conv", {}, BLOCK, [real(2, 2, 2, 3, 2)]),
    "ConvTranspose": ("ConvTranspose", dict(strides=[2, 3], pads=[1, 0, 0, 1], dilations=[1, 2],
                                            output_padding=[1, 2]), IMAGE,
                      [real(3, 4, 3, 2), real(4)]),
    "ConvTranspose in groups": ("ConvTranspose", dict(group=2), WIDE, [real(4, 3, 2, 3)]),
    "ConvTranspose same": ("ConvTranspose", dict(auto_pad="SAME_UPPER", strides=[2, 2]), IMAGE,
                           [real(3, 2, 3, 3)]),
    "ConvTranspose same, lower": ("ConvTranspose", dict(auto_pad="SAME_LOWER", strides=[2, 2]),
                                  IMAGE, [real(3, 2, 3, 3)]),
    "ConvTranspose of a shape": ("ConvTranspose", dict(output_shape=[12, 13], strides=[2, 2]),
                                 IMAGE, [real(3, 2, 3, 3)]),
    "ConvTranspose of a line": ("ConvTranspose", dict(strides=[2]), LINE, [real(3, 2, 4)]),
    **{f"Resize {mode} {how} {size}": (
        "Resize", dict(mode=mode, coordinate_transformation_mode=how), IMAGE, [EMPTY, EMPTY, size],
        19) for mode, how, size in (
            ("nearest", "asymmetric", ints(2, 3, 11, 4)),
            ("nearest", "half_pixel", ints(2, 3, 3, 9)),
            ("linear", "half_pixel", ints(2, 3, 11, 4)),
            ("linear", "align_corners", ints(2, 3, 5, 9)),
            ("linear", "pytorch_half_pixel", ints(2, 3, 1, 9)),
            ("cubic", "half_pixel", ints(2, 3, 10, 4)),
            ("cubic", "align_corners", ints(2, 3, 9, 7)),
        )},
    **{f"Resize to the nearest, {mode}": ("Resize", dict(nearest_mode=mode), IMAGE, [
        EMPTY, np.float32([1, 1, 2, 0.5])], 13) for mode in (
            "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")},
    "Resize by a scale": ("Resize", dict(mode="linear", coordinate_transformation_mode=(
        "half_pixel_symmetric")), IMAGE, [EMPTY, np.float32([1, 1, 1.3, 0.7])], 19),
    "Resize without what is outside": ("Resize", dict(mode="cubic", exclude_outside=1,
                                       cubic_coeff_a=-0.5), IMAGE,
                                       [EMPTY, np.float32([1, 1, 1.5, 0.8])], 13),
    "Upsample": ("Upsample", {}, IMAGE, [np.float32([1, 1, 2, 3])], 9),
    "Upsample by lines": ("Upsample", dict(mode="linear"), IMAGE, [np.float32([1, 1, 2, 3])], 9),
    "CumSum": ("CumSum", {}, X, [np.array(1)]),
    "CumSum backwards": ("CumSum", dict(reverse=1, exclusive=1), X, [np.array(1)]),
    "TopK": ("TopK", {}, X, [ints(2)]),
    "TopK of the smallest": ("TopK", dict(largest=0, axis=0), X, [ints(2)]),
    "MaxPool": ("MaxPool", dict(kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]), IMAGE, []),
    "MaxPool to the end": ("MaxPool", dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
                           IMAGE, []),
    "MaxPool dilated": ("MaxPool", dict(kernel_shape=[2, 2], dilations=[2, 3]), IMAGE, []),
    "MaxPool same": ("MaxPool", dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
                     IMAGE, []),
    "AveragePool": ("AveragePool", dict(kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1]),
                    IMAGE, []),
    "AveragePool with pads": ("AveragePool", dict(kernel_shape=[3, 2], pads=[1, 1, 1, 1],
                                                  count_include_pad=1), IMAGE, []),
    "AveragePool to the end": ("AveragePool", dict(kernel_shape=[3, 3], strides=[2, 2],
                                                   ceil_mode=1), IMAGE, [], 19),
    "AveragePool with pads to the end": ("AveragePool", dict(
        kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1,
    ), real(1, 2, 6, 6), [], 19),
    "GlobalAveragePool": ("GlobalAveragePool", {}, IMAGE, []),
    "GlobalMaxPool": ("GlobalMaxPool", {}, IMAGE, []),
    "LRN": ("LRN", dict(size=3, alpha=0.3, beta=0.6, bias=1.5), WIDE, []),
    "MatMul": ("MatMul", {}, X, [real(4, 2)]),
    "MatMul of many": ("MatMul", {}, IMAGE, [real(6, 2)]),
    "Gemm": ("Gemm", {}, X, [real(4, 2), real(2)]),
    "Gemm with numbers": ("Gemm", dict(alpha=0.5, beta=2.0, transB=1), X, [real(2, 4), real(2)]),
    "Einsum": ("Einsum", dict(equation="ij,jk->ik"), X, [real(4, 2)]),
    "Softmax": ("Softmax", {}, IMAGE, []),
    "Softmax over channels": ("Softmax", dict(axis=1), IMAGE, []),
    "Softmax of old": ("Softmax", dict(axis=1), IMAGE, [], 11),
    "LogSoftmax": ("LogSoftmax", {}, X, []),
    "BatchNormalization": ("BatchNormalization", dict(epsilon=0.01), IMAGE,
                           [real(3), real(3), real(3), real(3, low=0.1)]),
    "BatchNormalization of columns": ("BatchNormalization", {}, X,
                                      [real(4), real(4), real(4), real(4, low=0.1)]),
    "InstanceNormalization": ("InstanceNormalization", {}, IMAGE, [real(3), real(3)]),
    "LayerNormalization": ("LayerNormalization", {}, IMAGE, [real(6), real(6)]),
    "LayerNormalization of two": ("LayerNormalization", dict(axis=2), IMAGE, [real(7, 6)]),
    "ArgMax": ("ArgMax", dict(axis=1), X, []),
    "ArgMax, the last": ("ArgMax", dict(axis=1, select_last_index=1, keepdims=0),
                         np.ones((2, 3), np.float32), []),
    "ArgMin": ("ArgMin", dict(axis=-1, keepdims=0), X, []),
    "ReduceMean": ("ReduceMean", dict(axes=[2, 3]), IMAGE, []),
    "ReduceMean over all": ("ReduceMean", dict(keepdims=0), IMAGE, []),
    "ReduceMean by input": ("ReduceMean", dict(keepdims=0), IMAGE, [ints(-1)], 18),
    "ReduceSum": ("ReduceSum", {}, IMAGE, [ints(1)]),
    "ReduceSum of nothing": ("ReduceSum", dict(noop_with_empty_axes=1), IMAGE, []),
    **{op: (op, dict(axes=[1]), POSITIVE, []) for op in (
        "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
        "ReduceLogSum", "ReduceLogSumExp",
    )},
}  # fmt: skip


@pytest.mark.parametrize("name", STANDARD)
def test_an_operator_says_what_onnxruntime_says(name):
    op, attributes, x, others, *version = STANDARD[name]
    weights = {f"w{k}": array for k, array in enumerate(others)}
    outputs = ["out", "second"] if op in ("Split", "TopK") else ["out"]
    nodes = [
        helper.make_node(op, ["x", *weights], outputs, **attributes),
        helper.make_node("Cast", ["out"], ["y"], to=TensorProto.FLOAT),
    ]
    agree(model_of(nodes, x, weights, *version), x)


SEVERAL = {
    "Concat": [("Concat", ["x", "x"], dict(axis=-1))],
    "Gemm turned": [("Gemm", ["w", "x"], dict(transA=1, transB=1))],
    "GatherElements": [("TopK", ["x", "k"], {}), ("GatherElements", ["x", "b"], dict(axis=1))],
    "all parts of a Split": [("Split", ["x"], dict(axis=1)), ("Max", ["a", "b"], {})],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_operators_with_several_values_say_what_onnxruntime_says(name):
    *before, (op, inputs, attributes) = SEVERAL[name]
    nodes = [helper.make_node(o, i, ["a", "b"], **a) for o, i, a in before]
    nodes.append(helper.make_node(op, inputs, ["y"], **attributes))
    agree(model_of(nodes, X, {"w": real(4, 2), "k": ints(2)}), X)


LOGIC = {
    "And": [("And", ["p", "q"])],
    "Or": [("Or", ["p", "q"])],
    "Xor": [("Xor", ["p", "q"])],
    "Not": [("Not", ["p"])],
    "Where": [("Where", ["p", "x", "zero"])],
}


@pytest.mark.parametrize("name", LOGIC)
def test_logic_says_what_onnxruntime_says(name):
    ((op, inputs),) = LOGIC[name]
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["p"]),
        helper.make_node("Less", ["x", "one"], ["q"]),
        helper.make_node(op, inputs, ["out"]),
        helper.make_node("Cast", ["out"], ["y"], to=TensorProto.FLOAT),
    ]
    weights = {"zero": np.float32([0]), "one": np.float32([1])}
    agree(model_of(nodes, SIGNS, weights), SIGNS)


ML = {
    "Scaler": ("Scaler", dict(offset=[1.0, 0, 2, 3], scale=[2.0, 1, 0.5, 3]), X),
    "Scaler by one number": ("Scaler", dict(offset=[0.5], scale=[3.0]), X),
    **{f"Normalizer {n}": ("Normalizer", dict(norm=n), SIGNS) for n in ("L1", "L2", "MAX")},
    "Normalizer of nothing": ("Normalizer", dict(norm="L1"), np.zeros((2, 3), np.float32)),
    "Imputer": ("Imputer", dict(imputed_value_floats=[7.0, 8, 9], replaced_value_float=np.nan),
                WITH_NAN),
    "Imputer of a number": ("Imputer", dict(imputed_value_floats=[5.0], replaced_value_float=0.0),
                            SIGNS),
    "Binarizer": ("Binarizer", dict(threshold=0.5), SIGNS),
    "OneHotEncoder": ("OneHotEncoder", dict(cats_int64s=[1, 3, 0]),
                      np.array([[0, 1], [3, 2]], np.float32)),
    **{f"LabelEncoder of {kind}": ("LabelEncoder", {
        f"keys_{kind}": dtype([3, 1, 0]).tolist(), "values_floats": [0.5, 2.0, -1.0],
        "default_float": 9.0},
        dtype([[0, 1], [3, 2]])) for kind, dtype in (
            ("floats", np.float32), ("int64s", np.int64))},
    **{f"SVMRegressor {kernel}": ("SVMRegressor", dict(
        kernel_type=kernel, kernel_params=[0.3, 0.5, 2.0], n_supports=3, rho=[0.5],
        coefficients=[1.0, -2.0, 0.5], support_vectors=real(12).tolist()), X)
        for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID")},
    "SVMRegressor of a line": ("SVMRegressor", dict(
        kernel_type="LINEAR", kernel_params=[0.0, 0, 0], coefficients=real(4).tolist(), rho=[0.5]),
        X),
    "SVMRegressor of one class": ("SVMRegressor", dict(
        kernel_type="RBF", kernel_params=[0.3, 0, 0], n_supports=3, rho=[-0.7], one_class=1,
        coefficients=[1.0, 2.0, 0.5], support_vectors=(X.ravel() + 0.5).tolist()), X),
    **{f"SVMClassifier of {len(counts)}, {'probabilities' if proba else 'margins'}": (
        "SVMClassifier", dict(
            kernel_type="RBF", kernel_params=[0.3, 0, 0], vectors_per_class=counts,
            coefficients=real(sum(counts) * (len(counts) - 1)).tolist(),
            support_vectors=real(4 * sum(counts)).tolist(),
            classlabels_ints=list(range(len(counts))),
            rho=real(len(counts) * (len(counts) - 1) // 2).tolist(),
            **{f"prob_{k}": real(len(counts) * (len(counts) - 1) // 2).tolist()
               for k in ("a", "b") if proba}), X)
        for counts in ([2, 3], [2, 1, 3]) for proba in (False, True)},
    "LinearRegressor": ("LinearRegressor", dict(
        coefficients=real(8).tolist(), intercepts=[0.5, -1], targets=2), X),
    "LinearRegressor of one": ("LinearRegressor", dict(coefficients=real(4).tolist()), X),
    **{f"LinearClassifier {post}": ("LinearClassifier", dict(
        coefficients=real(12).tolist(), intercepts=[0.5, -1, 0.2], classlabels_ints=[0, 1, 2],
        post_transform=post), X) for post in ("NONE", "LOGISTIC", "SOFTMAX")},
    "LinearClassifier of one score": ("LinearClassifier", dict(
        coefficients=real(4).tolist(), intercepts=[0.5], classlabels_ints=[0, 1],
        post_transform="LOGISTIC"), X),
}  # fmt: skip


@pytest.mark.parametrize("name", ML)
def test_a_step_of_a_pipeline_says_what_onnxruntime_says(name):
    op, attributes, x = ML[name]
    outputs = ["label", "y"] if op.endswith("Classifier") else ["y"]
    node = helper.make_node(op, ["x"], outputs, domain="ai.onnx.ml", **attributes)
    agree(model_of([node], x, {}), x)


def distances(body, state="points"):
    """A Scan over rows that says how far each is from some points."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in body[1] + body[2]]
    inside = helper.make_graph(body[0], "inside", values[:2], values[2:], [
        numpy_helper.from_array(np.float32([2.0]), "two")])  # fmt: skip
    scan = helper.make_node("Scan", [state, "x"], ["last", "y"], body=inside, num_scan_inputs=1)
    return scan


SCANS = {
    "rows against points": ([
        helper.make_node("Sub", ["p", "row"], ["away"]),
        helper.make_node("Mul", ["away", "two"], ["more"]),
        helper.make_node("ReduceSumSquare", ["more"], ["far"], axes=[1], keepdims=0),
        helper.make_node("Add", ["far", "outer"], ["out"]),
        helper.make_node("Identity", ["p"], ["q"]),
    ], ["p", "row"], ["q", "out"]),
    "a running sum": ([
        helper.make_node("Constant", [], ["half"], value_floats=[0.5]),
        helper.make_node("Mul", ["p", "half"], ["less"]),
        helper.make_node("Add", ["less", "row"], ["q"]),
        helper.make_node("Add", ["q", "two"], ["out"]),
    ], ["p", "row"], ["q", "out"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_says_what_onnxruntime_says(name):
    proto = model_of([distances(SCANS[name])], X, {"points": real(5, 4), "outer": real(5)})
    agree(proto, X)
    backwards = onnx.helper.make_attribute("scan_input_directions", [1])
    proto.graph.node[0].attribute.append(backwards)
    assert "it goes backwards" in load(proto).reason


def test_columns_are_picked():
    node = helper.make_node("ArrayFeatureExtractor", ["x", "w"], ["y"], domain="ai.onnx.ml")
    agree(model_of([node], X, {"w": ints(2, 0)}), X)


def test_whole_numbers_are_divided_towards_zero():
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node("Div", ["i", "w"], ["q"]),
        helper.make_node("Cast", ["q"], ["y"], to=TensorProto.FLOAT),
    ]
    agree(model_of(nodes, WHOLE, {"w": ints(2, -2)}), WHOLE)


def test_shapes_are_known_while_tracing():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Constant", [], ["zero"], value_int=0),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch", "first"], ["batches"]),
        helper.make_node("Slice", ["shape", "first", "end"], ["lead"]),
        helper.make_node("Sub", ["lead", "batches"], ["nothing"]),
        helper.make_node("Add", ["nothing", "minus"], ["rest"]),
        helper.make_node("Concat", ["batches", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("ConstantOfShape", ["target_ones"], ["ones"]),
        helper.make_node("Add", ["flat", "ones"], ["y"]),
    ]
    weights = {"first": ints(0), "end": ints(1), "minus": ints(-1), "target_ones": ints(1, 126)}
    proto = model_of(nodes, IMAGE, weights)
    model = agree(proto, IMAGE)
    assert jax.jit(model.predict)(IMAGE[:1]).shape == (1, 126)


def small_network(batch):
    def conv(name, source, *shape):
        weights[f"{name}.w"] = real(*shape)
        weights[f"{name}.b"] = real(shape[0])
        inputs = [source, f"{name}.w", f"{name}.b"]
        return helper.make_node("Conv", inputs, [name], pads=[shape[2] // 2] * 4)

    weights = {}
    nodes = [
        conv("a", "x", 4, 3, 3, 3),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        conv("left", "p", 3, 4, 1, 1),
        conv("right", "p", 5, 4, 3, 3),
        helper.make_node("Concat", ["left", "right"], ["fire"], axis=1),
        helper.make_node("Dropout", ["fire"], ["kept", "mask"]),
        helper.make_node("GlobalAveragePool", ["kept"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["y"]),
    ]
    weights["shape"] = ints(1, 8) if batch == 1 else ints(-1, 8)
    return model_of(nodes, IMAGE, weights, batch=batch)


CONVOLUTIONS = {
    "by channel": (dict(group=4), WIDE, real(4, 1, 3, 3), True),
    "in groups": (dict(group=2), WIDE, real(6, 2, 3, 3), True),
    "of a block": (dict(kernel_shape=[2, 3, 2]), BLOCK, real(2, 2, 2, 3, 2), True),
    "of all channels": (dict(kernel_shape=[3, 2]), IMAGE, real(4, 3, 3, 2), False),
    "of a line": (dict(kernel_shape=[3]), LINE, real(2, 3, 3), False),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_where_onnxruntime_is_several_times_as_fast_on_a_cpu_it_is_asked(name):
    attributes, x, weight, is_slow = CONVOLUTIONS[name]
    convolve = helper.make_node("Conv", ["x", "w"], ["c"], **attributes)
    flatten = helper.make_node("Flatten", ["c"], ["y"])
    proto = model_of([convolve, flatten], x, {"w": weight})
    opened, on_device = as_predict_fn(proto), load(proto)
    assert on_device.path == "jax"
    assert opened.path == ("host" if is_slow and jax.default_backend() == "cpu" else "jax")
    assert ("onnxruntime on a CPU" in opened.reason) == (opened.path == "host")
    np.testing.assert_allclose(
        np.asarray(opened(x)), on_device(jnp.asarray(x)), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("batch", [None, 1])
def test_an_image_network_runs_on_batches_of_any_size(batch):
    proto = small_network(batch)
    model = load(proto)
    expected = np.concatenate([run_by_onnxruntime(proto, x[None]) for x in IMAGE])
    np.testing.assert_allclose(model(jnp.asarray(IMAGE)), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.host(IMAGE), expected, rtol=1e-5, atol=1e-7)
