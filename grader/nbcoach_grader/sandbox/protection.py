"""What a sandbox can protect, by stable names: for the log, for `nbcoach doctor` and for the docs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .cgroups import ControlGroups

_GROUPS = (
    "make control groups writable: run as root on a host, in Docker with --privileged, or with Delegate=yes in systemd"
)
_SPACES = (
    "allow namespaces: as root outside of containers, in Docker with --privileged or with --cap-add SYS_ADMIN "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, "
    "for other accounts with sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000 and "
    "kernel.apparmor_restrict_unprivileged_userns=0; Linux 5.14 or newer"
)
_FILTERS = "use Linux 5.13 or newer on x86-64 or arm64, with 'landlock' in the kernel's list of security modules (lsm=)"
_SIGNALS = f"use Linux 6.12 or newer (Landlock ABI 6), or {_SPACES}"
_USER = "run the grader as root where namespaces are allowed, or where every account can read Python's own folders"


class Name(StrEnum):
    """The things that can be protected."""

    FILES = "files"
    NETWORK = "network"
    SYSTEM_CALLS = "system calls"
    OTHER_PROCESSES = "other processes"
    OWN_PROCESSES = "own processes"
    OWN_FILES = "own files"
    OWN_USER = "own user"
    MEMORY = "memory"
    FILE_SIZE = "file size"
    OPEN_FILES = "open files"
    PROCESSOR_TIME = "processor time"
    DISK = "disk"
    PROCESSES = "processes"
    TOTAL_MEMORY = "total memory"
    PROCESSOR_SHARE = "processor share"


_MEANINGS: dict[Name, tuple[str, str]] = {
    Name.FILES: ("files of this account can be read", _FILTERS),
    Name.NETWORK: ("the network can be reached", _FILTERS),
    Name.SYSTEM_CALLS: ("all of the kernel's calls can be tried", _FILTERS),
    Name.OTHER_PROCESSES: ("other processes of this account can be signalled", _SIGNALS),
    Name.OWN_PROCESSES: ("processes are ended one by one, not by the kernel at once", _SPACES),
    Name.OWN_FILES: ("that a file exists, and how large it is, can be seen", _SPACES),
    Name.OWN_USER: ("learners' code runs under the grader's own account", _USER),
    Name.MEMORY: ("one process can use all memory", "use Linux"),
    Name.FILE_SIZE: ("a file can fill the disk", "use Linux"),
    Name.OPEN_FILES: ("a process can open any number of files", "use Linux"),
    Name.PROCESSOR_TIME: ("a process can use a processor for ever", "use Linux"),
    Name.DISK: ("what is written in all is looked at four times a second, and bounded by that alone", _SPACES),
    Name.PROCESSES: ("processes are counted four times a second, and bounded by that alone", _GROUPS),
    Name.TOTAL_MEMORY: ("memory is bounded for each process, not for all of a learner together", _GROUPS),
    Name.PROCESSOR_SHARE: ("a learner with many processes gets a larger share of the processors", _GROUPS),
}


@dataclass(frozen=True)
class Protection:
    """One thing, whether it is protected, what it means where it is not, and what would help."""

    name: Name
    held: bool
    meaning: str
    advice: str


def protection(name: Name, held: bool, reason: str = "") -> Protection:
    """Return a protection in the usual words; `reason` says more on why it is not to be had."""
    meaning, advice = _MEANINGS[name]
    return Protection(name, held, f"{meaning} ({reason})" if reason and not held else meaning, advice)


def of_limits() -> tuple[Protection, ...]:
    """Return what resource limits protect, which every level has."""
    kinds = (Name.MEMORY, Name.FILE_SIZE, Name.OPEN_FILES, Name.PROCESSOR_TIME)
    return tuple(protection(name, held=True) for name in kinds)


def of_groups(groups: ControlGroups) -> tuple[Protection, ...]:
    """Return what control groups protect."""
    kinds = {"pids": Name.PROCESSES, "memory": Name.TOTAL_MEMORY, "cpu": Name.PROCESSOR_SHARE}
    return tuple(
        protection(name, controller in groups.folders, groups.reasons.get(controller, ""))
        for controller, name in kinds.items()
    )
