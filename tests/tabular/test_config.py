"""A configuration names a domain and a method, and what does not go together is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.fits.independent import IndependentMethod
from lime_jax.fits.linear import LinearMethod
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.learn import fit_tabular

pytestmark = pytest.mark.precision


@pytest.fixture(scope="module")
def stats():
    X = np.random.default_rng(0).normal(size=(50, 4))
    X[:, 3] = X[:, 3] > 0
    return fit_tabular(X, categorical_features=[3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(sampling="kde"), "`sampling`: expected one of bins, normal, around, got 'kde'"),
        (dict(encoding="binary"), "`encoding`: expected one of same_bin, one_hot"),
        (dict(distance_space="raw"), "`distance_space`"),
        (dict(distance="hamming"), "`distance`: expected one of euclidean"),
        (dict(feature_selection="best"), "'best'"),
        (dict(num_features=0), "`num_features`"),
        (dict(kernel_width=0), "`kernel_width`: expected a positive number, got 0"),
        (dict(kernel_width=-1.0), "`kernel_width`"),
        (dict(kernel_width=float("nan")), "`kernel_width`"),
        (dict(alpha=-1), "`alpha`"),
        (dict(features=()), "`features`.*got no columns"),
        (dict(features=(4,)), "`features`: expected names or numbers of the 4 columns, got 4"),
        (
            dict(encoding="one_hot", num_features=2, feature_selection="lasso_path"),
            "`feature_selection`: with one-hot",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(stats, options, message):
    with pytest.raises(ValueError, match=message):
        make_domain(stats, TabularConfig(**options))


@pytest.mark.parametrize(("name", "options"), [("num_samples", 1), ("design", "halton")])
def test_the_design_is_checked_with_the_method(stats, name, options):
    with pytest.raises(ValueError, match=f"`{name}`"):
        make_method(stats, TabularConfig(**{name: options}), shared=True)


@pytest.mark.parametrize(
    ("options", "closed_form"),
    [
        ({}, True),
        (dict(kernel_width=2.0, alpha=0, num_features=2), True),
        (dict(encoding="one_hot"), False),
        (dict(sampling="normal"), False),
        (dict(distance_space="standardized"), False),
        (dict(distance="cosine"), False),
        (dict(kernel=lambda d, width: 1 / (1 + d)), False),
        (dict(features=(0, 1)), False),
    ],
)
def test_the_closed_form_serves_where_the_variables_are_independent(stats, options, closed_form):
    config = TabularConfig(**options)
    method = make_method(stats, config, shared=True)
    assert isinstance(method, IndependentMethod) == closed_form
    assert isinstance(make_method(stats, config, shared=False), LinearMethod)


def test_defaults_are_limes(stats):
    method = make_method(stats, TabularConfig(), shared=False)
    assert method.kernel_width == pytest.approx(0.75 * 2)
    assert (method.alpha, method.distance, method.feature_selection) == (1, "euclidean", "auto")
    assert (method.design.num_samples, method.design.num_replicates) == (4096, 8)


def test_swept_numbers_are_leaves_and_choices_are_structure():
    config = TabularConfig(kernel_width=2.0, alpha=jnp.ones(()))
    assert len(jax.tree.leaves(config)) == 2
    other = TabularConfig(kernel_width=3.0, alpha=jnp.zeros(()))
    assert jax.tree.structure(config) == jax.tree.structure(other)
    narrower = TabularConfig(kernel_width=2.0, alpha=1.0, num_samples=64)
    assert jax.tree.structure(config) != jax.tree.structure(narrower)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [("bins", [False, True, True]), ("normal", [False, True, True])],
)
def test_columns_of_a_few_values_get_iid_uniforms(sampling, expected):
    # Numbers, a 0/1 column that is not declared categorical, and a declared one.
    X = np.random.default_rng(0).normal(size=(200, 3))
    X[:, 1:] = X[:, 1:] > 0
    stats = fit_tabular(X, categorical_features=[2])
    method = make_method(stats, TabularConfig(sampling=sampling), shared=False)
    assert np.asarray(method.design.discrete).tolist() == expected
