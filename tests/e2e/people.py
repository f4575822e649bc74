"""Who signs in to the platform of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

PASSWORD = "correct-horse-battery"
LEARNERS = ("ada", "ben", "cleo", "dan", "eva", "finn")

SignIn = Callable[[str], Page]
"""Sign somebody in by name, and return his page."""
