"""Families of processes: end with the parent, adopt orphans, end a whole tree.

Theory of operation: Linux tells a child of its parent's death only when the child asked for it
(`PR_SET_PDEATHSIG`), and gives orphans to the nearest ancestor that called itself a subreaper.
With both, whatever `nbcoach` starts ends when `nbcoach` ends, even after `kill -9`. On other
systems the calls do nothing and say so by returning False.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(sign: int = signal.SIGTERM) -> bool:
    """Ask the kernel for `sign` when the parent process ends; False where there is no such wish.

    Raises:
        SystemExit: the parent has ended already.

    """
    if not sys.platform.startswith("linux"):
        return False
    parent = os.getppid()
    done = _prctl(_PR_SET_PDEATHSIG, int(sign))
    if os.getppid() != parent:
        raise SystemExit(1)
    return done


def become_subreaper() -> bool:
    """Adopt every descendant that loses its parent; False where that cannot be had."""
    return sys.platform.startswith("linux") and _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(root: int | None = None) -> list[int]:
    """Return the living descendants of a process, nearest first; empty without `/proc`."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append(int(entry.name))
    found = [os.getpid() if root is None else root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found[1:]


def end_descendants(grace: float = 5.0) -> int:
    """End all descendants of this process, politely for `grace` seconds; return how many were left.

    Works for orphans only after `become_subreaper`.
    """
    deadline = time.monotonic() + grace
    _signal_all(signal.SIGTERM)
    while _reap() and time.monotonic() < deadline:
        time.sleep(0.02)
    hard = time.monotonic() + 2.0
    while _reap() and time.monotonic() < hard:
        _signal_all(signal.SIGKILL)
        time.sleep(0.02)
    return len(descendants())


def _signal_all(sign: int) -> None:
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sign)


def _reap() -> bool:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return bool(descendants())


def _prctl(option: int, value: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    done: int = libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)
    return done == 0
