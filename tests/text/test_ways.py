"""Three ways to ask a pipeline about masked texts, and one answer: that of its strings."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import LinearSVC

from lime_jax import TextExplainer
from lime_jax.text.documents import read_document
from lime_jax.text.grams import GramScores
from lime_jax.text.vectorizers import open_counts, open_words

WORDS = ["the", "The", "a", "film", "great", "Great", "awful", "dull", "story", "x1", "fun", "mask"]
LONG = (
    "The great film, a GREAT story; the acting is fun but x1 and the music is slow, dull - not "
    "awful: the end was good."
)
SHORT = "Great great fun"


def corpus():
    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(WORDS, 12)) for _ in range(60)]
    y = [(text.lower().count("great") > 1) + ("awful" in text) for text in texts]
    return texts, y


def fitted(*steps):
    return make_pipeline(*steps).fit(*corpus())


def answers(model, texts=(LONG, SHORT), **settings):
    """By the pipeline, and by its strings alone."""
    explainer = TextExplainer(**settings)
    options = {"top_labels": None, "num_samples": 128}
    ours = explainer.explain(list(texts), model, **options)
    theirs = explainer.explain(list(texts), lambda asked: model(asked), **options)
    assert "word counts" not in theirs.model_path
    return ours, theirs


def assert_same(ours, theirs, atol):
    for name in ("coef", "std_error", "intercept", "local_pred", "score", "prediction"):
        one, other = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_allclose(one, other, rtol=0, atol=atol, err_msg=name)


def assert_counted(ours, on_device, on_host):
    ways = [(on_device, "word counts in JAX"), (on_host, "word counts on the host")]
    route = ", ".join(f"{number} by {way}" for number, way in ways if number)
    assert f"; {route}" in ours.model_path


COUNTING = {
    "counts": CountVectorizer(),
    "flags": CountVectorizer(binary=True),
    "cased": CountVectorizer(lowercase=False, token_pattern=r"(?u)\b\w+\b"),
    "some": CountVectorizer(vocabulary=["great", "the", "x1", "awful"]),
    "stops": CountVectorizer(stop_words="english", min_df=2),
    "tfidf": TfidfVectorizer(),
    "sublinear": TfidfVectorizer(sublinear_tf=True, norm="l1"),
    "plain": TfidfVectorizer(use_idf=False, norm=None, binary=True),
    "hashed": HashingVectorizer(n_features=8, alternate_sign=True),
    "hashed, no norm": HashingVectorizer(n_features=2**10, norm=None),
}


GRAMS = {
    "pairs": CountVectorizer(ngram_range=(1, 2)),
    "triples": TfidfVectorizer(ngram_range=(2, 3), stop_words=["a", "the"], sublinear_tf=True),
    "some": CountVectorizer(ngram_range=(1, 2), vocabulary=["great", "great fun", "fun the"]),
    "hashed": HashingVectorizer(n_features=2**6, ngram_range=(1, 2)),
    "characters": TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)),
    "hashed characters": HashingVectorizer(n_features=2**7, analyzer="char_wb", ngram_range=(2, 3)),
    "union": FeatureUnion(
        [
            ("words", CountVectorizer(binary=True)),
            ("pairs", make_pipeline(CountVectorizer(ngram_range=(2, 2)), TfidfTransformer())),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3))),
        ],
        transformer_weights={"pairs": 0.5},
    ),
}


class TestOnTheDevice:
    @pytest.mark.parametrize("name", COUNTING)
    def test_every_vectorizer_of_words(self, name):
        model = fitted(COUNTING[name], LogisticRegression(C=10))
        ours, theirs = answers(model.predict_proba)
        assert_counted(ours, 1, 1)
        assert_same(ours, theirs, 2e-5)

    @pytest.mark.parametrize(
        ("last", "method"),
        [
            (MultinomialNB(), "predict_proba"),
            (ComplementNB(), "predict_proba"),
            (LinearSVC(), "decision_function"),
            (RidgeClassifier(), "decision_function"),
            (SGDClassifier(loss="log_loss", random_state=0), "predict_proba"),
            (SGDClassifier(loss="modified_huber", random_state=0), "predict_proba"),
            (Ridge(), "predict"),
        ],
    )
    def test_every_linear_model(self, last, method):
        model = fitted(CountVectorizer(), TfidfTransformer(sublinear_tf=True), last)
        ours, theirs = answers(getattr(model, method))
        assert_counted(ours, 1, 1)
        assert_same(ours, theirs, 1e-4 if method == "decision_function" else 2e-5)

    @pytest.mark.parametrize(
        "settings",
        [
            {"players": "positions", "hide": "mask", "mask": "mask"},
            {"hide": "mask"},
            {"players": "positions"},
            {"hide": lambda word: word[:2] + " great"},
            {"split": r"\W+", "algorithm": "kernel_shap"},
        ],
    )
    def test_every_way_to_hide(self, settings):
        model = fitted(TfidfVectorizer(), LogisticRegression(C=10))
        ours, theirs = answers(model.predict_proba, **settings)
        assert_counted(ours, 1, 1)
        assert_same(ours, theirs, 2e-5)

    @pytest.mark.parametrize("players", ["sentences", lambda text: [(0, 3), (4, 9)]])
    def test_few_players_are_counted_on_the_host(self, players):
        model = fitted(TfidfVectorizer(), LogisticRegression(C=10))
        texts = [LONG, "The great film is fun"]
        ours, theirs = answers(model.predict_proba, texts, players=players)
        assert_counted(ours, 0, 2)
        assert_same(ours, theirs, 1e-7)

    def test_two_classes_have_one_score(self):
        texts, y = corpus()
        model = make_pipeline(TfidfVectorizer(), LogisticRegression())
        model.fit(texts, np.minimum(y, 1))
        assert_same(*answers(model.predict_proba), 2e-5)


class TestOnTheHost:
    @pytest.mark.parametrize(
        "steps",
        [
            (TfidfVectorizer(), RandomForestClassifier(20, random_state=0)),
            (CountVectorizer(), TruncatedSVD(3, random_state=0), LogisticRegression()),
            (CountVectorizer(), BernoulliNB()),
            (TfidfVectorizer(), CalibratedClassifierCV(LinearSVC(), cv=2)),
        ],
    )
    def test_any_classifier_gets_its_own_counts(self, steps):
        model = fitted(*steps)
        ours, theirs = answers(model.predict_proba)
        assert_counted(ours, 0, 2)
        assert_same(ours, theirs, 1e-7)

    @pytest.mark.parametrize("vectorizer", [*COUNTING.values(), *GRAMS.values()])
    @pytest.mark.parametrize("replace", [None, lambda word: "great", lambda word: "a film-"])
    @pytest.mark.parametrize("players", ["distinct", "positions"])
    def test_probabilities_are_those_of_strings_to_the_last_bit(self, vectorizer, replace, players):
        model = fitted(vectorizer, LogisticRegression())
        pipeline, why = open_counts(model.predict_proba)
        assert why == ""
        document = read_document(LONG, "word", players)
        masks = np.random.default_rng(0).random((50, document.num_players)) < 0.5
        masks[:2] = [[False], [True]]
        counts = pipeline.counting.rows([document], replace)
        assert counts.local().all()
        expected = model.predict_proba(list(document.masked(masks, replace)))
        found = counts.masked(0, masks)
        assert sparse.issparse(found)
        np.testing.assert_array_equal(pipeline.outputs(found), expected)

    @pytest.mark.parametrize("replace", [None, lambda word: "great fun"])
    @pytest.mark.parametrize(
        "steps",
        [
            (CountVectorizer(ngram_range=(1, 2)), MultinomialNB()),
            (TfidfVectorizer(ngram_range=(2, 3), norm=None), LogisticRegression()),
            (HashingVectorizer(n_features=2**6, ngram_range=(1, 2), norm=None), SGDClassifier()),
        ],
    )
    def test_n_grams_that_add_up_are_scored_without_counts(self, steps, replace):
        model = fitted(*steps)
        method = getattr(model, "predict_proba", None) or model.decision_function
        pipeline = open_words(method).pipeline
        document = read_document(LONG, "word", "distinct")
        masks = np.random.default_rng(0).random((50, document.num_players)) < 0.5
        masks[:2] = [[False], [True]]
        texts = pipeline.counting.rows([document], replace).texts
        scores = GramScores(texts, pipeline.scored).masked(0, masks)
        expected = method(list(document.masked(masks, replace)))
        np.testing.assert_allclose(
            pipeline.scored.outputs(scores), expected, rtol=1e-12, atol=1e-12
        )

    def test_n_grams_that_are_normed_are_counted(self):
        assert open_words(fitted(GRAMS["triples"], Ridge()).predict).pipeline.scored is None
        ours, theirs = answers(fitted(GRAMS["pairs"], MultinomialNB()).predict_proba)
        assert_counted(ours, 0, 2)
        assert_same(ours, theirs, 1e-7)

    @pytest.mark.parametrize("name", ["triples", "characters", "union"])
    def test_n_grams(self, name):
        model = fitted(GRAMS[name], LogisticRegression())
        ours, theirs = answers(model.predict_proba)
        assert_counted(ours, 0, 2)
        assert "n-grams are of several words" in ours.model_path
        assert_same(ours, theirs, 1e-7)

    def test_characters_of_chunks_of_many_words_are_not_all_counted(self):
        model = fitted(GRAMS["characters"], LogisticRegression())
        joined = "great-fun-story-the-a-film-awful-dull-mask is great"
        ours, theirs = answers(model.predict_proba, [LONG, joined])
        assert "1 by word counts on the host, 1 by masked texts" in ours.model_path
        assert_same(ours, theirs, 1e-7)


class TestByStrings:
    @pytest.mark.parametrize(
        ("vectorizer", "why"),
        [
            (TfidfVectorizer(analyzer="char"), "looks at texts as a whole"),
            (HashingVectorizer(n_features=2**6, binary=True), "may set counts"),
            (CountVectorizer(token_pattern=r"\S+"), "not counted one by one"),
            (CountVectorizer(tokenizer=lambda t: t.split(), token_pattern=None), "one by one"),
            (CountVectorizer(preprocessor=lambda t: t[:40]), "one by one"),
        ],
    )
    def test_what_is_not_counted_word_by_word(self, vectorizer, why):
        model = fitted(vectorizer, LogisticRegression())
        ours, theirs = answers(model.predict_proba, texts=[LONG])
        assert "1 by masked texts" in ours.model_path
        assert why in ours.model_path
        assert_same(ours, theirs, 0)

    def test_each_text_takes_its_own_way(self):
        model = fitted(CountVectorizer(token_pattern=r"\S+"), LogisticRegression())
        ours, theirs = answers(model.predict_proba, texts=[LONG, "great fun and the music"])
        assert "1 by word counts on the host, 1 by masked texts" in ours.model_path
        assert_same(ours, theirs, 2e-5)

    def test_a_pipeline_that_looks_at_whole_texts_is_found_out(self):
        """Its words are local, but a short text is another one: only masked texts can tell."""
        short = lambda text: text.lower() if len(text) > 60 else "awful"  # noqa: E731
        model = fitted(CountVectorizer(preprocessor=short), LogisticRegression())
        ours, theirs = answers(model.predict_proba, texts=[LONG])
        assert "1 by masked texts" in ours.model_path
        assert_same(ours, theirs, 0)

    def test_words_that_grow_together_over_what_is_hidden_are_found_out(self):
        """Without the emoji, "fun" and "great" are one word, in one of eight masked texts."""
        model = fitted(CountVectorizer(vocabulary=["fun", "great", "fungreat"]), Ridge())
        texts = [f"fun\U0001f600great awful x{k}" for k in range(5)]
        ours, theirs = answers(model.predict, texts)
        assert "5 by masked texts" in ours.model_path
        assert_same(ours, theirs, 0)

    def test_a_subclass_may_do_anything(self):
        class Own(TfidfVectorizer):
            pass

        model = fitted(Own(), LogisticRegression())
        ours, _ = answers(model.predict_proba, texts=[SHORT])
        assert "Own, which counts no words" in ours.model_path
