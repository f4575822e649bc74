"""Seccomp: forbid system calls, by a filter that the kernel runs before each of them.

Theory of operation: a filter is a list of BPF instructions over the call's number and the raw
values of its arguments; it cannot follow pointers. Five policies:

`server`, around a learner's server: sockets of the internet are allowed, local ones are not, as
  any socket file that the user id may open could be reached (a container engine's, for example).
`cell`, around a learner's code in the grader: no sockets at all but an anonymous pair, no new
  sessions or process groups, so that `killpg` reaches everything.
`kernel`, around a Jupyter kernel in the grader: local stream sockets may be made and listened at,
  as the grader comes to them, but nothing can be connected to; sessions, as terminals need them.

`author`, around the author's own cells in the grader, from whose process learners' are forked: like
  `cell`, but new namespaces, mounts and sessions can be made and files given away, as far as the kernel lets who has
  no capability, as each of those forks needs that.

`learner`, around those forks: what `author` leaves open. Filters are inherited and add up, so with that one it
  is `cell`, and six times as quickly made.

All but the last answer `chmod`, `chown`, `utime` and extended attributes with a success that does nothing:
Landlock has no say there, and the user id may own files of others. All refuse watches on files,
System V memory and message queues, which go around Landlock too, and let the calls that act on
any process by its id act on oneself only. libzmq sets the scheduling of its own threads by id and
ends the process when that fails, so those calls succeed without effect. `clone3` hides its flags
behind a pointer: it is answered as if the kernel were older, and C libraries then use `clone`.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from .syscalls import call, machine, number, require_one_thread

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE = 1, 5, 0xF

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True)
class Word:
    """A condition: the 32-bit word at `offset` of the call's data, under `mask`, equals `value`."""

    offset: int
    value: int
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class Only:
    """Allow a call if all conditions of one alternative hold; else answer with an error, 0 for a faked success."""

    alternatives: tuple[tuple[Word, ...], ...]
    otherwise: int = errno.EPERM


@dataclass(frozen=True)
class Policy:
    """What a filter does with the calls that it names; all others are allowed."""

    deny: Mapping[str, int]
    only: Mapping[str, Only]
    fake: frozenset[str] = field(default_factory=frozenset)


def _argument(index: int, value: int, mask: int = 0xFFFFFFFF) -> Word:
    return Word(16 + 8 * index, value, mask)


def _is_null(index: int) -> tuple[Word, Word]:
    return Word(16 + 8 * index, 0), Word(20 + 8 * index, 0)


def _denied(names: str, error: int = errno.EPERM) -> dict[str, int]:
    return dict.fromkeys(names.split(), error)


_MYSELF = Only(((_argument(0, 0),),))
_MYSELF_OR_PRETEND = Only(((_argument(0, 0),),), otherwise=0)
_BOTH_DENY = {
    **_denied("ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd"),
    **_denied("unshare setns mount umount2 pivot_root chroot move_mount open_tree open_tree_attr"),
    **_denied("fsopen fsconfig fsmount fspick mount_setattr quotactl quotactl_fd acct swapon swapoff"),
    **_denied("bpf perf_event_open userfaultfd keyctl add_key request_key memfd_secret lsm_set_self_attr"),
    **_denied("io_uring_setup io_uring_enter io_uring_register", errno.ENOSYS),
    **_denied("name_to_handle_at open_by_handle_at inotify_init inotify_init1 inotify_add_watch"),
    **_denied("fanotify_init fanotify_mark shmget shmat shmdt shmctl semget semop semtimedop semctl"),
    **_denied("msgget msgsnd msgrcv msgctl mq_open mq_unlink personality init_module finit_module delete_module"),
    **_denied("kexec_load kexec_file_load reboot sethostname setdomainname settimeofday clock_settime"),
    **_denied("clock_adjtime adjtimex syslog iopl ioperm vhangup lookup_dcookie"),
    **_denied("clone3", errno.ENOSYS),
}
_BOTH_ONLY = {
    "clone": Only(((_argument(0, 0, _NEW_NAMESPACES),),)),
    "prlimit64": _MYSELF,
    "sched_setaffinity": _MYSELF,
    "migrate_pages": _MYSELF,
    "move_pages": _MYSELF,
    "sched_setscheduler": _MYSELF_OR_PRETEND,
    "sched_setparam": _MYSELF_OR_PRETEND,
    "sched_setattr": _MYSELF_OR_PRETEND,
    "setpriority": Only(((_argument(0, 0), _argument(1, 0)),)),
    "ioprio_set": Only(((_argument(0, 1), _argument(1, 0)),)),
    # Datagram pairs could be sent to the socket files of others.
    "socketpair": Only(
        tuple((_argument(0, _AF_UNIX), _argument(1, kind, _SOCK_TYPE)) for kind in (_SOCK_STREAM, _SOCK_SEQPACKET))
    ),
}
_FAKE = frozenset(
    {"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"}
    | {"utime", "utimes", "futimesat", "utimensat", "file_setattr"}
    | {"setxattr", "lsetxattr", "fsetxattr", "setxattrat"}
    | {"removexattr", "lremovexattr", "fremovexattr", "removexattrat"}
)
_INTERNET = Only(
    (
        (_argument(0, _AF_INET),),
        (_argument(0, _AF_INET6),),
        # Routing information, which name resolution asks for.
        (_argument(0, _AF_NETLINK), _argument(2, 0)),
    ),
    otherwise=errno.EAFNOSUPPORT,
)

# A datagram socket could send to the socket files of others, without connecting. ipykernel asks libzmq
# for a TCP port and does without, but libzmq ends the process on any other error than this one.
_LOCAL_STREAM = Only(((_argument(0, _AF_UNIX), _argument(1, _SOCK_STREAM, _SOCK_TYPE)),), otherwise=errno.EOPNOTSUPP)
# Sending on a pair names no address; asyncio wakes its loop that way.
_SEND_NOWHERE = {"sendto": Only((_is_null(4),))}

_CELL = Policy(
    {
        **_BOTH_DENY,
        **_denied("socket connect bind listen accept accept4 sendmmsg setsid setpgid pidfd_open pidfd_send_signal"),
    },
    {**_BOTH_ONLY, **_SEND_NOWHERE},
    _FAKE,
)
_TO_FORK = frozenset({"mount", "setsid", "clone", "chown", "fchown", "lchown", "fchownat"})


def _only_those(policy: Policy, names: frozenset[str], *, within: bool) -> Policy:
    """Return the part of a policy that is about some calls, or about all others."""

    def kept(name: str) -> bool:
        return (name in names) is within

    return Policy(
        {name: error for name, error in policy.deny.items() if kept(name)},
        {name: only for name, only in policy.only.items() if kept(name)},
        frozenset(filter(kept, policy.fake)),
    )


POLICIES: Mapping[str, Policy] = {
    "server": Policy(_BOTH_DENY, {**_BOTH_ONLY, "socket": _INTERNET}, _FAKE),
    "cell": _CELL,
    "author": _only_those(_CELL, _TO_FORK, within=False),
    "learner": _only_those(_CELL, _TO_FORK, within=True),
    "kernel": Policy(
        {**_BOTH_DENY, **_denied("connect sendmmsg pidfd_open pidfd_send_signal")},
        {**_BOTH_ONLY, **_SEND_NOWHERE, "socket": _LOCAL_STREAM},
        _FAKE,
    ),
}


def forbid_syscalls(policy: str | Policy) -> None:
    """Apply a policy of `POLICIES` to this process for good; needs `no_new_privileges` before.

    Raises:
        ConfinementUnavailable: the numbers of this machine's calls are not known, or there are several threads.
        OSError: the kernel refused.

    """
    require_one_thread()
    program = compiled(policy) if isinstance(policy, str) else _compile(policy)
    call("seccomp", ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(_ALL_THREADS), ctypes.byref(program))


@cache
def compiled(policy: str) -> ctypes.Structure:
    """Return the program of a policy of `POLICIES`; who forks much can have it made before."""
    return _compile(POLICIES[policy])


def _compile(policy: Policy) -> ctypes.Structure:
    instructions = assemble(policy)
    array = (_Filter * len(instructions))(*[_Filter(*instruction) for instruction in instructions])
    return _Program(len(instructions), array)


def assemble(policy: Policy) -> list[Instruction]:
    """Return the filter of a policy for this machine."""
    column, name = machine()
    program: list[Instruction] = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, name), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if column == 0:
        program += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for call_name, error in {**policy.deny, **dict.fromkeys(policy.fake, 0)}.items():
        program += _block(call_name, [(_RETURN, 0, 0, _ERRNO | error)])
    for call_name, only in policy.only.items():
        program += _block(call_name, _alternatives(only))
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _block(name: str, body: list[Instruction]) -> list[Instruction]:
    found = number(name)
    return [] if found is None else [(_EQUAL, 0, len(body), found), *body]


def _alternatives(only: Only) -> list[Instruction]:
    program: list[Instruction] = []
    for words in only.alternatives:
        left = 3 * len(words) + 1
        for word in words:
            left -= 3
            program += [(_LOAD, 0, 0, word.offset), (_AND, 0, 0, word.mask), (_EQUAL, 0, left, word.value)]
        program.append((_RETURN, 0, 0, _ALLOW))
    return [*program, (_RETURN, 0, 0, _ERRNO | only.otherwise)]


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Filter)))
