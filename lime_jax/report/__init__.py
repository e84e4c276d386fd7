"""Static HTML from names and numbers: one row, a fragment for notebooks, a data set."""

from __future__ import annotations

from lime_jax.report.page import dataset_page as dataset_page
from lime_jax.report.page import row_fragment as row_fragment
from lime_jax.report.page import row_page as row_page
from lime_jax.report.row import RowReport as RowReport

__all__ = ["RowReport", "dataset_page", "row_fragment", "row_page"]
