"""Measurements of serving: `nbcoach bench recommend`."""

from __future__ import annotations
