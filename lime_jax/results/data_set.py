"""What can be asked of the explanations of a data set, whether they are in memory or in files."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.arrow import long_table, rows_table, write_rows
from lime_jax.results.comparisons import Comparisons
from lime_jax.results.explanation import Explanation
from lime_jax.results.importance import Importance
from lime_jax.results.pick import Picked, check_pick, greedy, strengths
from lime_jax.results.saved import save
from lime_jax.results.shap_values import shap_explanation
from lime_jax.results.tidy import tidy_columns
from lime_jax.results.whole_files import replacing
from lime_jax.typing import Scalar
from lime_jax.views.report import dataset_page, figure_picture
from lime_jax.views.report.numbers import plural

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from matplotlib.figure import Figure


class DataSetViews(Comparisons):
    """Tables, files, pictures and pages of the explanations of a data set."""

    @abc.abstractmethod
    def __getitem__(self, index: object) -> Any:
        """One row for an integer, else the explanations of some rows."""

    @abc.abstractmethod
    def importance(self, label: Scalar = None) -> Importance:
        """(features,) mean |weight| over the rows, and its standard error."""

    def pick(
        self,
        count: int = 5,
        num_features: int = 10,
        label: Scalar = None,
        by: str = "condition",
        threshold: str | float | int = "noise",
    ) -> Picked:
        """Rows that together show most of what matters, by SP-LIME.

        A condition (of texts a word) matters by the root of its |weights| over all rows; each row
        that is picked covers those that it has. Ties go to the row with the larger weights, then
        to the first.

        Args:
            count: how many rows, at most.
            num_features: the strongest of each row, which it covers.
            label: class, name or number of an output; None: weights of all that were explained add
                up, without their signs.
            by: "condition", so that rows of other bins differ; or "feature".
            threshold: weights that are no larger count as 0; "noise": two standard errors.

        Returns:
            Numbers of rows, what each gains, and a note where nothing more is to be gained.

        Raises:
            ValueError: if an argument is not usable, or rows have features of their own.

        Example:
            >>> explanations.pick(2).rows.tolist()
            [3, 0]

        Ribeiro, Singh & Guestrin (2016), "Why should I trust you?", section 4.
        """
        check_pick(count, num_features, by, threshold)
        if not len(self):
            raise ValueError("`pick`: expected rows to pick from, got none")
        found = strengths(self._pieces(), num_features, label, by, threshold)
        return greedy(found, count)

    def to_dict(self) -> dict[str, np.ndarray]:
        """The weights as the columns of a tidy table, with no library but NumPy.

        Returns:
            row_id, label, feature, condition, value, weight and std_error, and of the row and the
            label intercept, score, local_pred and prediction; one entry per row, label and listed
            feature. Of an index of several levels each has a column under its own name. Of images
            also the numbers superpixel and pixels.

        Example:
            >>> table = explanations.to_dict()
            >>> table["feature"][:2].tolist(), table["weight"].shape
            (['age', 'hours'], (8,))
        """
        return tidy_columns(self._arrays())

    def to_pandas(self) -> pandas.DataFrame:
        """The weights as a tidy table, with the columns of `to_dict`.

        Returns:
            One line per row, label and listed feature.

        Example:
            >>> explanations.to_pandas().columns[:4].tolist()
            ['row_id', 'label', 'feature', 'condition']
        """
        import pandas

        return pandas.DataFrame(self.to_dict())

    def to_arrow(self) -> pyarrow.Table:
        """The weights as a tidy Arrow table: `lime_jax.results.arrow.long_table`.

        Returns:
            One line per row, label and listed feature; a number that is not known is null.

        Raises:
            ImportError: if pyarrow is missing.

        Example:
            >>> explanations.to_arrow().column_names[:4]
            ['row_id', 'label', 'feature', 'condition']
        """
        return long_table(self._arrays())

    def to_shap(self, label: Scalar = None) -> Any:
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

        Example:
            >>> explanations.to_shap().values.shape
            (4, 2)
        """
        return shap_explanation(self._arrays(), label)

    def save(self, path: str | Path) -> None:
        """Write everything to a file, without pickle; `lime_jax.load` reads it.

        Args:
            path: of the file; it appears only when it is complete. One of `.parquet` holds
                `lime_jax.results.arrow.rows_table`, any other is an `.npz` file.

        Raises:
            ImportError: of a parquet file, if pyarrow is missing.

        Example:
            >>> explanations.save(folder / "explanations.npz")
            >>> len(lime_jax.load(folder / "explanations.npz"))
            4
        """
        path = Path(path)
        if path.suffix.lower() != ".parquet":
            save(self._arrays(), path)
            return
        with replacing(path) as aside:
            write_rows(rows_table(self._arrays()), aside)

    def summary_figure(self, max_features: int = 10) -> Figure:
        """The data-set ranking as a picture.

        Args:
            max_features: how many to show.

        Returns:
            A matplotlib figure.

        Example:
            >>> figure = explanations.summary_figure(max_features=5)
            >>> figure.savefig(folder / "summary.png")
        """
        from lime_jax.views.plots import summary_bars

        size, error = self.importance()
        names = list(self._sample().feature_names)
        return summary_bars(names, size, error, max_features=max_features)

    def heat_map_figure(self, max_features: int = 10) -> Figure:
        """Weights of all rows as a picture, for each row of its predicted class.

        Args:
            max_features: how many to show.

        Returns:
            A matplotlib figure.

        Raises:
            ValueError: if rows have features of their own, such as superpixels.

        Example:
            >>> figure = explanations.heat_map_figure(max_features=5)
            >>> figure.savefig(folder / "heat_map.png")
        """
        from lime_jax.views.plots import heat_map

        arrays = self._arrays()
        arrays.check_comparable()
        weights = arrays.coef[np.arange(len(arrays)), arrays.shown].astype(np.float64)
        return heat_map(list(arrays.feature_names), weights, max_features=max_features)

    def as_html(
        self,
        rows: Sequence[int] = (0, 1, 2),
        title: str = "Explanations",
        figures: Sequence[object] = (),
    ) -> str:
        """One static page: what was done, the data-set ranking, and some rows.

        Args:
            rows: numbers of those to show.
            title: of the page.
            figures: matplotlib's, such as those of `beeswarm_figure` and `cohorts`; what their
                `get_label()` says stands for them where they cannot be seen.

        Returns:
            A complete HTML document, without scripts, with its pictures inside; of images and
            others that have features of their own there is no ranking.

        Example:
            >>> explanations.as_html(rows=[0], title="Hours").startswith("<!doctype html>")
            True
        """
        sample = self._sample()
        ranking = None
        if not sample.features_by_row and len(self):
            size, error = self.importance()
            ranking = (list(sample.feature_names), size, error)
        shown: list[Explanation] = [self[row] for row in rows if row < len(self)]
        sections = [(row.report(), row.pictures()) for row in shown]
        facts = _facts(sample, len(self))
        pictures = [figure_picture(figure) for figure in figures]
        return dataset_page(title, facts, sections, ranking, sample.subject, pictures)


_ALGORITHMS = {
    "lime": "LIME",
    "kernel_shap": "KernelSHAP",
    "tree_path": "Shapley values along the paths of trees",
}


def _facts(sample: ExplanationArrays, count: int) -> list[tuple[str, str]]:
    """What a page says about all rows."""
    is_shapley = sample.algorithm != "lime"
    facts = [
        (plural(sample.subject), f"{count:,}"),
        ("algorithm", _ALGORITHMS.get(sample.algorithm, sample.algorithm)),
        ("method", sample.method),
        ("model", sample.model_path),
        ("output", sample.output_kind),
    ]
    if sample.method == "sampled" and is_shapley:
        drawn = "in complementary pairs" if sample.num_replicates else "all there are"
        facts.append(("coalitions", f"{sample.num_samples:,}, {drawn}"))
    elif sample.method == "sampled":
        drawn = f"{sample.num_samples:,} in {sample.num_replicates} replicates"
        facts.append(("samples", drawn))
    return facts
