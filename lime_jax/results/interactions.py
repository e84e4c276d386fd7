"""`InteractionExplanations`: explanations with the interactions of pairs of features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lime_jax.arguments import column_number
from lime_jax.results.explanations import Explanations
from lime_jax.results.kinds import per_row
from lime_jax.typing import Scalar

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class InteractionExplanations(Explanations):
    """Explanations of a table with what pairs of features change together.

    Attributes:
        pair_values: (rows, labels, pairs) what the two features of a pair change together.
        pairs: numbers of the two features of each pair, the lower first; pairs that are left out
            never change anything together, or were not kept (`max_pairs`).

    Example:
        >>> import numpy as np
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> import lime_jax
        >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        >>> model = DecisionTreeRegressor().fit(X, X[:, 0] * X[:, 1])
        >>> explainer = lime_jax.TabularExplainer("kernel_shap", interactions=True).fit(X)
        >>> explanations = explainer.explain(X[3:], model)
        >>> explanations.interaction_values[0, 0].round(3).tolist()
        [[0.25, 0.125], [0.125, 0.25]]
    """

    kind: ClassVar[str] = "interactions"

    pair_values: np.ndarray = per_row("lp", "interaction")
    pairs: tuple[tuple[int, int], ...]

    @property
    def interaction_values(self) -> np.ndarray:
        """(rows, labels, features, features) half of each pair on both sides; adds up to `coef`.

        On the diagonal is what is left of a feature's own weight.
        """
        rows, labels, features = self.coef.shape
        found = np.zeros((rows, labels, features, features), self.coef.dtype)
        first, second = self._ends
        found[..., first, second] = found[..., second, first] = self.pair_values / 2
        every = np.arange(features)
        found[..., every, every] = self.main_effects
        return found

    @property
    def main_effects(self) -> np.ndarray:
        """(rows, labels, features) the weights less half of their features' pairs."""
        main = self.coef.copy()
        for ends in self._ends:
            for pair, feature in enumerate(ends.tolist()):
                main[..., feature] -= self.pair_values[..., pair] / 2
        return main

    @property
    def _ends(self) -> np.ndarray:
        """(2, pairs) the features of all pairs."""
        return np.array(self.pairs, np.int64).reshape(-1, 2).T

    def strongest_pairs(
        self, num_pairs: int | None = 10, label: Scalar = None
    ) -> list[tuple[str, str, float]]:
        """Pairs of features by how much they matter together over the data set.

        Args:
            num_pairs: how many; None: all.
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            Names of both features, and the mean |value| of the pair; strongest first.

        Raises:
            ValueError: if `label` was not explained, or there are no rows.

        Example:
            >>> import numpy as np, lime_jax
            >>> from sklearn.tree import DecisionTreeRegressor
            >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
            >>> model = DecisionTreeRegressor().fit(X, X[:, 0] * X[:, 1])
            >>> explainer = lime_jax.TabularExplainer("kernel_shap", interactions=True).fit(X)
            >>> explainer.explain(X, model).strongest_pairs()
            [('0', '1', 0.25)]
        """
        size = self._sizes(label)
        order = np.argsort(-size, kind="stable")[:num_pairs].tolist()
        names = self.feature_names
        return [(*(names[k] for k in self.pairs[pair]), float(size[pair])) for pair in order]

    def _sizes(self, label: Scalar) -> np.ndarray:
        """(pairs,) mean |value|."""
        if not len(self):
            raise ValueError("`strongest_pairs`: expected rows to average over, got none")
        return np.abs(self._of_label(self.pair_values, label)).mean(0, dtype=np.float64)

    def _of_label(self, values: np.ndarray, label: Scalar) -> np.ndarray:
        rows = np.arange(len(self))
        return values[rows, self.positions(rows, label)]

    def _matrix(self, label: Scalar) -> np.ndarray:
        """(features, features) mean |value|: of pairs, and of main effects on the diagonal."""
        features = self.coef.shape[2]
        size = np.zeros((features, features))
        first, second = self._ends
        size[first, second] = size[second, first] = self._sizes(label)
        main = np.abs(self._of_label(self.main_effects, label)).mean(0, dtype=np.float64)
        size[np.arange(features), np.arange(features)] = main
        return size

    def interaction_figure(self, max_features: int = 10, label: Scalar = None) -> Figure:
        """How much pairs of features matter together, as a picture of squares.

        Args:
            max_features: how many features to show.
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            A matplotlib figure; main effects are on the diagonal.

        Raises:
            ValueError: if `label` was not explained, or there are no rows.

        Example:
            >>> import numpy as np, lime_jax
            >>> from sklearn.tree import DecisionTreeRegressor
            >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
            >>> model = DecisionTreeRegressor().fit(X, X[:, 0] * X[:, 1])
            >>> explainer = lime_jax.TabularExplainer("kernel_shap", interactions=True).fit(X)
            >>> figure = explainer.explain(X, model).interaction_figure()
        """
        from lime_jax.views.plots import interaction_squares

        names = list(self.feature_names)
        return interaction_squares(names, self._matrix(label), max_features=max_features)

    def network_figure(self, max_features: int = 10, label: Scalar = None) -> Figure:
        """How much pairs of features matter together, as lines between points on a circle.

        Args:
            max_features: how many features to show.
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            A matplotlib figure; points are as large as main effects.

        Raises:
            ValueError: if `label` was not explained, or there are no rows.

        Example:
            >>> import numpy as np, lime_jax
            >>> from sklearn.tree import DecisionTreeRegressor
            >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
            >>> model = DecisionTreeRegressor().fit(X, X[:, 0] * X[:, 1])
            >>> explainer = lime_jax.TabularExplainer("kernel_shap", interactions=True).fit(X)
            >>> figure = explainer.explain(X, model).network_figure()
        """
        from lime_jax.views.plots import interaction_network

        names = list(self.feature_names)
        return interaction_network(names, self._matrix(label), max_features=max_features)

    def dependence_figure(
        self, feature: int | str, partner: int | str | None = None, label: Scalar = None
    ) -> Figure:
        """A feature's weights over its values, colored by the values of a partner.

        Args:
            feature: its name or number.
            partner: of which the colors are; None: the one that it matters most together with.
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            A matplotlib figure: the weights on the left, and on the right what of them the two
            features change together.

        Raises:
            ValueError: if there is no such feature, `label` was not explained, or there are no
                rows.

        Example:
            >>> import numpy as np, lime_jax
            >>> from sklearn.tree import DecisionTreeRegressor
            >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
            >>> model = DecisionTreeRegressor().fit(X, X[:, 0] * X[:, 1])
            >>> explainer = lime_jax.TabularExplainer("kernel_shap", interactions=True).fit(X)
            >>> figure = explainer.explain(X, model).dependence_figure("0")
        """
        from lime_jax.views.plots import dependence_by_partner

        names = self.feature_names
        number = column_number(names, feature, "feature")
        size = self._matrix(label)[number].copy()
        size[number] = -1
        strongest = int(size.argmax())
        other = strongest if partner is None else column_number(names, partner, "partner")
        if other == number:
            raise ValueError("`partner`: expected another feature than `feature`")
        place = {frozenset(pair): k for k, pair in enumerate(self.pairs)}.get(
            frozenset((number, other))
        )
        weights = self._of_label(self.coef, label)[:, number]
        shared = np.zeros_like(weights)
        if place is not None:
            shared = self._of_label(self.pair_values, label)[:, place] / 2
        return dependence_by_partner(
            (names[number], names[other]), self.values[:, [number, other]], weights, shared
        )
