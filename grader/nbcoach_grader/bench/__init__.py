"""Measurements beside nbgrader, on the same notebooks in the same run. They state figures and test nothing."""

from __future__ import annotations
