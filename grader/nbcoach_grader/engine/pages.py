"""Large pages for the fork server: a fork copies one entry for 2 MiB instead of 512, which saves a fifth of a check."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

_HUGE = 2 * 2**20
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25


def collapse_pages() -> None:
    """Ask the kernel to back the private memory of this process with large pages; in vain before Linux 6.1."""
    libc = ctypes.CDLL(None)
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, _, _, inode = line.split()[:5]
            start, end = (int(number, 16) for number in place.split("-"))
            start, end = -(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE
            if rights == "rw-p" and inode == "0" and start < end:
                for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
                    libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), ctypes.c_int(advice))
