"""The ground every service of nbcoach stands on, and where the parts are joined into one hub."""

from __future__ import annotations

from nbcoach_exercises import __version__

__all__ = ["__version__"]
