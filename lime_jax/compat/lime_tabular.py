"""`lime.lime_tabular`: explainers of tables and series, and what `lime` keeps beside them."""

from __future__ import annotations

from lime_jax.compat.discretize import BaseDiscretizer as BaseDiscretizer
from lime_jax.compat.discretize import DecileDiscretizer as DecileDiscretizer
from lime_jax.compat.discretize import EntropyDiscretizer as EntropyDiscretizer
from lime_jax.compat.discretize import QuartileDiscretizer as QuartileDiscretizer
from lime_jax.compat.discretize import StatsDiscretizer as StatsDiscretizer
from lime_jax.compat.recurrent import RecurrentTabularExplainer as RecurrentTabularExplainer
from lime_jax.compat.table_explainer import LimeTabularExplainer as LimeTabularExplainer
from lime_jax.compat.tables import TableDomainMapper as TableDomainMapper
