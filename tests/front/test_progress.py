"""A bar is shown to somebody who waits and looks; otherwise nothing is written."""

import contextlib
import io
import sys

import pytest

from lime_jax.front import progress
from lime_jax.front.progress import progress_bar

LONG = 10_000


class Terminal(io.StringIO):
    def isatty(self):
        return True


STREAMS = {"terminal": Terminal, "file": io.StringIO}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def written(stream, total, show):
    """What counting `total` rows in two steps writes to standard error."""
    with contextlib.redirect_stderr(STREAMS[stream]()) as stderr:
        with progress_bar(total, show) as tick:
            tick(total // 2)
            tick(total - total // 2)
        return stderr.getvalue()


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("total", [0, 1, LONG])
def test_off_is_silent(stream, total):
    assert written(stream, total, False) == ""


@pytest.mark.parametrize("stream", STREAMS)
def test_short_work_is_silent(stream):
    assert written(stream, 100, None) == ""


@pytest.mark.parametrize("stream", STREAMS)
def test_long_work_shows_on_a_terminal_only(stream):
    assert ("explaining" in written(stream, LONG, None)) is (stream == "terminal")


def test_on_shows_short_work_and_counts_all_rows():
    assert "100/100 rows" in written("terminal", 100, True)


def test_standard_output_stays_clean(capsys):
    written("terminal", LONG, True)
    assert capsys.readouterr().out == ""


def test_without_rich_only_an_explicit_wish_fails(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    assert written("terminal", LONG, None) == ""
    with pytest.raises(ImportError, match=r'pip install "lime_jax\[cli\]"'):
        written("terminal", 10, True)


@pytest.fixture
def clock(monkeypatch):
    """Time that only passes when it is told to."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_now_and_then(clock):
    lines = []
    with (
        contextlib.redirect_stderr(io.StringIO()) as stderr,
        progress_bar(LONG, None, done=4000, lines=True) as tick,
    ):
        for seconds in (10, 10, 3, 27):  # a line at most every 15 seconds
            clock[0] += seconds
            tick(1000)
            lines.append(stderr.getvalue())
    assert lines[0] == ""
    assert lines[2] == lines[1] == ("explaining: 6,000 of 10,000 rows, 100 rows/s, 40 s left\n")
    assert lines[3].endswith("explaining: 8,000 of 10,000 rows, 80 rows/s, 25 s left\n")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (150, "2 min 30 s"), (7260, "2 h 1 min")],
)
def test_time_in_words(seconds, words):
    assert progress._duration(seconds) == words


@pytest.mark.parametrize(("total", "show"), [(LONG, False), (100, None)])
def test_a_log_stays_empty_where_nobody_waits(clock, total, show):
    with (
        contextlib.redirect_stderr(io.StringIO()) as stderr,
        progress_bar(total, show, lines=True) as tick,
    ):
        clock[0] += 100
        tick(total)
    assert stderr.getvalue() == ""


def test_rows_of_an_earlier_run_count_as_done():
    with contextlib.redirect_stderr(Terminal()) as stderr:
        with progress_bar(LONG, None, done=LONG - 1, lines=True) as tick:
            tick(1)
        assert "10,000/10,000 rows" in stderr.getvalue()


def test_an_exception_passes_through_and_ends_the_bar():
    with (
        contextlib.redirect_stderr(Terminal()),
        pytest.raises(KeyError),
        progress_bar(LONG, None),
    ):
        raise KeyError("from the model")
    assert "explaining" in written("terminal", LONG, None)  # the first is not live any more
