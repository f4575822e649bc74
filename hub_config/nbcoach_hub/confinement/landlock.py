"""Landlock: name the files that may be used; everything else is out of reach.

By version (ABI) of the kernel: 1 files and ptrace, 2 moving between folders, 3 truncation,
4 TCP (Linux 6.7), 5 device controls, 6 signals and abstract sockets (Linux 6.12).
It has no say over `stat`, `chmod`, `utime`, extended attributes, watches (`inotify`) and sockets
with a path: see `seccomp` for those.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from os import PathLike

from .errors import ConfinementUnavailable
from .syscalls import call, require_one_thread

Paths = Iterable[str | PathLike[str]]

_EXECUTE, _WRITE, _READ, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL_DEV
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_TCP, _SCOPES = 3, 3


def landlock_abi() -> int:
    """Return the version of Landlock here, 0 where there is none."""
    try:
        return call("landlock_create_ruleset", None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError:
        return 0


def restrict_files(
    read_only: Paths, read_write: Paths, *, tcp: bool, unix: bool, devices: Paths = (), needs: int = 1
) -> int:
    """Confine this process to the named files and folders, and return the ABI that did it.

    Paths that do not exist are passed over. From ABI 6 on, signals and abstract sockets to
    processes outside are refused too.

    Args:
        read_only: may be read and executed.
        read_write: may be changed in every way, except that no devices and pipes are made there.
        tcp: whether TCP may be used at all; refusing takes ABI 4.
        unix: whether socket files may be made in `read_write`.
        devices: device files, or folders of them, to read, write and control.
        needs: the least ABI that will do.

    Raises:
        ConfinementUnavailable: Landlock is missing, or older than `needs`.

    """
    require_one_thread()
    abi = landlock_abi()
    if abi < max(1, needs):
        raise ConfinementUnavailable(f"Landlock ABI {max(1, needs)} is needed, this kernel has {abi}.")
    handled = (1 << _RIGHTS_BY_ABI.get(abi, 16)) - 1
    fields = [handled, 0 if tcp else _TCP, _SCOPES][: 1 if abi < 4 else 2 if abi < 6 else 3]
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    ruleset = call(
        "landlock_create_ruleset",
        ctypes.create_string_buffer(attributes, len(attributes)),
        ctypes.c_size_t(len(attributes)),
        ctypes.c_uint32(0),
    )
    never = _IOCTL_DEV | _MAKE_CHAR | _MAKE_FIFO | _MAKE_BLOCK | (0 if unix else _MAKE_SOCK)
    try:
        for paths, rights in (
            (read_only, _EXECUTE | _READ | _READ_DIR),
            (read_write, handled & ~never),
            (devices, _READ | _WRITE | _READ_DIR | _IOCTL_DEV),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        call("landlock_restrict_self", ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return abi


def _allow(ruleset: int, path: str | PathLike[str], rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _ON_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd), 12)
        call("landlock_add_rule", ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(fd)
