"""Shapley values of a table's rows: in closed form, of tables of coalitions, or from samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax import engine
from lime_jax.engine.work import Predictor, RowNumbers
from lime_jax.fits.output_scale import OutputScale
from lime_jax.models.predict import DevicePredict
from lime_jax.models.structure import Additive, MixedSum, TreeSum
from lime_jax.placing import placed
from lime_jax.tabular.call import TableRequest
from lime_jax.tabular.exact.asked import of_asked_outputs
from lime_jax.tabular.exact.relative_outputs import relative_outputs
from lime_jax.tabular.exact.route import Route, route
from lime_jax.tabular.exact.shapley import shapley_form, shapley_tables, shapley_why_not
from lime_jax.tabular.exact.shapley.all_coalitions import AllCoalitionsForm, TreeMargins
from lime_jax.tabular.exact.shapley.coalitions import CoalitionForm, coalition_game
from lime_jax.tabular.exact.shapley.margins import MarginForm, adds_numbers, margin_game
from lime_jax.tabular.exact.shapley.passes import are_few, shapley_passes
from lime_jax.tabular.exact.shapley.relative import make_relative
from lime_jax.tabular.opening.opened import OpenedModel, rounding
from lime_jax.tabular.opening.two_outputs import SecondOutput, mirror_back, mirrored
from lime_jax.tabular.shapley_background import Background, ShapPlan
from lime_jax.typing import ClosedForm, LinearFit, Pytree, replaced

_BLUR = 1e-5
"""Of the spread of a column: as far as the device's precision may move a number."""

_ROWS_OF_MARGINS = 8
"""Sums of all their coalitions and background rows are in memory together."""

_FAINT = 1e3
"""Steps of the device's precision: contributions of less in all are asked of the model itself."""


@dataclasses.dataclass(frozen=True)
class Formula:
    """Explanations without calls of the model.

    Attributes:
        form: of the model relative to where its numbers and outputs lie.
        relative: what the form takes of rows.
        scale: of its outputs; None: they are as they are.
        labels: (rows, labels) outputs to explain, among those that the form has.
        second: the number there of the second of two probabilities.
    """

    form: ClosedForm
    relative: Callable[[np.ndarray], np.ndarray]
    scale: OutputScale | None
    labels: np.ndarray
    second: int = 1


@dataclasses.dataclass(frozen=True)
class ShapTask:
    """Rows to explain, and how."""

    background: Background
    plan: ShapPlan
    request: TableRequest

    @property
    def mirrors(self) -> bool:
        """Whether the values of one output are those of the other with another sign."""
        return self.request.both_add_up and self.plan.link == "identity"

    @cached_property
    def route(self) -> Route:
        """Whether passes over the trees or tables of their boxes are to explain exactly."""
        request, trees = self.request, self.request.model.structure
        rows, sizes = len(request.values), (len(self.background), len(self.background.players))
        if not request.is_exact or not isinstance(trees, TreeSum) or request.options.mesh:
            return Route(0, rows, 0)
        if not are_few(trees.num_leaves, *sizes):
            return Route(0, rows, 0)
        return route(trees, rows, request.model.tables)

    def fit(self) -> LinearFit:
        """Rows together; but those whose numbers or outputs 32 bits blur on the host."""
        request = self.request
        if self.route.one_by_one:
            return self._by_passes()
        formula = self._exact() or self._coalitions()
        if formula is not None:
            return self._by_formula(formula, np.arange(len(request.values)))
        margins = self._margins() or self._tree_margins()
        on_host = self._blurred() if margins is None else ~self._has_sums()
        fits: list[tuple[np.ndarray, LinearFit]] = []
        clear = np.flatnonzero(~on_host)
        if clear.size:
            if margins is None:
                fit = self._sampled(clear, request.model)
            else:
                fit = self._by_formula(margins, clear, _ROWS_OF_MARGINS)
            faint = self._faint(fit, request.labels[clear], margins is not None)
            on_host[clear[faint]] = True
            fits.append((clear[~faint], jax.tree.map(lambda leaf: leaf[~faint], fit)))
        again = np.flatnonzero(on_host)
        if again.size:
            fits.append((again, self._sampled(again, request.model.on_host())))
        back = np.argsort(np.concatenate([which for which, _ in fits]))
        return jax.tree.map(lambda *parts: np.concatenate(parts)[back], *(fit for _, fit in fits))

    def _by_passes(self) -> LinearFit:
        """Exact explanations of few rows, from a pass over the trees for each."""
        request, background, players = self.request, self.background, self.background.players
        tables, trees = request.model.tables, request.model.structure
        assert isinstance(trees, TreeSum)
        if "passes" not in tables:
            none = np.zeros(trees.num_features)
            near, scale = relative_outputs(trees, none, none)
            assert isinstance(near, TreeSum)
            arguments = background.rows, background.weights, players.player_of, len(players)
            tables["passes"] = shapley_passes(near, *arguments), scale
        passes, scale = tables["passes"]
        fit = scale.outward(passes.explain(request.values, request.labels), request.labels)
        if request.tick is not None:
            request.tick(len(request.values))
        return replaced(fit, held_out_score=fit.score)

    def _exact(self) -> Formula | None:
        """The formula for Shapley values, if it is to be taken."""
        tables, structure = self.request.model.tables, self.request.model.structure
        if not self.request.is_exact or structure is None:
            return None
        structure, labels, outputs = of_asked_outputs(structure, self.request.labels)
        assert not isinstance(structure, MixedSum)  # its parts are asked for
        facts = "kernel_shap", jnp.result_type(float), outputs is None
        background = self.background
        if facts not in tables or tables[facts][0] != outputs:
            moved, relative = make_relative(structure, background.rows, background.weights)
            rows, players = relative(background.rows), background.players
            spread = np.nan_to_num(np.nanmax(np.abs(rows), 0, initial=0))
            near, scale = relative_outputs(moved, np.zeros_like(spread), spread)
            assert not isinstance(near, MixedSum)
            groups = (players.player_of, len(players))
            tables[facts] = (
                outputs,
                shapley_tables(near, rows, background.weights, *groups),
                relative,
                scale,
            )
        _, values, relative, scale = tables[facts]
        return Formula(shapley_form(values), relative, scale, labels)

    def _coalitions(self) -> Formula | None:
        """The formula for the outputs of coalitions of a sum of trees, if its tables are small."""
        tables, structure = self.request.model.tables, self.request.model.structure
        background, players, plan = self.background, self.background.players, self.plan
        if not isinstance(structure, TreeSum):
            return None
        categorical = background.categorical
        if shapley_why_not(structure, len(categorical), categorical):
            return None
        method = background.method(plan)
        structure, labels, outputs = of_asked_outputs(structure, self.request.labels)
        assert isinstance(structure, TreeSum)
        slot, asked = ("coalitions", outputs is None), (plan.facts, outputs)
        facts, game, relative, scale = tables.get(slot, (None,) * 4)
        if facts != asked:
            moved, relative = make_relative(structure, background.rows, background.weights)
            if plan.link == "identity":  # of log-odds the outputs themselves are needed
                none = np.zeros(moved.num_features)
                moved, scale = relative_outputs(moved, none, none)
            assert isinstance(moved, TreeSum)
            masks = np.asarray(method.masks).reshape(-1, len(players))
            weighted = relative(background.rows), background.weights
            game = coalition_game(moved, *weighted, players.player_of, masks)
            tables[slot] = asked, game, relative, scale
        if game is None:
            return None
        return Formula(CoalitionForm(game, method), relative, scale, labels)

    def _margins(self) -> Formula | None:
        """The formula for the outputs of coalitions of a function of a sum over columns."""
        tables, linked = self.request.model.tables, self.request.model.linked
        background, players = self.background, self.background.players
        categorical = background.categorical
        if linked is None or not isinstance(linked.structure, Additive):
            return None
        if shapley_why_not(linked.structure, len(categorical), categorical):
            return None
        facts = "margins", jnp.result_type(float), self.mirrors
        if facts not in tables:
            moved, relative = make_relative(linked.structure, background.rows, background.weights)
            assert isinstance(moved, Additive)
            rows, groups = relative(background.rows), (players.player_of, len(players))
            link = DevicePredict(linked.link)
            link = link.then(SecondOutput()) if self.mirrors else link
            game = margin_game(moved, link, rows, background.weights, *groups)
            tables[facts] = game, relative
        game, relative = tables[facts]
        if game is None:
            return None
        form = MarginForm(game, background.method(self.plan))
        return Formula(form, relative, None, self.request.labels, 1 - self.mirrors)

    def _tree_margins(self) -> Formula | None:
        """The formula for the outputs of all coalitions of a function of a sum of trees."""
        tables, linked = self.request.model.tables, self.request.model.linked
        background, plan = self.background, self.plan
        players = len(background.players)
        if plan.design.num_samples != 2**players or not background.lists_all(self.request):
            return None
        assert linked is not None
        assert isinstance(linked.structure, TreeSum)
        float_ = jnp.result_type(float)
        method, facts = background.method(plan), ("all coalitions", float_, self.mirrors)
        if facts not in tables:
            known = background.rows, background.weights, background.players.player_of, players
            margins = TreeMargins(shapley_passes(linked.structure, *known))
            link = DevicePredict(linked.link)
            tables[facts] = margins, link.then(SecondOutput()) if self.mirrors else link
        margins, link = tables[facts]
        made_for, form = tables.get("form of all coalitions", (None, None))
        if made_for != (plan.facts, facts):
            masks = np.asarray(method.masks).reshape(-1, players)
            place = placed(masks @ (1 << np.arange(players)), jnp.int32)
            form = AllCoalitionsForm(method, place, link, placed(background.weights, float_))
            tables["form of all coalitions"] = (plan.facts, facts), form
        return Formula(form, margins, None, self.request.labels, 1 - self.mirrors)

    def _has_sums(self) -> np.ndarray:
        """(rows,) whether the sum that a model is a function of is known of them."""
        linked = self.request.model.linked
        assert linked is not None
        if isinstance(linked.structure, TreeSum):
            return np.ones(len(self.request.values), bool)
        return np.asarray(adds_numbers(linked.structure, self.request.values))

    def _by_formula(
        self, formula: Formula, which: np.ndarray, at_once: int | None = None
    ) -> LinearFit:
        """Some rows, `at_once` of them in memory together."""
        if at_once is not None and len(which) > at_once:
            starts = range(0, len(which), at_once)
            fits = [self._by_formula(formula, which[i : i + at_once]) for i in starts]
            return jax.tree.map(lambda *parts: np.concatenate(parts), *fits)
        request, labels = self.request, self.request.labels[which]
        second_only = not request.is_exact and self.mirrors
        asked = formula.labels[which]
        if second_only:
            asked = np.full((len(labels), 1), formula.second, labels.dtype)
        rows = _rows(formula.relative(request.values[which]), request.ids[which], asked)
        fit = engine.explain_exact(formula.form, rows, None, request.tick, request.options.mesh)
        if formula.scale is not None:
            fit = formula.scale.outward(fit, asked)
        if fit.held_out_score is None:
            fit = replaced(fit, held_out_score=fit.score)
        return mirror_back(fit, labels) if second_only else fit

    def _blurred(self) -> np.ndarray:
        """(rows,) whether 32 bits blur the numbers that a converted model looks at.

        It is asked of each row and the background, so that other rows have no say in it.
        """
        model = self.request.model
        if model.host is None or model.model.rounds_inputs:
            return np.zeros(len(self.request.values), bool)
        values, rows = map(model.looked_at, (self.request.values, self.background.rows))
        low, high = np.fmin.reduce(rows), np.fmax.reduce(rows)
        spread = np.fmax(values, high) - np.fmin(values, low)
        error = np.fmax(rounding(values), np.fmax.reduce(rounding(rows)))
        blurred = ((spread > 0) & (error > _BLUR * spread)) | np.isinf(error)
        return np.asarray(blurred.any(axis=1))

    def _faint(self, fit: LinearFit, labels: np.ndarray, by_formula: bool) -> np.ndarray:
        """(rows,) whether all that a converted model's outputs differ by is rounding."""
        model, coef = self.request.model, np.asarray(fit.coef)
        on_device = model.host is not None and model.on_device
        if not (by_formula or on_device) or self.plan.link != "identity":
            return np.zeros(len(labels), bool)
        base = np.asarray(fit.intercept)
        if self.mirrors:
            base = np.where(labels == 0, 1 - base, base)  # the second was fitted
        spread = np.abs(coef).sum(-1)
        least = _FAINT * float(jnp.finfo(jnp.result_type(float)).eps) * np.abs(base)
        beyond = by_formula & ~np.isfinite(spread)  # what 64 bits hold
        return (((spread > 0) & (spread < least)) | beyond).any(-1)

    def _sampled(self, which: np.ndarray, model: OpenedModel) -> LinearFit:
        """Some rows, by calls of the model for coalitions."""
        request, background, plan = self.request, self.background, self.plan
        values, rows = request.values[which], background.rows
        player_of = background.players.player_of
        if model.on_device and model.model.rows is not None:
            columns, predict = model.model.rows.columns, model.model.rows.predict
            values, rows = columns(values), columns(rows)
            player_of = player_of[columns.raw]
            model = model.view(dataclasses.replace(model.model, predict=predict))
        coalitions = background.coalitions(rows, player_of, plan)

        def run(target: Predictor, labels: np.ndarray, count: int | None) -> LinearFit:
            def inputs_of(samples: Pytree, taken: RowNumbers) -> np.ndarray:
                return coalitions.host_inputs(values[taken], samples)

            work = engine.Work(
                plan.seed,
                coalitions.domain,
                coalitions.method,
                target,
                _rows(values, request.ids[which], labels),
                inputs_of,
                request.options.batch_size,
                request.tick,
                request.options.mesh,
                num_outputs=count,
                # Neither a converted model nor this method calls LAPACK.
                calls_no_lapack=request.model.host is not None,
            )
            return engine.explain(work)

        labels = request.labels[which]
        return mirrored(run, model, labels, self.mirrors, lambda fit, back: back(fit))


def _rows(values: np.ndarray, ids: np.ndarray, labels: np.ndarray) -> engine.Rows:
    return engine.Rows(values.astype(jnp.result_type(float)), ids, labels.astype(np.int32))
