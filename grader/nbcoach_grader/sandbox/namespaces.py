"""The sandbox of namespaces: all of the Landlock sandbox, in a small world of its own.

Theory of operation. The fork server forks the first process of a box with `clone` and flags: it is
number 1 of a table of processes, and has mounts, network, shared memory and host name for itself. It then
builds its root: the system and Python, read-only, three devices, no /proc, and a file system in memory of
a fixed size with a copy of the box's files and, as /dev/shm, an empty folder. Each learner's notebook is forked
from there, so a check inside costs no more than elsewhere. When the service discards the box, the fork server
kills number 1; the kernel ends all others in there and lets number 1 go only when they have gone.

Boxes within an author's box share that one's network and shared memory, of which a seccomp filter lets
nothing be used, and have processes, files and a namespace of accounts of their own.

As root a box has a user id that nothing else has. Without, namespaces need one of accounts too, in which
the only account is the grader's own.

Rejected: bubblewrap, nsjail and `isolate` start a program, and a fresh interpreter with IPython and
pandas takes a second; what is to be confined here is the fork of a process that has all of that loaded, in
a millisecond. Calling one of them around the fork server as a whole would not keep learners apart. The
PyPI packages `python-unshare` and `nsenter` do no mounts, and Python's own `os.unshare` came with 3.12.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbcoach_hub.confinement.namespaces import map_accounts

from ..errors import SandboxFailed
from .abc import Box
from .cgroups import ControlGroups
from .landlock import LandlockSandbox
from .protection import Name, Protection, protection
from .usage import MAX_ENTRIES, changed_at

MAX_BYTES = 256 * 2**20
_MEMORY = {"place": "/home/learner", "bytes": MAX_BYTES, "entries": MAX_ENTRIES}
HOME = f"{_MEMORY['place']}/work"
SHARED = f"{_MEMORY['place']}/shm"


class NamespaceSandbox(LandlockSandbox):
    """Own processes, files, network, shared memory and user id, and in them all of the Landlock sandbox.

    Args:
        root: the folder below which boxes are made.
        abi: the version of Landlock that the kernel offers, 0 for none.
        groups: where control groups can be made.
        own_user: whether each box gets a user id of its own; takes root.
        own_accounts: whether a namespace of accounts is needed, as this is not root.

    """

    name = "namespaces"
    keeps_first = True

    def __init__(
        self,
        root: Path,
        abi: int,
        groups: ControlGroups | None = None,
        *,
        own_user: bool = False,
        own_accounts: bool = False,
    ) -> None:
        super().__init__(root, abi, groups, own_user=own_user)
        self._own_accounts = own_accounts
        self.special = True
        self.nests = not own_accounts  # only root may map accounts of a namespace in another one

    def protections(self) -> tuple[Protection, ...]:
        """Return what is protected."""
        kinds = (Name.FILES, Name.NETWORK, Name.SYSTEM_CALLS, Name.OTHER_PROCESSES, Name.OWN_PROCESSES, Name.OWN_FILES)
        return (
            *(protection(name, held=True) for name in kinds),
            protection(Name.OWN_USER, self._own_user),
            protection(Name.DISK, held=True),
            *self._resources(),
        )

    def birth(self) -> Mapping[str, Any]:
        """Ask for namespaces."""
        return {"own_accounts": self._own_accounts}

    def inner_birth(self) -> Mapping[str, Any]:
        """Ask for those namespaces that are not shared with the author's process."""
        return {"within": True}

    def level(self, box: Path) -> Mapping[str, Any]:
        """Name what the new root holds."""
        view = {
            "root": str(box / "view"),
            "source": str(box / "work"),
            "account": [os.geteuid(), os.getegid()] if self._own_accounts else None,
            "memory": _MEMORY,
        }
        (box / "view").mkdir()
        return {**super().level(box), "own_count": self._counts_apart, "folder": HOME, "shared": SHARED, "view": view}

    @property
    def _counts_apart(self) -> bool:
        """Linux counts by user id and by namespace of accounts: a box has one or the other for itself."""
        return self._own_user or self._own_accounts

    def author_level(self, box: Path) -> Mapping[str, Any]:
        """Leave out Landlock, in which nothing could be mounted any more."""
        return {**self.level(box), "author": True, "landlock": False}

    def inner_level(self, outer: Box) -> Mapping[str, Any]:
        """Hide the author's files under a copy of them; all else that can be seen is the same, and read-only."""
        level = {**LandlockSandbox.level(self, outer.folder), "own_count": True}
        accounts = sorted({int(order.get("user", os.geteuid())) for order in (outer.order, level)})
        places = {"folder": HOME, "shared": SHARED, "copy_from": HOME, "cover": _MEMORY}
        return {**level, **places, "accounts": accounts}

    def shared_memory(self, pid: int) -> int:
        """Return when something was last made in its folder; nobody inside can set that time."""
        return changed_at(pid, SHARED)

    def admit(self, box: Box, pid: int) -> None:
        """Bound a freshly forked process from outside, and let one within an author's box take on its user id."""
        super().admit(box, pid)
        if "cover" in box.order:
            try:
                map_accounts(pid, box.order["accounts"])
            except OSError as err:
                raise SandboxFailed(f"A process cannot be given an account: {err}") from err
