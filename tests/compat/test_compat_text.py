"""Explanations of texts are `lime`'s own numbers for the same random state."""

from __future__ import annotations

import itertools
import pickle

import lime.lime_text
import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from lime_jax.compat.lime_text import IndexedCharacters, IndexedString, LimeTextExplainer

NAMES = ["no", "yes"]
TEXT = "good, bad day: Good wine and a bad film, said the good man."


@pytest.fixture(scope="module")
def pipeline():
    texts = ["good wine, good day", "a bad film", "the man said good", "bad and bad wine"]
    vectorizer = TfidfVectorizer(lowercase=False)
    return make_pipeline(vectorizer, LogisticRegression(C=30)).fit(texts, [1, 0, 1, 0])


def scores(texts):
    """Each character and its neighbor count, so no two words do the same."""
    sums = [sum(ord(a) * ord(b) % 97 for a, b in itertools.pairwise(t)) for t in texts]
    good = np.array(sums) / 5000
    return np.stack([1 - good, good], axis=1)


SETTINGS = {
    "words": {},
    "places": {"bow": False},
    "a mask": {"bow": False, "mask_string": "..."},
    "characters": {"char_level": True},
    "places of characters": {"char_level": True, "bow": False},
    "a pattern with a group": {"split_expression": r"(\s|,)+"},
    "a function": {"split_expression": str.split},
    "one width": {"kernel_width": 10},
    "a kernel": {"kernel": lambda distances, kernel_width: np.exp(-distances / kernel_width)},
    "all": {"feature_selection": "none"},
    "the lasso": {"feature_selection": "lasso_path"},
    "the highest": {"feature_selection": "highest_weights"},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("by_counts", [True, False], ids=["counted", "called"])
def test_weights_are_those_of_lime(pipeline, name, by_counts):
    model = pipeline.predict_proba if by_counts else scores
    options = {"num_features": 4, "num_samples": 200, "labels": (0, 1)}
    ours, theirs = (
        explainer(class_names=NAMES, random_state=7, **SETTINGS[name]).explain_instance(
            TEXT, model, **options
        )
        for explainer in (LimeTextExplainer, lime.lime_text.LimeTextExplainer)
    )
    for label in (0, 1):
        own, other = dict(ours.local_exp[label]), dict(theirs.local_exp[label])
        assert own.keys() == other.keys()
        np.testing.assert_allclose([own[k] for k in other], list(other.values()), 0, 5e-16)
        np.testing.assert_allclose(ours.intercept[label], theirs.intercept[label], 0, 1e-15)
    np.testing.assert_allclose(ours.predict_proba, theirs.predict_proba, 1e-15)
    assert abs(ours.score - theirs.score) < 1e-14
    np.testing.assert_allclose(ours.local_pred[1], theirs.local_pred[0], 0, 1e-15)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_other_distances_are_those_of_lime(metric):
    ours, theirs = (
        kind(random_state=1, kernel_width=200)
        .explain_instance(TEXT, scores, num_samples=80, distance_metric=metric)
        .as_list()
        for kind in (LimeTextExplainer, lime.lime_text.LimeTextExplainer)
    )
    np.testing.assert_allclose([w for _, w in ours], [w for _, w in theirs], 0, 1e-14)


def test_a_regressor_of_scikit_learn_is_fitted():
    ours, theirs = (
        kind(random_state=1).explain_instance(
            TEXT, scores, num_samples=80, model_regressor=LinearRegression()
        )
        for kind in (LimeTextExplainer, lime.lime_text.LimeTextExplainer)
    )
    assert dict(ours.as_list()) == pytest.approx(dict(theirs.as_list()), abs=1e-14)
    assert ours.in_result(1, ours.local_exp[1][0][0])[1] > 0


def test_many_texts_are_one_after_the_other():
    texts = [TEXT, "good day", TEXT[:30]]
    explainer = LimeTextExplainer(random_state=3)
    alone = [explainer.explain_instance(text, scores, num_samples=60) for text in texts]
    together = LimeTextExplainer(random_state=3).explain_instances(texts, scores, num_samples=60)
    assert [one.as_map() for one in alone] == [one.as_map() for one in together]


def test_masked_texts_are_those_of_lime():
    for kind, name in ((IndexedString, "IndexedString"), (IndexedCharacters, "IndexedCharacters")):
        for bow in (True, False):
            ours, theirs = kind(TEXT, bow=bow), getattr(lime.lime_text, name)(TEXT, bow=bow)
            assert ours.inverse_removing([0, 2]) == theirs.inverse_removing([0, 2])
            assert ours.string_position(1).tolist() == theirs.string_position(1).ravel().tolist()
            assert ours.num_words() == theirs.num_words()
            assert ours.as_np.tolist() == theirs.as_np.tolist()


def test_a_word_says_where_it_is():
    explanation = LimeTextExplainer(random_state=0).explain_instance("good", scores)
    assert explanation.as_list(positions=True)[0][0] == "good_0"


def test_a_text_without_words_has_an_empty_explanation():
    explanation = LimeTextExplainer().explain_instance(" ... ", scores, labels=(0, 1))
    assert explanation.local_exp == {0: [], 1: []}
    assert explanation.intercept[1] == pytest.approx(scores([" ... "])[0, 1])


def test_the_result_has_standard_errors_that_tell_seeds_apart():
    """Weights of other seeds differ by what the standard errors say."""
    found = [
        LimeTextExplainer(random_state=seed).explain_instance(
            TEXT, lambda texts: scores(texts) ** 2, num_samples=300, num_features=20
        )
        for seed in range(30)
    ]
    words = found[0].result.explanations.coef.shape[2]
    weights = np.array([[dict(one.local_exp[1])[k] for k in range(words)] for one in found])
    errors = np.array([[one.in_result(1, k)[1] for k in range(words)] for one in found])
    ratio = np.sqrt((weights.var(0, ddof=1) / (errors**2).mean(0)).mean())
    assert 0.75 < ratio < 1.3  # of 30 seeds and 10 words


def labelled(texts):
    return [
        [{"label": "YES", "score": good}, {"label": "NO", "score": bad}]
        for bad, good in scores(texts).tolist()
    ]


@pytest.mark.parametrize(
    "model",
    [labelled, lambda texts: scores(texts)[:, 1:], lambda texts: scores(texts).tolist()],
    ids=["labels with scores", "one probability", "lists"],
)
def test_models_return_what_they_like(model):
    """Class names are matched by name; one column is the second class."""
    explainer = LimeTextExplainer(class_names=NAMES, random_state=0)
    usual = LimeTextExplainer(class_names=NAMES, random_state=0)
    found = explainer.explain_instance(TEXT, model, labels=["yes"], num_samples=50)
    assert found.as_map() == usual.explain_instance(TEXT, scores, num_samples=50).as_map()


@pytest.mark.parametrize(
    ("text", "model", "options", "named"),
    [
        (TEXT, scores([TEXT]), {}, "`classifier_fn`"),
        ([TEXT], scores, {}, "`text_instance`"),
        (TEXT, scores, {"labels": (2,)}, "`labels`"),
        (TEXT, scores, {"num_samples": 0}, "`num_samples`"),
    ],
)
def test_bad_input_is_named(text, model, options, named):
    with pytest.raises(ValueError, match=named):
        LimeTextExplainer().explain_instance(text, model, **options)


def test_a_tokenizer_that_changes_words_is_named():
    explainer = LimeTextExplainer(split_expression=lambda text: text.lower().split())
    with pytest.raises(ValueError, match="`split_expression`"):
        explainer.explain_instance("Good day", scores)


def test_explainers_and_explanations_can_be_pickled():
    explainer = pickle.loads(pickle.dumps(LimeTextExplainer(random_state=5)))
    explanation = explainer.explain_instance(TEXT, scores, num_samples=50)
    again = pickle.loads(pickle.dumps(explanation))
    assert again.as_list() == explanation.as_list()
    assert again.score[1] == explanation.score == again.score
    assert again.local_pred[1] == explanation.local_pred[0]
