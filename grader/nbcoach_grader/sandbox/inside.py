"""What confines a process, called inside it. Imported by the fork server, so it imports little.

Theory of operation. A freshly forked process calls `enter` before any foreign code runs. It
moves to its box, empties its environment, bounds its resources and then, as far as the level
says, gives up everything else for good: capabilities, files, network, signals, system calls.
Children inherit all of it, and nothing in it can be undone from inside.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbcoach_hub.confinement import drop_capabilities, forbid_syscalls, no_new_privileges, restrict_files

MAX_FILE_BYTES = 64 * 2**20
MAX_FILES = 256
MAX_CPU_SECONDS = 600
TERMINALS = ("/dev/tty", "/dev/ptmx", "/dev/pts")


def enter(order: Mapping[str, Any]) -> None:
    """Confine the calling process for good.

    Args:
        order: `folder`, `memory_bytes`, and at the Landlock level `read_only`, the files to be read.
            A Jupyter kernel's also has `environment`, more variables, `kernel`: local sockets may be
            listened at, and `terminals`: they may be opened, as it sees none but its own.

    Raises:
        OSError: a part of the confinement cannot be had; the process must not be used.

    """
    folder = str(order["folder"])
    os.chdir(folder)
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(HOME=folder, TMPDIR=folder, PATH="/usr/local/bin:/usr/bin:/bin", LANG="C.UTF-8", MPLBACKEND="Agg")
    os.environ.update(order.get("environment", {}))
    _limit(int(order["memory_bytes"]))
    if "read_only" in order:
        drop_capabilities()
        no_new_privileges()
        kernel = bool(order.get("kernel"))
        devices = ["/dev/null", *(TERMINALS if order.get("terminals") else ())]
        restrict_files(order["read_only"], [folder], tcp=False, unix=kernel, devices=devices)
        forbid_syscalls("kernel" if kernel else "cell")


def _limit(memory_bytes: int) -> None:
    """Bound what the process may use; memory counts beyond what it has already."""
    for kind, value in (
        (resource.RLIMIT_AS, _address_space() + memory_bytes),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Return the bytes of address space in use, 4 GiB where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 4 * 2**30
