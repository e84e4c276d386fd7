"""KernelSHAP for tables: what `TabularExplainer` does under `algorithm="kernel_shap"`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax import engine
from lime_jax.fits.output_scale import OutputScale
from lime_jax.fits.shapley import LINKS, ShapleyMethod, make_shapley_method
from lime_jax.front.options import ExplainOptions
from lime_jax.models.structure import Additive, Structure, TreeSum
from lime_jax.stages.coalition_units import ShapleyDesign, make_shapley_design
from lime_jax.tabular import frames
from lime_jax.tabular.background import BackgroundDomain, host_inputs
from lime_jax.tabular.background_rows import learn_background
from lime_jax.tabular.exact.relative_outputs import relative_outputs
from lime_jax.tabular.exact.shapley import shapley_form, shapley_tables, shapley_why_not
from lime_jax.tabular.exact.shapley.coalitions import CoalitionForm, coalition_game
from lime_jax.tabular.exact.shapley.relative import Relative, make_relative
from lime_jax.tabular.opening.sample_facts import SampleFacts
from lime_jax.tabular.opening.table_model import TableModel
from lime_jax.tabular.opening.two_outputs import mirror_back, mirrored
from lime_jax.tabular.players import Players, make_players
from lime_jax.tabular.request import Request
from lime_jax.tabular.settings import learn_table
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import ClosedForm, LinearFit, replaced
from lime_jax.warn import warn

_BLUR = 1e-5
"""Of the spread of a column: as far as the device's precision may move a number."""

_FAINT = 1e3
"""Steps of the device's precision: contributions of less in all are asked of the model itself."""

MANY_ROWS = 2000
"""A background of more rows deserves a warning."""


@dataclasses.dataclass(frozen=True)
class ShapPlan:
    """One call's choices.

    Attributes:
        design: how many coalitions there are.
        link: between the mean of the model's outputs and their explanation.
        facts: that the coalitions are a function of.
    """

    design: ShapleyDesign
    link: str
    facts: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Formula:
    """Explanations without calls of the model.

    Attributes:
        form: of the model relative to where its numbers and outputs lie.
        scale: of its outputs; None: they are as they are.
    """

    form: ClosedForm
    relative: Relative
    scale: OutputScale | None


@dataclasses.dataclass
class TabularShap:
    """A background that KernelSHAP has learned.

    Attributes:
        players: columns, or groups of them.
        display: names of the players, as explanations keep them.
        weights: of the rows; they add up to 1.
        methods: the last one, by what it depends on.
    """

    schema: frames.Schema
    players: Players
    background: np.ndarray
    weights: np.ndarray
    methods: dict[Any, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def learn(cls, settings: Mapping[str, Any], X: Any, y: Any, sample_weight: Any) -> TabularShap:
        """Learn a background; see `TabularExplainer.fit`."""
        if y is not None:
            raise ValueError("`y`: KernelSHAP needs no classes; leave it out")
        if isinstance(X, TabularStats):
            raise ValueError("`X`: KernelSHAP needs the rows of its background, not `TabularStats`")
        if frames.num_rows(X) == 0:
            raise ValueError("`X`: expected at least one background row, got none")
        schema = learn_table(settings, X)
        background, weights = learn_background(
            frames.encode(schema, X),
            np.array(schema.categorical),
            sample_weight,
            settings["summarize"],
            settings["seed"],
        )
        players = make_players(schema, settings["groups"], settings["features"])
        learned = cls(schema, players, background, weights)
        learned.plan(settings, ExplainOptions(), [None])
        return learned

    @property
    def samples(self) -> SampleFacts:
        """What is known of the samples: all their numbers are those of rows."""
        return SampleFacts(
            np.isnan(self.background).any(axis=0) & ~np.array(self.schema.categorical)
        )

    def typical_rows(self) -> np.ndarray:
        """A few rows like the samples, encoded."""
        return self.background[:: -(-len(self.background) // 64)]

    def plan(
        self, settings: Mapping[str, Any], options: ExplainOptions, widths: Sequence[float | None]
    ) -> list[ShapPlan]:
        """The choices that settings and options name."""
        if settings["link"] not in LINKS:
            raise ValueError(
                f"`link`: expected one of {', '.join(LINKS)}, got {settings['link']!r}"
            )
        if len(widths) != 1 or widths[0] is not None:
            raise ValueError("`kernel_width`: KernelSHAP's kernel has no width")
        for name in ("num_features", "tolerance", "effective_num_samples"):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"`{name}`: belongs to LIME; KernelSHAP's values are of all features, and add "
                    "up to the prediction (views show as many as you ask for)"
                )
        num_samples: Any = "auto" if options.num_samples is None else options.num_samples
        design = make_shapley_design(len(self.players), num_samples)
        facts = (settings["seed"], num_samples, settings["link"], jnp.result_type(float))
        return [ShapPlan(design, settings["link"], facts)]

    def check_rows(self, plans: Sequence[ShapPlan], values: np.ndarray) -> None:
        """All rows can be explained."""

    def why_not_exact(self, plans: Sequence[ShapPlan], structure: Structure | None) -> str:
        """Why there is no closed form; empty if there is one."""
        categorical = np.array(self.schema.categorical, bool)
        return shapley_why_not(structure, len(categorical), categorical, plans[0].link)

    def explain(self, plans: Sequence[ShapPlan], request: Request) -> list[dict[str, Any]]:
        """Explain rows."""
        [plan] = plans
        design, count = plan.design, len(request.values)
        self._warn_of_work(request)
        if count:
            fit = self._fit(plan, request)
        else:
            fit = LinearFit.of_no_rows(request.labels.shape[1], len(self.players))
        shape, schema = (count, len(self.players)), request.model.schema
        complete = design.num_samples == 2 ** len(self.players)
        facts = dict(
            values=self._player_values(request.values),
            samples_used=np.full(count, 0 if request.is_exact else design.num_samples),
            bins=np.full(shape, -1, np.int32),
            variables=np.ones(shape, np.float32),
            conditions=(),
            names=self.players.feature_names(schema.names),
            link=plan.link,
            kernel_width=float("nan"),
            num_samples=design.num_samples,
            num_replicates=0 if complete or request.is_exact else design.num_groups,
            groups=tuple(
                tuple(self.schema.columns[k] for k in columns) for columns in self.players.columns
            ),
        )
        return [{"fit": fit, **facts}]

    def note_of(self, error: Exception) -> str:
        """Nothing: every value of a sample is a real one."""
        del error
        return ""

    def _warn_of_work(self, request: Request) -> None:
        additive = request.is_exact and isinstance(request.kept.model.structure, Additive)
        if len(self.background) > MANY_ROWS and not additive:
            warn(
                f"the background has {len(self.background):,} rows, and each costs time and "
                "memory; `summarize=200` lets 200 rows stand for them",
            )

    def _player_values(self, values: np.ndarray) -> np.ndarray:
        """(rows, players): a column's own number; NaN for a group, which has several."""
        single = np.array([len(columns) == 1 for columns in self.players.columns])
        first = [columns[0] for columns in self.players.columns]
        return np.where(single, values[:, first], np.nan)

    def _fit(self, plan: ShapPlan, request: Request) -> LinearFit:
        """Rows together; but those whose numbers or outputs 32 bits blur on the host."""
        every = np.arange(len(request.values))
        formula = self._exact(request) or self._coalitions(plan, request)
        if formula is not None:
            return self._by_formula(plan, request, formula, every)
        blurred = self._blurred(request)
        fits: list[tuple[np.ndarray, LinearFit]] = []
        clear = np.flatnonzero(~blurred)
        if clear.size:
            fit = self._run(plan, request, clear, request.model)
            faint = self._faint(plan, request, fit, request.labels[clear])
            blurred[clear[faint]] = True
            fits.append((clear[~faint], jax.tree.map(lambda leaf: leaf[~faint], fit)))
        again = np.flatnonzero(blurred)
        if again.size:
            fits.append((again, self._run(plan, request, again, _on_host(request.model))))
        back = np.argsort(np.concatenate([which for which, _ in fits]))
        return jax.tree.map(lambda *some: np.concatenate(some)[back], *(fit for _, fit in fits))

    def _faint(
        self, plan: ShapPlan, request: Request, fit: LinearFit, labels: np.ndarray
    ) -> np.ndarray:
        """(rows,) whether all that a converted model's outputs differ by is rounding."""
        model = request.model
        if model.model.host is None or not model.on_device or plan.link != "identity":
            return np.zeros(len(labels), bool)
        base = np.asarray(fit.intercept)
        if self._mirrors(plan, request):
            base = np.where(labels == 0, 1 - base, base)  # the second was fitted
        spread = np.abs(np.asarray(fit.coef)).sum(-1)
        least = _FAINT * float(jnp.finfo(jnp.result_type(float)).eps) * np.abs(base)
        return ((spread > 0) & (spread < least)).any(-1)

    def _exact(self, request: Request) -> Formula | None:
        """The formula for Shapley values, if it is to be taken."""
        kept, structure = request.kept.tables, request.kept.model.structure
        if not request.is_exact or structure is None:
            return None
        facts = ("kernel_shap", jnp.result_type(float))
        if facts not in kept:
            moved, relative = make_relative(structure, self.background, self.weights)
            background = relative(self.background)
            spread = np.nan_to_num(np.nanmax(np.abs(background), 0, initial=0))
            near, scale = relative_outputs(moved, np.zeros_like(spread), spread)
            groups = (self.players.player_of, len(self.players))
            tables = shapley_tables(near, background, self.weights, *groups)
            kept[facts] = tables, relative, scale
        tables, relative, scale = kept[facts]
        return Formula(shapley_form(tables), relative, scale)

    def _coalitions(self, plan: ShapPlan, request: Request) -> Formula | None:
        """The formula for the outputs of coalitions of a sum of trees, if its tables are small."""
        kept, structure = request.kept.tables, request.kept.model.structure
        if not isinstance(structure, TreeSum):
            return None
        categorical = np.array(self.schema.categorical, bool)
        if shapley_why_not(structure, len(categorical), categorical):
            return None
        method = self._method(plan)
        facts, game, relative, scale = kept.get("coalitions", (None,) * 4)
        if facts != plan.facts:
            moved, relative = make_relative(structure, self.background, self.weights)
            if plan.link == "identity":  # of log-odds the outputs themselves are needed
                none = np.zeros(moved.num_features)
                moved, scale = relative_outputs(moved, none, none)
            assert isinstance(moved, TreeSum)
            masks = np.asarray(method.masks).reshape(-1, len(self.players))
            background = relative(self.background), self.weights
            game = coalition_game(moved, *background, self.players.player_of, masks)
            kept["coalitions"] = plan.facts, game, relative, scale
        return None if game is None else Formula(CoalitionForm(game, method), relative, scale)

    def _by_formula(
        self, plan: ShapPlan, request: Request, formula: Formula, which: np.ndarray
    ) -> LinearFit:
        values, labels = formula.relative(request.values[which]), request.labels[which]
        second_only = not request.is_exact and self._mirrors(plan, request)
        asked = np.ones((len(labels), 1), labels.dtype) if second_only else labels
        rows = self._rows(values, request.ids[which], asked)
        fit = engine.explain_exact(formula.form, rows, None, request.tick, request.options.mesh)
        if formula.scale is not None:
            fit = formula.scale.outward(fit, asked)
        if fit.held_out_score is None:
            fit = replaced(fit, held_out_score=fit.score)
        return mirror_back(fit, labels) if second_only else fit

    def _blurred(self, request: Request) -> np.ndarray:
        """(rows,) whether 32 bits blur the numbers that a converted model looks at.

        It is asked of each row and the background, so that other rows have no say in it.
        """
        model, values, background = request.model.model, request.values, self.background
        if model.host is None or model.rounds_inputs:
            return np.zeros(len(values), bool)
        if model.rows is not None:
            values, background = map(model.rows.columns.numbers, (values, background))
        low, high = np.fmin.reduce(background), np.fmax.reduce(background)
        spread = np.fmax(values, high) - np.fmin(values, low)
        error = np.fmax(_rounding(values), np.fmax.reduce(_rounding(background)))
        # A number that becomes 0 or infinity may be far from it behind a logarithm.
        lost = np.fmax(_lost(values), np.fmax.reduce(_lost(background)))
        return np.asarray((((spread > 0) & (error > _BLUR * spread)) | lost).any(axis=1))

    def _method(self, plan: ShapPlan) -> ShapleyMethod:
        """The coalitions and their fit, made when they are needed, kept for the next call."""
        if plan.facts not in self.methods:
            seed, num_samples, link, _ = plan.facts
            key, _ = engine.keys_of(seed)
            method = make_shapley_method(key, len(self.players), num_samples, link)
            self.methods = {plan.facts: method}
        return self.methods[plan.facts]

    def _run(
        self, plan: ShapPlan, request: Request, which: np.ndarray, model: TableModel
    ) -> LinearFit:
        method = self._method(plan)

        values, background, player_of = (
            request.values[which],
            self.background,
            self.players.player_of,
        )
        if isinstance(model, TableModel) and model.on_device and model.model.rows is not None:
            columns, predict = model.model.rows.columns, model.model.rows.predict
            values, background = columns(values), columns(background)
            player_of = player_of[columns.raw]
            model = TableModel(dataclasses.replace(model.model, predict=predict), model.schema)
        domain = self._domain(background, player_of)

        def run(target: Any, labels: np.ndarray) -> LinearFit:
            rows = self._rows(values, request.ids[which], labels)

            def inputs_of(samples: Any, taken: Any) -> np.ndarray:
                return host_inputs(values[taken], background, player_of, samples)

            work = engine.Work(
                request.settings["seed"],
                domain,
                method,
                target,
                rows,
                inputs_of,
                request.options.batch_size,
                request.tick,
                request.options.mesh,
                # Neither a converted model nor this method calls LAPACK.
                calls_no_lapack=request.kept.model.host is not None,
            )
            return engine.explain(work)

        add_up = self._mirrors(plan, request)
        return mirrored(run, model, request.labels[which], add_up, lambda fit, back: back(fit))

    @staticmethod
    def _mirrors(plan: ShapPlan, request: Request) -> bool:
        """Whether the values of one output are those of the other with another sign."""
        return request.both_add_up and plan.link == "identity"

    def _domain(self, background: np.ndarray, player_of: np.ndarray) -> BackgroundDomain:
        float_ = jnp.result_type(float)
        return BackgroundDomain(
            jnp.asarray(background, float_),
            jnp.asarray(self.weights, float_),
            jnp.asarray(player_of),
            len(self.players),
        )

    @staticmethod
    def _rows(values: np.ndarray, ids: np.ndarray, labels: np.ndarray) -> engine.Rows:
        return engine.Rows(values.astype(jnp.result_type(float)), ids, labels.astype(np.int32))

    def __getstate__(self) -> dict[str, Any]:
        """Without what is only kept to save time."""
        return {**self.__dict__, "methods": {}}


def _rounding(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.abs(values - values.astype(jnp.result_type(float)))


def _lost(values: np.ndarray) -> np.ndarray:
    """Whether numbers become 0 or infinity in the device's precision."""
    held, size = jnp.finfo(jnp.result_type(float)), np.abs(values)
    return (size > 0) & ((size < float(held.tiny)) | (size > float(held.max)))


def _on_host(model: TableModel) -> TableModel:
    """The same, where a converted model is called as it came."""
    own = model.model
    if own.host is None:
        return model
    return TableModel(dataclasses.replace(own, predict=own.host, host=None), model.schema)
