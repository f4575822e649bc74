"""The Landlock sandbox: needs no privilege, so it works in an ordinary container too."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .abc import Sandbox

SIGNAL_SCOPE_ABI = 6
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/dev/urandom", "/dev/zero")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts")


class LandlockSandbox(Sandbox):
    """Landlock for files and signals, seccomp for system calls, no capabilities, resource limits.

    Args:
        root: the folder below which boxes are made.
        abi: the version of Landlock that the kernel offers.

    """

    name = "landlock"
    protects = ("files", "network", "other processes", "memory", "file size", "open files", "processor time")

    def __init__(self, root: Path, abi: int) -> None:
        super().__init__(root)
        if abi < SIGNAL_SCOPE_ABI:
            self.lacks = (
                f"Landlock ABI {abi} lets code send signals to other sandboxes of this account (6 is needed)",
            )

    def level(self) -> Mapping[str, Any]:
        """Name the files that may be read: the system and Python, nothing of ours."""
        return {"read_only": [*_SYSTEM, *_SETTINGS, *sorted({sys.prefix, sys.base_prefix})]}
