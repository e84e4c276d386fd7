"""`TextExplanations`: the explanations of a batch of texts."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from lime_jax.results.explanation import Explanation
from lime_jax.results.explanations import Explanations
from lime_jax.results.names import counts_of_rows
from lime_jax.results.row_index import column_names, level_columns
from lime_jax.text.arrays import TextArrays
from lime_jax.text.explanation import TextExplanation
from lime_jax.text.shap_texts import shap_texts
from lime_jax.typing import Scalar

_COLUMNS = ("label", "feature", "start", "end", "weight", "std_error", "times")


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TextExplanations(TextArrays, Explanations):
    """The explanations of a batch of texts; the features are each text's own words.

    As `Explanations`, where `values` say how often each word is there, and `std_error` is NaN for
    a word that a text does not have.

    Attributes:
        documents: the texts; "" where there was none.
        spans: for each text an Int32 array (3, pieces): where each piece starts and ends, and
            which word (or other player) it is.
        problems: why a text has no explanation; "" where it has one.
        read: Int64 array (rows,): how many characters of each text the model reads.

    Raises:
        ValueError: if these are not of as many texts.

    Example:
        >>> import lime_jax
        >>> explainer = lime_jax.TextExplainer()
        >>> good = lambda texts: [float("good" in text) for text in texts]
        >>> explanations = explainer.explain(["good day", "bad day"], good)
        >>> explanations[0].as_list()[0][0]
        'good'
    """

    kind: ClassVar[str] = "text"
    row_class: ClassVar[type[Explanation]] = TextExplanation

    def _how_many_features(self) -> str:
        return counts_of_rows(self.present, "words")

    def to_dict(self) -> dict[str, np.ndarray]:
        """The weights as the columns of a tidy table, with no library but NumPy.

        Returns:
            row_id, label, feature (the word), start and end of its first place, weight, std_error
            and times; one entry per text, label and selected word.

        Example:
            >>> table = text_explanations.to_dict()
            >>> table["feature"].tolist(), table["start"].tolist()
            (['good', 'and', 'bad', 'bad', 'day'], [0, 5, 9, 0, 4])
        """
        rows, label, features = np.nonzero(self.listed)
        names = column_names(self.row_names, _COLUMNS)
        levels = level_columns(self.row_ids, self.row_names)
        words = [np.array(of_text, object) for of_text in self.words]
        places = [self.first_places(row) for row in range(len(self))]
        pairs = list(zip(rows.tolist(), features.tolist(), strict=True))
        first = np.array([places[row][k] for row, k in pairs], np.int64).reshape(-1, 2)
        return {
            **{name: level[rows] for name, level in zip(names, levels, strict=True)},
            "label": np.array(self.output_names, object)[self.labels[rows, label]],
            "feature": np.array([words[row][k] for row, k in pairs], object),
            "start": first[:, 0],
            "end": first[:, 1],
            "weight": self.coef[rows, label, features],
            "std_error": self.std_error[rows, label, features],
            "times": self.values[rows, features].astype(np.int64),
        }

    def to_shap(self, label: Scalar = None) -> Any:
        """The weights as a `shap.Explanation` of tokens, as shap's plots of texts take it.

        Args:
            label: class, name or number of an output; None: of each text the predicted one.

        Returns:
            For each text its tokens, with the space after them, and their values: the weight of a
            word is shared by its places. They add up from the intercept to `local_pred`.

        Raises:
            ImportError: if shap is missing.
            ValueError: if `label` was not explained.

        Example:
            >>> text_explanations.to_shap().data[0].tolist()
            ['good ', 'and ', 'bad']
        """
        return shap_texts(self, range(len(self)), label)
