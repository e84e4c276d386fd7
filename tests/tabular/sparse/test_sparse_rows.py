"""Sparse rows: their non-zeros are shown and hidden, and the model gets csr rows."""

import itertools
import math

import numpy as np
import pyarrow.parquet
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

import lime_jax
from lime_jax import TabularExplainer
from lime_jax.results.arrow import explanations_of, rows_table

COLUMNS = 400
NAMES = [f"c{k}" for k in range(COLUMNS)]


def matrix(rows=40, density=0.04, seed=0):
    counts = sparse.random_array((rows, COLUMNS), density=density, rng=seed, format="csr")
    counts.data = np.ceil(4 * counts.data)
    return counts


X = matrix()
Y = (np.asarray(X[:, :200].sum(1)) > np.asarray(X[:, 200:].sum(1))).astype(int)


def fitted(*steps):
    return make_pipeline(*steps).fit(X, Y)


def masked(row, masks):
    """A csr row under masks of its non-zeros, without the package."""
    dense = np.zeros((len(masks), COLUMNS))
    dense[:, row.indices] = np.where(masks, row.data, 0)
    return dense


def shapley(row, model, background):
    """Shapley values by their definition: all coalitions, hidden numbers of each background row."""
    players = len(row.indices)
    masks = np.array(list(itertools.product([False, True], repeat=players)))
    worth = 0.0
    for other in background.toarray():
        dense = np.zeros((len(masks), COLUMNS))
        dense[:, row.indices] = np.where(masks, row.data, other[row.indices])
        worth = worth + model(sparse.csr_array(dense)) / background.shape[0]
    by_mask = dict(zip(map(tuple, masks.tolist()), worth, strict=True))
    values = np.zeros(players)
    for mask, player in itertools.product(by_mask, range(players)):
        if mask[player]:
            continue
        kept = sum(mask)
        share = math.factorial(kept) * math.factorial(players - kept - 1) / math.factorial(players)
        joined = tuple(value or k == player for k, value in enumerate(mask))
        values[player] += share * (by_mask[joined] - by_mask[mask])
    return values


class TestLime:
    def test_margins_are_explained_without_samples(self):
        model = LogisticRegression().fit(X, Y)
        found = TabularExplainer(feature_names=NAMES).fit(X).explain(X, model.decision_function)
        assert (found.method, found.num_samples) == ("exact", 0)
        np.testing.assert_allclose(found.to_csr().toarray(), X.toarray() * model.coef_, atol=1e-6)
        np.testing.assert_allclose(found.intercept[:, 0], model.intercept_[0], atol=1e-6)
        names = [NAMES[k] for k in X[[3]].indices]
        assert {name for name, _ in found[3].as_list()} <= set(names)

    @pytest.mark.parametrize(
        ("steps", "way"),
        [
            ((LogisticRegression(C=10),), "sparse rows in JAX"),
            ((TfidfTransformer(sublinear_tf=True), LogisticRegression(C=10)), "sparse rows in JAX"),
            ((MultinomialNB(),), "sparse rows in JAX"),
            ((RandomForestClassifier(5, random_state=0),), "sparse rows on the host"),
        ],
    )
    def test_every_way_says_what_a_function_of_csr_rows_says(self, steps, way):
        model, explainer = fitted(*steps), TabularExplainer().fit(X)
        rows = X[np.flatnonzero(np.diff(X.indptr) > 12)[:2]]
        ours = explainer.explain(rows, model.predict_proba, num_samples=256)
        theirs = explainer.explain(rows, lambda asked: model.predict_proba(asked), num_samples=256)
        assert f"2 by {way}" in ours.model_path
        assert "2 by sparse rows on the host" in theirs.model_path
        for name in ("coef", "std_error", "intercept", "local_pred", "prediction"):
            one, other = getattr(ours, name), getattr(theirs, name)
            np.testing.assert_allclose(one, other, atol=3e-5, err_msg=name)

    def test_all_masks_of_few_non_zeros_against_weighted_least_squares(self):
        model = LogisticRegression(C=10).fit(X, Y)
        row = X[[int(np.argmin(np.abs(np.diff(X.indptr) - 8)))]]
        players = row.nnz
        found = TabularExplainer().fit(X).explain(row, model)
        masks = np.array(list(itertools.product([0, 1], repeat=players)))
        kept = masks.sum(1)
        law = np.where(kept == players, 1 / 5000, (1 - 1 / 5000) / players)
        choose = np.array([math.comb(players, int(k)) for k in kept])
        away = np.sqrt(players - kept) / np.sqrt(players)
        weights = law / choose * np.exp(-0.5 * (away / 0.75) ** 2)
        y = model.predict_proba(masked(row, masks.astype(bool)))[:, 1]
        design = np.column_stack([np.ones(len(masks)), masks]) * np.sqrt(weights)[:, None]
        solved = np.linalg.lstsq(design, y * np.sqrt(weights), rcond=None)[0]
        assert found[0].method == "exact"
        np.testing.assert_allclose(found.coef[0, 1], solved[1:], atol=1e-6)
        np.testing.assert_allclose(found.std_error[0], 0)

    @pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_array", "coo_matrix"])
    def test_every_form_gives_the_same_and_models_get_the_class_that_was_handed_over(self, kind):
        rows, seen = getattr(sparse, kind)(X[:3]), []

        def model(asked):
            seen.append(type(asked))
            return np.asarray(asked.sum(1)).reshape(-1)

        found = TabularExplainer().fit(rows).explain(rows, model)
        usual = TabularExplainer().fit(X).explain(X[:3], model)
        assert seen[0] is (sparse.csr_matrix if kind.endswith("matrix") else sparse.csr_array)
        np.testing.assert_array_equal(found.coef, usual.coef)

    def test_a_row_of_zeros_has_no_weights(self):
        rows = sparse.csr_array((2, COLUMNS))
        found = TabularExplainer().fit(X).explain(rows, lambda asked: asked.sum(1) + 3.0)
        assert found.coef.shape == (2, 1, 0)
        np.testing.assert_allclose(found.intercept, 3)

    def test_rows_do_not_depend_on_each_other(self):
        model = LogisticRegression(C=10).fit(X, Y)
        explainer = TabularExplainer().fit(X)
        many, one = (explainer.explain(rows, model, num_samples=256) for rows in (X, X[[7]]))
        np.testing.assert_allclose(many.to_csr()[[7]].toarray(), one.to_csr().toarray(), atol=1e-5)


class TestKernelShap:
    @pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
    def test_values_against_a_sparse_background(self, method):
        model = LogisticRegression(C=10).fit(X, Y)
        background, row = matrix(6, 0.3, seed=5), matrix(1, 0.02, seed=1)
        asked = getattr(model, method)
        found = TabularExplainer("kernel_shap").fit(background).explain(row, asked)
        column = (lambda rows: asked(rows)[:, 1]) if method == "predict_proba" else asked
        np.testing.assert_allclose(found.coef[0, -1], shapley(row, column, background), atol=1e-6)
        np.testing.assert_allclose(
            found.intercept + found.coef.sum(2), asked(row).reshape(1, -1), atol=1e-6
        )

    def test_without_a_background_hidden_is_zero(self):
        model, row = LogisticRegression(C=10).fit(X, Y), matrix(1, 0.02, seed=1)
        nothing = sparse.csr_array((1, COLUMNS))
        found = TabularExplainer("kernel_shap").fit(nothing).explain(row, model)
        expected = shapley(row, lambda rows: model.predict_proba(rows)[:, 1], nothing)
        np.testing.assert_allclose(found.coef[0, 1], expected, atol=1e-6)


@pytest.fixture(scope="module")
def found():
    model = Ridge().fit(X, Y)
    return TabularExplainer(feature_names=NAMES).fit(X).explain(X[:5], model)


class TestResults:
    def test_tables_name_the_columns(self, found):
        table = found.to_pandas()
        rows, columns = X[:5].nonzero()
        assert table.feature.tolist() == [NAMES[k] for k in columns]
        assert table.row_id.tolist() == rows.tolist()
        assert found.to_arrow()["feature"].to_pylist() == table.feature.tolist()
        assert table.value[0] == f"{X[:5].data[0]:.0f}"

    def test_files_and_tables_are_read_back(self, found, tmp_path):
        found.save(tmp_path / "rows.npz")
        pyarrow.parquet.write_table(rows_table(found), tmp_path / "rows.parquet")
        for back in (
            lime_jax.load(tmp_path / "rows.npz"),
            explanations_of(pyarrow.parquet.read_table(tmp_path / "rows.parquet")),
            lime_jax.concatenate([found[:2], found[2:]]),
        ):
            assert type(back) is type(found)
            assert back.column_names == tuple(NAMES)
            np.testing.assert_array_equal(back.columns, found.columns)
            np.testing.assert_array_equal(back.coef, found.coef)

    def test_pages_and_figures(self, found):
        name = NAMES[found.columns[0, 0]]
        assert name in found[0].as_html(num_features=None)
        assert found[0].as_pyplot_figure() is not None
        assert "of 400 columns" in repr(found)
        assert len(TabularExplainer().rows(X)) == 40
        assert TabularExplainer().rows(X)[2:5].shape == (3, COLUMNS)


class TestTheDoor:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"discretizer": "decile"}, "`discretizer`: is no setting for sparse rows"),
            ({"feature_names": ["a"]}, "`feature_names`: expected 400 names, got 1"),
            ({"kernel_width": -1.0}, "`kernel_width`: expected a number between 0"),
        ],
    )
    def test_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            TabularExplainer(**settings).fit(X)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (X[:, :5], "`X`: expected 400 columns as in `fit`, got 5"),
            (sparse.csr_array([[np.nan] + [0.0] * 399]), "finite numbers"),
            (X[:0], "expected some rows"),
            (sparse.csr_array(np.ones((1, COLUMNS)) * 1j), "got a sparse matrix of complex"),
        ],
    )
    def test_rows(self, rows, message):
        with pytest.raises(ValueError, match=message):
            TabularExplainer().fit(X).explain(rows, lambda asked: asked.sum(1))

    def test_options_of_tables_are_refused(self):
        with pytest.raises(ValueError, match="`tolerance`: is no option for sparse rows"):
            TabularExplainer().fit(X).explain(X, len, num_samples="auto", tolerance=0.1)
        with pytest.raises(ValueError, match="under one width"):
            TabularExplainer().fit(X).sweep(X, len, [0.5, 1.0])
        with pytest.raises(ValueError, match="takes arrays"):
            TabularExplainer().fit(X).explain(X, lime_jax.jax_predict(lambda batch: batch[:, 0]))
