"""What tutorials, notebooks and packages do with `lime`, each as a few lines written anew."""

from __future__ import annotations

import json
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import lime_jax.compat as lime
from lime_jax.compat import lime_tabular
from lime_jax.compat.explanation import DomainMapper, Explanation
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.lime_image import LimeImageExplainer
from lime_jax.compat.lime_text import LimeTextExplainer
from lime_jax.compat.submodular_pick import SubmodularPick
from lime_jax.views.report.numbers import significant

IRIS = load_iris()
LETTERS = ["god and faith and church", "atheist and no god", "church on sunday", "no faith at all"]
KINDS = [1, 0, 1, 0]


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(10, random_state=0).fit(IRIS.data, IRIS.target)


@pytest.fixture(scope="module")
def flowers():
    return lime.lime_tabular.LimeTabularExplainer(
        IRIS.data,
        feature_names=IRIS.feature_names,
        class_names=IRIS.target_names,
        discretize_continuous=True,
        random_state=0,
    )


@pytest.fixture(scope="module")
def letters():
    pipeline = make_pipeline(TfidfVectorizer(lowercase=False), MultinomialNB(alpha=0.01))
    return pipeline.fit(LETTERS, KINDS).predict_proba


@pytest.fixture
def flower(flowers, forest):
    return flowers.explain_instance(IRIS.data[60], forest.predict_proba, top_labels=3)


@pytest.fixture
def letter(letters):
    explainer = LimeTextExplainer(class_names=["atheism", "christian"], random_state=0)
    return explainer.explain_instance(LETTERS[0], letters, num_features=6, labels=(0, 1))


def test_the_first_tutorial_of_tables(flower):
    assert flower.available_labels()[0] == 1
    name, weight = flower.as_list(label=flower.top_labels[0])[0]
    assert "petal" in name
    assert isinstance(weight, float)


def test_the_first_tutorial_of_texts(letter):
    assert letter.as_list()[0][0] in LETTERS[0].split()
    assert letter.as_map()[1] == letter.local_exp[1]
    assert letter.predict_proba[1] > 0.5


def test_words_are_taken_out_by_hand(letter, letters):
    """The drop of the prediction is about the sum of the weights."""
    strongest = letter.as_list()[0]
    without = LETTERS[0].replace(strongest[0], "")
    drop = letters([LETTERS[0]])[0, 1] - letters([without])[0, 1]
    assert np.sign(drop) == np.sign(strongest[1])


@pytest.mark.parametrize("options", [{}, {"text": False}, {"opacity": False}, {"text": LETTERS[0]}])
def test_pages_of_texts(letter, options, tmp_path):
    page = letter.as_html(**options)
    assert len(page) < 60_000
    assert "<script" not in page
    assert ("<mark" in page) == bool(options.get("text", True))
    letter.save_to_file(tmp_path / "letter.html", **options)
    assert (tmp_path / "letter.html").read_text("utf-8") == page


def test_a_page_of_what_could_be_html():
    explainer = LimeTextExplainer(class_names=["<i>", "&"], random_state=0)
    page = explainer.explain_instance("<script>alert</script>", lambda t: [[0.5, 0.5]] * len(t))
    assert "<script" not in page.as_html()


def test_pages_of_tables(flower, tmp_path):
    page = flower.as_html(labels=[1, 0], show_table=True, show_all=True)
    assert page.count("sepal width") >= 2
    assert "setosa" in page
    assert len(page) < 60_000
    assert "<script" not in page
    assert "<td>" not in flower.as_html(labels=[1], show_table=False, predict_proba=False)
    hidden = flower.as_html(predict_proba=False)
    assert len(hidden) < len(flower.as_html())


def test_a_page_says_what_the_model_says_and_how_well_each_surrogate_follows(flower, forest):
    page = flower.as_html()
    assert page.count("<h1><bdi>The model says versicolor</bdi></h1>") == 1
    for label in (0, 1, 2):
        said = forest.predict_proba(IRIS.data[60:61])[0, label]
        assert f"The surrogate predicts {significant(flower.local_pred[label])} where" in page
        assert f"the model says {significant(said)}; R² {flower.score[label]:.2f}." in page
    hidden = flower.as_html(labels=[2], predict_proba=False)
    assert "<h1><bdi>Weights for virginica</bdi></h1>" in hidden
    assert "the model says" not in hidden


def test_a_page_of_a_number_says_it():
    explainer = lime_tabular.LimeTabularExplainer(IRIS.data, mode="regression", random_state=0)
    found = explainer.explain_instance(IRIS.data[0], lambda rows: 100 * rows[:, 0])
    assert "The model says 510" in found.as_html()
    assert "R² 0." in found.as_html()
    assert "The model says" not in found.as_html(show_predicted_value=False)


def test_the_shades_of_a_text_are_those_of_the_first_label(letter):
    assert "underlined: raises christian" in letter.as_html(labels=[1, 0])
    assert "dashed: lowers atheism" in letter.as_html(labels=[0])


def test_a_score_that_is_one_number_is_not_told_of_several_labels():
    found = Explanation(DomainMapper(), class_names=["no", "yes"])
    found.local_exp[1], found.score, found.local_pred = [(3, 0.5)], 0.25, np.array([0.75])
    assert "The surrogate predicts 0.750; R² 0.25." in found.as_html()
    found.local_exp[0] = [(3, -0.5)]
    assert "R²" not in found.as_html()


def test_notebooks(letter, flower, monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    monkeypatch.setattr(display, "display", shown.append)
    letter.show_in_notebook(text=LETTERS[0])
    flower.show_in_notebook(show_table=True, show_all=False)
    assert all("lime-jax" in one.data for one in shown)
    assert "lime-jax" in letter._repr_html_()


def test_figures(flower, letter):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = flower.as_pyplot_figure(label=1)
    assert figure.number in pyplot.get_fignums()
    assert "versicolor" in figure.axes[0].get_title(loc="left")
    assert letter.as_pyplot_figure(1, (3, 2)).get_size_inches().tolist() == [3, 2]
    pyplot.close("all")


def test_explanations_are_edited_before_they_are_shown(flower):
    flower.local_exp[1][0] = (2, 0.75)
    del flower.local_exp[1][1:]
    flower.domain_mapper.discretized_feature_names = ["a", "b", "long petals", "d"]
    assert flower.as_list(1) == [("long petals", 0.75)]
    page = flower.as_html(labels=[1])
    assert "long petals" in page
    assert "0.750" in page
    flower.local_exp = {1: [(0, -0.5)]}
    assert flower.as_list(1) == [("a", -0.5)]


def test_scores_are_read_both_ways(flower):
    label = flower.available_labels()[0]
    assert flower.score[label] == float(flower.score)
    assert f"{flower.score:.3f}" == f"{round(flower.score, 3):.3f}"
    assert flower.local_pred[label] == flower.local_pred[0] or label != 0
    assert flower.intercept.get(7, 0.0) == 0.0


def test_a_shapash_like_reader_takes_maps_and_intercepts(flowers, forest):
    found = flowers.explain_instance(IRIS.data[0], forest.predict_proba, labels=(0, 1, 2))
    table = pd.DataFrame({label: dict(found.local_exp[label]) for label in (0, 1, 2)})
    assert table.shape == (4, 3)
    assert set(found.intercept) == {0, 1, 2}
    json.dumps(found.as_map())


def test_a_stability_check_replaces_the_base(flowers, forest):
    weights = []
    original = flowers.base

    class Kept(LimeBase):
        def explain_instance_with_data(self, *arguments, **options):
            found = super().explain_instance_with_data(*arguments, **options)
            weights.append(found[1])
            return found

    flowers.base = Kept(original.kernel_fn, random_state=original.random_state)
    try:
        flowers.explain_instance(IRIS.data[0], forest.predict_proba, num_samples=100)
    finally:
        flowers.base = original
    assert len(weights) == 1


def test_a_library_passes_arguments_by_place():
    text = LimeTextExplainer(25, None, False, ["a", "b"], "auto", r"\W+", True, None, 0, False)
    assert text.class_names == ["a", "b"]
    table = lime_tabular.LimeTabularExplainer(
        IRIS.data, "classification", None, IRIS.feature_names, None, None, None, None, False,
        IRIS.target_names, "auto", True, "decile", False, 0, None,
    )  # fmt: skip
    assert len(table.discretizer.names[0]) == 10


def test_sounds_are_explained_through_the_base(rng):
    """Pieces of a signal are silenced, as packages for audio, series and graphs do it."""
    signal = rng.normal(size=(6, 10))
    masks = rng.integers(0, 2, (100, 6))
    masks[0] = 1
    loud = np.array([(signal * mask[:, None])[2].std() for mask in masks])
    base = LimeBase(lambda distances: np.exp(-distances))
    found = Explanation(DomainMapper(), class_names=["noise", "bark"])
    distances = 1 - masks.mean(1)
    found.intercept[1], found.local_exp[1], found.score, found.local_pred = (
        base.explain_instance_with_data(
            masks, np.stack([1 - loud, loud], axis=1), distances, 1, num_features=3
        )
    )
    assert found.as_list()[0][0] == 2
    assert "bark" in found.as_html()


def test_a_mapper_of_ones_own_shows_html_and_no_scripts():
    class Mapper(DomainMapper):
        def map_exp_ids(self, exp, **kwargs):
            return [(f"beat {pair[0]}", pair[1]) for pair in exp]

        def visualize_instance_html(self, *arguments, html="<p>heart</p>", **kwargs):
            return html

    found = Explanation(Mapper(), class_names=["no", "yes"])
    found.local_exp[1] = [(3, 0.5)]
    assert "<p>heart</p>" in found.as_html()
    assert "beat 3" in found.as_html()
    assert "exp.show" not in found.as_html(html="exp.show();")


def test_a_mask_token_takes_the_place_of_words(letters):
    seen = []

    def model(texts):
        seen.extend(texts)
        return letters(texts)

    explainer = LimeTextExplainer(
        bow=False, mask_string="[MASK]", split_expression=lambda text: text.split()
    )
    explainer.explain_instance(LETTERS[0], model, num_samples=20)
    assert any("[MASK] and" in text for text in seen)


def test_words_are_found_where_they_stand(letter):
    words = letter.domain_mapper.indexed_string
    number, _ = letter.local_exp[1][0]
    start = int(words.string_position(number)[0])
    assert words.raw_string()[start:].startswith(words.word(number))
    assert words.inverse_vocab[number] == words.word(number)


def test_pictures_of_an_image(rng):
    image = rng.random((8, 8, 3))
    halves = np.repeat([[0, 1]], 8, axis=0).repeat(4, axis=1)
    found = LimeImageExplainer(random_state=0).explain_instance(
        image,
        lambda images: np.stack([images[:, :, :4].mean((1, 2, 3)), np.zeros(len(images))], 1),
        top_labels=2,
        hide_color=0,
        num_samples=20,
        segmentation_fn=lambda image: halves,
    )
    shown, mask = found.get_image_and_mask(0, positive_only=True, hide_rest=True, num_features=1)
    assert mask[:, :4].all()
    assert not mask[:, 4:].any()
    assert not shown[:, 4:].any()


def test_a_table_of_many_explanations_ranks_features(flowers, forest):
    pick = SubmodularPick(flowers, IRIS.data, forest.predict_proba, sample_size=8)
    table = pd.DataFrame(
        [dict(one.as_list(one.available_labels()[0])) for one in pick.explanations]
    )
    assert table.abs().mean().sort_values().index[-1].count("petal") == 1
    assert pickle.loads(pickle.dumps(pick)).V == pick.V


def test_samplers_take_samples_by_the_private_name(flowers):
    data, inverse = flowers._LimeTabularExplainer__data_inverse(IRIS.data[0], 30)
    assert data.shape == inverse.shape == (30, 4)
    assert set(np.unique(data)) <= {0, 1}


def test_columns_with_levels_are_named(rng):
    X = np.stack([rng.integers(0, 2, 100), rng.normal(size=100)], axis=1)
    model = LogisticRegression().fit(X, X[:, 0])
    explainer = lime_tabular.LimeTabularExplainer(
        X,
        feature_names=["sex", "age"],
        categorical_features=[0],
        categorical_names={0: ["f", "m"]},
        random_state=0,
    )
    found = explainer.explain_instance(np.array([1, 0.5]), model.predict_proba)
    assert found.as_list()[0][0] == "sex=m"


def test_the_tutorial_of_a_regression_prints_what_it_fits(capsys):
    """Columns of few values are found by hand, and `verbose` tells of every fit."""
    few = np.argwhere([len(set(IRIS.data[:, k])) <= 22 for k in range(4)]).flatten()
    forest = RandomForestRegressor(5, random_state=0).fit(IRIS.data[:, :3], IRIS.data[:, 3])
    explainer = lime_tabular.LimeTabularExplainer(
        IRIS.data[:, :3],
        feature_names=IRIS.feature_names[:3],
        class_names=["width"],
        categorical_features=few[few < 3],
        verbose=True,
        mode="regression",
    )
    found = explainer.explain_instance(IRIS.data[7, :3], forest.predict, num_features=5)
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()] == [
        "Intercept",
        "Prediction_local",
        "Right:",
    ]
    assert float(said.split()[-1]) == found.predicted_value
    assert found.as_list() == [(name, weight) for name, weight in found.as_list(label=1)]


def test_a_model_behind_an_encoder_gets_codes(rng):
    """Codes for the explainer, one-hot columns for the model, and names of arrays."""
    codes = np.stack([rng.integers(0, 3, 200), rng.integers(0, 2, 200)], axis=1).astype(float)
    encoder = OneHotEncoder().fit(codes)
    model = LogisticRegression().fit(encoder.transform(codes), codes[:, 0] == 2)
    explainer = lime_tabular.LimeTabularExplainer(
        codes,
        class_names=["no", "yes"],
        feature_names=["color", "sex"],
        categorical_features=[0, 1],
        categorical_names={0: np.array(["red", "green", "blue"]), 1: np.array(["f", "m"])},
        kernel_width=3,
    )
    row = np.array([2.0, 1.0])
    found = explainer.explain_instance(
        row, lambda rows: model.predict_proba(encoder.transform(rows)), num_features=2
    )
    assert found.as_list()[0][0] == "color=blue"
    assert found.as_list()[0][1] > 0


def test_a_wrapper_asks_for_all_outputs_and_columns(flowers, forest):
    """As libraries do that turn explanations into a matrix."""
    found = flowers.explain_instance(
        IRIS.data[3], forest.predict_proba, labels=range(3), num_features=4
    )
    matrix = np.zeros((4, 3))
    for label in range(3):
        for column, weight in found.local_exp[label]:
            matrix[column, label] = weight
    np.testing.assert_allclose(matrix.sum(1), 0, atol=1e-12)  # probabilities add up to 1


@pytest.mark.parametrize("labels", [None, ("virginica",), (2,)])
def test_labels_are_numbers_or_names_or_left_out(flowers, forest, labels):
    found = flowers.explain_instance(
        IRIS.data[3], forest.predict_proba, labels=labels, top_labels=1 if labels is None else None
    )
    assert list(found.local_exp) == ([0] if labels is None else [2])


def test_a_row_of_a_frame_is_explained(forest):
    frame = pd.DataFrame(IRIS.data, columns=IRIS.feature_names)
    explainer = lime_tabular.LimeTabularExplainer(frame, random_state=0)
    found = explainer.explain_instance(frame.iloc[3], forest.predict_proba)
    assert explainer.feature_names == IRIS.feature_names
    assert found.domain_mapper.feature_values == [f"{value:.2f}" for value in frame.iloc[3]]


def test_a_subclass_draws_samples_of_its_own(forest):
    """As papers do that replace how a neighborhood is made."""

    class Near(lime_tabular.LimeTabularExplainer):
        def _LimeTabularExplainer__data_inverse(self, data_row, num_samples, *_):
            rows = data_row + 0.01 * self.random_state.normal(size=(num_samples, len(data_row)))
            rows[0] = data_row
            return rows, rows

    asked = []

    def model(rows):
        asked.append(rows)
        return forest.predict_proba(rows)

    explainer = Near(IRIS.data, discretize_continuous=False, random_state=0)
    for found in (
        explainer.explain_instance(IRIS.data[0], model, num_samples=20),
        explainer.explain_instances(IRIS.data[:1], model, num_samples=20)[0],
    ):
        assert len(found.as_list()) == 4
        assert np.abs(asked[-1] - IRIS.data[0]).max() < 0.1


def test_explainers_are_kept_on_disk(flowers, forest, tmp_path):
    joblib.dump(flowers, tmp_path / "explainer.joblib")
    again = joblib.load(tmp_path / "explainer.joblib")
    one, other = (
        each.explain_instance(IRIS.data[9], forest.predict_proba) for each in (flowers, again)
    )
    assert one.as_map() == other.as_map()


def test_weights_are_painted_on_superpixels(rng):
    """A heat map, by the numbers of the segments."""
    image, grid = rng.random((8, 8, 3)), np.arange(8)[:, None] // 4 * 2 + np.arange(8) // 4
    found = LimeImageExplainer().explain_instance(
        image,
        lambda images: np.stack([images[:, :4].mean((1, 2, 3)), images.mean((1, 2, 3))], axis=1),
        num_samples=30,
        segmentation_fn=lambda image: grid,
    )
    weights = dict(found.local_exp[found.top_labels[0]])
    assert np.vectorize(weights.get)(found.segments).shape == (8, 8)


def test_every_picked_explanation_is_drawn(flowers, forest):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pick = SubmodularPick(
        flowers, IRIS.data, forest.predict_proba, sample_size=6, num_features=2, num_exps_desired=2
    )
    figures = [
        one.as_pyplot_figure(label=one.available_labels()[0]) for one in pick.sp_explanations
    ]
    assert len(figures) == len(pick.V)
    pyplot.close("all")
