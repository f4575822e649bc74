"""Run the status service."""

from __future__ import annotations

from .application import StatusService

StatusService.launch()
