"""Sparse rows under `lime`'s names: what is not zero is hidden, as `TabularExplainer` does it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, LogisticRegression

from lime_jax import TabularExplainer
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.lime_tabular import LimeTabularExplainer
from lime_jax.compat.submodular_pick import SubmodularPick

COLUMNS = 30
NAMES = [f"w{k}" for k in range(COLUMNS)]
X = sparse.random_array((40, COLUMNS), density=0.4, rng=0, format="csr") * 3
SLOPES = np.linspace(-1, 2, COLUMNS)
CLASSIFIER = LogisticRegression(C=10).fit(X, X @ SLOPES > 3)
SOME = X[np.argsort(-np.diff(X.indptr))]  # of the last ones all masks are asked
FEW = SOME[-4:-1]


def explainer(**settings):
    return LimeTabularExplainer(X, feature_names=NAMES, random_state=0, **settings)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix])
def test_a_sum_is_found_and_the_model_gets_rows_as_they_come(kind):
    seen = set()

    def model(rows):
        seen.add(type(rows))
        return rows @ SLOPES

    row = kind(SOME[[0]])
    found = explainer(mode="regression").explain_instance(row, model, num_features=25)
    assert seen == {sparse.csr_array if kind is sparse.csr_array else sparse.csr_matrix}
    held = SOME[[0]].toarray()[0]
    assert len(found.as_list()) == 25
    for column, weight in found.local_exp[1]:
        assert weight == pytest.approx(SLOPES[column] * held[column], rel=0.05, abs=5e-3)
    assert found.min_value < found.predicted_value == pytest.approx(held @ SLOPES)
    assert found.local_exp[0] == [(k, -weight) for k, weight in found.local_exp[1]]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_samples_say_what_the_native_explainer_says_without_them(metric):
    """It asks all masks of rows with few non-zeros."""
    options = dict(num_features=COLUMNS, distance_metric=metric)
    found = explainer().explain_instances(FEW, CLASSIFIER.predict_proba, **options)
    native = TabularExplainer(distance=metric).fit(X).explain(FEW, CLASSIFIER)
    assert [one.method for one in native] == ["exact"] * len(found)
    truth = native.to_csr(True).toarray()
    for k, one in enumerate(found):
        assert [name for name, _ in one.as_list(1)] == [NAMES[c] for c, _ in one.local_exp[1]]
        for column, weight in one.local_exp[1]:
            error = one.in_result(1, column)[1]
            away = abs(weight - truth[k, column])
            assert away < 5 * error if truth[k, column] else away == 0


def test_one_row_is_explained_as_the_first_of_many():
    ask = dict(top_labels=2, num_features=3, num_samples=200)
    alone = explainer().explain_instance(FEW[[0]], CLASSIFIER.predict_proba, **ask)
    first = explainer().explain_instances(FEW, CLASSIFIER.predict_proba, **ask)[0]
    assert alone.as_map() == first.as_map()
    assert alone.available_labels() == first.available_labels()


def test_every_explanation_has_errors_by_column():
    settings = {"kernel": lambda distances, kernel_width: 1 / (1 + distances)}
    for found in (
        explainer().explain_instance(FEW[[1]], CLASSIFIER.predict_proba),
        explainer(exact=True).explain_instances(FEW[1:2], CLASSIFIER.predict_proba)[0],
        explainer(**settings).explain_instances(FEW[1:2], CLASSIFIER.predict_proba)[0],
        explainer().explain_instance(
            FEW[[1]], CLASSIFIER.predict_proba, model_regressor=LinearRegression()
        ),
    ):
        held = FEW[[1]].indices
        for column, weight in found.local_exp[1]:
            known, error = found.in_result(1, column)
            assert (known == weight and error >= 0) if column in held else np.isnan(known)
        strongest = found.as_list()[0]
        assert found.result.as_list(1) == [(strongest[0], pytest.approx(strongest[1]))]


def test_a_width_of_ones_own_is_in_hidden_numbers():
    """The wider the kernel, the more samples count; the two forms of a call agree."""
    sizes = []
    for width in (0.5, 2.0, 8.0):
        wide = explainer(kernel_width=width)
        alone = wide.explain_instance(SOME[[0]], CLASSIFIER.predict_proba)
        again = explainer(kernel_width=width)
        assert again.explain_instances(SOME[:1], CLASSIFIER.predict_proba)[0].local_exp == (
            alone.local_exp
        )
        sizes.append(float(alone.result.explanations.effective_samples[0]))
    assert sizes == sorted(sizes)


def test_margins_have_no_noise_where_that_is_asked_for():
    found = explainer(exact=True, class_names=["no", "yes"], mode="regression")
    one = found.explain_instance(SOME[[0]], CLASSIFIER.decision_function, num_features=COLUMNS)
    held = SOME[[0]].toarray()[0]
    for column, weight in one.local_exp[1]:
        assert weight == pytest.approx(CLASSIFIER.coef_[0, column] * held[column], abs=1e-5)
    assert one.result.method == "exact"


def test_a_row_of_zeros_has_no_weights():
    nothing = sparse.csr_matrix((1, COLUMNS))
    for found in (
        explainer().explain_instance(nothing, CLASSIFIER.predict_proba),
        explainer(exact=True).explain_instance(nothing, CLASSIFIER.predict_proba),
    ):
        assert {weight for _, weight in found.local_exp[1]} == {0.0}
        assert len(found.local_exp[1]) == 10
        said = CLASSIFIER.predict_proba(nothing)[0, 1]
        assert found.intercept[1] == pytest.approx(said, rel=1e-6)


def test_a_base_of_ones_own_is_asked():
    class Loud(LimeBase):
        asked = 0

        def explain_instance_with_data(self, *arguments, **options):
            Loud.asked += 1
            return super().explain_instance_with_data(*arguments, **options)

    own = explainer()
    own.base = Loud(own.base.kernel_fn)
    own.explain_instances(SOME[:2], CLASSIFIER.predict_proba, num_samples=50)
    assert Loud.asked == 2


def test_rows_are_picked():
    pick = SubmodularPick(explainer(), X, CLASSIFIER.predict_proba, "full", num_exps_desired=3)
    assert len(pick.V) == 3
    assert pick.sp_explanations[0].as_list(pick.sp_explanations[0].available_labels()[0])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (X[[0], :5], "`data_row`: expected 30 numbers, got 5"),
        (sparse.csr_array([[np.nan] * COLUMNS]), "`data_row`: expected finite numbers"),
    ],
)
def test_bad_rows_are_named(row, message):
    with pytest.raises(ValueError, match=message):
        explainer().explain_instance(row, CLASSIFIER.predict_proba)
