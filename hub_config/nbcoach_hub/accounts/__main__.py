"""Run the accounts service."""

from __future__ import annotations

from .application import AccountsService

AccountsService.launch()
