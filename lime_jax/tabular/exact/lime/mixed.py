"""Exact LIME for trees and columns that are added: coefficients add up before any is selected."""

from __future__ import annotations

from lime_jax.models.structure import MixedSum
from lime_jax.tabular.config import TabularConfig
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.exact.lime.additive import AdditiveForm, AdditiveTables, additive_tables
from lime_jax.tabular.exact.lime.assemble import assemble
from lime_jax.tabular.exact.lime.columns import Setting, columns_of
from lime_jax.tabular.exact.lime.tree_tables import TreeTables, tree_tables
from lime_jax.tabular.exact.lime.trees import TreeForm
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Float, Int, LinearFit, pytree


@pytree
class MixedTables:
    """What depends on the model and the table only, of both parts."""

    trees: TreeTables
    columns: AdditiveTables


def mixed_tables(model: MixedSum, stats: TabularStats, config: TabularConfig) -> MixedTables:
    """Tables for a model and a table."""
    return MixedTables(
        tree_tables(model.trees, stats, config), additive_tables(model.columns, stats)
    )


@pytree
class MixedForm:
    """A sum over trees and columns, explained in closed form; see `ClosedForm`."""

    tables: MixedTables
    setting: Setting

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        return min(part.rows_at_once for part in self._parts)

    @property
    def _parts(self) -> tuple[TreeForm, AdditiveForm]:
        trees = TreeForm(self.tables.trees, self.setting)
        return trees, AdditiveForm(self.tables.columns, self.setting)

    def explain_block(
        self,
        instances: TabularInstance,
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows; see `ClosedForm`."""
        columns = columns_of(instances, self.setting)
        trees, lines = self._parts
        mean, coef = trees.before_selection(instances, columns)
        also_mean, also_coef, _ = lines.before_selection(instances, columns)
        mean, coef = mean + also_mean, coef + also_coef
        return assemble(mean, coef, columns, labels, variance, self.setting)
