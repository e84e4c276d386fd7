"""A bar is shown to somebody who waits and looks; otherwise nothing is written."""

import io
import sys

import pytest

from lime_jax.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=["a terminal", "a file"])
def stderr(request, monkeypatch):
    stream = Terminal() if request.param == "a terminal" else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def count(total, show):
    with progress_bar(total, show) as tick:
        tick(total // 2)
        tick(total - total // 2)


@pytest.mark.parametrize("total", [0, 1, 10_000])
def test_off_is_silent(stderr, total):
    count(total, False)
    assert stderr.getvalue() == ""


def test_short_work_is_silent(stderr):
    count(100, None)
    assert stderr.getvalue() == ""


def test_long_work_shows_on_a_terminal_only(stderr):
    count(10_000, None)
    assert ("explaining" in stderr.getvalue()) is stderr.isatty()


def test_on_shows_short_work_and_counts_all_rows(stderr):
    if not stderr.isatty():
        pytest.skip("a transient bar leaves no text in a file")
    count(100, True)
    assert "100/100 rows" in stderr.getvalue()


def test_standard_output_stays_clean(capsys):
    count(10_000, True)
    assert capsys.readouterr().out == ""


def test_without_rich_only_an_explicit_wish_fails(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "rich.console", None)
    count(10_000, None)
    assert sys.stderr.getvalue() == ""
    with pytest.raises(ImportError, match=r'pip install "lime_jax\[cli\]"'):
        count(10, True)


def test_an_exception_passes_through_and_ends_the_bar(stderr):
    with pytest.raises(KeyError), progress_bar(10_000, None):
        raise KeyError("from the model")
    count(10_000, None)  # a second bar can start: the first is not live any more
