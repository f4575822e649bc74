"""Namespaces: an own table of processes, own files, own network, own terminals and shared memory.

Theory of operation: with privileges, or with user namespaces where the system allows them to
anybody, a process can leave the common tables. The first child after `leave` is number 1 of a
new table of processes; when it ends, the kernel ends all the others in there. `mount_private`
then gives that table its own `/proc`, `/dev/pts` and `/dev/shm`, so that users who share one
user id do not see each other there. Landlock refuses mounting, so this comes before it.

`fork_apart` does in one call what a fork server needs: the child is number 1 of a table of its
own and has every other namespace for itself, while the caller stays where it is. `enter_view` then
replaces all files by named ones.

Who is apart already can be forked once more by `fork_within`, without any privilege: its child has a table of
processes, mounts and accounts of its own, and shares the rest, which is shared with nobody else.
`map_accounts` then says from outside which accounts it may have, and `cover` hides the files of the first one
under a copy of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from .errors import ConfinementUnavailable
from .syscalls import call, number, require_one_thread

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
_NEWUTS, _NEWNET = 0x04000000, 0x40000000
_READ_ONLY, _BIND, _DETACH = 1, 4096, 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTRIBUTES = struct.Struct("4Q")
_HOST_NAME = "nbcoach"
_NOSUID, _NODEV, _NOEXEC, _REC, _PRIVATE = 2, 4, 8, 16384, 1 << 18
_SHARED_MEMORY_MB = 256
_NOTHING = (None, None, None, None)
_holding = ctypes.PyDLL(None, use_errno=True)
"""The C library, called with the interpreter's lock held, as `os.fork` does."""


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
            keep_account(user, group)
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


def fork_apart(*, own_accounts: bool) -> int:
    """Fork a child that has every namespace for itself; return its process id, and 0 in the child.

    The process id is the one that the caller's own table has. The child reaps what its
    descendants leave behind without being asked, and the kernel ends all of them with it.

    Args:
        own_accounts: take a namespace of accounts too, which the others need without privileges.

    Raises:
        OSError: not allowed here; the caller is as it was.

    """
    return _fork(_NEWNS | _NEWIPC | _NEWPID | _NEWUTS | _NEWNET | (_NEWUSER if own_accounts else 0))


def fork_within() -> int:
    """Fork a child of a process that is apart; return its process id, and 0 in the child.

    It is like a child of `fork_apart`, but shares network, System V memory and host name with the caller.

    Raises:
        OSError: not allowed here; the caller is as it was.

    """
    return _fork(_NEWUSER | _NEWNS | _NEWPID)


def _fork(flags: int) -> int:
    require_one_thread()
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    # os.fork() takes no flags, and unshare() before it cannot be undone without privileges. The child's C library
    # does not learn its new thread id this way; nothing asks for it here, and ordinary forks from there are right.
    ctypes.set_errno(0)
    pid: int = _holding.syscall(ctypes.c_long(number("clone") or 0), ctypes.c_long(flags | signal.SIGCHLD), *_NOTHING)
    error = ctypes.get_errno()
    if pid:
        python.PyOS_AfterFork_Parent()
        if pid < 0:
            raise OSError(error, f"clone: {os.strerror(error)}")
        return pid
    python.PyOS_AfterFork_Child()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return 0


def keep_account(user: int, group: int) -> None:
    """Keep a user and group id, the ones from before, in a namespace of accounts that was just made.

    Raises:
        OSError: not allowed here.

    """
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")


def map_accounts(pid: int, ids: Iterable[int]) -> None:
    """Let a child of `fork_within` have some user and group ids as they are; to be called by root, from outside.

    Args:
        pid: its process id.
        ids: user ids, which are group ids as well.

    Raises:
        OSError: not allowed here, or it has ended.

    """
    lines = "".join(f"{number} {number} 1\n" for number in ids)
    for kind in ("gid_map", "uid_map"):
        Path("/proc", str(pid), kind).write_text(lines)


def cover(place: str, options: str) -> None:
    """Hide a folder under a new file system in memory, which is left empty.

    Args:
        place: the folder.
        options: of the file system: its size and owner.

    Raises:
        OSError: not allowed here.

    """
    _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, options)


def enter_view(
    root: str, read_only: Iterable[str], devices: Iterable[str], links: Mapping[str, str], memory: str, options: str
) -> None:
    """Replace all files by named ones; to be called by the child of `fork_apart`.

    Args:
        root: an empty folder, on which the new root is built.
        read_only: files and folders that keep their place, not to be changed; what is missing is passed over.
        devices: device files that keep their place.
        links: symbolic links, each with what it names.
        memory: where a new file system in memory is mounted, the only place that can be written.
        options: of that file system: its size and owner.

    Raises:
        OSError: not allowed here.

    """
    _mount("none", "/", "", _REC | _PRIVATE, "")
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=0755,size=1m")
    for path in read_only:
        _show(path, root)
    for device in devices:
        _spot(root + device)
    for link, target in links.items():
        Path(root + link).symlink_to(target)
    Path(root + memory).mkdir(parents=True)
    attributes = _ATTRIBUTES.pack(_READ_ONLY | _NOSUID | _NODEV, 0, 0, 0)
    call(
        "mount_setattr",
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(root.encode()),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.c_char_p(attributes),
        ctypes.c_size_t(len(attributes)),
    )
    for device in devices:
        _mount(device, root + device, "", _BIND, "")
    _mount("tmpfs", root + memory, "tmpfs", _NOSUID | _NODEV, options)


def close_view(root: str) -> None:
    """Make a root that `enter_view` has built the only one.

    Raises:
        OSError: not allowed here.

    """
    os.chdir(root)
    here = ctypes.c_char_p(b".")
    call("pivot_root", here, here)
    call("umount2", here, ctypes.c_int(_DETACH))
    os.chdir("/")
    socket.sethostname(_HOST_NAME)


def _show(path: str, root: str) -> None:
    """Let a file, folder or link of the old root appear in the new one."""
    if Path(path).is_symlink():
        Path(root + path).parent.mkdir(parents=True, exist_ok=True)
        Path(root + path).symlink_to(Path(path).readlink())
    elif Path(path).is_dir():
        Path(root + path).mkdir(parents=True, exist_ok=True)
        _mount(path, root + path, "", _BIND | _REC, "")
    elif Path(path).exists():
        _spot(root + path)
        _mount(path, root + path, "", _BIND, "")


def _spot(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()


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
