"""Optional libraries: the module where it is there, else an error that says how to get it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lime_jax.optional import is_installed, require


def test_a_library_that_is_there_is_handed_over():
    assert require("numpy.linalg", extra="cli") is np.linalg
    assert is_installed("numpy")


@pytest.mark.parametrize("module", ["skimage", "skimage.transform"])
def test_a_missing_library_is_named_as_pip_knows_it(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert not is_installed("skimage")
    told = r'^a photo needs scikit-image: pip install "lime_jax\[image\]", or none$'
    with pytest.raises(ImportError, match=told):
        require(module, extra="image", needed_by="a photo", alternative=", or none")


def test_a_library_that_was_never_there_is_not_installed():
    assert not is_installed("a_library_of_nobody")
