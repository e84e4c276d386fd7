"""Outputs that are sums over words: weights without a sample, those that all masks would give."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from lime_jax import TextExplainer
from lime_jax.text.documents import read_document
from tests.house import all_coalitions, shapley_values

WORDS = ["the", "The", "a", "film", "great", "Great", "awful", "dull", "story", "x1", "fun", "mask"]
SHORT = "The great film: great story, not the dull one"
LONG = " ".join(f"{word} and w{k}" for k, word in enumerate(WORDS))


def fitted(*steps):
    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(WORDS, 12)) for _ in range(60)]
    y = [(text.lower().count("great") > 1) + ("awful" in text) for text in texts]
    return make_pipeline(*steps).fit(texts, y)


def brute_force(model, text, **settings):
    """Weights of the regression on all masks: of a sum over words each word's part."""
    document = read_document(text, "word", "distinct")
    masks = all_coalitions(document.num_players)
    y = model(list(document.masked(masks, settings.get("replace"))))
    return LinearRegression().fit(masks, y).coef_.reshape(-1, document.num_players), y


@pytest.mark.parametrize(
    ("vectorizer", "last", "method"),
    [
        (CountVectorizer(), Ridge(), "predict"),
        (TfidfVectorizer(norm=None), LogisticRegression(), "decision_function"),
        (HashingVectorizer(n_features=16, norm=None), LinearSVC(), "decision_function"),
        (CountVectorizer(binary=True, lowercase=False), LinearSVC(), "decision_function"),
    ],
)
@pytest.mark.parametrize("algorithm", ["lime", "kernel_shap"])
def test_weights_are_those_of_all_masks(vectorizer, last, method, algorithm):
    model = getattr(fitted(vectorizer, last), method)
    found = TextExplainer(algorithm).explain([SHORT, LONG], model, top_labels=None)
    coef, y = brute_force(model, SHORT)
    players = coef.shape[1]
    np.testing.assert_allclose(found.coef[0][:, :players], coef, atol=1e-6)
    if algorithm == "kernel_shap":
        np.testing.assert_allclose(
            found.coef[0][:, :players], shapley_values(y).reshape(coef.shape), atol=1e-6
        )
    assert (found.std_error[~np.isnan(found.std_error)] == 0).all()
    assert found.samples_used.tolist() == [0, 0]
    assert found.method == found[1].method == "exact"
    np.testing.assert_allclose(found.local_pred, found.prediction, atol=1e-6)
    np.testing.assert_allclose(found.score, 1)
    assert found[1].report().degrees_of_freedom is None


def test_samples_come_to_the_same():
    model = fitted(CountVectorizer(), Ridge())
    exact = TextExplainer().explain(LONG, model)
    sampled = TextExplainer(alpha=0.0).explain(LONG, model, method="sampled")
    assert sampled.method == "sampled"
    np.testing.assert_allclose(exact.coef, sampled.coef, atol=1e-5)


def test_few_words_are_chosen_as_from_samples():
    model = fitted(CountVectorizer(), Ridge())
    exact = TextExplainer().explain(LONG, model, num_features=3)
    sampled = TextExplainer().explain(LONG, model, num_features=3, method="sampled")
    # A set: words with equal weights come in any order.
    assert {w for w, _ in exact[0].as_list()} == {w for w, _ in sampled[0].as_list()}
    np.testing.assert_allclose(exact.score, sampled.score, atol=0.02)
    chosen = exact.coef != 0
    np.testing.assert_allclose(exact.coef[chosen], sampled.coef[chosen], atol=0.02)


def test_a_mask_in_the_vocabulary_is_subtracted():
    model = fitted(CountVectorizer(), Ridge())
    explainer = TextExplainer(hide="mask", mask="mask")
    coef, _ = brute_force(model.predict, SHORT, replace=lambda piece: "mask")
    found = explainer.explain(SHORT, model)
    assert found.method == "exact"
    np.testing.assert_allclose(found.coef[0], coef, atol=1e-6)


def test_what_is_no_sum_over_words_is_sampled_or_refused():
    chances = fitted(CountVectorizer(), LogisticRegression())
    assert TextExplainer().explain(LONG, chances, num_samples=64).method == "sampled"
    cases = [
        (chances, "its outputs are no sum over words"),
        (fitted(TfidfVectorizer(), Ridge()), "the l2 norm"),
        (fitted(TfidfVectorizer(norm=None, sublinear_tf=True), Ridge()), "sublinear"),
        (lambda texts: [len(text) for text in texts], "no pipeline of scikit-learn"),
    ]
    for model, why in cases:
        with pytest.raises(ValueError, match=f"`method`: there is no closed form.*{why}"):
            TextExplainer().explain(LONG, model, method="exact")


def test_flags_that_words_share_are_no_sum():
    model = fitted(CountVectorizer(binary=True), Ridge())
    found = TextExplainer().explain([SHORT, "great fun"], model)
    assert found.samples_used.tolist() == [2**8, 0]
    with pytest.raises(ValueError, match="no closed form for text 0"):
        TextExplainer().explain([SHORT, "great fun"], model, method="exact")
