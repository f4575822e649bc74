"""Pages of memory: what makes forks cheap, and what a fork is likely to write, copied before anybody waits for it.

A fork shares all pages with its parent until one of them writes, and a Python process writes a thousand pages
at once, as it counts references in them. Each costs some microseconds, which is most of the time of a
short cell. So the fork server tries out once which pages that are (`hot_pages`), and forks that are made ahead copy
them while they wait (`copy_pages`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

_PAGE = os.sysconf("SC_PAGE_SIZE")
_HUGE = 2 * 2**20
_MADV_HUGEPAGE, _MADV_POPULATE_WRITE, _MADV_COLLAPSE = 14, 23, 25
_PRESENT, _EXCLUSIVE = np.uint64(63), np.uint64(56)

Ranges = Sequence[tuple[int, int]]
"""Address and length of pieces of memory."""


def collapse_pages() -> None:
    """Ask the kernel to back the private memory of this process with large pages; in vain before Linux 6.1.

    A fork then copies one entry for 2 MiB instead of 512.
    """
    libc = ctypes.CDLL(None)
    with contextlib.suppress(OSError, ValueError):
        for start, end in _private():
            first, last = -(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE
            if first < last:
                for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
                    libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), ctypes.c_int(advice))


def hot_pages(work: Callable[[], object]) -> Ranges:
    """Return the pages that a fork of this process writes at some work; none where the system does not tell."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            work()
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(np.array(_written(), dtype="<u8").tobytes())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = np.frombuffer(pipe.read(), dtype="<u8")
    os.waitpid(pid, 0)
    return [(int(start), int(length)) for start, length in told[: len(told) // 2 * 2].reshape(-1, 2)]


def copy_pages(pages: Ranges) -> None:
    """Make pages this process's own, as writing to them would; in vain before Linux 5.14."""
    madvise = ctypes.CDLL(None).madvise
    for start, length in pages:
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), ctypes.c_int(_MADV_POPULATE_WRITE))


def _private() -> list[tuple[int, int]]:
    """Return start and end of this process's private memory, its stack left out."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, *_ = line.split()
        start, end = (int(number, 16) for number in place.split("-"))
        if rights == "rw-p" and not line.endswith("[stack]"):
            found.append((start, end))
    return found


def _written() -> list[tuple[int, int]]:
    """Return the private pages that no other process shares; see Documentation/admin-guide/mm/pagemap.rst of Linux."""
    found: list[tuple[int, int]] = []
    with contextlib.suppress(OSError), Path("/proc/self/pagemap").open("rb", 0) as pagemap:
        for start, end in _private():
            pagemap.seek(start // _PAGE * 8)
            flags = np.frombuffer(pagemap.read((end - start) // _PAGE * 8), dtype="<u8")
            own = np.flatnonzero((flags >> _PRESENT) & (flags >> _EXCLUSIVE) & np.uint64(1))
            for run in np.split(own, np.flatnonzero(np.diff(own) > 1) + 1):
                if len(run):
                    found.append((start + int(run[0]) * _PAGE, len(run) * _PAGE))
    return found
