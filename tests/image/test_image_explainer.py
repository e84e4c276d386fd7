"""`ImageExplainer`: what LIME and KernelSHAP say of images, against brute force and `lime`."""

import itertools
import pickle

import jax.numpy as jnp
import keras
import numpy as np
import onnxruntime
import pytest
from lime.lime_image import LimeImageExplainer
from onnx import TensorProto, helper, numpy_helper
from sklearn.base import clone
from sklearn.linear_model import Ridge

from lime_jax import ImageExplainer, jax_predict
from tests.house import all_coalitions, shapley_values

SIZE = (8, 10)
SEGMENTS = np.arange(80).reshape(SIZE) // 2 % 5 + np.arange(8)[:, None] // 6  # 6 ragged ones
PLAYERS = 6
SAMPLES = 64


def image_of(rng, layout=(3,), dtype=np.float32):
    values = rng.random((*SIZE, *layout))
    return values.astype(dtype) if np.dtype(dtype).kind == "f" else (256 * values).astype(dtype)


def probabilities(images, xp=np):
    """Three classes, not linear in the pixels, for any size and layout."""
    flat = images.reshape(len(images), -1)
    flat = flat.astype(xp.result_type(float)) / (255 if flat.dtype.kind in "iu" else 1)
    index = np.arange(flat.shape[1])
    a, b = (4 * flat @ (np.cos(rate * index) / np.sqrt(len(index))) for rate in (0.37, 0.011))
    scores = xp.exp(xp.stack([3 * xp.tanh(a), b, a * b / 2], axis=1))
    return scores / scores.sum(1, keepdims=True)


@jax_predict
def device_probabilities(images):
    return probabilities(images, jnp)


def linear(images):
    """Three weighted sums of the pixels."""
    flat = images.reshape(len(images), -1).astype(float)
    index = np.arange(flat.shape[1])
    return flat @ np.stack([np.sin(index), np.cos(index), np.sin(index / 9)], axis=1)


@pytest.fixture(scope="module")
def image():
    return image_of(np.random.default_rng(3))


def explain(image, model=probabilities, algorithm="lime", **settings):
    names = ("labels", "top_labels", "num_features", "num_samples", "row_ids", "batch_size")
    options = {name: settings.pop(name) for name in names if name in settings}
    settings = dict(segmentation=SEGMENTS, hide=0) | settings
    options = dict(num_samples=SAMPLES, labels=None, top_labels=None) | options
    return ImageExplainer(algorithm, **settings).explain(image, model, **options)


def pictures(image, hidden, masks, channel_axis="last", segments=SEGMENTS):
    shown = masks[:, segments]
    if image.ndim == 3:
        shown = np.expand_dims(shown, -1 if channel_axis == "last" else 1)
    return np.where(shown, image, hidden)


class TestKernelShap:
    @pytest.mark.parametrize(
        ("layout", "dtype", "channel_axis", "model"),
        [
            ((3,), np.uint8, "last", probabilities),
            ((3,), np.uint8, "last", device_probabilities),
            ((), np.float32, "last", probabilities),
            ((), np.float32, "last", device_probabilities),
            ((4,), np.float64, "last", probabilities),
            ((6,), np.float32, "first", probabilities),
            ((6,), np.float32, "first", device_probabilities),
            ((3,), np.float16, "last", probabilities),
        ],
    )
    def test_is_the_sum_over_all_coalitions(self, rng, layout, dtype, channel_axis, model):
        image = image_of(rng, layout, dtype)
        if channel_axis == "first":
            image = np.ascontiguousarray(np.moveaxis(image, -1, 0))
        found = explain(image, model, "kernel_shap", channel_axis=channel_axis)
        masks = all_coalitions(PLAYERS)
        outputs = probabilities(pictures(image, image.dtype.type(0), masks, channel_axis))
        np.testing.assert_allclose(found.coef[0], shapley_values(outputs), atol=1e-5)
        np.testing.assert_allclose(found.intercept[0], outputs[0], atol=1e-5)
        np.testing.assert_allclose(found.local_pred[0], outputs[-1], atol=1e-5)
        np.testing.assert_allclose(found.prediction[0], outputs[-1], atol=1e-5)
        np.testing.assert_array_equal(found.std_error, 0)
        assert found.output_kind == "probability"
        assert found.model_path.startswith("host" if model is probabilities else "jax")

    def test_of_a_sum_is_each_superpixels_part(self, image):
        hidden = image[::-1].copy()
        found = explain(image, linear, "kernel_shap", hide=hidden)
        parts = pictures(image, hidden, np.eye(PLAYERS, dtype=bool))
        expected = linear(parts) - linear(hidden[None])
        np.testing.assert_allclose(found.coef[0], expected.T, atol=1e-4)
        np.testing.assert_allclose(found.score, 1, atol=1e-5)
        np.testing.assert_allclose(found[0].heatmap(0), expected[:, 0][SEGMENTS], atol=1e-4)

    def test_sampled_coalitions_are_as_far_off_as_their_errors_say(self, image):
        segments = np.arange(80).reshape(SIZE) // 8
        found = explain(image, algorithm="kernel_shap", segmentation=segments, num_samples=200)
        masks = all_coalitions(10)
        outputs = probabilities(pictures(image, np.float32(0), masks, segments=segments))
        error = found.coef[0] - shapley_values(outputs)
        assert found.num_samples < 2**10
        assert (found.std_error > 0).all()
        ratio = np.sqrt((error**2).mean() / (found.std_error[0] ** 2).mean())
        assert 0.2 < ratio < 3
        np.testing.assert_allclose(found.coef.sum(2), found.local_pred - found.intercept, atol=1e-5)

    def test_log_odds_add_up(self, image):
        found = explain(image, algorithm="kernel_shap", link="logit")
        masks = all_coalitions(PLAYERS)
        outputs = probabilities(pictures(image, np.float32(0), masks))
        expected = shapley_values(np.log(outputs / (1 - outputs)))
        np.testing.assert_allclose(found.coef[0], expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(("size", "asked", "taken"), [(80, "auto", 16), (40, "auto", 4)])
    def test_auto_takes_all_coalitions_if_they_are_few(self, image, size, asked, taken):
        segments = np.arange(80).reshape(SIZE) // (size // 4 if size == 80 else 40)
        found = explain(image, algorithm="kernel_shap", segmentation=segments, num_samples=asked)
        assert found.num_samples == taken


def limit_of_lime(image, model, samples, keep=0.5, alpha=1.0):
    """The ridge that LIME samples, from all masks."""
    masks = all_coalitions(PLAYERS)
    shown = masks.sum(1)
    weights = np.exp(-((1 - np.sqrt(shown / PLAYERS)) ** 2) / (2 * 0.25**2))
    weights *= samples * keep**shown * (1 - keep) ** (PLAYERS - shown)
    outputs = model(pictures(image, np.float32(0), masks))
    ridge = Ridge(alpha=alpha).fit(masks, outputs, sample_weight=weights)
    scores = [ridge.predict(masks), outputs]
    mean = np.average(outputs, axis=0, weights=weights)
    missed = np.average((scores[1] - scores[0]) ** 2, axis=0, weights=weights)
    total = np.average((outputs - mean) ** 2, axis=0, weights=weights)
    return ridge.coef_, ridge.intercept_, 1 - missed / total


class TestLime:
    @pytest.mark.parametrize("keep", [0.5, 0.7])
    def test_tends_to_the_ridge_over_all_coalitions(self, image, keep):
        found = explain(image, num_samples=2048, keep_probability=keep)
        coef, intercept, score = limit_of_lime(image, probabilities, 2048, keep)
        assert (np.abs(found.coef[0] - coef) < 5 * found.std_error[0]).all()
        assert (found.std_error < 0.02).all()
        np.testing.assert_allclose(found.intercept[0], intercept, atol=0.02)
        np.testing.assert_allclose(found.score[0], score, atol=0.05)
        np.testing.assert_allclose(found.local_pred, found.intercept + found.coef.sum(2), atol=1e-5)

    def test_is_that_of_lime(self, image):
        found = explain(image, num_samples=2048)
        theirs = LimeImageExplainer(random_state=0).explain_instance(
            image,
            probabilities,
            labels=range(3),
            hide_color=0,
            top_labels=None,
            num_features=PLAYERS,
            num_samples=2048,
            batch_size=512,
            segmentation_fn=lambda _: SEGMENTS,
        )
        for label in range(3):
            coef = np.array([weight for _, weight in sorted(theirs.local_exp[label])])
            # The errors of two samples of one size.
            error = np.sqrt(2) * found.std_error[0, label]
            assert (np.abs(found.coef[0, label] - coef) < 5 * error).all()
            assert abs(found.intercept[0, label] - theirs.intercept[label]) < 0.03
        assert abs(found.score[0, 2] - theirs.score) < 0.1  # it keeps that of the last label

    @pytest.mark.parametrize("hide", ["mean", 0])
    def test_shows_the_model_what_lime_shows(self, image, hide):
        segments = np.arange(80).reshape(SIZE) % 2
        seen = []

        def model(images):
            seen.append(np.array(images, np.float64))
            return linear(images)

        explain(image, model, segmentation=segments, hide=hide)
        ours, seen = np.concatenate(seen), []
        LimeImageExplainer(random_state=0).explain_instance(
            image.astype(np.float64),
            model,
            labels=(0,),
            hide_color=None if hide == "mean" else hide,
            top_labels=None,
            num_samples=SAMPLES,
            segmentation_fn=lambda _: segments,
        )
        different = [np.unique(shown, axis=0) for shown in (ours, np.concatenate(seen))]
        assert len(different[0]) == 4
        np.testing.assert_allclose(*different, atol=1e-6)

    def test_of_a_sum_without_penalty_is_each_superpixels_part(self, image):
        found = explain(image, linear, alpha=0)
        expected = linear(pictures(image, np.float32(0), np.eye(PLAYERS, dtype=bool)))
        np.testing.assert_allclose(found.coef[0], expected.T, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(found.local_pred, found.prediction, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(found.score, 1, atol=1e-4)
        assert (found.std_error < 1e-3).all()

    def test_the_standard_error_is_the_spread_over_draws(self, image):
        copies = np.stack([image] * 100)
        found = explain(copies, row_ids=range(100))
        spread = found.coef.std(0, ddof=1)
        said = np.sqrt((found.std_error**2).mean(0))
        np.testing.assert_allclose(np.sqrt((spread**2).mean()), np.sqrt((said**2).mean()), rtol=0.2)

    def test_only_the_strongest_are_kept(self, image):
        found = explain(image, num_features=2)
        assert ((found.coef[0] != 0).sum(1) == 2).all()
        np.testing.assert_array_equal(np.isnan(found.std_error[0]), found.coef[0] == 0)

    def test_distance_and_kernel_decide_the_weights(self, image):
        seen = []

        def model(images):
            seen.append(images)
            return linear(images)

        def cauchy(distance, width):
            return 1 / (1 + (distance / width) ** 2)

        found = explain(image, model, distance="euclidean", kernel=cauchy, kernel_width=1.5)
        first = [np.flatnonzero(SEGMENTS.ravel() == k)[0] for k in range(PLAYERS)]
        shown = (np.concatenate(seen)[1:] != 0).any(-1).reshape(SAMPLES, -1)[:, first]
        weights = 1 / (1 + (PLAYERS - shown.sum(1)) / 1.5**2)
        expected = weights.sum() ** 2 / (weights**2).sum()
        np.testing.assert_allclose(found.effective_samples[0], expected, rtol=1e-4)


@pytest.mark.parametrize("algorithm", ["lime", "kernel_shap"])
def test_an_image_is_explained_alike_in_any_batch_on_host_and_device(rng, algorithm):
    images = np.stack([image_of(rng) for _ in range(4)])
    together = explain(images, probabilities, algorithm)
    rows = ([0, 1, 2, 3], [2], [3, 0, 2], [1, 1])
    for model, some in itertools.product((probabilities, device_probabilities), rows):
        found = explain(images[some], model, algorithm)
        for name in ("coef", "std_error", "intercept", "score"):
            expected = getattr(together, name)[some]
            np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found.key_ids, together.key_ids[some])


def test_the_pictures_of_an_image_are_the_same_bits_in_any_batch(rng):
    images, seen = np.stack([image_of(rng) for _ in range(3)]), []

    def model(batch):
        seen.append(batch.copy())
        return probabilities(batch)

    def shown(*rows):
        seen.clear()
        explain(images[list(rows)], model)
        samples = np.concatenate(seen)[len(rows) :]
        return samples.reshape(len(rows), SAMPLES, *images.shape[1:])

    together = shown(2, 0, 1)
    for place, row in enumerate((2, 0, 1)):
        np.testing.assert_array_equal(together[place], shown(row)[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64, np.int16, bool])
def test_a_host_model_gets_its_own_dtype_and_may_write_into_it(rng, dtype):
    image = image_of(rng, dtype=dtype)
    kept, dtypes = image.copy(), set()

    def model(images):
        dtypes.add(images.dtype)
        outputs = linear(images)
        images[...] = 0
        return outputs

    found = explain(image, model)
    assert dtypes == {image.dtype}
    np.testing.assert_array_equal(image, kept)
    np.testing.assert_allclose(found.coef, explain(image, linear).coef, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_is_the_largest_batch(image, batch_size):
    sizes = []

    def model(images):
        sizes.append(len(images))
        return probabilities(images)

    found = explain(image, model, batch_size=batch_size)
    assert max(sizes) == batch_size
    assert sum(sizes) == SAMPLES + 1
    np.testing.assert_allclose(found.coef, explain(image).coef, atol=1e-6)


def channel_means():
    """A graph of channels first: the mean of each channel, weighed."""
    weights = np.array([[1.0, 0.2], [0.5, -1], [-2, 0]], np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
        helper.make_node("MatMul", ["means", "weights"], ["outputs"]),
    ]
    shapes = {"images": ["batch", 3, *SIZE], "outputs": ["batch", 2]}
    infos = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in shapes.items()]
    constants = [numpy_helper.from_array(weights, "weights")]
    graph = helper.make_graph(nodes, "means", infos[:1], infos[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model, weights


class TestModels:
    @pytest.mark.parametrize("kind", ["graph", "session"])
    def test_of_onnx(self, image, kind):
        model, weights = channel_means()
        if kind == "session":
            model = onnxruntime.InferenceSession(model.SerializeToString())
        first = np.ascontiguousarray(np.moveaxis(image, -1, 0))
        found = explain(first, model, "kernel_shap", channel_axis="first")
        parts = pictures(image, np.float32(0), np.eye(PLAYERS, dtype=bool)).mean((1, 2))
        np.testing.assert_allclose(found.coef[0], (parts @ weights).T, atol=1e-5)
        assert found.model_path.startswith("jax" if kind == "graph" else "host: onnxruntime")
        with pytest.raises(Exception, match=r".") as error:
            explain(image, model)
        notes = " ".join(error.value.__notes__)
        assert "shape (1, 8, 10, 3) (float32); the model expects ('batch', 3, 8, 10)" in notes

    def test_of_keras(self, image):
        layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, use_bias=False)]
        model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
        found = explain(image, model, "kernel_shap")
        parts = pictures(image, np.float32(0), np.eye(PLAYERS, dtype=bool)).mean((1, 2))
        np.testing.assert_allclose(
            found.coef[0], (parts @ np.asarray(layers[1].kernel)).T, atol=1e-5
        )
        assert found.model_path.startswith("jax: Sequential")
        with pytest.raises(ValueError, match="shape") as error:
            explain(image[..., 0], model)
        notes = " ".join(error.value.__notes__)
        assert "shape (1, 8, 10) (float32); the model expects (None, 8, 10, 3)" in notes


class TestLabels:
    def test_the_highest_outputs_come_first(self, image):
        found = explain(image, algorithm="kernel_shap", top_labels=2)
        expected = np.argsort(-probabilities(image[None])[0])[:2]
        np.testing.assert_array_equal(found.labels, [expected])
        everything = explain(image, algorithm="kernel_shap")
        np.testing.assert_allclose(found.coef[0], everything.coef[0, expected], atol=1e-6)

    def test_five_are_explained_unless_there_are_fewer(self, image):
        def many(images):
            return np.repeat(linear(images), 4, axis=1)

        explainer = ImageExplainer("kernel_shap", segmentation=SEGMENTS)
        assert explainer.explain(image, probabilities).labels.shape == (1, 3)
        assert explainer.explain(image, many).labels.shape == (1, 5)

    def test_are_known_by_number_and_name(self, image):
        names = ("a", "b", "c")
        found = explain(image, algorithm="kernel_shap", class_names=names, labels=["c", 0])
        assert found.labels.tolist() == [[2, 0]]
        assert found.output_names == names

    @pytest.mark.parametrize(
        ("model", "settings", "kind"),
        [
            (probabilities, {}, "probability"),
            (probabilities, dict(mode="regression"), "value"),
            (linear, {}, "value"),
            (linear, dict(output="margin"), "margin"),
            (lambda x: probabilities(x)[:, 0], dict(output="probability"), "probability"),
        ],
    )
    def test_outputs_are_what_they_look_like_or_are_said_to_be(self, image, model, settings, kind):
        assert explain(image, model, "kernel_shap", **settings).output_kind == kind


class TestSegmentation:
    def test_labels_are_given_made_or_listed(self, image):
        expected = explain(image).coef
        for way in (SEGMENTS, 7 * SEGMENTS + 3, [SEGMENTS], lambda _: SEGMENTS, SEGMENTS.tolist()):
            np.testing.assert_array_equal(explain(image, segmentation=way).coef, expected)

    @pytest.mark.parametrize("way", ["slic", "quickshift", "felzenszwalb", "grid"])
    def test_all_algorithms_work_on_a_small_image(self, rng, way):
        image = np.sort(image_of(rng, (2,)), axis=1)  # in noise there is nothing to find
        found = explain(image, segmentation=way, cell_size=4)
        count = found.segments[0].max() + 1
        assert found.coef.shape[2] == count
        np.testing.assert_array_equal(found.values[0], np.bincount(found.segments[0].ravel()))

    @pytest.mark.parametrize("way", ["slic", "quickshift", "felzenszwalb", "grid"])
    def test_an_image_smaller_than_a_cell_is_one_superpixel(self, image, way):
        found = explain(image, linear, "kernel_shap", segmentation=way, cell_size=50)
        expected = (linear(image[None]) - linear(0 * image[None]))[0]
        np.testing.assert_allclose(found.coef[0, :, 0], expected, rtol=1e-5, atol=1e-5)
        assert found.coef.shape == (1, 3, 1)
        assert np.isfinite(explain(image, linear, segmentation=way, cell_size=50).coef).all()

    def test_few_superpixels_beside_many_are_no_narrow_kernel(self, image):
        many = np.arange(80).reshape(SIZE)
        found = explain(
            np.stack([image, image]),
            linear,
            "kernel_shap",
            segmentation=[many // 40, many // 2],
            num_samples=200,
        )  # warnings are errors
        assert found.samples_used.tolist() == [4, 200]


@pytest.mark.parametrize("algorithm", ["lime", "kernel_shap"])
@pytest.mark.parametrize("hide", ["mean", "blur", "noise", lambda image, segments: 3 * image / 4])
def test_a_constant_image_shows_nothing_unless_something_else_is_shown(algorithm, hide):
    image = np.full((*SIZE, 3), 0.5, np.float32)
    found = explain(image, linear, algorithm, hide=hide)
    if callable(hide):
        assert np.abs(found.coef).max() > 1e-3
    else:
        np.testing.assert_allclose(found.coef, 0, atol=1e-5)
        np.testing.assert_allclose(found.score, 1, atol=1e-6)


def test_ids_decide_the_masks(image):
    copies = np.stack([image] * 3)
    found = explain(copies, row_ids=["a", "b", "a"])
    np.testing.assert_array_equal(found.coef[0], found.coef[2])
    assert np.abs(found.coef[0] - found.coef[1]).max() > 1e-4
    by_content = explain(copies)
    np.testing.assert_array_equal(by_content.coef[0], by_content.coef[1])
    other = explain(copies, seed=1)
    assert np.abs(other.coef[0] - by_content.coef[0]).max() > 1e-4


def test_an_explainer_is_pickled_and_cloned(image):
    explainer = ImageExplainer("kernel_shap", segmentation=[SEGMENTS], hide=image[::-1], seed=3)
    expected = explainer.explain(image, linear, num_samples=SAMPLES).coef
    for copy in (pickle.loads(pickle.dumps(explainer)), clone(explainer)):
        np.testing.assert_array_equal(
            copy.explain(image, linear, num_samples=SAMPLES).coef, expected
        )
    assert clone(explainer).set_params(hide="mean").hide == "mean"


def spoiled(image):
    image = image.copy()
    image[3, 4, 1] = np.nan
    return image


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (dict(algorithm="shap"), "`algorithm`: expected one of lime, kernel_shap, got 'shap'"),
        (dict(channel_axis="middle"), "`channel_axis`: expected one of last, first"),
        (dict(distance="taxi"), "`distance`: expected one of euclidean"),
        (dict(mode="binary"), "`mode`: expected one of"),
        (dict(output="score"), "`output`: expected one of"),
        (dict(seed=-1), "`seed`: expected a whole number"),
        (dict(kernel_width=0), "`kernel_width`: expected a number between 0 and inf, got 0"),
        (dict(alpha=-1), "`alpha`: expected"),
        (dict(keep_probability=1.0), "`keep_probability`: expected a number between 0 and 1"),
        (dict(feature_selection="best"), "should be one of auto"),
        (dict(link="logit"), "`link`: is no setting of algorithm='lime'"),
        (dict(algorithm="kernel_shap", link="probit"), "`link`: expected one of identity, logit"),
        (dict(algorithm="kernel_shap", alpha=2.0), "`alpha`: is no setting of .*'kernel_shap'"),
        (dict(algorithm="kernel_shap", keep_probability=0.7), "`keep_probability`: is no setting"),
        (dict(algorithm="kernel_shap", num_features=2), "`num_features`: belongs to LIME"),
        (dict(algorithm="kernel_shap", num_samples=4), "`num_samples` must be .* at least 20"),
        (dict(algorithm="kernel_shap", num_samples="all"), "`num_samples`: expected a whole"),
        (dict(num_samples="auto"), "`num_samples`: 'auto' is for algorithm='kernel_shap'"),
        (dict(num_samples=1), "`num_samples`: expected a whole number, at least 2"),
        (dict(batch_size=0), "`batch_size`: expected a whole number, at least 1"),
        (dict(top_labels=4), "`top_labels`: expected at most 3 outputs, got 4"),
        *(
            (dict(top_labels=most, labels=[0]), "`top_labels`: expected either")
            for most in (1, 3, 5)
        ),
        (dict(labels=[3]), "`labels`: expected numbers from 0 to 2"),
        (
            dict(labels="cat"),
            "`labels`: expected a list of classes, names or numbers, such",
        ),
        (dict(labels=[]), "`labels`: expected a list"),
        (dict(class_names=["a"]), "`class_names`: expected 3 names"),
        (dict(row_ids=[1, 2]), "`row_ids` must have one id"),
        (dict(segmentation="squares"), "`segmentation` must be one of 'slic'"),
        (dict(segmentation=SEGMENTS[:5]), r"shape \(8, 10\), got shape \(5, 10\)"),
        (dict(segmentation=[SEGMENTS] * 2), "labels for each of 1 images, got 2"),
        (dict(segmentation=lambda image: image), "labels that it returns must be integers"),
        (dict(segmentation="grid", cell_size=0), "`cell_size` must be a number of pixels"),
        (dict(hide="black"), "`hide` must be one of 'mean', 'blur', 'noise', a color"),
        (dict(hide=[1, 2]), "`hide` must be one number, 3 numbers"),
        (dict(hide=lambda image, segments: image[:2]), "`hide`: what the function returns"),
    ],
)
def test_settings_that_are_none_are_refused(image, settings, expected):
    with pytest.raises(ValueError, match=expected):
        explain(image, **settings)


def test_a_kernel_is_a_function(image):
    explainer = ImageExplainer().set_params(kernel="gauss")  # what no type checker sees
    with pytest.raises(ValueError, match=r"`kernel`: expected a function .* got 'gauss'"):
        explainer.explain(image, linear)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([], "`images` must hold at least one image"),
        ("cat.png", "`images` must be an array of pixels"),
        (np.zeros(5), "`images` must be one image"),
        (np.zeros((0, 8, 3)), "at least one pixel"),
        (spoiled(np.zeros((*SIZE, 3))), "`images` must be finite, got 1 NaN"),
        ([np.zeros((*SIZE, 3)), spoiled(np.zeros((*SIZE, 3)))], "image 1 must be finite"),
    ],
)
def test_images_that_are_none_are_refused(images, expected):
    with pytest.raises(ValueError, match=expected):
        explain(images)


@pytest.mark.parametrize(
    ("settings", "model", "expected"),
    [
        ({}, lambda x: x, r"`model`: expected outputs of shape"),
        ({}, lambda x: np.log(x.min((1, 2, 3))), "`model`: expected finite outputs"),
        (
            dict(algorithm="kernel_shap"),
            jax_predict(lambda x: jnp.log(x.min((1, 2, 3)))),
            "not all finite",
        ),
        (dict(algorithm="kernel_shap", link="logit"), linear, "`link`: 'logit' is for prob"),
    ],
)
def test_outputs_that_are_none_are_refused(image, settings, model, expected):
    with (
        np.errstate(divide="ignore"),
        pytest.raises(ValueError, match=expected),
    ):
        explain(image + 0.5, model, **settings)


def test_the_image_that_does_not_fit_is_named(image):
    images = [image, image[:, :9], image]
    for settings in ({}, dict(segmentation="grid", hide=image)):
        with pytest.raises(ValueError, match="shape") as error:
            explain(images, **settings)
        assert "Image 1 of 3." in error.value.__notes__[-1]


def test_log_odds_need_probabilities_of_every_picture(image):
    def beyond(images):
        return np.where(images.reshape(len(images), -1).any(1), 0.5, 7.0)

    with pytest.raises(ValueError, match="not all probabilities, which link='logit' needs"):
        explain(image, beyond, "kernel_shap", link="logit", num_samples=64)


def test_all_coalitions_leave_nothing_to_estimate(image):
    explanation = explain(image, linear, "kernel_shap", num_samples=2**PLAYERS)[0]
    assert explanation.report().degrees_of_freedom is None
    assert "estimated" not in explanation.as_html()


def test_one_superpixel_where_there_should_be_many_is_warned_about():
    flat = np.zeros((40, 50, 3), np.uint8)
    with pytest.warns(UserWarning, match="image 0 is one superpixel"):
        ImageExplainer(segmentation="felzenszwalb").explain(flat, linear, num_samples=SAMPLES)


def test_fewer_samples_than_superpixels_are_warned_about(image):
    with pytest.warns(UserWarning, match="`num_samples` so few"):
        explain(image, segmentation="grid", cell_size=1, num_samples=64)


def test_none_is_the_default_number_of_samples(image):
    assert explain(image, num_samples=None).num_samples == 1024
