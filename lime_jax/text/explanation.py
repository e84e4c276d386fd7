"""`TextExplanation`: one text of `TextExplanations`, with the methods of `lime`'s and views."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from lime_jax.results.explanation import Explanation
from lime_jax.text.arrays import TextArrays
from lime_jax.text.shap_texts import shap_text
from lime_jax.typing import Scalar
from lime_jax.views.report import MarkedPiece, MarkedText, RowReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 90  # characters of a sentence in a table


class TextSpan(NamedTuple):
    """A piece of a text and the weight of its word.

    Attributes:
        start: of the piece in the text.
        end: of the piece in the text.
        word: the piece itself.
        weight: of the word, in units of the output; 0 where it is not selected.
        std_error: of the weight; 0 where all masks were asked, NaN where not selected.
    """

    start: int
    end: int
    word: str
    weight: float
    std_error: float


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TextExplanation(Explanation):
    """The explanation of one text, with the methods of `lime`'s.

    Example:
        >>> text_explanation = text_explanations[0]
        >>> text_explanation.row_name, text_explanation.text
        ('text 0', 'good and bad')
    """

    explanations: TextArrays

    @property
    def text(self) -> str:
        """The text."""
        return self.explanations.documents[self.row]

    @property
    def problem(self) -> str:
        """Why there is no explanation; "" where there is one."""
        return self.explanations.problems[self.row]

    @property
    def unread(self) -> str:
        """The end of a text that is longer than the model reads; "" where it reads all."""
        return self.text[int(self.explanations.read[self.row]) :]

    @property
    def method(self) -> str:
        """How this text was explained: "exact" where all masks were asked, else "sampled"."""
        return "exact" if self.explanations.asked_all(self.row) else "sampled"

    def spans(self, label: Scalar = None) -> list[TextSpan]:
        """Every piece of the text with its weight, in the order of the text.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Places in the text, words, weights and standard errors.

        Example:
            >>> [(span.start, span.end, span.word) for span in text_explanation.spans()]
            [(0, 4, 'good'), (5, 8, 'and'), (9, 12, 'bad')]
        """
        position = self.explanations.position(self.row, label)
        weights = self.explanations.coef[self.row, position]
        errors = self.explanations.std_error[self.row, position]
        return [
            TextSpan(start, end, self.text[start:end], float(weights[k]), float(errors[k]))
            for start, end, k in self.explanations.spans[self.row].T.tolist()
        ]

    def heatmap(self, label: Scalar = None) -> Float[np.ndarray, " characters"]:
        """The weight of each character's word.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            (characters,) in units of the output; 0 between words and where not selected.

        Example:
            >>> text_explanation.heatmap().shape
            (12,)
        """
        weights = np.zeros(len(self.text))
        for span in self.spans(label):
            weights[span.start : span.end] = span.weight
        return weights

    def report(self, num_features: int | None = 10, label: Scalar = None) -> RowReport:
        """What a page says about this text.

        Args:
            num_features: how many words to show; None: all.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Names and numbers.

        Example:
            >>> text_explanation.report(num_features=1).conditions
            ['good']
        """
        report = super().report(num_features, label)
        return dataclasses.replace(report, conditions=[_short(one) for one in report.conditions])

    def pictures(self, num_features: int | None = 10, label: Scalar = None) -> list[Any]:
        """The text, each word shaded by its weight.

        Args:
            num_features: not looked at: all words are shaded.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            What the page shows above the weights.

        Example:
            >>> len(text_explanation.pictures())
            1
        """
        del num_features
        if self.problem:
            return []
        half_widths = self._half_widths(self.explanations.position(self.row, label))
        numbers = self.explanations.spans[self.row][2].tolist()
        pieces = [
            MarkedPiece(span.start, span.end, span.weight, float(half_widths[k]))
            for span, k in zip(self.spans(label), numbers, strict=True)
            if not np.isnan(span.std_error)
        ]
        return [MarkedText(self.text, pieces, self.label_name(label))]

    def plot(self, label: Scalar = None, num_features: int | None = 10, ax: Any = None) -> Figure:
        """The weights of the strongest words as bars with 95 % intervals.

        Args:
            label: class, name or number of an output; None: the predicted class.
            num_features: how many words to show; None: all.
            ax: matplotlib axes to draw into; None: a figure of its own.

        Returns:
            A matplotlib figure.

        Example:
            >>> text_explanation.plot().savefig(folder / "text.png")
        """
        return self.as_pyplot_figure(num_features, label, ax)

    def to_shap(self, label: Scalar = None) -> Any:
        """This text as a `shap.Explanation`, as `shap.plots.text` takes it.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Tokens with the space after them, and their values: the weight of a word is shared by
            its places.

        Raises:
            ImportError: if shap is missing.

        Example:
            >>> text_explanation.to_shap().data.tolist()
            ['good ', 'and ', 'bad']
        """
        return shap_text(self.explanations, self.row, label)

    def _notes(self) -> tuple[str, ...]:
        if self.problem:
            return (f"There is no explanation: {self.problem.replace('`', '')}.",)
        return (*self._note_of_unread(), *self._note_of_errors())

    def _note_of_unread(self) -> tuple[str, ...]:
        unread = self.unread
        if not unread:
            return ()
        return (
            f"The model has not read the last {len(unread):,} characters, from "
            f"\u201c{_short(unread)}\u201d on: the text is longer than it reads.",
        )

    def _note_of_errors(self) -> tuple[str, ...]:
        players = int(self.explanations.present[self.row].sum())
        if not players:
            return ("There is no word in this text that could be hidden.",)
        if not self.explanations.samples_used[self.row]:
            return ()
        if self.method == "exact":
            masked = f"All {2**players:,} texts with some of its {players} parts hidden were asked."
            return (masked,)
        return self.explanations.notes_of_errors(self.row, "words")


def _short(text: str) -> str:
    """A text that fits a table."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
