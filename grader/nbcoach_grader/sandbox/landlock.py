"""The Landlock sandbox: needs no privilege, so it works in an ordinary container too."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .abc import Box, Sandbox
from .cgroups import ControlGroups
from .protection import Name, Protection, protection

SIGNAL_SCOPE_ABI = 6
FIRST_USER, USERS = 1_900_000_000, 100_000
"""User ids that no system hands out; each box gets one of its own where the grader is root."""

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/dev/urandom", "/dev/zero")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts")
_users = itertools.count(os.getpid() * 997)


class LandlockSandbox(Sandbox):
    """Landlock for files and signals, seccomp for system calls, no capabilities, resource limits, control groups.

    Args:
        root: the folder below which boxes are made.
        abi: the version of Landlock that the kernel offers.
        groups: where control groups can be made.
        own_user: whether each box gets a user id of its own; takes root.

    """

    name = "landlock"

    def __init__(self, root: Path, abi: int, groups: ControlGroups | None = None, *, own_user: bool = False) -> None:
        super().__init__(root, groups)
        self._abi = abi
        self._own_user = self.special = own_user
        self.nests = abi >= SIGNAL_SCOPE_ABI

    def protections(self) -> tuple[Protection, ...]:
        """Return what is protected."""
        reason = f"Landlock ABI {self._abi}, {SIGNAL_SCOPE_ABI} is needed"
        return (
            protection(Name.FILES, held=True),
            protection(Name.NETWORK, held=True),
            protection(Name.SYSTEM_CALLS, held=True),
            protection(Name.OTHER_PROCESSES, self._abi >= SIGNAL_SCOPE_ABI or self._own_user, reason),
            protection(Name.OWN_PROCESSES, held=False),
            protection(Name.OWN_FILES, held=False),
            protection(Name.OWN_USER, self._own_user),
            protection(Name.DISK, held=False),
            *self._resources(),
        )

    def level(self, box: Path) -> Mapping[str, Any]:
        """Name the files that may be read: the system and Python, nothing of ours; and the user id."""
        order = {"read_only": readable(), "landlock": self._abi > 0}
        return {**order, "user": user_id(), "own_count": True} if self._own_user else order

    def author_level(self, box: Path) -> Mapping[str, Any]:
        """Let boxes be made beside the author's files."""
        return {**self.level(box), "author": True, "writable": [str(box)]}

    def inner_level(self, outer: Box) -> Mapping[str, Any]:
        """Keep the user id; the files are a copy in a folder that can be seen by none of the others."""
        return {"read_only": readable(), "landlock": True, "copy_from": outer.order["folder"]}

    def _resources(self) -> tuple[Protection, ...]:
        """Return what bounds resources; where a box's processes are counted apart, their limit holds."""
        found = super().protections()
        bounded = protection(Name.PROCESSES, held=True)
        return tuple(bounded if self._counts_apart and p.name is Name.PROCESSES else p for p in found)

    @property
    def _counts_apart(self) -> bool:
        """Return whether Linux counts each box's processes apart: boxes within an author's have one user id."""
        return self._own_user and not self.nests


def readable() -> list[str]:
    """Return the files and folders that learners' code may read."""
    return [*_SYSTEM, *_SETTINGS, *sorted({sys.prefix, sys.base_prefix})]


def user_id() -> int:
    """Return a user id that no other box of late has had."""
    return FIRST_USER + next(_users) % USERS
