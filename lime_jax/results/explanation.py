"""`Explanation`: one row of `Explanations`, with the methods of `lime`'s."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.fits.intervals import interval_half_widths
from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.row_figures import waterfall_of
from lime_jax.results.row_index import name_text
from lime_jax.results.shap_values import shap_row
from lime_jax.typing import Scalar, Support
from lime_jax.views.report import Picture, RowReport, row_fragment, row_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """The explanation of one row, with the methods of `lime`'s.

    Attributes:
        explanations: that it is part of.
        row: its number there.

    Example:
        >>> explanation = explanations[0]
        >>> explanation.row_name
        'row 0'
    """

    explanations: ExplanationArrays
    row: int

    def __repr__(self) -> str:
        """The strongest conditions."""
        lines = [f"{weight:+.4f}  {condition}" for condition, weight in self.as_list(5)]
        return "\n".join([f"Explanation of {self.row_name}, {self.label_name()}:", *lines])

    @property
    def row_id(self) -> Scalar:
        """What the row is called: its id, its place in a frame's index, or its number."""
        return self.explanations.row_ids[self.row]

    @property
    def row_name(self) -> str:
        """What views call the row, such as "row 7"."""
        return f"{self.explanations.subject} {name_text(self.row_id)}"

    @property
    def method(self) -> str:
        """How this row was explained: "exact" or "sampled"."""
        return "sampled" if self.explanations.samples_used[self.row] else self.explanations.method

    @property
    def intercept(self) -> dict[Any, float]:
        """Of the surrogate, by label."""
        return self._by_label(self.explanations.intercept)

    @property
    def score(self) -> dict[Any, float]:
        """Weighted R² of the surrogate, by label."""
        return self._by_label(self.explanations.score)

    @property
    def local_pred(self) -> dict[Any, float]:
        """The surrogate's value at the row, by label."""
        return self._by_label(self.explanations.local_pred)

    @property
    def predict_proba(self) -> np.ndarray:
        """(outputs,) the model's own prediction."""
        return self.explanations.prediction[self.row]

    @property
    def predicted_value(self) -> float:
        """The model's own prediction, of a regression with one output."""
        return float(self.explanations.prediction[self.row, 0])

    def _by_label(self, numbers: np.ndarray) -> dict[Any, float]:
        return dict(zip(self.available_labels(), map(float, numbers[self.row]), strict=True))

    def available_labels(self) -> list[Any]:
        """Outputs that this row has an explanation of.

        Returns:
            Their classes, or their numbers where the model has no classes.

        Example:
            >>> explanation.available_labels()
            [0]
        """
        outputs = self.explanations.outputs
        return [outputs.label(number) for number in self.explanations.labels[self.row]]

    def label_name(self, label: Scalar = None) -> str:
        """Name of an output.

        Args:
            label: its class, name or number; None: the predicted class.

        Returns:
            The name.

        Example:
            >>> explanation.label_name()
            'prediction'
        """
        position = self.explanations.position(self.row, label)
        return self.explanations.output_names[self.explanations.labels[self.row, position]]

    def _strongest(self, num_features: int | None, label: object) -> tuple[list[int], int]:
        position = self.explanations.position(self.row, label)
        weights = self.explanations.coef[self.row, position]
        selected = ~np.isnan(self.explanations.std_error[self.row, position])
        order = np.argsort(-np.abs(weights), kind="stable")
        strongest = [int(k) for k in order if selected[k]][:num_features]
        unknown = np.flatnonzero(self.explanations.never_met[self.row]).tolist()
        return strongest + unknown, position

    def _half_widths(self, position: int) -> np.ndarray:
        """(features,) of 95 % intervals."""
        errors = self.explanations.std_error[self.row, position].astype(np.float64)
        replicates = self.explanations.replicates_of(self.row)
        return interval_half_widths(errors, replicates - 1 if replicates else None)

    def _weight(self, position: int, feature: int) -> float:
        """NaN where no training row had the row's value."""
        if self.explanations.never_met[self.row, feature]:
            return float("nan")
        return float(self.explanations.coef[self.row, position, feature])

    def as_list(
        self, num_features: int | None = 10, label: Scalar = None
    ) -> list[tuple[str, float]]:
        """Conditions and weights, strongest first.

        What no training row had comes last, with NaN: no sample tells how the model reacts to it.

        Args:
            num_features: how many; None: all.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Pairs such as ("worst area > 1160.50", 0.130).

        Example:
            >>> [condition for condition, weight in explanation.as_list(2)]
            ['hours <= 1.75', 'age <= 27.50']
        """
        features, position = self._strongest(num_features, label)
        condition = self.explanations.condition
        return [(condition(self.row, k), self._weight(position, k)) for k in features]

    def as_map(self, num_features: int | None = None) -> dict[Any, list[tuple[int, float]]]:
        """Features and weights of every explained output, strongest first.

        Args:
            num_features: how many; None: all.

        Returns:
            For each label, pairs of feature number and weight.

        Example:
            >>> [feature for feature, weight in explanation.as_map()[0]]
            [1, 0]
        """
        result = {}
        for label in self.available_labels():
            features, position = self._strongest(num_features, label)
            result[label] = [(k, self._weight(position, k)) for k in features]
        return result

    def report(self, num_features: int | None = 10, label: Scalar = None) -> RowReport:
        """What a page says about this row.

        Args:
            num_features: how many to show; None: all.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Names and numbers.

        Example:
            >>> explanation.report(num_features=1).conditions
            ['hours <= 1.75']
        """
        features, position = self._strongest(num_features, label)
        all_ = self.explanations
        prediction = [float(p) for p in all_.prediction[self.row]]
        exact, replicates = self.method == "exact", all_.replicates_of(self.row)
        return RowReport(
            title=self.row_name,
            label=self.label_name(label),
            prediction=list(zip(all_.output_names, prediction, strict=True)),
            conditions=[all_.condition(self.row, k) for k in features],
            values=[all_.value(self.row, k) for k in features],
            weights=[self._weight(position, k) for k in features],
            std_errors=[float(all_.std_error[self.row, position, k]) for k in features],
            intercept=float(all_.intercept[self.row, position]),
            score=float(all_.score[self.row, position]),
            local_pred=float(all_.local_pred[self.row, position]),
            effective_samples=float(all_.effective_samples[self.row]),
            num_samples=int(all_.samples_used[self.row]),
            method=self.method,
            notes=self._notes(),
            degrees_of_freedom=None if exact or not replicates else replicates - 1,
            algorithm=all_.algorithm,
            link=all_.link,
            value_kind=all_.value_kind,
            subject=all_.subject,
            heads=all_.heads,
        )

    @property
    def _is_flat(self) -> bool:
        """Whether LIME's kernel counts nearly all samples alike."""
        all_ = self.explanations
        drawn = int(all_.samples_used[self.row]) or all_.num_samples
        is_flat = float(all_.effective_samples[self.row]) > 0.9 * drawn
        return all_.algorithm == "lime" and is_flat

    def _notes(self) -> tuple[str, ...]:
        all_ = self.explanations
        notes = []
        if self._is_flat:
            notes.append(
                "The kernel is nearly flat: almost all samples count alike, so these weights are "
                "averages over the whole table rather than local effects."
            )
        for level, text in (
            (Support.RARE, "was met by few samples; its interval is wide"),
            (
                Support.NONE,
                "no sample has it, so its weight is not known, though the model may react to it",
            ),
        ):
            names = [
                all_.condition(self.row, int(k))
                for k in np.flatnonzero(all_.support[self.row] == level)
            ]
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                notes.append(f"{', '.join(names[:3])}{more}: {text}.")
        return tuple(notes)

    def pictures(self, num_features: int | None = 10, label: Scalar = None) -> Sequence[Picture]:
        """The pictures of a page.

        Args:
            num_features: how many to show; None: all.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            None of a row of a table.

        Example:
            >>> explanation.pictures()
            ()
        """
        del num_features, label
        return ()

    def as_html(self, num_features: int | None = 10, label: Scalar = None) -> str:
        """One static page of this row.

        Args:
            num_features: how many to show; None: all.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            A complete HTML document, without scripts.

        Example:
            >>> explanation.as_html(num_features=1).startswith("<!doctype html>")
            True
        """
        return row_page(self.report(num_features, label), self.pictures(num_features, label))

    def save_to_file(
        self, path: str | Path, num_features: int | None = 10, label: Scalar = None
    ) -> None:
        """Write the page of this row.

        Args:
            path: of the file.
            num_features: how many to show; None: all.
            label: class, name or number of an output; None: the predicted class.

        Example:
            >>> explanation.save_to_file(folder / "row.html")
        """
        Path(path).write_text(self.as_html(num_features, label), encoding="utf-8")

    def _repr_html_(self) -> str:
        return row_fragment(self.report(), self.pictures())

    def show_in_notebook(self, num_features: int | None = 10, label: Scalar = None) -> None:
        """Show this row in a notebook.

        Args:
            num_features: how many to show; None: all.
            label: class, name or number of an output; None: the predicted class.

        Raises:
            ImportError: outside a notebook's Python, without IPython.

        Example:
            >>> explanation.show_in_notebook()  # doctest: +SKIP
        """
        from IPython.display import HTML, display

        shown = self.pictures(num_features, label)
        display(HTML(row_fragment(self.report(num_features, label), shown)))

    def as_pyplot_figure(
        self, num_features: int | None = 10, label: Scalar = None, ax: Any = None
    ) -> Figure:
        """The weights as bars with 95 % intervals.

        Args:
            num_features: how many to show; None: all.
            label: class, name or number of an output; None: the predicted class.
            ax: matplotlib axes to draw into; None: a figure of its own.

        Returns:
            A matplotlib figure.

        Example:
            >>> figure = explanation.as_pyplot_figure(num_features=2)
            >>> figure.savefig(folder / "row.png")
        """
        from lime_jax.views.plots import explanation_bars

        report = self.report(num_features, label)
        return explanation_bars(
            list(report.conditions),
            np.array(report.weights, np.float64),
            np.array(report.std_errors, np.float64),
            title=f"{report.title}: {report.label}",
            degrees_of_freedom=report.degrees_of_freedom,
            ax=ax,
        )

    def waterfall_figure(self, num_features: int = 10, label: Scalar = None) -> Figure:
        """How Shapley values lead from the expected value to the output, with 95 % intervals.

        Args:
            num_features: how many to show; the others are one bar.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            A matplotlib figure; `get_label()` says it in words.

        Raises:
            ValueError: if these are weights of LIME.
            ImportError: if matplotlib is missing.

        Example:
            >>> shapley = lime_jax.TabularExplainer("kernel_shap").fit(X)
            >>> row = shapley.explain(X, lambda batch: batch.sum(1))[0]
            >>> row.waterfall_figure().savefig(folder / "waterfall.png")
        """
        return waterfall_of(self.report(None, label), num_features)

    def to_shap(self, label: Scalar = None) -> Any:
        """This row as a `shap.Explanation`, as shap's plots of one prediction take it.

        Args:
            label: class, name or number of an output; None: all that were explained.

        Returns:
            Values (features,) of one output, (features, labels) of several.

        Example:
            >>> explanation.to_shap().values.round(1).tolist()
            [-2.0, -2.0]
        """
        return shap_row(self.explanations, self.row, label)
