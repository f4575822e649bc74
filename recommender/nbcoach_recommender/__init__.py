"""Choose the next notebook: follow the attempt log, keep a mastery estimate, rank exercises and say why."""

from __future__ import annotations

from nbcoach_exercises import __version__

__all__ = ["__version__"]
