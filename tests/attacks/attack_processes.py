"""What a submission may leave on the machine, seen from outside: processes, files, and shared memory of all kinds."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_PLACES = ("/dev/shm", "/dev/mqueue", "/tmp", "/var/tmp", "~", "~/.ipython", "~/.local", "~/.jupyter", ".")
_IPC = ("/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/sysvipc/sem")


def processes() -> set[tuple[int, float]]:
    """Return all processes below this one, by id and time of birth; zombies count too."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            found.add((child.pid, child.create_time()))
        except psutil.NoSuchProcess:
            continue
    return found


def system_state() -> dict[str, list[str]]:
    """Return what stands at places of the system that a run could write to, and the tables of System V objects."""
    state = {place: _entries(Path(place).expanduser()) for place in _PLACES}
    state |= {table: Path(table).read_text().splitlines() for table in _IPC if Path(table).exists()}
    state["descriptors"] = [str(len(os.listdir("/proc/self/fd")))]  # noqa: PTH208
    return state


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
