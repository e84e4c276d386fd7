"""The table of what is converted and what is exact, from the registry itself."""

from __future__ import annotations

from typing import NamedTuple

from lime_jax.models.libraries import LIBRARIES
from lime_jax.models.registry import OUTPUT_KINDS, Entry, entries

_OPENED = "outputs"  # of a model that is called itself, not by a method
_KINDS = {**OUTPUT_KINDS, "transform": "columns"}


class SupportedModel(NamedTuple):
    """What is known of the models, or of the steps of pipelines, of one class and its heirs.

    Attributes:
        library: as it is installed.
        name: of the class.
        versions: of the library that were tried, the oldest and the newest.
        converted: what runs in JAX: "probability", "margin", "value"; of a model that is called
            itself its "outputs", of a step its "columns".
        exact_lime: of these, what LIME is exact of, without samples; of a step: of a model behind
            it that is a sum of columns.
        exact_shapley: the same for Shapley values.
        why_not: why it is not converted, or what is no sum.
    """

    library: str
    name: str
    versions: tuple[str, str]
    converted: tuple[str, ...]
    exact_lime: tuple[str, ...]
    exact_shapley: tuple[str, ...]
    why_not: str


def supported() -> tuple[SupportedModel, ...]:
    """List the models, and the steps of pipelines, that lime_jax knows; it imports none of them.

    Any other model is called as it is, on the host.

    Returns:
        A row for each class, also of those that were registered by others; made for
        `pandas.DataFrame(supported())`.

    Example:
        >>> rows = {row.name: row for row in supported()}
        >>> rows["XGBClassifier"].converted, rows["XGBClassifier"].exact_lime
        (('probability', 'margin'), ('margin',))
        >>> rows["KNeighborsClassifier"].converted
        ()
    """
    known = [
        (name, entry, opens)
        for opens, found in entries()
        for name, entry in found.items()
        if not name.startswith("lime_jax.")  # stands for one of another library
    ]
    rows = [_row(name, entry, opens) for name, entry, opens in known]
    return tuple(sorted(rows, key=lambda row: (row.library.lower(), row.name)))


def _row(full_name: str, entry: Entry, opens: bool) -> SupportedModel:
    root, _, name = full_name.partition(".")
    library = LIBRARIES.get(root)
    if opens:
        converted = () if entry.on_host else (_OPENED,)
        exact = (_OPENED,) if entry.exact else ()
    else:
        converted = tuple(_KINDS[method] for method in entry.methods)
        exact = tuple(_KINDS[method] for method in entry.exact)
    versions = ("", "") if library is None else (library.oldest, library.newest)
    package = root if library is None else library.package
    return SupportedModel(package, name, versions, converted, exact, exact, entry.why_not)
