"""What processes use, counted from outside: where the kernel does not bound it, and what forks would share."""

from __future__ import annotations

import os
import resource
from pathlib import Path

MAX_ENTRIES = 5000
MAX_LEVELS = 100
MAX_PATH = 3500


def address_space(pid: int | str = "self") -> int:
    """Return the bytes of address space that a process has in use, 4 GiB where the system does not tell."""
    try:
        return int(Path("/proc", str(pid), "statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 4 * 2**30


def held(pid: int | str = "self") -> tuple[int, int]:
    """Return how many threads and descriptors a process has: forks would lose the ones and share the others."""
    counts = []
    for kind in ("task", "fd"):
        try:
            counts.append(len(os.listdir(f"/proc/{pid}/{kind}")))  # noqa: PTH208 - names alone
        except OSError:
            counts.append(0)
    return counts[0], counts[1]


def shared_mappings(pid: int) -> int:
    """Return how many mappings a process has that forks of it could change for each other."""
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123 - a thousand lines
            kinds = (line.split(b" ", 2)[1] for line in file)
            return sum(kind[1:2] == b"w" and kind[3:4] == b"s" for kind in kinds)
    except (OSError, IndexError):
        return 0


def changed_at(pid: int, folder: str) -> int:
    """Return when, in nanoseconds, an entry of a folder was last made or removed; 0 if not told.

    Args:
        pid: a process that sees the folder.
        folder: where it sees it.

    """
    try:
        return os.lstat(f"/proc/{pid}/root{folder}").st_mtime_ns
    except OSError:
        return 0


def processes_of(group: int) -> int:
    """Return how many processes a process group has; 0 where the system does not tell."""
    count = 0
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - thousands of them, many times
    except OSError:
        return 0
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    count += int(file.read().rpartition(b")")[2].split()[2]) == group
            except (OSError, ValueError, IndexError):
                continue
    return count


def processor_seconds() -> dict[int, float]:
    """Return the time of processors that the processes of each process group have used; empty if not told."""
    ticks = os.sysconf("SC_CLK_TCK")
    found: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_bytes().rpartition(b")")[2].split()
            group = int(fields[2])
            found[group] = found.get(group, 0.0) + sum(map(int, fields[11:15])) / ticks
        except (OSError, ValueError, IndexError):
            continue
    return found


_PARTS = ("Pss_Anon:", "Pss_Shmem:")
"""Memory of a process, each page divided by how many have it; see Documentation/filesystems/proc.rst of Linux."""


def memory_of(group: int) -> int:
    """Return the bytes of memory of a group's processes; 0 if not told.

    What they share among each other counts once, and of what they share with others, such as the fork server, their
    part.
    """
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int((path / "stat").read_bytes().rpartition(b")")[2].split()[2]) != group:
                continue
            for line in (path / "smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) * 1024 if line.startswith(_PARTS) else 0
        except (OSError, ValueError, IndexError):
            continue
    return total


def bytes_below(folder: Path) -> int:
    """Return the bytes on disk below a folder; an absurd number where it holds more than 5000 entries or 100 levels."""
    total, entries, top = 0, 0, str(folder).count(os.sep)
    for place, folders, files in os.walk(folder):
        if place.count(os.sep) - top >= MAX_LEVELS or len(place) > MAX_PATH:  # below, files could not be named any more
            return total + 2**40
        for name in files + folders:
            entries += 1
            if entries > MAX_ENTRIES:
                return total + 2**40
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
            except OSError:
                continue
    return total
