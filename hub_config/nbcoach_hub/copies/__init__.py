"""Copies of everything: made while the platform runs, restored into a new state folder and an empty store."""

from __future__ import annotations

from .archive import InvalidCopy
from .backup import make_copy
from .restore import restore_copy

__all__ = ["InvalidCopy", "make_copy", "restore_copy"]
