"""Draws the pictures of explanations that README.md and the site show: `make pictures`."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

import lime_jax

FOLDER = Path(__file__).parent.parent / "pictures"


def draw() -> None:
    """The row, the ranking and the widths of the model that README.md fits."""
    matplotlib.use("Agg")
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, _ = train_test_split(X, y, random_state=0)
    model = HistGradientBoostingClassifier(random_state=0).fit(X_train, y_train)
    explainer = lime_jax.TabularExplainer(class_names=["malignant", "benign"]).fit(X_train)
    explanations = explainer.explain(X_test, model)
    _save(explanations[0].as_pyplot_figure(num_features=7), "explanation")
    _save(explanations.summary_figure(), "ranking")
    widths = [1, 1.5, 2, 4, 8]
    swept = explainer.sweep(X_test[:20], model, kernel_width=widths, labels=["malignant"])
    _save(lime_jax.width_figure(swept, row=0), "widths")


def _save(figure, name: str) -> None:
    figure.savefig(FOLDER / f"{name}.png", dpi=110, bbox_inches="tight", facecolor="white")


if __name__ == "__main__":
    draw()
