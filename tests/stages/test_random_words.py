"""Words are keyed, shared by nobody, and become uniforms strictly inside (0, 1)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.stages.random_words import (
    block_index,
    block_words,
    replicate_words,
    uniform_from_bits,
)

pytestmark = pytest.mark.precision


def test_uniforms_are_the_same_in_both_precisions_and_never_0_or_1():
    bits = np.array([0, 1, 2**9 - 1, 2**9, 2**31, 2**32 - 1], np.uint32)
    expected = ((bits >> 9).astype(np.float64) + 0.5) / 2**23
    for x64, dtype in ((False, np.float32), (True, np.float64)):
        with jax.enable_x64(x64):
            values = np.asarray(uniform_from_bits(jnp.asarray(bits)))
        assert values.dtype == dtype
        np.testing.assert_array_equal(values.astype(np.float64), expected)
        assert 0 < values.min() < values.max() < 1


def test_words_are_those_of_jax_whatever_the_shape(key):
    block_key = jax.random.fold_in(jax.random.fold_in(key, 2), 3)
    expected = jax.random.bits(block_key, (4, 5), jnp.uint32).T  # column by column
    np.testing.assert_array_equal(block_words(key, 2, 3, 5, 4), expected)
    replicate_key = jax.random.fold_in(key, np.uint32(2**31 + 2))
    expected = jax.random.bits(replicate_key, (5, 4), jnp.uint32)
    np.testing.assert_array_equal(replicate_words(key, 2, (5, 4)), expected)


def test_a_replicate_shares_no_word_with_any_block(key):
    # fold_in(key, i) is split(key)[i]: a careless replicate repeats the words of its blocks.
    shared = [np.asarray(replicate_words(key, replicate, (20,))) for replicate in range(4)]
    blocks = [
        np.asarray(block_words(key, replicate, block, 5, 4)).ravel()
        for replicate in range(4)
        for block in range(3)
    ]
    words = np.concatenate(shared + blocks)
    assert np.unique(words).size == words.size  # 320 of 2**32: by chance one in 84,000


def test_blocks_cut_a_replicate_without_gap_or_overlap():
    points = np.concatenate([block_index(block, 4) for block in range(4)])
    np.testing.assert_array_equal(points, np.arange(16))
