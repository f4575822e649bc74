"""Choose the best sandbox that this system allows."""

from __future__ import annotations

from pathlib import Path

from nbcoach_hub.confinement import landlock_abi
from nbcoach_hub.confinement.syscalls import machine

from .abc import Sandbox
from .landlock import LandlockSandbox
from .plain import PlainSandbox


def choose(root: Path) -> Sandbox:
    """Return the best sandbox for this system.

    Args:
        root: the folder below which boxes are made.

    """
    abi = landlock_abi()
    try:
        machine()
    except OSError:
        return PlainSandbox(root)
    return LandlockSandbox(root, abi) if abi else PlainSandbox(root)
