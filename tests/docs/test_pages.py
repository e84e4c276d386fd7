"""Every Python block of README.md and of the site runs, page by page, and gives what it shows."""

from __future__ import annotations

import doctest
import re
import shlex
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from sybil import Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import PythonCodeBlockParser

from lime_jax.cli.arguments import parse

FOLDER = Path(__file__).parent.parent.parent
PAGES = [FOLDER / "README.md", *sorted((FOLDER / "docs").glob("*.md"))]
# Numbers are shown as far as they are the same everywhere; the rest is an ellipsis.
SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCKS = Sybil(parsers=[PythonCodeBlockParser(doctest_optionflags=SHOWN)])
# Of other libraries, Ray, Spark and shap, which warn of themselves and of each other.
OTHERS = {"scale", "from_shap"}
WORKERS = {
    "PYSPARK_PYTHON": sys.executable,
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TQDM_PATCH_PRINT": "0",
    "JAX_ENABLE_X64": "0",
}


RUN = [page for page in PAGES if "```python" in page.read_text()]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_blocks_run_in_order_and_give_what_they_show(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in WORKERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NPROC", raising=False)
    with warnings.catch_warnings():
        if page.stem in OTHERS:
            warnings.simplefilter("ignore")
        for block in BLOCKS.parse(page).examples():
            block.evaluate()
    plt.close("all")


def test_a_block_that_fails_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\n>>> x + 1\n3\n```\n")
    first, second = BLOCKS.parse(page).examples()
    first.evaluate()
    with pytest.raises(SybilFailure, match=r"Got:\n    2"):
        second.evaluate()


def commands(page):
    """Lines of the command line on a page, those that go on put together."""
    for block in re.findall(r"```(?:bash|sh)\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["lime-jax"] and "--help" not in words:
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_understood(page):
    for words in commands(page):
        parse(words)


def targets():
    """What make knows."""
    text = (FOLDER / "Makefile").read_text()
    return set(re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_make_knows_the_targets_that_are_named(page):
    assert set(re.findall(r"\bmake ([a-z0-9-]+)", page.read_text())) <= targets()


def test_the_readme_fits_on_a_page():
    assert len((FOLDER / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_are_linked_are_there(page):
    made = ("generated/", "api/")  # when the site is built
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and not target.startswith(made):
            assert (page.parent / target).exists(), target
