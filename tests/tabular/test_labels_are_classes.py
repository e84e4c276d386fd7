"""Labels are classes wherever a label is taken, whatever numbers the classes happen to be."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

import lime_jax
from lime_jax.results.arrow import explanations_of, rows_table

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
three = np.digitize(X[:, 0], [-0.4, 0.4])
explainer = lime_jax.TabularExplainer().fit(X)


def explain(model, explainer=explainer, **options):
    return explainer.explain(X[:4], model, num_samples=256, **options)


CLASSES = {
    "from one": [1, 2, 3],
    "signs": [-1, 0, 1],
    "even": [0, 2, 4],
    "fractions": [0.0, 1.0, 3.0],
    "text": ["a", "b", "c"],
    "text of numbers": ["2", "0", "1"],
}


@pytest.mark.parametrize("name", CLASSES)
def test_every_label_is_a_class(name):
    classes = np.array(CLASSES[name])
    model = LogisticRegression().fit(X, classes[three])
    known = sorted(classes.tolist())
    whole, some = explain(model), explain(model, labels=[known[2], known[0]])
    assert whole.classes == tuple(known)
    assert whole[0].available_labels() == known
    assert some[1].available_labels() == list(some[1].as_map()) == [known[2], known[0]]
    assert list(some[1].local_pred) == list(some[1].intercept) == [known[2], known[0]]
    np.testing.assert_allclose(some.coef, whole.coef[:, [2, 0]], rtol=1e-4, atol=1e-6)
    for number, label in enumerate(known):
        for name in (label, str(label)):
            assert whole[0].label_name(name) == str(label)
            assert whole[0].as_list(None, name) == whole[0].as_list(None, label)
            np.testing.assert_array_equal(
                whole.importance(name)[0], np.abs(whole.coef[:, number]).astype(float).mean(0)
            )


def test_a_position_is_no_class():
    model = LogisticRegression().fit(X, np.array([1, 2, 3])[three])
    with pytest.raises(ValueError, match="`labels`: expected classes among 1, 2, 3, got 0"):
        explain(model, labels=[0])
    whole = explain(model, labels=[2, 3])
    with pytest.raises(ValueError, match="`label`: expected classes among 1, 2, 3, got 7"):
        whole[0].as_list(label=7)
    with pytest.raises(ValueError, match=r"`label`: row 0 has explanations of \[2, 3\], got 1"):
        whole.importance(1)


def test_renaming_the_classes_changes_no_weight():
    models = [LinearSVC().fit(X, np.array(codes)[three]) for codes in ([0, 1, 2], [10, 500, 999])]
    ours, renamed = (explain(model) for model in models)
    np.testing.assert_allclose(ours.coef, renamed.coef, rtol=1e-4, atol=1e-6)


def test_the_margin_of_two_classes_goes_by_the_second():
    model = LinearSVC().fit(X, np.array([-1, 1])[(X[:, 0] > 0).astype(int)])
    found = explain(model, labels=[1])
    assert (found.output_names, found[0].available_labels()) == (("1",), [1])
    with pytest.raises(ValueError, match="`labels`: expected classes among 1, got -1"):
        explain(model, labels=[-1])


def test_names_of_ones_own_are_shown_and_both_find_the_class():
    named = lime_jax.TabularExplainer(class_names=["low", "mid", "high"]).fit(X)
    model = LogisticRegression().fit(X, np.array([1, 2, 3])[three])
    found = explain(model, named, labels=["high", 1])
    assert found[0].available_labels() == [3, 1]
    assert [found[0].label_name(label) for label in (3, "low")] == ["high", "low"]
    assert set(found.to_pandas()["label"]) == {"high", "low"}


def test_a_function_whose_names_are_numbers_has_these_classes():
    model = LogisticRegression().fit(X, np.array([1, 2, 3])[three])
    named = lime_jax.TabularExplainer(class_names=model.classes_).fit(X)
    by_function = explain(lambda rows: model.predict_proba(rows), named, labels=[2])
    by_frame = explain(
        lambda rows: pd.DataFrame(model.predict_proba(rows), columns=model.classes_), labels=[2]
    )
    for found in (by_function, by_frame):
        assert found[0].available_labels() == [2]
        np.testing.assert_allclose(
            found.coef, explain(model, labels=[2]).coef, rtol=1e-3, atol=1e-5
        )


def test_outputs_without_classes_go_by_number_or_name():
    def model(rows):
        return pd.DataFrame({"price": rows[:, 0], "rent": rows[:, 1]})

    found = explain(model, labels=["rent", 0])
    assert (found.output_names, found[0].available_labels()) == (("price", "rent"), [1, 0])
    price = explain(LinearRegression().fit(X, X[:, 0]), labels=[0])
    assert price[0].available_labels() == [0]
    series = explain(lambda rows: pd.Series(rows[:, 0], name="price"))
    assert series.output_names == ("price",)


def test_files_tables_parts_and_pickles_keep_the_classes(tmp_path):
    pytest.importorskip("pyarrow")
    model = LogisticRegression().fit(X, np.array([1, 2, 3])[three])
    found = explain(model, labels=[3, 1])
    found.save(tmp_path / "e.npz")
    for again in (
        lime_jax.load(tmp_path / "e.npz"),
        explanations_of(rows_table(found)),
        lime_jax.concatenate([found[:2], found[2:]]),
        pickle.loads(pickle.dumps(found)),
        found[1:],
    ):
        assert again.classes == (1, 2, 3)
        assert again[0].available_labels() == [3, 1]
    other = explain(LogisticRegression().fit(X, np.array([4, 5, 6])[three]), labels=[6, 4])
    with pytest.raises(ValueError, match="expected explanations of one explainer and one model"):
        lime_jax.concatenate([found, other])


def test_several_targets_are_explained_side_by_side():
    model = RandomForestClassifier(3, random_state=0).fit(X, np.c_[three, X[:, 1] > 0])
    found = explain(model, labels=["target 1: 1"])
    assert found.output_kind == "probability"
    np.testing.assert_allclose(found.prediction[:, 3:], model.predict_proba(X[:4])[1], atol=1e-6)
    assert found[0].available_labels() == ["target 1: 1"]
