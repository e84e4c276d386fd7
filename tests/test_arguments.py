"""Every argument that names columns takes the same names and numbers, and refuses the same."""

import numpy as np
import pytest

from lime_jax import TabularConfig, TabularExplainer, fit_tabular
from lime_jax.arguments import check_one_of, column_number
from lime_jax.tabular.config import make_domain

X = np.arange(12.0).reshape(4, 3) % 5
ARGUMENTS = {
    "features": lambda column: TabularExplainer(features=[column]).fit(X),
    "players": lambda column: TabularExplainer("kernel_shap", features=[column]).fit(X),
    "groups": lambda column: TabularExplainer("kernel_shap", groups={"g": [column]}).fit(X),
    "categorical_features": lambda column: TabularExplainer(categorical_features=[column]).fit(X),
    "categorical_names": lambda column: TabularExplainer(
        categorical_features=[1], categorical_names={column: list("abcde")}
    ).fit(X),
    "discretizer": lambda column: TabularExplainer(discretizer={column: [1.0]}).fit(X),
}
OF_STATISTICS = {
    "levels": lambda column: fit_tabular(X, categorical_features=[column]),
    "edges": lambda column: fit_tabular(X, discretizer={column: [1.0]}),
    "steps": lambda column: fit_tabular(X, integer_columns=[column]),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("column", [1.7, 1.0, -1, 3, True, "z", None, np.float64(1), np.int64(-1)])
def test_what_names_no_column_is_refused(argument, column):
    with pytest.raises(ValueError, match=r"`\w+`: expected names or numbers of the 3 columns, got"):
        ARGUMENTS[argument](column)


@pytest.mark.parametrize("argument", OF_STATISTICS)
def test_statistics_take_numbers(argument):
    for column in (-1, 3):
        with pytest.raises(ValueError, match="expected names or numbers of the 3 columns, got"):
            OF_STATISTICS[argument](column)
    OF_STATISTICS[argument](np.int64(1))


@pytest.mark.parametrize("column", [-1, 3])
def test_a_configuration_takes_numbers(column):
    with pytest.raises(ValueError, match="`features`: expected names or numbers of the 3 columns"):
        make_domain(fit_tabular(X), TabularConfig(features=(column,)))


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("column", [1, np.int64(1), np.uint8(1), "1", np.str_("1")])
def test_numbers_of_any_type_and_names_are_taken(argument, column):
    ARGUMENTS[argument](column)


def test_the_error_says_what_columns_there_are():
    with pytest.raises(ValueError, match=r"`features`: .* got 'c'; the columns are \['a', 'b'\]"):
        column_number(["a", "b"], "c", "features")


def test_a_choice_that_there_is_not_is_named_with_those_there_are():
    check_one_of("engine", "ray", ("local", "ray"))
    with pytest.raises(ValueError, match="`engine`: expected one of local, ray, got 'sun'"):
        check_one_of("engine", "sun", ("local", "ray"))
