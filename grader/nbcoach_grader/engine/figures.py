"""Figures of matplotlib, as a notebook treats them.

A cell begins without a figure of its own to draw on, and so does what follows `plt.show()`. But no figure is closed:
the last ones stay the current ones until others are drawn, because a test may look at them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import sys
from collections.abc import Callable
from typing import Any

MAX_PIXELS = 4_000_000
_MANAGERS = "matplotlib._pylab_helpers"
_PYPLOT = "matplotlib.pyplot"
_PLOTTING = ("pyplot", "pylab", "seaborn")


def make_ready(source: str) -> None:
    """Load pyplot before a cell that will: what `show` does has to be settled when the cell begins."""
    if _PYPLOT not in sys.modules and any(name in source for name in _PLOTTING):
        with contextlib.suppress(Exception):  # the cell itself will tell
            importlib.import_module(_PYPLOT)


class Figures:
    """The figures of one cell.

    Args:
        look: is given each figure that is shown, and those that are left at the end.

    """

    def __init__(self, look: Callable[[Any], None] | None = None) -> None:
        self._look = look
        self._last: dict[int, Any] = {}

    def begin(self) -> None:
        """Begin a cell."""

        def show(*_: object, **__: object) -> None:  # matplotlib expects a plain function
            self._show()
            self._turn()

        pyplot = sys.modules.get(_PYPLOT)
        if pyplot is not None:
            setattr(pyplot, "show", show)  # noqa: B010 - a module has no such attribute to declare
        self._turn()

    def finish(self) -> None:
        """Show what is left, and keep the last figures for whoever asks."""
        self._show()
        current = _current()
        if not current:
            current.update(self._last)

    def _show(self) -> None:
        if self._look is not None:
            for manager in tuple(_current().values()):
                self._look(manager.canvas.figure)

    def _turn(self) -> None:
        current = _current()
        if current:
            self._last = dict(current)
            current.clear()


def png(figure: Any) -> bytes | None:
    """Return a figure as PNG, coarser where it would be very large; None for one with nothing in it."""
    if not figure.axes and not figure.lines:
        return None
    before = figure.dpi
    try:
        width, height = figure.get_size_inches()
        figure.dpi = _fitting(before, width * height)
        box = figure.get_tightbbox()
        file = io.BytesIO()
        resolution = _fitting(figure.dpi, box.width * box.height)
        figure.savefig(file, format="png", dpi=resolution, bbox_inches="tight", facecolor=figure.get_facecolor())
    finally:
        figure.dpi = before
    return file.getvalue()


def _fitting(resolution: float, area: float) -> float:
    """Return the dots per inch at which some square inches are not too many pixels."""
    return float(min(resolution, math.sqrt(MAX_PIXELS / area)))


def _current() -> dict[int, Any]:
    """Return pyplot's open figures by number, the current one last."""
    managers = sys.modules.get(_MANAGERS)
    found: dict[int, Any] = managers.Gcf.figs if managers is not None else {}
    return found
