"""The accounts service: profile, consents, progress, export and erasure for users; accounts and audit for admins."""

from __future__ import annotations

from .application import AccountsService

__all__ = ["AccountsService"]
