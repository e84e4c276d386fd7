"""`Explanations`: the explanations of a data set, as NumPy arrays on the host."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lime_jax.models.labels import OutputLabels
from lime_jax.optional import require
from lime_jax.results.explanation import Explanation
from lime_jax.results.names import FeatureNames
from lime_jax.results.row_index import column_names, id_column, level_columns, store_ids
from lime_jax.stages.designs import group_count
from lime_jax.typing import Support
from lime_jax.views.report import dataset_page

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from matplotlib.figure import Figure

_ROW_ARRAYS = (
    "coef",
    "std_error",
    "labels",
    "intercept",
    "score",
    "held_out_score",
    "local_pred",
    "prediction",
    "effective_samples",
    "samples_used",
    "key_ids",
    "support",
    "values",
    "bins",
    "variables",
)
_NAMES = (
    *("algorithm", "output_names", "conditions", "method", "model_path", "output_kind"),
    *("link", "groups", "row_names", "classes"),
)
_NUMBERS = ("kernel_width", "num_samples", "num_replicates")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Explanations:
    """The explanations of a data set.

    Attributes:
        coef: (rows, labels, features) weights; 0 where not selected.
        std_error: same shape; 0 where exact, NaN where not selected.
        labels: (rows, labels) number of the output that each explanation is of; they differ by
            row under `top_labels`.
        intercept: (rows, labels) of the surrogate.
        score: (rows, labels) its weighted R²; where exact, NaN if it was not asked for or the
            kernel is too narrow to measure it.
        held_out_score: (rows, labels) R² of the surrogate on samples it was not fitted to; where
            exact, the score; NaN where it was not asked for.
        local_pred: (rows, labels) its value at the row.
        prediction: (rows, outputs) the model's own.
        effective_samples: (rows,) (sum of weights)² / sum of squared weights; where exact, of
            `num_samples` draws. Under KernelSHAP the coalitions; where exact, the background rows.
        samples_used: (rows,) drawn for each row; 0 where exact.
        key_ids: (rows,) 32-bit hashes that the rows' random numbers came from.
        row_ids: (rows,) what the rows are called: the ids they were given, else the index of a
            pandas frame (tuples where it has several levels), else their numbers.
        support: (rows, features) what the samples can say of the row's bins, a `Support`.
        values: (rows, features) the rows as numbers and level codes.
        bins: (rows, features) index into `conditions`; -1 for none.
        variables: (rows, features) the rows' own interpretable variables.
        output_names: of the model's outputs.
        classes: that the outputs are of, as the model knows them; `label` is one of these, or a
            name. None: there are none, and labels are numbers of outputs, or names.
        conditions: text of every bin; empty if the columns were not discretized.
        names: of features and levels.
        method: "exact" or "sampled".
        model_path: "jax" or "host", and why.
        output_kind: "probability", "margin" or "value".
        algorithm: "lime", or "kernel_shap": then `coef` are Shapley values, and `intercept` is
            the expected value.
        link: of KernelSHAP: "identity", or "logit": values are log-odds.
        groups: names of the columns of each feature, where KernelSHAP's features can be groups.
        row_names: what the levels of `row_ids` are called, "" where one has no name; empty if
            `row_ids` count the rows.
        kernel_width: of the proximity kernel, in units of the distance; NaN for KernelSHAP.
        num_samples: of the largest neighborhood.
        num_replicates: of the largest neighborhood, that standard errors come from; 0 where exact.
    """

    coef: np.ndarray
    std_error: np.ndarray
    labels: np.ndarray
    intercept: np.ndarray
    score: np.ndarray
    held_out_score: np.ndarray
    local_pred: np.ndarray
    prediction: np.ndarray
    effective_samples: np.ndarray
    samples_used: np.ndarray
    key_ids: np.ndarray
    row_ids: np.ndarray
    support: np.ndarray
    values: np.ndarray
    bins: np.ndarray
    variables: np.ndarray
    output_names: tuple[str, ...]
    conditions: tuple[str, ...]
    names: FeatureNames
    method: str
    model_path: str
    output_kind: str
    kernel_width: float
    num_samples: int
    num_replicates: int
    algorithm: str = "lime"
    link: str = "identity"
    groups: tuple[tuple[str, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    classes: tuple[Any, ...] | None = None

    kind: ClassVar[str] = "table"
    """What was explained, as files of `save` say it."""

    @classmethod
    def of_fit(cls, fit: Any, **facts: Any) -> Any:
        """The explanations that a fit of some rows makes.

        Args:
            fit: a `LinearFit` with a leading axis of rows, on the host.
            **facts: the other attributes.

        Returns:
            The explanations.
        """
        return cls(
            coef=fit.coef,
            std_error=fit.std_error,
            intercept=np.asarray(fit.intercept, np.float64),
            score=fit.score,
            held_out_score=fit.score if fit.held_out_score is None else fit.held_out_score,
            local_pred=np.asarray(fit.local_pred, np.float64),
            effective_samples=fit.effective_samples,
            support=fit.support.astype(np.int8),
            **facts,
        )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.coef)

    def __iter__(self) -> Iterator[Explanation]:
        """One row after the other."""
        return (self._one(row) for row in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        """One row for an integer, `Explanations` for a slice, a mask or an array of rows."""
        if isinstance(index, int | np.integer):
            return self._one(range(len(self))[int(index)])
        return dataclasses.replace(self, **self._rows(index))

    def _one(self, row: int) -> Explanation:
        return Explanation(self, row)

    def _rows(self, index: Any) -> dict[str, Any]:
        """The fields with one entry per row, of some rows."""
        return {name: getattr(self, name)[index] for name in (*_ROW_ARRAYS, "row_ids")}

    def row_fields(self) -> tuple[str, ...]:
        """The names of the attributes with one entry per row."""
        return (*_ROW_ARRAYS, "row_ids")

    def __repr__(self) -> str:
        """What there is, in one line."""
        rows, labels, features = self.coef.shape
        return (
            f"Explanations({rows} rows, {labels} labels, {features} features, {self.method}, "
            f"model: {self.model_path})"
        )

    @property
    def expected_value(self) -> np.ndarray:
        """(rows, labels) the intercept: under KernelSHAP the mean output over the background."""
        return self.intercept

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.names.columns

    @property
    def never_met(self) -> np.ndarray:
        """(rows, features) values that no training row had: no sample tells what they do."""
        return self.support == Support.NONE

    @property
    def listed(self) -> np.ndarray:
        """(rows, labels, features) what views list: all that is selected, and what was never met.

        Of the latter the weight is not known, and views say NaN; `coef` has 0 there.
        """
        return ~np.isnan(self.std_error) | self.never_met[:, None]

    @property
    def shown(self) -> np.ndarray:
        """(rows,) position in `labels` of the output that views show: the predicted class."""
        if self.output_kind == "value" or self.coef.shape[1] == 0:
            return np.zeros(len(self), np.int64)
        return np.take_along_axis(self.prediction, self.labels, axis=1).argmax(1)

    @property
    def outputs(self) -> OutputLabels:
        """What the model's outputs are called, and which of them a label means."""
        return OutputLabels(self.output_names, self.classes)

    def importance(self, label: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """How much each feature matters over the data set.

        Args:
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            (features,) mean |weight| over the rows, and its standard error as a sample of rows.

        Raises:
            ValueError: if `label` was not explained.
        """
        if len(self) == 0:
            return np.zeros(len(self.feature_names)), np.zeros(len(self.feature_names))
        rows = np.arange(len(self))
        position = self._positions(rows, label)
        size = np.abs(self.coef[rows, position]).astype(np.float64)
        return size.mean(0), size.std(0) / np.sqrt(len(self))

    def replicates_of(self, row: int) -> int:
        """Replicates that a row's standard errors come from; 0 where exact.

        Args:
            row: its number.

        Returns:
            Neighboring ones of very many count as one; see `stages.designs.group_count`.
        """
        if self.algorithm == "kernel_shap":
            used = int(self.samples_used[row])
            players = int((~np.isnan(self.std_error[row])).any(0).sum())
            return 0 if used == 2**players else used // 2  # pairs
        if not self.num_replicates:
            return 0
        size = self.num_samples // self.num_replicates
        return group_count(int(self.samples_used[row]) // size)

    def position(self, row: int, label: Any) -> int:
        """Where in `labels` an output is.

        Args:
            row: its number.
            label: class, name or number of an output; None: the predicted one.

        Returns:
            Index into the second axis of `coef`.

        Raises:
            ValueError: if `label` was not explained.
        """
        return int(self._positions(np.array([row]), label)[0])

    def _positions(self, rows: np.ndarray, label: Any) -> np.ndarray:
        """`position` in some rows."""
        if label is None:
            return self.shown[rows]
        outputs = self.outputs
        found = self.labels[rows] == outputs.number(label, "label")
        lost = np.flatnonzero(~found.any(axis=1))
        if lost.size:
            row = int(rows[lost[0]])
            explained = [outputs.label(number) for number in self.labels[row]]
            raise ValueError(
                f"`label`: row {row} has explanations of {explained}, got {label!r}; explain it "
                "with `labels`, or with more `top_labels`"
            )
        return found.argmax(axis=1)

    def condition(self, row: int, feature: int) -> str:
        """What the weight of a feature is about, in words.

        Args:
            row: its number.
            feature: its number.

        Returns:
            Such as "worst area > 1160.50"; a value that was never in the training rows says so.
        """
        text = self._condition(row, feature)
        return f"{text} (never in the training rows)" if self.never_met[row, feature] else text

    def _condition(self, row: int, feature: int) -> str:
        name = self.feature_names[feature]
        if self.bins[row, feature] >= 0 and self.conditions:
            return self.conditions[self.bins[row, feature]]
        if self.groups and len(self.groups[feature]) != 1:
            return name
        if self.conditions or self.groups or self.names.levels[feature] is not None:
            return f"{name} = {self.value(row, feature)}"
        return name

    def value(self, row: int, feature: int) -> str:
        """The row's own value of a feature, as text.

        Args:
            row: its number.
            feature: its number.

        Returns:
            A level's name or a number; nothing for a group of columns, which has several.
        """
        if self.groups and len(self.groups[feature]) != 1:
            return ""
        return self.names.display_value(feature, float(self.values[row, feature]))

    def texts(self, feature: int) -> tuple[np.ndarray, list[str], list[str]]:
        """What `condition` and `value` say of a feature in all rows, each text made once.

        Args:
            feature: its number.

        Returns:
            (rows,) codes, and the condition and the value of each code.
        """
        bits = np.ascontiguousarray(self.values[:, feature], np.float64).view(np.int64)
        _, first, codes = np.unique(bits, return_index=True, return_inverse=True)
        bins = self.bins[first, feature]
        if self.conditions and (bins >= 0).all():
            conditions = [self.conditions[k] for k in bins.tolist()]
        else:
            conditions = [self.condition(row, feature) for row in first.tolist()]
        return codes, conditions, self._value_texts(first, feature)

    def _value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        """`value` of some rows."""
        if self.groups and len(self.groups[feature]) != 1:
            return [""] * len(rows)
        return self.names.display_values(feature, self.values[rows, feature])

    def to_dict(self) -> dict[str, np.ndarray]:
        """The weights as the columns of a tidy table, with no library but NumPy.

        Returns:
            row, label, feature, condition, value, weight and std_error; one entry per row, label
            and listed feature. `row` is one of `row_ids`; of an index of several levels each has
            a column under its own name.
        """
        rows, label, feature = np.nonzero(self.listed)
        unknown = self.never_met[rows, feature]
        condition, value = (np.empty(self.values.shape, object) for _ in range(2))
        for k in range(self.values.shape[1]):
            codes, conditions, values = self.texts(k)
            condition[:, k] = np.array(conditions, object)[codes]
            value[:, k] = np.array(values, object)[codes]
        names = np.array(self.output_names, object)
        return self._with_rows(
            rows,
            {
                "label": names[self.labels[rows, label]],
                "feature": np.array(self.feature_names, object)[feature],
                "condition": condition[rows, feature],
                "value": value[rows, feature],
                "weight": np.where(unknown, np.nan, self.coef[rows, label, feature]),
                "std_error": self.std_error[rows, label, feature],
            },
        )

    def _with_rows(self, rows: np.ndarray, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A tidy table, whose first columns say which row each line is of."""
        names = column_names(self.row_names, list(columns))
        levels = level_columns(self.row_ids, self.row_names)
        return {name: level[rows] for name, level in zip(names, levels, strict=True)} | columns

    def to_pandas(self) -> pandas.DataFrame:
        """The weights as a tidy table: row, label, feature, condition, value, weight, std_error.

        Returns:
            One line per row, label and listed feature.
        """
        import pandas

        return pandas.DataFrame(self.to_dict())

    def to_arrow(self) -> pyarrow.Table:
        """The weights as a tidy Arrow table, with the columns of `to_pandas`.

        Returns:
            One line per row, label and listed feature.

        Raises:
            ImportError: if pyarrow is missing.
        """
        pa = require("pyarrow", extra="cli")
        table = self.to_dict()
        rows = list(table)[: max(len(self.row_names), 1)]
        columns: dict[str, Any] = {name: id_column(table.pop(name)) for name in rows}
        text = ("label", "feature", "condition", "value")
        for name, column in table.items():
            columns[name] = pa.array(column, pa.string() if name in text else None)
        return pa.table(columns)

    def to_shap(self, label: Any = None) -> Any:
        """The weights as a `shap.Explanation`: contributions that add up to `local_pred`.

        Args:
            label: class, name or number of an output; None: all that were explained.

        Returns:
            Values (rows, features) and base values (rows,) of one output; values
            (rows, features, labels) and base values (rows, labels) of several. `data` has numbers
            and codes, `display_data` the names of levels, `output_names` those of the outputs.

        Raises:
            ImportError: if shap is missing.
            ValueError: if `label` was not explained.
        """
        import shap  # pyright: ignore[reportMissingImports]

        rows, count = np.arange(len(self)), self.coef.shape[1]
        shown = np.broadcast_to(np.arange(count), (len(self), count))
        if label is not None:
            shown = self._positions(rows, label)[:, None]
        coef = self.coef[rows[:, None], shown.reshape(len(self), -1)]
        base = self.intercept[rows[:, None], shown.reshape(len(self), -1)]
        names = np.array(self.output_names, object)[self.labels[rows[:, None], shown]]
        values = np.moveaxis(coef * self.variables[:, None], 1, 2)
        same = len(names) > 0 and (names == names[:1]).all()
        outputs: Any = names[0].tolist() if same else names
        if values.shape[2] == 1:
            values, base = values[:, :, 0], base[:, 0]
            outputs = outputs[0] if same else None
        return shap.Explanation(
            values=values,
            base_values=base,
            data=self.values,
            display_data=self.shown_values(),
            feature_names=list(self.feature_names),
            output_names=outputs,
        )

    def shown_values(self, all_digits: bool = False) -> np.ndarray | None:
        """(rows, features) numbers, names of levels and moments; None if all are numbers.

        With `all_digits` also numbers of more than three decimals are text, which shap would cut.
        """
        named = [
            feature
            for feature in range(self.values.shape[1])
            if self.names.levels[feature] is not None
            or self.names.times[feature]
            or (self.groups and len(self.groups[feature]) != 1)
            or (all_digits and self.names.decimals[feature] > 3)
        ]
        if not named:
            return None
        shown = self.values.astype(object)
        for feature in named:
            codes, _, texts = self.texts(feature)
            shown[:, feature] = np.array(texts, object)[codes]
        return shown

    def save(self, path: str | Path) -> None:
        """Write everything to an `.npz` file, without pickle; `lime_jax.load` reads it.

        Args:
            path: of the file; it appears only when it is complete.
        """
        path = Path(path)
        arrays, facts = self._stored()
        aside = path.with_name(f".{path.name}.part")
        try:
            with open(aside, "wb") as file:
                np.savez_compressed(file, meta=np.array(json.dumps(facts)), **arrays)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    def _stored(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays of a file, and what is written into it as text; `_restored` reads both."""
        facts = {name: getattr(self, name) for name in (*_NAMES, *_NUMBERS)}
        arrays = {name: getattr(self, name) for name in _ROW_ARRAYS}
        arrays |= store_ids(self.row_ids, self.row_names)
        return arrays, {
            "version": 1,
            "kind": self.kind,
            "names": dataclasses.asdict(self.names),
            **facts,
        }

    @classmethod
    def _restored(cls, file: Mapping[str, np.ndarray], facts: dict[str, Any]) -> dict[str, Any]:
        """The fields but `row_ids`, from a file; KeyError if one is missing."""
        arrays = {name: file[name] for name in _ROW_ARRAYS}
        facts = {"classes": None, **facts}  # older files know none
        kept = {name: facts[name] for name in (*_NAMES, *_NUMBERS)}
        kept["groups"] = map(tuple, kept["groups"])
        for name in ("output_names", "conditions", "groups", "row_names"):
            kept[name] = tuple(kept[name])
        kept["classes"] = None if kept["classes"] is None else tuple(kept["classes"])
        return {**arrays, **kept, "names": FeatureNames.restored(facts["names"])}

    def summary_figure(self, max_features: int = 10) -> Figure:
        """The data-set ranking as a picture.

        Args:
            max_features: how many to show.

        Returns:
            A matplotlib figure.
        """
        from lime_jax.views.plots import summary_bars

        size, error = self.importance()
        return summary_bars(list(self.feature_names), size, error, max_features=max_features)

    def heat_map_figure(self, max_features: int = 10) -> Figure:
        """Weights of all rows as a picture, for each row of its predicted class.

        Args:
            max_features: how many to show.

        Returns:
            A matplotlib figure.
        """
        from lime_jax.views.plots import heat_map

        weights = self.coef[np.arange(len(self)), self.shown].astype(np.float64)
        return heat_map(list(self.feature_names), weights, max_features=max_features)

    def as_html(self, rows: Sequence[int] = (0, 1, 2), title: str = "Explanations") -> str:
        """One static page: the data-set ranking, and some rows.

        Args:
            rows: to show.
            title: of the page.

        Returns:
            A complete HTML document.
        """
        size, error = self.importance()
        facts = [
            ("rows", f"{len(self):,}"),
            ("method", self.method),
            ("model", self.model_path),
            ("output", self.output_kind),
        ]
        if self.method == "sampled" and self.algorithm == "kernel_shap":
            drawn = "in complementary pairs" if self.num_replicates else "all there are"
            facts.append(("coalitions", f"{self.num_samples:,}, {drawn}"))
        elif self.method == "sampled":
            drawn = f"{self.num_samples:,} in {self.num_replicates} replicates"
            facts.append(("samples", drawn))
        reports = [self[r].report() for r in rows if r < len(self)]
        return dataset_page(title, list(self.feature_names), size, error, facts, reports)
