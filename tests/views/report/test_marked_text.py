"""A text with marks: everything of it is there once, escaped, and the marks say sign and error."""

import re

from lime_jax.views.report import MarkedPiece, MarkedText
from lime_jax.views.report.marked_text import marked_text

TEXT = "a <b> & c"


def page(*pieces, label="good"):
    return marked_text(MarkedText(TEXT, pieces, label))


def test_the_text_is_whole_and_escaped():
    found = page(MarkedPiece(0, 1, 0.5, 0.0), MarkedPiece(3, 4, -0.25, 0.5), label="<i>")
    shown = found.partition("<figcaption>")[0]
    assert re.sub("<[^>]*>", "", shown) == "a &lt;b&gt; &amp; c"
    assert "<i>" not in found


def test_marks_say_sign_strength_and_error():
    found = page(MarkedPiece(0, 1, 0.5, 0.1), MarkedPiece(3, 4, -0.25, 0.5))
    assert '<mark class="p" style="--s:100%" title="+0.500 ± 0.10">a</mark>' in found
    assert '<mark class="n k0" style="--s:50%" title="\u22120.250 ± 0.50">b</mark>' in found
    assert "under the 1 of 2 places" in found


def test_what_weighs_nothing_has_no_mark():
    found = page(MarkedPiece(0, 1, 0.0, 0.0))
    assert "<mark" not in found
    assert "interval" not in found
    assert "Nothing in this text can be hidden" in page()
