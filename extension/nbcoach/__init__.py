"""What `%load_ext nbcoach` loads: checks and question forms as ipywidgets, see `nbcoach_extension.widgets`."""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Show forms and checks under answer cells when they are run; without a kernel, as in the grader, do nothing."""
    if getattr(shell, "kernel", None) is not None:
        from nbcoach_extension.widgets import Companion

        Companion.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Show nothing any more."""
    if getattr(shell, "kernel", None) is not None:
        from nbcoach_extension.widgets import Companion

        Companion.unload(shell)
