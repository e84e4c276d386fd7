"""`lime.explanation`: an explanation to look at and to edit, and what maps its numbers to names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lime_jax.compat import pages
from lime_jax.compat.exceptions import LimeError


class DomainMapper:
    """Says what features are called and shows what was explained; each kind of data has its own."""

    def __init__(self) -> None:
        pass

    def map_exp_ids(self, exp: object, **kwargs: object) -> Any:
        """Names in place of numbers of features; here the numbers themselves.

        Args:
            exp: pairs of feature and weight.
            **kwargs: as a kind of data likes.

        Returns:
            Pairs of name and weight.
        """
        return exp

    def visualize_instance_html(
        self,
        exp: object,
        label: object,
        div_name: object,
        exp_object_name: object,
        **kwargs: object,
    ) -> str:
        """What a page shows of what was explained; here nothing.

        Args:
            exp: pairs of feature and weight.
            label: number of the output.
            div_name: not looked at: pages have no scripts.
            exp_object_name: not looked at.
            **kwargs: as a kind of data likes.

        Returns:
            HTML.
        """
        return ""


class Explanation:
    """The explanation of one instance, as `lime` has it: it may be edited before it is shown.

    Args:
        domain_mapper: says what features are called.
        mode: "classification" or "regression".
        class_names: of the outputs.
        random_state: kept; nothing is random here.

    Attributes:
        local_exp: by label, pairs of feature and weight, strongest first. Of a regression label 1
            is the output, and label 0 its opposite.
        intercept: by label.
        score: R² of the label fitted last; `[label]` of each.
        local_pred: (1,) the surrogate's value of the label fitted last; `[label]` of each.
        result: the same as a `lime_jax.Explanation`, with standard errors; None where nothing
            is explained, or a `base` of somebody else's found weights of other things.

    Example:
        >>> explanation = Explanation(DomainMapper(), class_names=["no", "yes"])
        >>> explanation.local_exp[1] = [(3, 0.25)]
        >>> explanation.as_list()
        [(3, 0.25)]
    """

    def __init__(
        self,
        domain_mapper: Any,
        mode: str = "classification",
        class_names: object = None,
        random_state: Any = None,
    ) -> None:
        if mode not in ("classification", "regression"):
            raise LimeError(f"`mode`: expected 'classification' or 'regression', got {mode!r}")
        self.random_state = random_state
        self.mode = mode
        self.domain_mapper = domain_mapper
        self.local_exp: dict[Any, list[Any]] = {}
        self.intercept: dict[Any, Any] = {}
        self.score: Any = None
        self.local_pred: Any = None
        self.result: Any = None
        self.places: dict[int, int] | None = None  # of features in `result`, where they differ
        self.class_names: Any = class_names
        if mode == "classification":
            self.top_labels: Any = None
            self.predict_proba: Any = None
        else:
            self.class_names = ["negative", "positive"]
            self.predicted_value: Any = None
            self.min_value: Any = 0.0
            self.max_value: Any = 1.0
            self.dummy_label = 1

    def available_labels(self) -> list[Any]:
        """Labels that there are explanations of.

        Returns:
            The highest first where `top_labels` were asked for.

        Raises:
            NotImplementedError: of a regression.
        """
        if self.mode != "classification":
            raise NotImplementedError("a regression has no labels; leave `label` out")
        return list(self.top_labels or self.local_exp)

    def as_list(self, label: Any = 1, **kwargs: Any) -> list[tuple[Any, float]]:
        """Names and weights of one label.

        Args:
            label: one of `available_labels`; of a regression it is not looked at.
            **kwargs: of the domain mapper, such as `positions=True` for texts.

        Returns:
            Pairs, strongest first.
        """
        named = self.domain_mapper.map_exp_ids(self._pairs(label), **kwargs)
        return [(pair[0], float(pair[1])) for pair in named]

    def _pairs(self, label: object) -> list[Any]:
        label = label if self.mode == "classification" else self.dummy_label
        if label not in self.local_exp:
            raise KeyError(
                f"`label`: expected one of {list(self.local_exp)}, which were explained, got "
                f"{label!r}; explain it with `labels=` or `top_labels=`"
            )
        return self.local_exp[label]

    def as_map(self) -> dict[Any, list[Any]]:
        """Numbers of features and weights.

        Returns:
            By label; the very lists, which may be edited.
        """
        return self.local_exp

    def as_pyplot_figure(self, label: object = 1, figsize: object = None, **kwargs: object) -> Any:
        """The weights of one label as bars.

        Args:
            label: one of `available_labels`; of a regression it is not looked at.
            figsize: inches; None: as the names need it.
            **kwargs: of the domain mapper.

        Returns:
            A figure that pyplot knows.

        Raises:
            ImportError: if matplotlib is missing.
        """
        return pages.figure(self, label, figsize, kwargs)

    def as_html(
        self,
        labels: object = None,
        predict_proba: bool = True,
        show_predicted_value: bool = True,
        **kwargs: object,
    ) -> str:
        """One static page.

        Args:
            labels: which to show; None: all.
            predict_proba: whether to show what the model says, of a classification.
            show_predicted_value: whether to show it, of a regression.
            **kwargs: of the domain mapper: `show_table`, `show_all`; of texts `text`, `opacity`.

        Returns:
            A complete HTML document, without scripts.
        """
        return pages.page(self, labels, predict_proba, show_predicted_value, kwargs)

    def show_in_notebook(
        self,
        labels: object = None,
        predict_proba: bool = True,
        show_predicted_value: bool = True,
        **kwargs: object,
    ) -> None:
        """Show it in a notebook; arguments are as of `as_html`.

        Raises:
            ImportError: outside a notebook's Python, without IPython.
        """
        from IPython.display import HTML, display

        shown = pages.fragment(self, labels, predict_proba, show_predicted_value, kwargs)
        display(HTML(shown))

    def save_to_file(
        self,
        file_path: Any,
        labels: object = None,
        predict_proba: bool = True,
        show_predicted_value: bool = True,
        **kwargs: object,
    ) -> None:
        """Write its page; arguments are as of `as_html`.

        Args:
            file_path: of the file.
        """
        shown = self.as_html(labels, predict_proba, show_predicted_value, **kwargs)
        Path(file_path).write_text(shown, encoding="utf-8")

    def _repr_html_(self) -> str:
        return pages.fragment(self, None, True, True, {})

    def in_result(self, label: object, feature: object) -> tuple[float, float]:
        """What `result` says of a feature.

        Args:
            label: number of an output.
            feature: its number.

        Returns:
            Weight and standard error; NaN where these are not known.
        """
        unknown = (float("nan"), float("nan"))
        if self.result is None or not isinstance(feature, int):
            return unknown
        arrays, row = self.result.explanations, self.result.row
        numbers = arrays.labels[row].tolist()
        feature = feature if self.places is None else self.places.get(feature, -1)
        number = 0 if self.mode == "regression" else label
        if number not in numbers or not 0 <= feature < arrays.coef.shape[2]:
            return unknown
        place = row, numbers.index(number), feature
        return float(arrays.coef[place]), float(arrays.std_error[place])
