"""Namespaces: an own table of processes, own terminals and own shared memory.

Theory of operation: with privileges, or with user namespaces where the system allows them to
anybody, a process can leave the common tables. The first child after `leave` is number 1 of a
new table of processes; when it ends, the kernel ends all the others in there. `mount_private`
then gives that table its own `/proc`, `/dev/pts` and `/dev/shm`, so that users who share one
user id do not see each other there. Landlock refuses mounting, so this comes before it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

from .errors import ConfinementUnavailable
from .syscalls import call

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
_NOSUID, _NODEV, _NOEXEC, _REC, _PRIVATE = 2, 4, 8, 16384, 1 << 18
_SHARED_MEMORY_MB = 256


def leave() -> None:
    """Leave the common mounts, System V memory and, for the children, table of processes.

    Raises:
        ConfinementUnavailable: not allowed here.

    """
    user, group = os.geteuid(), os.getegid()
    try:
        try:
            _unshare(_NEWNS | _NEWIPC | _NEWPID)
        except PermissionError:
            _unshare(_NEWUSER | _NEWNS | _NEWIPC | _NEWPID)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    except OSError as err:
        raise ConfinementUnavailable(f"No namespaces here: {err}") from err


def mount_private() -> None:
    """Mount an own `/proc`, `/dev/pts` and `/dev/shm`; to be called by the first child after `leave`.

    Raises:
        ConfinementUnavailable: not allowed here.

    """
    try:
        _mount("none", "/", "", _REC | _PRIVATE, "")
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC, "")
        _mount("devpts", "/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
        _mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, f"mode=1777,size={_SHARED_MEMORY_MB}m")  # noqa: S108
    except OSError as err:
        raise ConfinementUnavailable(f"No private mounts here: {err}") from err


def namespaces_work() -> bool:
    """Return whether `leave` and `mount_private` succeed here, by trying in a child."""
    outer = os.fork()
    if outer == 0:
        with contextlib.suppress(BaseException):
            leave()
            inner = os.fork()
            if inner == 0:
                with contextlib.suppress(BaseException):
                    mount_private()
                    os._exit(0 if Path("/proc/1").exists() else 1)
                os._exit(1)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
        os._exit(1)
    return os.waitpid(outer, 0)[1] == 0


def _unshare(flags: int) -> None:
    call("unshare", ctypes.c_int(flags))


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    texts = [ctypes.c_char_p(text.encode()) for text in (source, target, kind)]
    call("mount", *texts, ctypes.c_ulong(flags), ctypes.c_char_p(options.encode()))
