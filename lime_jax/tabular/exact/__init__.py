"""LIME without sampling: closed forms for models that are sums over trees or over columns."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.sums import parts_of
from lime_jax.models.structure import Additive, MixedSum, Structure, TreeSum
from lime_jax.placing import placed
from lime_jax.tabular.config import TabularConfig, kernel_width_of, make_domain
from lime_jax.tabular.exact.lime.additive import AdditiveForm, AdditiveTables, additive_tables
from lime_jax.tabular.exact.lime.block_passes import BlockPasses, block_passes_of, sum_blocks
from lime_jax.tabular.exact.lime.columns import Setting
from lime_jax.tabular.exact.lime.mixed import MixedForm, MixedTables, mixed_tables
from lime_jax.tabular.exact.lime.passes import PassForm, PassRows, TreePasses, passes_of, sum_rows
from lime_jax.tabular.exact.lime.tree_tables import TreeTables, tree_tables
from lime_jax.tabular.exact.lime.trees import TreeForm
from lime_jax.tabular.exact.relative_outputs import is_far, relative_outputs
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import ClosedForm

__all__ = [
    "BlockPasses",
    "PassForm",
    "PassRows",
    "Setting",
    "TreePasses",
    "block_passes_of",
    "form_of",
    "is_far",
    "make_closed_form",
    "make_setting",
    "make_tables",
    "passes_of",
    "relative_outputs",
    "sum_blocks",
    "sum_rows",
    "why_not",
]

Tables = AdditiveTables | TreeTables | MixedTables


def why_not(structure: Structure | None, stats: TabularStats, config: TabularConfig) -> str:
    """Why there is no closed form.

    Returns:
        The reason in words; empty if there is a closed form.

    Example:
        >>> from lime_jax.tabular.stats import CategoricalColumn
        >>> stats = TabularStats.from_columns([CategoricalColumn([0, 1], [0.25, 0.75])])
        >>> why_not(None, stats, TabularConfig())
        'the model is not a sum over trees or over columns'
    """
    if structure is None:
        return "the model is not a sum over trees or over columns"
    if config.kernel is not None:
        return "a kernel of your own need not be a product over columns"
    if config.distance != "euclidean":
        return f"the kernel of a {config.distance} distance is not a product over columns"
    if config.encoding == "one_hot":
        return "under one-hot encoding the variables of a column are not independent"
    if config.sampling == "bins" and "standardized" in (config.encoding, config.distance_space):
        return (
            "samples from training bins with standardized distances have no closed form yet; "
            "take `sampling` 'normal' or 'around'"
        )
    rounded = _rounded_column(structure, stats, config)
    if rounded is not None:
        return (
            f"column {rounded} is drawn from whole numbers or few values around a mean, which has "
            "no closed form with these settings; take `sampling` 'bins'"
        )
    if structure.num_features != stats.num_features:
        return f"the model has {structure.num_features} columns, the table {stats.num_features}"
    trees, _ = parts_of(structure)
    if trees is not None and trees.level_sets:
        tested = np.unique(trees.column[trees.level_set >= 0])
        numeric = tested[~np.asarray(stats.categorical)[tested]]
        if len(numeric):
            return (
                f"the model splits column {numeric[0]} by levels, but here it is numeric; "
                "name it in `categorical_features`"
            )
    return ""


def _rounded_column(structure: Structure, stats: TabularStats, config: TabularConfig) -> int | None:
    """A column whose samples are not from a normal law where its form supposes one."""
    if config.sampling == "bins":
        return None
    columns: set[int] = set()
    if not isinstance(structure, TreeSum):
        columns |= {*stats.whole_columns}
    if "standardized" in (config.encoding, config.distance_space):
        columns |= {*stats.whole_columns, *stats.valued_columns}
    if config.features is not None:
        columns &= {*config.features}
    return min(columns, default=None)


def make_tables(structure: Structure, stats: TabularStats, config: TabularConfig) -> Tables:
    """What depends on model, table and sampling only; for the caller to keep.

    Args:
        config: of which the kernel width and the selection do not matter.
    """
    if isinstance(structure, Additive):
        return additive_tables(structure, stats)
    if isinstance(structure, MixedSum):
        return mixed_tables(structure, stats, config)
    return tree_tables(structure, stats, config)


def make_closed_form(
    structure: Structure,
    stats: TabularStats,
    config: TabularConfig,
    effective_num_samples: int | None = None,
    tables: Tables | None = None,
) -> ClosedForm:
    """The closed form for a model and a table.

    Args:
        effective_num_samples: of the finite run whose shrinkage by `alpha` is wanted; None: none.
    """
    reason = why_not(structure, stats, config)
    if reason:
        raise ValueError(f"there is no closed form: {reason}")
    tables = make_tables(structure, stats, config) if tables is None else tables
    return form_of(tables, make_setting(stats, config, effective_num_samples))


def form_of(tables: Tables, setting: Setting) -> ClosedForm:
    """The closed form that has these tables."""
    if isinstance(tables, AdditiveTables):
        return AdditiveForm(tables, setting)
    if isinstance(tables, MixedTables):
        return MixedForm(tables, setting)
    return TreeForm(tables, setting)


def make_setting(
    stats: TabularStats, config: TabularConfig, effective_num_samples: int | None = None
) -> Setting:
    """What explanations in closed form depend on besides model and row; see `make_closed_form`."""
    width, float_ = kernel_width_of(stats, config), jnp.result_type(float)
    # What is said by arrays, or only concerns samples, is no part of the program.
    form = TabularConfig(
        kernel_width=placed(width, float_),
        alpha=placed(config.alpha, float_),
        sampling=config.sampling,
        encoding=config.encoding,
        distance_space=config.distance_space,
        feature_selection=config.feature_selection,
        num_features=config.num_features,
    )
    effective = effective_num_samples
    return Setting(
        stats=jax.tree.map(placed, stats),
        config=form,
        perturbed=make_domain(stats, config).perturbed,
        num_samples=placed(config.num_samples, float_),
        effective_num_samples=None if effective is None else placed(effective, float_),
    )
