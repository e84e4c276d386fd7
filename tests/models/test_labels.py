"""Labels are classes: what the model calls its outputs is what finds them."""

import numpy as np
import pytest

from lime_jax.models.labels import OutputLabels, choose_labels, name_outputs, plain_label

pytestmark = pytest.mark.precision

NAMES = {
    "given": (2, None, None, ("a", "b"), ("a", "b"), None),
    "given before the model's own": (2, ("c", "d"), None, ("a", "b"), ("a", "b"), ("c", "d")),
    "the second class of two": (1, None, None, ("no", "yes"), ("yes",), None),
    "the second class of the model's two": (1, (-1, 1), None, None, ("1",), (1,)),
    "the model's own": (2, ("c", "d"), None, None, ("c", "d"), ("c", "d")),
    "the model's, of other outputs": (3, ("c", "d"), None, None, ("0", "1", "2"), None),
    "one output": (1, None, None, None, ("prediction",), None),
    "a frame's columns": (2, None, ("low", "high"), None, ("low", "high"), None),
    "a frame's columns that are classes": (2, None, (1, 2), None, ("1", "2"), (1, 2)),
    "numbers as names are classes": (2, None, None, np.array([3, 4]), ("3", "4"), (3, 4)),
    "NumPy's classes": (2, np.array([True, False]), None, None, ("True", "False"), (True, False)),
    "names twice": (3, None, None, ("a", "b", "a"), ("a", "b", "a (2)"), None),
}


@pytest.mark.parametrize("name", NAMES)
def test_outputs_have_names_and_classes(name):
    count, classes, columns, given, names, known = NAMES[name]
    assert name_outputs(count, classes, columns, given) == OutputLabels(names, known)


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"`class_names`: expected 3 names.*got 2"):
        name_outputs(3, class_names=["a", "b"])


CLASSES = {
    "from one": ([1, 2, 3], 2, 1),
    "of signs": ([-1, 1], 1, 1),
    "with a gap": ([0, 2], 2, 1),
    "by text": ([0, 2], "2", 1),
    "of a NumPy type": ([0, 2], np.int8(2), 1),
    "no and yes": ([True, False], False, 1),
    "no and yes, by number": ([True, False], 1, 0),
    "fractions": ([1.0, 2.0], 2, 1),
    "text": (["b", "a"], "a", 1),
    "text that says a number": (["2", "1"], "1", 1),
    "text that says a number, by number": (["2", "1"], 1, 1),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_finds_its_output(name):
    classes, label, number = CLASSES[name]
    outputs = name_outputs(len(classes), np.array(classes))
    assert outputs.number(label) == number
    assert all(outputs.number(outputs.label(k)) == k for k in range(len(classes)))


def test_the_class_and_its_name_both_find_an_output_the_class_first():
    outputs = name_outputs(3, [1, 2, 3], class_names=["cat", "dog", "1"])
    assert [outputs.number(x) for x in (1, "cat", 2, "dog", 3, "1")] == [0, 0, 1, 1, 2, 2]
    assert outputs.number("3") == 2


@pytest.mark.parametrize("label", [0, 4, "fish", 1.5, None])
def test_what_is_no_class_is_refused_and_the_classes_are_listed(label):
    outputs = name_outputs(3, [1, 2, 3], class_names=["cat", "dog", "eel"])
    with pytest.raises(
        ValueError, match=r"`label`: expected classes among 1 \(cat\), 2 \(dog\), 3 \(eel\), got"
    ):
        outputs.number(label, "label")


def test_the_error_lists_no_more_than_ten():
    with pytest.raises(ValueError, match=r"among 0, 1, .*, 9, \.\.\., got 1000$"):
        name_outputs(1000, np.arange(1000)).number(1000)


PREDICTION = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])
NAMED = OutputLabels(("a", "b", "c"))
CHOICES = {
    "all": (None, None, [[0, 1, 2], [0, 1, 2]]),
    "numbers": ([2, 0], None, [[2, 0], [2, 0]]),
    "names": (["c", "a"], None, [[2, 0], [2, 0]]),
    "both": (["c", 0], None, [[2, 0], [2, 0]]),
    "NumPy numbers": (np.array([1]), None, [[1], [1]]),
    "the highest": (None, 1, [[1], [0]]),
    "the two highest, the first of equals first": (None, 2, [[1, 2], [0, 1]]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_labels_are_chosen(name):
    labels, top, expected = CHOICES[name]
    assert choose_labels(labels, top, PREDICTION, NAMED).tolist() == expected


@pytest.mark.parametrize("label", [3, -1, "d", "0", 0.5, True])
def test_a_label_that_is_not_there_is_refused_and_the_known_ones_are_named(label):
    with pytest.raises(ValueError, match=r"`labels`: expected numbers from 0 to 2.*a, b, c, got"):
        choose_labels([0, label], None, PREDICTION, NAMED)


@pytest.mark.parametrize("labels", [2, "a", [], [[1]]])
def test_labels_are_a_list(labels):
    with pytest.raises(ValueError, match=r"`labels`: expected a list.* such as \[4\], got"):
        choose_labels(labels, None, PREDICTION, name_outputs(3, [4, 5, 6]))


def test_more_top_labels_than_outputs_are_refused():
    with pytest.raises(ValueError, match="`top_labels`: expected at most 3 outputs, got 4"):
        choose_labels(None, 4, PREDICTION, NAMED)


def test_a_class_that_files_cannot_hold_is_text():
    assert plain_label(np.datetime64("2020-01-01")) == "2020-01-01"
