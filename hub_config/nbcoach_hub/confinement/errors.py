"""Errors of confinement.

OSError
└── ConfinementUnavailable    this kernel or machine cannot confine as asked
"""

from __future__ import annotations


class ConfinementUnavailable(OSError):
    """Confinement as asked cannot be had on this kernel or machine; nothing may run as if it had been."""
