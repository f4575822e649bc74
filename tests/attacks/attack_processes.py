"""What a submission may leave on the machine, seen from outside: processes, files, and shared memory of all kinds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import psutil

_PLACES = ("~/.ipython", "~/.local", "~/.jupyter", "~/.config", ".")
_IPC = ("/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/sysvipc/sem")


PATIENCE = 10.0


def processes() -> dict[int, str]:
    """Return all processes below this one that have not ended, with what each is at."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found[child.pid] = child.status()
    return {pid: status for pid, status in found.items() if status != psutil.STATUS_ZOMBIE}


async def back_to(count: int) -> bool:
    """Wait until no more processes than so many are there; a judge ends a moment after its verdict."""
    end = time.monotonic() + PATIENCE
    while len(processes()) > count and time.monotonic() < end:
        await asyncio.sleep(0.05)
    return len(processes()) <= count


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
