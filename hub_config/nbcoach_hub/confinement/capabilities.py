"""Capabilities: turn root into an ordinary user, for this process and all it executes.

Root without capabilities still owns root's files. What it may open is for Landlock to say.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from .errors import ConfinementUnavailable
from .syscalls import call, prctl, require_one_thread

_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 23, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_VERSION_3 = 0x20080522
_SETS = struct.Struct("6I")


def no_new_privileges() -> None:
    """Let no program that is executed from now on give more privileges than there are."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities(user: int | None = None) -> None:
    """Give up every capability for good, by emptying the bounding set and all the others.

    Args:
        user: the user and group id to take on, while it can still be had.

    Raises:
        OSError: the user id cannot be taken on.
        ConfinementUnavailable: some are left.

    """
    require_one_thread()
    left: list[int] = []
    for capability in range(64):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            kept = _is_kept(capability)
            if kept is None:
                break
            left += [capability] if kept else []
    try:
        prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError as err:
        if err.errno != errno.EINVAL:
            raise
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    held = any(capabilities())
    call("capset", _header(), ctypes.create_string_buffer(bytes(_SETS.size), _SETS.size))
    # A process that never held any may keep a bounding set: with no_new_privs nothing can be drawn from it.
    if any(capabilities()) or (left and held):
        raise ConfinementUnavailable(f"Capabilities could not be dropped: {left}.")


def capabilities() -> tuple[int, int, int]:
    """Return the effective, permitted and inheritable capabilities as bit sets."""
    data = ctypes.create_string_buffer(_SETS.size)
    call("capget", _header(), data)
    low = _SETS.unpack(data.raw)
    return (low[0] | low[3] << 32, low[1] | low[4] << 32, low[2] | low[5] << 32)


def _is_kept(capability: int) -> bool | None:
    """Tell whether the bounding set has a capability; None for one that the kernel does not know."""
    try:
        return prctl(_PR_CAPBSET_READ, capability) != 0
    except OSError:
        return None


def _header() -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(struct.pack("Ii", _VERSION_3, 0), 8)
