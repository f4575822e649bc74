"""Confinement of a process by itself: files, network, other processes, privileges.

Theory of operation: a process gives up its own rights, step by step and for good, and then
executes what it does not trust. Nothing here needs a privilege. The order matters:

1. `drop_capabilities`: afterwards root is an ordinary user, also for what it executes.
2. `no_new_privileges`: no setuid program gives anything back; the two filters below need it.
3. `restrict_files` (Landlock): only the named files; no signals, ptrace or abstract sockets to
   the outside; TCP only if wanted.
4. `forbid_syscalls` (seccomp): what Landlock does not see. It comes last, as it refuses some of
   the calls that the steps before need.

Each must be called while the process has one thread, as the kernel confines threads one by one.
All of it holds for children and survives `exec`. `namespaces` adds what only the mount table can
give: an own /proc, terminals and shared memory.

Not covered, by design of the kernel: whether a file exists and how large it is (`stat`), how much
memory and processor time is used (see rlimits and control groups), and kernel defects.

Rejected: PyPI's `landlock` (files only), `pyseccomp` (needs libseccomp installed) and `sandlock`
(needs more than a default container has).
"""

from __future__ import annotations

from .capabilities import drop_capabilities, no_new_privileges
from .errors import ConfinementUnavailable
from .landlock import landlock_abi, restrict_files
from .seccomp import POLICIES, forbid_syscalls

__all__ = [
    "POLICIES",
    "ConfinementUnavailable",
    "drop_capabilities",
    "forbid_syscalls",
    "landlock_abi",
    "no_new_privileges",
    "restrict_files",
]
