"""The status of the platform for its admins: what the hub's service list names, and how each of it does."""

from __future__ import annotations

from .application import StatusService

__all__ = ["StatusService"]
