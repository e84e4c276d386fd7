"""Static HTML from names and numbers: of one row, image or text, for notebooks, of many."""

from __future__ import annotations

from lime_jax.views.report.chart import text_table as text_table
from lime_jax.views.report.images import Outline as Outline
from lime_jax.views.report.images import Picture as Picture
from lime_jax.views.report.images import figure_picture as figure_picture
from lime_jax.views.report.images import superpixel_pictures as superpixel_pictures
from lime_jax.views.report.marked_text import MarkedPiece as MarkedPiece
from lime_jax.views.report.marked_text import MarkedText as MarkedText
from lime_jax.views.report.marked_text import marked_text as marked_text
from lime_jax.views.report.page import dataset_page as dataset_page
from lime_jax.views.report.page import outputs_fragment as outputs_fragment
from lime_jax.views.report.page import outputs_page as outputs_page
from lime_jax.views.report.page import row_fragment as row_fragment
from lime_jax.views.report.page import row_page as row_page
from lime_jax.views.report.row import OutputsReport as OutputsReport
from lime_jax.views.report.row import OutputWeights as OutputWeights
from lime_jax.views.report.row import RowReport as RowReport
