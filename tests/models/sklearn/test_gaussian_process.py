"""Gaussian processes in JAX: the mean by every kernel; what cancels stays on the host."""

import jax
import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)

from lime_jax.models.opening import as_predict_fn
from tests.models.trees.tree_oracle import agree

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 2)).astype(np.float32).astype(float)
TARGET = np.sin(X[:, 0]) + X[:, 1] + RNG.normal(size=40) / 9

KERNELS = {
    "none said": None,
    "a width for each column": 2.0 * RBF([0.7, 2.0]) + WhiteKernel(0.1),
    "Matern 0.5": Matern(nu=0.5),
    "Matern 1.5": Matern(1.2, nu=1.5),
    "Matern 2.5": Matern([0.8, 1.4], nu=2.5),
    "Matern without end": Matern(nu=np.inf),
    "widths of many sizes": RationalQuadratic(0.9, 0.5) + ConstantKernel(0.3),
    "waves": ExpSineSquared(1.1, 3.0) * RBF(2.0),
    "a line squared": DotProduct(0.7) ** 2 + WhiteKernel(5.0),
}


def fitted(kernel, y=TARGET, **options):
    options = {"alpha": 0.05, "optimizer": None, **options}
    return GaussianProcessRegressor(kernel, **options).fit(X, y)


@pytest.mark.parametrize("name", KERNELS)
def test_the_mean_is_scikit_learn_s(name):
    model = fitted(KERNELS[name], normalize_y=name != "waves")
    ours, rows = as_predict_fn(model), np.concatenate([X[:9], X[:9] * 1.5])
    assert ours.path == "jax", ours.reason
    agree(ours(rows), model.predict(rows))


def test_several_targets():
    model = fitted(RBF(1.0), np.stack([TARGET, TARGET**2], axis=1), normalize_y=True)
    agree(as_predict_fn(model)(X), model.predict(X))


def test_weights_that_cancel_stay_on_the_host():
    ours = as_predict_fn(fitted(RBF(4.0), alpha=1e-10))
    assert ours.path == ("jax" if jax.config.read("jax_enable_x64") else "host")
    assert ours.path == "jax" or "its weights cancel" in ours.reason


def test_others_say_why_they_stay_on_the_host():
    kernel = PairwiseKernel(metric="laplacian")
    assert "laplacian" in as_predict_fn(fitted(kernel)).reason
    classifier = GaussianProcessClassifier().fit(X, TARGET > 0)
    assert "integrals over what it is unsure of" in as_predict_fn(classifier).reason
