"""One pass, many answers: sweeps of widths, and as many samples as each row needs."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from lime_jax import TabularExplainer, choose_width, jax_predict
from lime_jax.fits.intervals import interval_factor
from tests.house import assert_same

RNG = np.random.default_rng(8)
X = RNG.normal(size=(150, 3))
SLOPES = np.array([3.0, -1.0, 0.2])
WIDTHS = [0.6, 1.3, 5.0]
ROW_NUMBERS = ("coef", "std_error", "intercept", "score", "local_pred", "effective_samples")


def on_host(batch):
    return np.tanh(batch @ SLOPES)


@jax_predict
def on_device(batch):
    return jnp.tanh(batch @ jnp.asarray(SLOPES, batch.dtype))


@pytest.fixture(scope="module")
def explainer():
    return TabularExplainer().fit(X)


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(4, max_depth=3, random_state=0).fit(X, X[:, 0] > X[:, 1])


def same(ours, theirs, names=ROW_NUMBERS):
    assert_same(ours, theirs, names, tolerance=3e-6)


class TestSweep:
    def test_each_width_is_what_it_would_be_alone_for_one_set_of_calls(self, explainer):
        calls = []

        def counted(batch):
            calls.append(len(batch))
            return on_host(batch)

        swept = explainer.sweep(X[:4], counted, WIDTHS, num_samples=256)
        assert sum(calls) == 4 + 256
        assert [each.kernel_width for each in swept] == WIDTHS
        alone = TabularExplainer(kernel_width=1.3).fit(X)
        same(swept[1], alone.explain(X[:4], on_host, num_samples=256))
        assert np.abs(swept[0].coef - swept[2].coef).max() > 0.01

    def test_exact_too(self, explainer, forest):
        swept = explainer.sweep(X[:4], forest, np.array(WIDTHS))
        for width, each in zip(WIDTHS, swept, strict=True):
            alone = TabularExplainer(kernel_width=width).fit(X).explain(X[:4], forest)
            assert (each.method, each.kernel_width) == ("exact", width)
            same(each, alone)

    def test_a_width_is_chosen_by_what_the_fit_never_saw(self, explainer):
        swept = explainer.sweep(X[:4], on_host, WIDTHS, num_samples=256)
        for each in swept:
            assert each.held_out_score.shape == (4, 1)
            assert (each.held_out_score < each.score).all()
        best = max(swept, key=lambda each: each.held_out_score.mean())
        assert choose_width(swept) == best.kernel_width

    def test_a_width_that_leaves_a_handful_of_samples_has_no_score(self, explainer):
        with pytest.warns(UserWarning, match="rest on few samples"):
            swept = explainer.sweep(X[:4], on_host, [0.05, *WIDTHS], num_samples=256)
        few = swept[0].effective_samples < 5
        assert few.any()
        np.testing.assert_array_equal(np.isnan(swept[0].held_out_score[:, 0]), few)
        assert choose_width(swept) == choose_width(swept[1:])

    def test_options_of_explain_are_its_own(self, explainer, forest):
        swept = explainer.sweep(X[:4], forest, [2.0], top_labels=1, num_features=2, score=False)
        assert swept[0].coef.shape == (4, 1, 3)
        assert (~np.isnan(swept[0].std_error)).sum() == 8
        assert len(explainer.sweep(X[:0], forest, WIDTHS)) == 3

    @pytest.mark.parametrize(
        ("widths", "options", "message"),
        [
            ([], {}, r"`kernel_width`: expected at least one width, got none"),
            ([1.0, -2.0], {}, r"`kernel_width`: expected a positive number, got -2"),
            ([1.0, np.nan], {}, r"`kernel_width`: expected a positive number, got nan"),
            ([1.0], dict(samples=3), r"`samples`: expected an option of `explain`"),
            ([1.0], dict(num_samples="auto"), r"`num_samples`: expected a number, all widths"),
            ([1.0], dict(tolerance=0.1), r"`tolerance`: only has a meaning with `num_samples="),
            ([1.0], dict(method="exact"), r"`method`: there is no closed form"),
        ],
        ids=str,
    )
    def test_what_cannot_be_swept_is_refused(self, explainer, widths, options, message):
        with pytest.raises(ValueError, match=message):
            explainer.sweep(X[:4], on_host, widths, **options)


class TestAsManySamplesAsNeeded:
    @pytest.mark.parametrize(
        ("model", "settings"),
        [(on_host, {}), (on_device, {}), (on_device, dict(sample_around_instance=True))],
        ids=["host", "device", "device, around"],
    )
    def test_a_row_has_what_it_needs_alone_and_among_others(self, settings, model):
        explainer = TabularExplainer(**settings).fit(X)
        ask = dict(num_samples="auto", tolerance=0.006)
        all_rows = explainer.explain(X[:12], model, **ask)
        used = all_rows.samples_used
        assert used.min() < used.max() == all_rows.num_samples
        assert set(used) <= {4096 * 2**k for k in range(7)}
        for row in (int(used.argmin()), int(used.argmax())):
            alone = explainer.explain(X[[row]], model, **ask)
            assert alone.samples_used == used[row]
            same(alone, all_rows[[row]])
            half = all_rows.std_error[row, 0] * interval_factor(all_rows.replicates_of(row) - 1)
            order = np.argsort(-np.abs(all_rows.coef[row, 0]))
            gaps = -np.diff(np.abs(all_rows.coef[row, 0])[order])
            clear = (gaps > np.hypot(half[order][:-1], half[order][1:])).all()
            assert clear or (half < 0.006).all()

    def test_a_fixed_run_of_that_size_says_the_same(self, explainer):
        ask = dict(num_samples="auto", tolerance=0.004)
        found = explainer.explain(X[:3], on_host, **ask)
        for row in range(3):
            number = int(found.samples_used[row])
            assert number % 4096 == 0
            if number == 4096:
                fixed = explainer.explain(X[[row]], on_host, num_samples=4096)
                same(found[[row]], fixed)

    def test_a_tolerance_out_of_reach_is_warned_about(self, explainer, monkeypatch):
        monkeypatch.setattr("lime_jax.engine.budget.MEMORY_BUDGET", 2**20)
        rough = TabularExplainer(features=[0, 1, 2], kernel_width=0.4).fit(X)

        def parity(batch):
            return np.floor(7 * batch[:, 0]) % 2

        with pytest.warns(UserWarning, match=r"of 2 rows are not settled after .*wider than 1e-06"):
            found = rough.explain(X[:2], parity, num_samples="auto", tolerance=1e-6)
        assert (found.samples_used == found.num_samples).any()

    def test_where_it_is_exact_nothing_is_drawn(self, explainer, forest):
        found = explainer.explain(X[:3], forest, num_samples="auto", tolerance=0.1)
        assert found.method == "exact"
        assert (found.samples_used == 0).all()

    def test_settled_rows_are_not_warned_about(self, explainer):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = explainer.explain(X[:2], on_host, num_samples="auto", tolerance=1.0)
        assert (found.samples_used == 4096).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (dict(num_samples="many"), r"`num_samples`: .* or 'auto', got 'many'"),
            (dict(tolerance=0.1), r"`tolerance`: only has a meaning with `num_samples='auto'`"),
            (dict(num_samples="auto", tolerance=0.0), r"`tolerance`: expected a positive.*got 0"),
            (dict(num_samples="auto", tolerance=np.nan), r"`tolerance`: .*got nan"),
            (dict(effective_num_samples=0), r"`effective_num_samples`: .*at least 1, got 0"),
        ],
        ids=str,
    )
    def test_what_is_not_a_number_of_samples_is_refused(self, explainer, options, message):
        with pytest.raises(ValueError, match=message):
            explainer.explain(X[:2], on_host, **options)
