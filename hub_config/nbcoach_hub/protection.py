"""How learners' servers are protected on this machine: which level, and what it leaves open.

The levels, from the best: Landlock with signals in its scope (ABI 6), bubblewrap, an older
Landlock, nothing. A level is chosen once, said at start and by `nbcoach doctor`, and then
enforced: a server that cannot be confined to it does not start.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum

from .confinement import ConfinementUnavailable, landlock_abi
from .confinement.namespaces import namespaces_work
from .confinement.syscalls import machine

_ALWAYS = (
    "whether a file exists and how large it is",
    "servers share the machine's network: the internet and every TCP port of this machine can be reached",
)
_NO_NAMESPACES = "no own /proc, terminals and shared memory: terminals are off, multiprocessing pools do not work"
_NO_SIGNALS = "servers of other learners can be signalled"
_ROOT = "as root: the number of processes and the memory of a learner as a whole are not limited"


class Level(StrEnum):
    """How a learner's server is kept from everything else."""

    LANDLOCK = "landlock"
    BUBBLEWRAP = "bubblewrap"
    PARTIAL = "landlock-partial"
    NONE = "none"


@dataclass(frozen=True)
class Protection:
    """A level with what it rests on."""

    level: Level
    abi: int = 0
    namespaces: bool = False
    root: bool = False

    def describe(self) -> str:
        """Return the level in one sentence."""
        return {
            Level.LANDLOCK: f"Landlock (ABI {self.abi}) and seccomp"
            + (" in own namespaces" if self.namespaces else ""),
            Level.BUBBLEWRAP: "bubblewrap and seccomp",
            Level.PARTIAL: f"an old Landlock (ABI {self.abi}) and seccomp",
            Level.NONE: "NONE: learners can read and change each other's work, the hub's secrets and the tests",
        }[self.level]

    def not_protected(self) -> list[str]:
        """Return what the level leaves open, in plain words."""
        if self.level is Level.NONE:
            return ["everything that this user id may do; use it for yourself only"]
        open_ends = list(_ALWAYS)
        if self.level is not Level.BUBBLEWRAP and not self.namespaces:
            open_ends.append(_NO_NAMESPACES)
        if self.level is Level.PARTIAL and not self.namespaces:
            open_ends.append(_NO_SIGNALS)
        if self.level is Level.PARTIAL and self.abi < 3:
            open_ends.append("files that this user id may write can be emptied (truncate)")
        if self.root:
            open_ends.append(_ROOT)
        return open_ends


def available() -> list[Protection]:
    """Return the levels that work on this machine, the best first, by trying them in a child process."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "nbcoach_hub.protection"], capture_output=True, text=True, timeout=30, check=False
    )
    try:
        found = json.loads(done.stdout)
    except ValueError as err:
        raise ConfinementUnavailable(f"The levels of protection could not be tried: {done.stderr[-300:]}") from err
    known = {"abi": found["abi"], "namespaces": found["namespaces"], "root": found["root"]}
    levels: list[Protection] = []
    if found["seccomp"] and found["abi"] >= 6:
        levels.append(Protection(Level.LANDLOCK, **known))
    if found["seccomp"] and found["bubblewrap"]:
        levels.append(Protection(Level.BUBBLEWRAP, abi=found["abi"], root=found["root"]))
    if found["seccomp"] and found["abi"] >= 1:
        levels.append(Protection(Level.PARTIAL, **known))
    return [*levels, Protection(Level.NONE, root=found["root"])]


def choose(wanted: str = "auto") -> Protection:
    """Return the best level, or the wanted one.

    Raises:
        ConfinementUnavailable: the wanted level does not work on this machine.

    """
    levels = available()
    for protection in levels:
        if wanted in ("auto", protection.level):
            return protection
    works = ", ".join(protection.level for protection in levels)
    raise ConfinementUnavailable(f"Protection {wanted!r} does not work on this machine; these do: {works}.")


def _bubblewrap_works() -> bool:
    found = shutil.which("bwrap")
    if found is None:
        return False
    trial = [found, "--unshare-pid", "--unshare-ipc", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    return subprocess.run(trial, capture_output=True, timeout=10, check=False).returncode == 0


def _probe() -> dict[str, object]:
    try:
        machine()
        seccomp = True
    except ConfinementUnavailable:
        seccomp = False
    return {
        "abi": landlock_abi(),
        "seccomp": seccomp,
        "namespaces": namespaces_work(),
        "bubblewrap": _bubblewrap_works(),
        "root": os.geteuid() == 0,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_probe()))
