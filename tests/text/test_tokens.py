"""Transformers are asked by token ids, and say what they say of masked texts."""

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from lime_jax import TextExplainer, TokenModel, jax_predict, load
from lime_jax.models.onnx import load as load_onnx

WORDS = ["the", "room", "was", "clean", "and", "staff", "kind", "but", "din", "##ner", "cold"]
WORDS += ["never", "rude", "a", "!", ","]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONG = "The room was clean, the staff kind and never rude, but a cold room was cold! Dinner was a"
SHORT = "a rude dinner"
WIDTH, NUMBERS = 8, len(SPECIAL) + len(WORDS)


@pytest.fixture(scope="module")
def tokenizer():
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    added = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=added)
    made.add_special_tokens(SPECIAL)
    made.enable_padding(pad_token="[PAD]")
    return made


@pytest.fixture(scope="module")
def encoder():
    """One layer of attention, as a graph whose weights are eight bits wide."""
    rng = np.random.default_rng(0)
    weights = {
        "table": rng.integers(-99, 99, (NUMBERS, WIDTH)).astype(np.int8),
        "scale": np.float32(0.02),
        "kinds": rng.normal(size=(2, WIDTH)).astype(np.float32),
        "mix": rng.normal(size=(WIDTH, WIDTH)).astype(np.float32),
        "far": np.float32(-1e9),
        "one": np.float32(1),
        "axes": np.array([1], np.int64),
        "last": np.array([[0]], np.int64),
    }
    nodes = [
        ("Cast", ["table"], ["real"], {"to": TensorProto.FLOAT}),
        ("Mul", ["real", "scale"], ["words"], {}),
        ("Gather", ["words", "input_ids"], ["embedded"], {}),
        ("Gather", ["kinds", "token_type_ids"], ["kind"], {}),
        ("Add", ["embedded", "kind"], ["x"], {}),
        ("MatMul", ["x", "mix"], ["asked"], {}),
        ("Transpose", ["x"], ["turned"], {"perm": [0, 2, 1]}),
        ("MatMul", ["asked", "turned"], ["scores"], {}),
        ("Cast", ["attention_mask"], ["seen"], {"to": TensorProto.FLOAT}),
        ("Sub", ["one", "seen"], ["unseen"], {}),
        ("Mul", ["unseen", "far"], ["away"], {}),
        ("Unsqueeze", ["away", "axes"], ["bias"], {}),
        ("Add", ["scores", "bias"], ["biased"], {}),
        ("Softmax", ["biased"], ["shares"], {"axis": -1}),
        ("MatMul", ["shares", "x"], ["hidden"], {}),
    ]
    names = ("input_ids", "attention_mask", "token_type_ids")
    free = ["texts", "tokens"]
    graph = helper.make_graph(
        [helper.make_node(op, given, made, **more) for op, given, made, more in nodes],
        "encoder",
        [helper.make_tensor_value_info(name, TensorProto.INT64, free) for name in names],
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [*free, WIDTH])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def session(encoder):
    return onnxruntime.InferenceSession(encoder.SerializeToString())


def by_session(session, tokenizer, texts):
    """Means over tokens by onnxruntime, as sentence encoders document it."""
    found = tokenizer.encode_batch(list(texts))
    ids, mask = (np.array([getattr(f, n) for f in found]) for n in ("ids", "attention_mask"))
    mask = mask * (ids != 0)
    fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": 0 * ids}
    (hidden,) = session.run(None, fed)
    return (hidden * mask[..., None]).sum(1) / mask.sum(1)[:, None]


@pytest.fixture(scope="module")
def head(session, tokenizer):
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS[:8], 6)) for _ in range(40)]
    classes = np.where(["kind" in text for text in texts], "good", "bad")
    return LogisticRegression(C=10).fit(by_session(session, tokenizer, texts), classes)


def explained(model, **settings):
    explainer = TextExplainer(**settings)
    return explainer.explain([LONG, SHORT], model, labels=["good"], num_samples=64)


@pytest.mark.parametrize("hide", ["remove", "mask", "pad"])
def test_weights_are_those_of_masked_texts_in_onnxruntime(encoder, session, tokenizer, head, hide):
    ours = explained(TokenModel(encoder, tokenizer, head), hide=hide, split="word")

    def of_texts(texts):
        return head.predict_proba(by_session(session, tokenizer, texts))

    mask = {"mask": "[MASK]", "pad": "[PAD]"}.get(hide)
    same = {} if mask is None else {"hide": "mask", "mask": mask}
    theirs = explained(of_texts, **same, class_names=head.classes_)
    assert ours.model_path.startswith("jax: an ONNX graph converted to JAX")
    assert ours.model_path.endswith("2 by token ids")
    np.testing.assert_allclose(ours.prediction, theirs.prediction, atol=1e-5)
    np.testing.assert_allclose(ours.coef, theirs.coef, atol=1e-4)
    np.testing.assert_allclose(ours.std_error, theirs.std_error, atol=1e-4)


def test_only_fused_heads_are_left_on_the_host(encoder, tokenizer, head, session):
    ours = explained(TokenModel(encoder, tokenizer, head))
    by_host = TokenModel(session, tokenizer, lambda numbers: head.predict_proba(numbers))
    theirs = TextExplainer(class_names=head.classes_).explain(
        [LONG, SHORT], by_host, labels=["good"], num_samples=64
    )
    assert theirs.model_path.startswith("host: ")
    np.testing.assert_allclose(ours.coef, theirs.coef, atol=1e-4)


def counts(ids, mask, types):
    """Kind words less rude ones, that are looked at."""
    kind, rude = (len(SPECIAL) + WORDS.index(word) for word in ("kind", "rude"))
    return (((ids == kind) * 1.0 - (ids == rude)) * mask).sum(1) + types.sum(1)


def test_functions_take_ids_masks_and_types_on_the_device_and_the_host(tokenizer):
    of_device = TextExplainer().explain(SHORT, TokenModel(jax.jit(counts), tokenizer))
    of_host = TextExplainer().explain(SHORT, TokenModel(counts, tokenizer))
    assert (of_device.model_path[:3], of_host.model_path[:4]) == ("jax", "host")
    for found in (of_device, of_host):
        assert dict(found[0].as_list()) == pytest.approx(
            {"a": 0, "rude": -1, "dinner": 0}, abs=1e-6
        )


def test_a_flax_module_and_a_keras_model(tokenizer):
    nnx, keras = pytest.importorskip("flax.nnx"), pytest.importorskip("keras")

    class Module(nnx.Module):
        def __init__(self):
            self.table = nnx.Embed(NUMBERS, 2, rngs=nnx.Rngs(0))

        def __call__(self, ids, mask):
            return (self.table(ids) * mask[..., None]).sum(1)

    module = Module()
    inputs = [keras.Input((None,), dtype="int32", name=name) for name in ("tokens", "mask")]
    layer = keras.layers.Embedding(NUMBERS, 2)
    outputs = keras.ops.sum(
        layer(inputs[0]) * keras.ops.cast(inputs[1], "float32")[..., None], axis=1
    )
    model = keras.Model(inputs, outputs)
    layer.set_weights([np.asarray(module.table.embedding[...])])
    one, other = (
        TextExplainer(mode="regression").explain(SHORT, TokenModel(each, tokenizer), labels=[0, 1])
        for each in (module, model)
    )
    assert one.model_path.startswith("jax: Module, a Flax NNX module")
    np.testing.assert_allclose(one.coef, other.coef, atol=1e-5)
    table = np.asarray(module.table.embedding[...])
    number = len(SPECIAL) + WORDS.index("rude")
    np.testing.assert_allclose(one.coef[0, :, 1], table[number], atol=1e-5)


def test_what_is_not_read_is_not_explained(tokenizer, tmp_path):
    model = TokenModel(jax.jit(counts), tokenizer, max_length=6)
    text = "a room, a dinner! never rude"  # of which four tokens are read
    with pytest.warns(UserWarning, match=r"1 of 2 texts are longer than the 6 tokens .* text 0 "):
        found = TextExplainer().explain([text, "rude"], model)
    assert found[0].unread == " dinner! never rude"
    assert [word for word, _ in found[0].as_list()] == ["a", "room"]
    assert "has not read the last 19 characters" in found[0].as_html()
    assert (found[1].unread, found[1].as_list()) == ("", [("rude", -1.0)])
    found.save(tmp_path / "found.npz")
    assert load(tmp_path / "found.npz")[0].unread == found[0].unread


def test_a_word_that_is_read_in_part_is_explained(tokenizer):
    model = TokenModel(jax.jit(counts), tokenizer, max_length=4)
    with pytest.warns(UserWarning, match="longer than the 4 tokens"):
        found = TextExplainer().explain("a dinner never", model)
    assert [word for word, _ in found[0].as_list()] == ["a", "dinner"]
    assert found[0].unread == " never"


def test_tokens_across_pieces_are_made_of_masked_texts(tokenizer):
    """Half a word is another token than the word without its other half."""
    model = TokenModel(jax.jit(counts), tokenizer)
    explainer = TextExplainer("kernel_shap", players=lambda text: [(0, 2), (2, 4)])
    halves = explainer.explain("rude kind", model)
    assert "1 by masked texts (of some, tokens are not those of" in halves.model_path
    assert dict(halves[0].as_list()) == pytest.approx({"ru": -0.5, "de": -0.5})


def test_no_text_is_asked_twice_and_widths_are_few(tokenizer):
    shapes = []

    def model(ids):
        shapes.append(ids.shape)
        return ids.sum(1)

    found = TextExplainer().explain(["a a a a rude", "a a a a rude"], TokenModel(model, tokenizer))
    assert sum(rows for rows, _ in shapes) == 1 + 2 * 4
    assert found.coef.shape == (2, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"tokenizer": str.split}, "`tokenizer`: expected one of `tokenizers`"),
        ({"pool": "max"}, "`pool`: expected one of mean, first, None"),
        ({"max_length": 0}, "`max_length`: expected a positive whole number"),
        ({"model": lambda: 0}, r"`model`: expected a function of \(ids\)"),
    ],
)
def test_what_is_no_model_of_tokens_is_refused(tokenizer, arguments, why):
    with pytest.raises(ValueError, match=why):
        TokenModel(**{"model": counts, "tokenizer": tokenizer, **arguments})


def test_vectors_of_tokens_need_to_be_pooled(tokenizer):
    vectors = jax_predict(lambda ids: jnp.stack([ids, ids], -1) * 1.0)
    assert TokenModel(vectors, tokenizer, pool="first")(["a"]).tolist() == [[2.0, 2.0]]
    with pytest.raises(ValueError, match=r"`pool` says what becomes of a vector for each token"):
        TokenModel(vectors, tokenizer, pool=None)(["a"])


def test_weights_of_eight_bits_are_leaves(encoder):
    model = load_onnx(encoder)
    fn = model.predict.fn
    assert max(fixed.array.size for _, fixed in fn.graph.fixed) == 1
    assert max(leaf.size for leaf in jax.tree.leaves(model)) == NUMBERS * WIDTH
