"""Threads: whether cells have left some in this process, which no fork of it would have.

Counted are the system's threads where its C library tells, as modules make some that Python does not know. What is
counted in vain costs time alone, as the next cells then run in the same process. A learner's code can tamper with the
answer, and would harm its own notebook by that.
"""

from __future__ import annotations

import _thread
import ctypes
import threading
import time

_HARMLESS = frozenset({"tqdm"})
"""Packages that do not miss their threads in a fork."""

_END_SECONDS = 0.002
"""How long the system may need to end a thread that Python has done with."""


def left_behind() -> bool:
    """Tell whether threads beside this one go on."""
    end = time.monotonic() + _END_SECONDS
    while (count := _running()) and not _thread._count() and time.monotonic() < end:
        time.sleep(_END_SECONDS / 10)
    return bool(count) and count > sum(type(t).__module__.partition(".")[0] in _HARMLESS for t in threading.enumerate())


def _running() -> int:
    """Return how many threads there are beside this one."""
    return _count.value - 1 if _count is not None else _thread._count()


def _counter() -> ctypes.c_uint | None:
    """Return where the C library counts threads; None where it does not say."""
    try:
        counter = ctypes.c_uint.in_dll(ctypes.CDLL(None), "__nptl_nthreads")
    except (OSError, ValueError):
        return None
    return counter if counter.value == threading.active_count() else None


_count = _counter()
