"""Libraries whose models are known, and the versions that were tried."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Library:
    """A library whose models are known.

    Attributes:
        package: that is installed.
        family: the module that registers its models.
        oldest: version that was tried; and
        newest: the last one.
    """

    package: str
    family: str
    oldest: str
    newest: str


_ROOM = "lime_jax.models"
LIBRARIES = {
    "sklearn": Library("scikit-learn", f"{_ROOM}.sklearn", "1.5", "1.9"),
    "imblearn": Library("imbalanced-learn", f"{_ROOM}.sklearn", "0.14", "0.14"),
    "xgboost": Library("xgboost", f"{_ROOM}.boosted.xgboost", "3.1.1", "3.2"),
    "lightgbm": Library("lightgbm", f"{_ROOM}.boosted.lightgbm", "4.6", "4.7"),
    "catboost": Library("catboost", f"{_ROOM}.boosted.catboost", "1.2.10", "1.2.10"),
    "interpret": Library("interpret-core", f"{_ROOM}.boosted.ebm", "0.7.8", "0.7.8"),
    "ngboost": Library("ngboost", f"{_ROOM}.boosted.ngboost", "0.6", "0.6"),
    "flaml": Library("flaml", f"{_ROOM}.boosted.flaml", "2.8", "2.8"),
    "treelite": Library("treelite", f"{_ROOM}.boosted.treelite", "4.8", "4.8"),
    "ydf": Library("ydf", f"{_ROOM}.boosted.ydf", "0.16", "0.16"),
    "autogluon": Library("autogluon.tabular", f"{_ROOM}.handed_over", "1.6", "1.6"),
    "pygam": Library("pygam", f"{_ROOM}.handed_over", "0.12", "0.12"),
    "skrub": Library("skrub", f"{_ROOM}.handed_over", "0.11", "0.11"),
    "statsmodels": Library("statsmodels", f"{_ROOM}.statsmodels", "0.15", "0.15"),
    "pyspark": Library("pyspark", f"{_ROOM}.spark", "4.1", "4.3"),
    "keras": Library("keras", f"{_ROOM}.networks.keras", "3.10", "3.15"),
    "equinox": Library("equinox", f"{_ROOM}.networks.modules", "0.13", "0.13"),
    "flax": Library("flax", f"{_ROOM}.networks.modules", "0.11.2", "0.12"),
    "onnx": Library("onnx", f"{_ROOM}.onnx", "1.17", "1.23"),
    "onnxruntime": Library("onnxruntime", f"{_ROOM}.onnx", "1.20", "1.32"),
}
"""By the first part of their modules' names."""
