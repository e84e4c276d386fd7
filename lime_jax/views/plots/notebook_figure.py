"""The one module that names matplotlib at its top; imported only when a figure is drawn."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure outside pyplot (nothing global to close) that notebooks still display.

    IPython knows how to show a plain `Figure` only once pyplot's inline backend is loaded.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=2 * self.dpi)  # sharp on dense screens
        return buffer.getvalue(), {"width": width, "height": height}
