"""The accounts service: users' own profiles, and the export of everything kept about them."""

from __future__ import annotations

from .application import AccountsService

__all__ = ["AccountsService"]
