"""A bound on the number of processes, by a control group where this process may make one.

Root is not held by RLIMIT_NPROC, so within a container that runs as root only a control group
bounds a fork bomb before it grows. Where there is none, what counts is `usage`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MAX_PROCESSES = 512

_ROOT = Path("/sys/fs/cgroup")


def pids_group(root: Path = _ROOT) -> Path | None:
    """Return the control group below which groups with a bound on processes can be made, or None."""
    for line in _lines("/proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "pids"):
            here = root / controllers / path.lstrip("/")
            if controllers == "":
                with contextlib.suppress(OSError):
                    (here / "cgroup.subtree_control").write_text("+pids")
            if _works(here):
                return here
    return None


def bound(group: Path, name: str) -> Path | None:
    """Make a group that holds at most 512 processes and threads."""
    folder = group / name
    try:
        folder.mkdir()
        (folder / "pids.max").write_text(str(MAX_PROCESSES))
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    return folder


def _works(here: Path) -> bool:
    probe = bound(here, f"nbcoach-probe-{os.getpid()}") if (here / "cgroup.procs").exists() else None
    if probe is None:
        return False
    with contextlib.suppress(OSError):
        probe.rmdir()
    return True


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
