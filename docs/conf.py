"""The site: `make docs`. It asks no network; types link to other sites with LINKS=1."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "scripts"))
sys.path.insert(0, str(HERE.parent))

import generated  # noqa: E402

import lime_jax  # noqa: E402

generated.write(HERE)

project = "lime_jax"
author = "The lime_jax developers"
copyright = "The lime_jax developers, Apache-2.0"
version = release = lime_jax.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "scripts", "generated/[!n]*.md", "generated/.*"]
intersphinx_mapping = {}
if os.environ.get("LINKS"):
    intersphinx_mapping = {
        "jax": ("https://docs.jax.dev/en/latest/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "sklearn": ("https://scikit-learn.org/stable/", None),
    }

html_theme = "sphinx_book_theme"
html_title = "lime_jax"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"show_toc_level": 2, "home_page_in_toc": True}
html_show_sourcelink = False

nb_execution_mode = "off"  # outputs of notebooks are committed
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]

default_role = "literal"
autodoc_typehints = "none"  # docstrings say what arguments are, with their shapes
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True


def setup(app):
    """Docstrings are plain text with code in backticks: "|" is a letter in them, not markup."""
    app.connect("autodoc-process-docstring", _escape_bars, priority=400)


def _escape_bars(app, what, name, obj, options, lines):
    for number, line in enumerate(lines):
        parts = line.split("`")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        if not line.lstrip().startswith((">>>", "...")):
            lines[number] = "`".join(parts)
