"""`TextExplainer`: against `lime`, `shap`, all masks of real pipelines, and at its edges."""

import math
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pandas
import pytest
from lime.lime_base import LimeBase
from lime.lime_text import LimeTextExplainer
from scipy.stats import t as student_t
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

import lime_jax
from lime_jax import TextExplainer
from lime_jax.masked.domain import MaskedDomain, Players
from lime_jax.masked.lime import RemovalLime
from lime_jax.stages.designs import make_design
from lime_jax.stages.masks import MaskSamples, mask_coordinates
from lime_jax.text.documents import read_document
from tests.house import all_coalitions, shapley_values

with warnings.catch_warnings(action="ignore"):
    import shap

GOOD = [
    "a wonderful moving film with great acting",
    "loved every minute truly great and funny",
    "brilliant funny a joy to watch with great music",
    "the best story and the best acting",
]
BAD = [
    "a dull boring film with terrible acting",
    "hated every minute truly awful and slow",
    "stupid slow a pain to watch with awful music",
    "the worst story and the worst acting",
]
NAMES = ["bad", "good"]
SHORT = "A great film, but slow."
LONG = (
    "A great story and a wonderful cast, but a dull and boring second half with awful music. "
    "I loved the first hour; the acting is great, truly great, and it is funny."
)


@pytest.fixture(scope="module")
def pipeline():
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100))
    return model.fit(GOOD + BAD, [1, 1, 1, 1, 0, 0, 0, 0])


def weights_of(explanations, row=0, label=None):
    return dict(explanations[row].as_list(None, label))


class TestAgainstLime:
    @pytest.mark.precision
    def test_the_fit_of_its_masks_is_its_fit(self, x64, pipeline):
        """Its masks, model calls and distances, through our weights, moments and ridge."""
        indexed, seen = read_document(LONG, r"\W+", "distinct"), {}

        class Watching(LimeBase):
            def explain_instance_with_data(self, data, labels, distances, label, *args, **options):
                seen.update(data=data, labels=labels, distances=distances)
                return super().explain_instance_with_data(
                    data, labels, distances, label, *args, **options
                )

        theirs = LimeTextExplainer(class_names=NAMES, random_state=3)
        theirs.base = Watching(theirs.base.kernel_fn, random_state=theirs.random_state)
        expected = theirs.explain_instance(
            LONG, pipeline.predict_proba, num_features=1000, num_samples=512, labels=(1,)
        )
        players = indexed.num_players
        method = RemovalLime(
            make_design("iid", 512, players), kernel_width=0.25, alpha=1.0, distance="cosine"
        )
        instance = Players(np.ones(players, bool))
        masks = jnp.asarray(seen["data"], bool).reshape(2, 256, players)
        domain = MaskedDomain(players)
        y = np.asarray(seen["labels"])[:, [1]].reshape(2, 256, 1)
        summaries = jax.vmap(
            lambda masks, y: method.summarize(domain.view(instance, MaskSamples(masks)), y)
        )(masks, y)
        found = jax.jit(method.solve)(summaries, mask_coordinates(np.ones(players, bool)))
        numbered = dict(expected.local_exp[1])
        order = [numbered[k] for k in range(players)]
        np.testing.assert_allclose(found.coef[0], order, rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.intercept[0], expected.intercept[1], rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.local_pred[0], expected.local_pred[0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.score[0], expected.score, rtol=0, atol=1e-9)

    def test_both_are_within_their_noise(self, pipeline):
        ours = TextExplainer(split=r"\W+").explain([LONG], pipeline, labels=[1], num_samples=2048)
        theirs = LimeTextExplainer(class_names=NAMES, random_state=1).explain_instance(
            LONG, pipeline.predict_proba, num_features=1000, num_samples=2048, labels=(1,)
        )
        error = math.sqrt((ours.std_error**2).mean())
        words = weights_of(ours)
        away = [words[str(word)] - weight for word, weight in theirs.as_list(label=1)]
        assert math.sqrt(np.mean(np.square(away))) < 3 * error
        assert abs(ours.score[0, 0] - theirs.score) < 0.03


class TestAllMasks:
    @pytest.mark.parametrize(
        ("hide", "replacement"),
        [
            ({"hide": "remove"}, ""),
            ({"hide": "mask"}, "UNKWORDZ"),
            ({"hide": lambda w: "the"}, "the"),
        ],
    )
    def test_is_the_regression_on_real_masked_texts(self, pipeline, hide, replacement):
        words = ["A", "great", "film", "but", "slow"]
        masks = all_coalitions(5)
        strings = ["{} {} {}, {} {}.".format(*np.where(m, words, replacement)) for m in masks]
        y, kept = pipeline.predict_proba(strings), masks.sum(1)
        law = np.where(
            kept == 5, 1 / 5000, (1 - 1 / 5000) / 5 / np.array([math.comb(5, k) for k in kept])
        )
        law *= np.exp(-8 * (1 - np.sqrt(kept / 5)) ** 2)
        oracle = LinearRegression().fit(masks, y, sample_weight=law)
        found = TextExplainer(**hide).explain(SHORT, pipeline, top_labels=None)
        np.testing.assert_allclose(found.coef[0], oracle.coef_, atol=1e-6)
        np.testing.assert_allclose(found.intercept[0], oracle.intercept_, atol=1e-9)
        assert (found.std_error == 0).all()
        assert found.samples_used.tolist() == [32]
        assert found[0].method == "exact"

    def test_shapley_values_are_those_of_shap(self, pipeline):
        words = ["A", "great", "film", "but", "slow"]

        def model(masks):
            strings = ["{} {} {}, {} {}.".format(*np.where(m > 0, words, "")) for m in masks]
            return pipeline.predict_proba(strings)[:, 1]

        theirs = shap.KernelExplainer(model, np.zeros((1, 5)))  # 64 are all coalitions
        values = theirs.shap_values(np.ones((1, 5)), nsamples=64, l1_reg=False, silent=True)
        ours = TextExplainer("kernel_shap").explain(SHORT, pipeline, labels=[1])
        np.testing.assert_allclose(ours.coef[0, 0], values[0], atol=1e-6)
        np.testing.assert_allclose(ours.intercept[0, 0], theirs.expected_value, atol=1e-7)

    def test_fewer_asked_than_there_are_means_samples(self, pipeline):
        text = " ".join(GOOD[:1] + BAD[1:2]).split()[:9]
        all_asked = TextExplainer().explain(" ".join(text), pipeline, labels=[1])
        sampled = TextExplainer().explain(" ".join(text), pipeline, labels=[1], num_samples=256)
        assert all_asked.samples_used.tolist() == [512]
        assert (sampled.std_error > 0).all()
        away = np.abs(sampled.coef - all_asked.coef)
        assert (away < 5 * sampled.std_error + 0.02 * np.abs(all_asked.coef).max()).all()


def limit_of_lime(text, model, samples):
    """The ridge that samples of `lime`'s law go to, from all masks."""
    document = read_document(text, "word", "distinct")
    players = document.num_players
    masks = all_coalitions(players)
    kept = masks.sum(1)
    law = np.array([math.comb(players, k) for k in range(players + 1)], float)
    weights = np.where(kept < players, samples / players / law[kept], 0)
    weights *= np.exp(-8 * (1 - np.sqrt(kept / players)) ** 2)
    return Ridge(alpha=1).fit(masks, model(list(document.masked(masks, None))), weights)


def weights_of_lime(text, model, seed, samples):
    """Of each word, in the order of the text."""
    both = lambda texts: np.stack([1 - model(texts), model(texts)], 1)  # noqa: E731
    explained = LimeTextExplainer(random_state=seed).explain_instance(
        text, both, num_features=99, num_samples=samples
    )
    return [weight for _, weight in sorted(explained.local_exp[1])]


class TestSamples:
    def test_errors_are_as_large_as_they_say(self, pipeline):
        text = "a great film and awful music but funny truly slow boring the best"
        assert len(set(text.split())) == 13
        model = lambda texts: pipeline.predict_proba(texts)[:, 1]  # noqa: E731
        oracle = limit_of_lime(text, model, 512)
        seeds = [
            TextExplainer(seed=seed).explain(text, model, num_samples=512) for seed in range(12)
        ]
        away = np.array([found.coef[0, 0] - oracle.coef_ for found in seeds])
        errors = np.array([found.std_error[0, 0] for found in seeds])
        ratio = math.sqrt((away**2).mean() / (errors**2).mean())
        assert 0.75 < ratio < 1.3
        assert np.abs(away.mean(0)).max() < 4 * errors.mean() / math.sqrt(12)
        # Of 156 weights, a few of each run together: two standard errors of a share of 95 %.
        within = np.abs(away) < student_t.ppf(0.975, seeds[0].num_replicates - 1) * errors
        assert 0.9 < within.mean() < 0.995
        lime = np.array([weights_of_lime(text, model, seed, 512) for seed in range(12)])
        noise, limes = (((one - one.mean(0)) ** 2).mean() for one in (away, lime))
        assert noise / limes < 1 + 3 * math.sqrt(2 * 2 / (11 * 13))

    def test_shapley_values_of_many_words(self, pipeline):
        text = "a great film and awful music but funny truly slow boring the best"
        document = read_document(text, "word", "distinct")
        y = pipeline.predict_proba(list(document.masked(all_coalitions(13), None)))[:, 1]
        found = TextExplainer("kernel_shap").explain(text, pipeline, labels=[1], num_samples=600)
        away = found.coef[0, 0] - shapley_values(y)
        assert (found.std_error > 0).all()
        assert math.sqrt((away**2).mean()) < 3 * math.sqrt((found.std_error**2).mean())
        np.testing.assert_allclose(found.coef.sum() + found.intercept[0, 0], y[-1], atol=1e-5)

    def test_a_text_does_not_depend_on_its_company(self, pipeline):
        texts = [LONG, SHORT, LONG + " The end was slow.", "great", SHORT, ""]
        together = TextExplainer().explain(texts, pipeline, labels=[1], num_samples=256)
        for row in (0, 2, 3, 4, 5):
            alone = TextExplainer().explain(texts[row], pipeline, labels=[1], num_samples=256)
            width = alone.coef.shape[2]
            np.testing.assert_allclose(together.coef[row, :, :width], alone.coef[0], atol=1e-5)
            assert (together.coef[row, :, width:] == 0).all()
            np.testing.assert_array_equal(together.key_ids[row], alone.key_ids[0])

    def test_texts_of_as_many_words_share_masks(self, pipeline):
        other = " ".join(f"w{k}" for k in range(len(set(LONG.split()))))
        asked = []

        def model(texts):
            asked.extend(texts)
            return [float(len(text)) for text in texts]

        lines = [" ".join(dict.fromkeys(LONG.split())), other]
        words = [line.split() for line in lines]
        TextExplainer(split=" ").explain(lines, model, num_samples=64)
        masks = [
            {tuple(word in text.split() for word in of_text) for text in asked} for of_text in words
        ]
        assert len(masks[0]) > 50
        assert masks[0] == masks[1]

    @pytest.mark.parametrize("selection", ["auto", "highest_weights", "lasso_path"])
    def test_few_words_are_kept(self, pipeline, selection):
        explainer = TextExplainer(feature_selection=selection)
        found = explainer.explain([LONG, SHORT], pipeline, labels=[1], num_features=3)
        assert (~np.isnan(found.std_error)).sum(2).max() <= 3
        assert [len(one.as_list()) for one in found][1] == 3
        assert found[0].as_list()[0][0] in ("great", "and")


class TestEdges:
    def test_a_batch_survives_what_is_no_text(self, pipeline):
        texts = [
            None,
            SHORT,
            float("nan"),
            "",
            " ?!",
            "great",
            5,
            "x" * 20_000,
            SHORT,
            "हिन्दी great",
        ]
        found = TextExplainer().explain(texts, pipeline, top_labels=None)
        assert [bool(one) for one in found.problems] == [k in (0, 2, 6) for k in range(10)]
        assert "missing (None)" in found.problems[0]
        assert "got int" in found.problems[6]
        assert [len(one.as_list()) for one in found] == [0, 5, 0, 0, 0, 1, 0, 1, 5, 2]
        assert np.isnan(found.prediction[[0, 2, 6]]).all()
        assert np.isnan(found.intercept[[0, 2, 6]]).all()
        usable = [1, 3, 4, 5, 7, 8, 9]
        expected = pipeline.predict_proba([texts[row] for row in usable])
        np.testing.assert_allclose(found.prediction[usable], expected)
        np.testing.assert_allclose(found.local_pred[4], expected[2])
        np.testing.assert_array_equal(found.coef[1], found.coef[8])
        assert found.output_kind == "probability"

    def test_one_that_fails_alone_is_an_error(self, pipeline):
        missing = TextExplainer().explain([None], pipeline)
        assert "missing (None)" in missing.problems[0]
        assert missing.output_names == ("0", "1")
        with pytest.raises(ValueError, match="`texts`: expected some texts, got none"):
            TextExplainer().explain([], pipeline)
        with pytest.raises(ValueError, match=r"`split`: .*is not found"):
            TextExplainer(split=lambda text: ["?"]).explain(SHORT, pipeline)

    def test_one_word_has_its_effect(self, pipeline):
        empty, whole = pipeline.predict_proba(["", "great"])[:, 1]
        for algorithm in ("lime", "kernel_shap"):
            found = TextExplainer(algorithm).explain("great", pipeline, labels=[1])
            np.testing.assert_allclose(found.coef[0, 0], whole - empty, rtol=1e-5)

    def test_a_long_text_has_an_explanation_or_says_why(self, pipeline):
        long = " ".join(f"word{k % 4000}" for k in range(50_000))
        texts = [long, SHORT]
        found = TextExplainer().explain(texts, pipeline, labels=[1])
        assert "the text has 4,000" in found.problems[0]
        assert not np.isnan(found.prediction[1]).any()
        alone = TextExplainer().explain([long], pipeline, labels=[1])  # such as a worker's block
        assert alone.problems[0] == found.problems[0]

    def test_no_text_is_asked_twice_and_long_ones_come_last(self):
        asked = []

        def model(texts):
            assert type(texts) is list
            asked.append(texts)
            return [len(text) for text in texts]

        text = " ".join("abcdefghijklmn")
        TextExplainer().explain([text, "a b"], model, num_samples=512, batch_size=100)
        assert all(len(batch) <= 100 for batch in asked)
        sampled = asked[-6:]
        for batch in sampled:
            assert len(set(batch)) == len(batch)
            assert [len(one) for one in batch] == sorted(len(one) for one in batch)

    def test_the_models_own_error_passes(self):
        def model(texts):
            if "" in texts or len(texts) > 3:
                raise RuntimeError("no empty texts")
            return [1.0] * len(texts)

        with pytest.raises(RuntimeError, match="no empty texts"):
            TextExplainer().explain("a b", model)
        with pytest.raises(RuntimeError, match="no empty texts") as caught:
            TextExplainer().explain(" ".join("abcdefghijklmn"), model, num_samples=512)
        assert any("the rows are texts 0" in note for note in caught.value.__notes__)

    @pytest.mark.parametrize(
        ("settings", "why"),
        [
            ({"hide": "blur"}, "`hide`: expected 'remove', 'mask'"),
            ({"mask": "?"}, "`mask`: expected a text, and hide='mask'"),
            ({"players": "letters"}, "`players`: expected one of distinct"),
            ({"players": [[(0, 1)], []]}, "`players`: expected places for each of 1 texts, got 2"),
            ({"split": "wrods"}, "`split`"),
            ({"kernel_width": 0}, "`kernel_width`"),
            ({"distance": "hamming"}, "`distance`"),
            ({"algorithm": "kernel_shap", "alpha": 2.0}, "`alpha`: is no setting"),
            ({"hide": lambda word: None}, "`hide`: expected the function to return a text"),
        ],
    )
    def test_settings_that_are_not_usable(self, pipeline, settings, why):
        with pytest.raises(ValueError, match=why):
            TextExplainer(**settings).explain([SHORT], pipeline)

    def test_options_that_are_not_usable(self, pipeline):
        with pytest.raises(ValueError, match="`num_samples`: 'auto' is for"):
            TextExplainer().explain(SHORT, pipeline, num_samples="auto")
        with pytest.raises(ValueError, match="`num_features`: belongs to LIME"):
            TextExplainer("kernel_shap").explain(SHORT, pipeline, num_features=3)

    def test_a_jax_function_takes_no_texts(self):
        with pytest.raises(ValueError, match="`model`: expected a function of a list of texts"):
            TextExplainer().explain(SHORT, lime_jax.jax_predict(lambda batch: batch))

    def test_explainers_are_cloned_and_pickled(self, pipeline):
        explainer = TextExplainer(players="positions", hide="mask", mask="?", seed=3)
        expected = explainer.explain(SHORT, pipeline).coef
        for copy in (clone(explainer), pickle.loads(pickle.dumps(explainer))):
            np.testing.assert_array_equal(copy.explain(SHORT, pipeline).coef, expected)


class Tensor:
    """As torch has it: no array while gradients are kept."""

    def __init__(self, values, kept=True):
        self.values, self.kept, self.shape = values, kept, values.shape

    def detach(self):
        return Tensor(self.values, kept=False)

    def cpu(self):
        return self

    def numpy(self):
        if self.kept:
            raise RuntimeError("requires grad")
        return self.values

    def __array__(self, dtype=None, copy=None):
        return self.numpy()


@pytest.fixture(scope="module")
def expected(pipeline):
    return TextExplainer().explain([SHORT, LONG], pipeline, top_labels=None, num_samples=64)


class TestModels:
    @pytest.mark.parametrize(
        "answer",
        [
            lambda p: p.tolist(),
            lambda p: [tuple(row) for row in p],
            lambda p: Tensor(p),
            lambda p: p[:, 1:],
            lambda p: p[:, 1],
            lambda p: pandas.DataFrame(p, columns=NAMES),
            lambda p: [
                sorted(
                    ({"label": n, "score": s} for n, s in zip(NAMES, row, strict=True)),
                    key=lambda one: -one["score"],
                )
                for row in p.tolist()
            ],
        ],
    )
    def test_answers_of_many_forms_are_one(self, pipeline, expected, answer):
        model = lambda texts: answer(pipeline.predict_proba(texts))  # noqa: E731
        explainer = TextExplainer(class_names=NAMES)
        found = explainer.explain([SHORT, LONG], model, top_labels=None, num_samples=64)
        np.testing.assert_allclose(found.coef, expected.coef, atol=1e-6)
        assert found.output_names == tuple(NAMES)

    def test_labels_of_dictionaries_name_the_outputs(self):
        def model(texts):
            rows = [{"good": text.count("great") / 9, "bad": 0.5, "mid": 0.1} for text in texts]
            return [[{"label": k, "score": v} for k, v in row.items()] for row in rows]

        found = TextExplainer(mode="regression").explain(SHORT, model, labels=["good"])
        assert found.output_names == ("bad", "good", "mid")
        np.testing.assert_allclose(weights_of(found)["great"], 1 / 9, rtol=1e-5)

    def test_scores_of_the_best_label_only_are_refused(self):
        model = lambda texts: [{"label": "good", "score": 0.9} for _ in texts]  # noqa: E731
        with pytest.raises(ValueError, match="top_k=None"):
            TextExplainer().explain(SHORT, model)

    def test_bound_methods_margins_and_regression(self, pipeline):
        margins = TextExplainer().explain(SHORT, pipeline.decision_function)
        assert margins.output_kind == "margin"
        stars = make_pipeline(CountVectorizer(), Ridge()).fit(GOOD + BAD, [5, 4, 5, 4, 1, 2, 1, 2])
        found = TextExplainer().explain(SHORT, stars)
        assert found.output_kind == "value"
        index = stars[0].vocabulary_
        expected = {
            word: stars[1].coef_[index[word.lower()]] if word.lower() in index else 0.0
            for word in ("A", "great", "film", "but", "slow")
        }
        assert weights_of(found) == pytest.approx(expected, abs=1e-6)

    def test_classes_are_labels(self):
        model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(
            GOOD + BAD, ["good"] * 4 + ["bad"] * 4
        )
        found = TextExplainer().explain([SHORT], model, labels=["good"])
        assert found[0].available_labels() == ["good"]
        assert max(found[0].as_list(), key=lambda pair: pair[1])[0] == "great"


class TestPlayers:
    def test_positions_are_explained_one_by_one(self):
        model = lambda texts: [float(text.startswith("good")) for text in texts]  # noqa: E731
        explainer = TextExplainer(players="positions", hide="mask")
        found = explainer.explain("good is good", model)
        assert weights_of(found) == pytest.approx({"good": 1.0, "is": 0.0, "good (2)": 0.0})

    def test_sentences_and_characters(self):
        model = lambda texts: [text.count("!") for text in texts]  # noqa: E731
        found = TextExplainer(players="sentences").explain("Oh! Well. No!", model)
        assert weights_of(found) == pytest.approx({"Oh!": 1, "Well.": 0, "No!": 1})
        found = TextExplainer(split="char").explain("a!b!", model)
        assert weights_of(found) == pytest.approx({"a": 0, "!": 2, "b": 0})

    def test_places_that_are_given(self):
        model = lambda texts: [float("New York" in text) for text in texts]  # noqa: E731
        texts = ["I love New York", "New York it is"]
        found = TextExplainer(players=[[(2, 6), (7, 15)], [(0, 8)]]).explain(texts, model)
        assert weights_of(found) == pytest.approx({"love": 0, "New York": 1})
        assert weights_of(found, 1) == pytest.approx({"New York": 1})

    def test_long_texts_are_refined_from_sentences_to_words(self):
        text = "Great film, great. Awful end. It is long. Dull start. Who cares."
        worth = {"great": 2, "awful": -3, "dull": -2, "long": 0.5, "cares": 0.1}

        def stars(texts):
            return [sum(w * text.lower().count(k) for k, w in worth.items()) for text in texts]

        explainer = TextExplainer(players="refined")
        found = explainer.explain([text, None, "An awful film"], stars)
        weights = {"Great": 2, "great": 2, "film": 0, "Awful": -3, "end": 0, "Dull": -2, "start": 0}
        assert weights_of(found) == pytest.approx(
            {**weights, "It is long.": 0.5, "Who cares.": 0.1}, abs=1e-6
        )
        assert [span.word for span in found[0].spans()][-1] == "Who cares."
        assert "missing" in found.problems[1]
        short = TextExplainer().explain(["An awful film"], stars)
        assert weights_of(found, 2) == pytest.approx(weights_of(short))


def test_numbers_are_no_texts():
    with pytest.raises(ValueError, match="`texts`: expected texts, got int: 1; tables are for"):
        TextExplainer().explain([1, 2], len)
    with pytest.raises(ValueError, match="`texts`: expected texts, got list"):
        TextExplainer().explain([[0.5, 1.0]], len)
