"""Confinement is tried out: each attack runs in a confined child process and has to fail."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbcoach_hub.confinement import POLICIES, landlock_abi, seccomp

pytestmark = pytest.mark.skipif(landlock_abi() < 6, reason="needs Landlock ABI 6 (Linux 6.12)")

PRELUDE = """
import ctypes, errno, os, signal, socket, subprocess, sys, threading
from nbcoach_hub.confinement import *
from nbcoach_hub.confinement.syscalls import call, libc, number, prctl
policy, work, victim = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.chdir(work)
drop_capabilities()
no_new_privileges()
system = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/urandom", sys.prefix, sys.base_prefix]
restrict_files([*system, *sys.path], [work, "/dev/null"], tcp=policy == "server", unix=False, needs=6)
forbid_syscalls(policy)
NULL = ctypes.c_void_p(None)
def refused(action, *arguments, errors=(errno.EPERM, errno.EACCES)):
    try:
        result = action(*arguments)
    except OSError as err:
        assert err.errno in errors, f"refused with {err!r}"
    else:
        raise AssertionError(f"went through: {result!r}")
def syscall(name, *arguments):
    return call(name, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
"""


@dataclass
class Jail:
    """A work folder, a victim process outside, a secret outside, and a file of others that may be read."""

    work: Path
    secret: Path
    shown: Path
    victim: int

    def run(self, policy: str, code: str) -> None:
        places = os.pathsep.join([*sys.path, str(self.shown.parent)])
        environment = {"PATH": os.defpath, "PYTHONPATH": places, "SECRET": str(self.secret), "SHOWN": str(self.shown)}
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(code), policy, str(self.work), str(self.victim)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-1500:]


@pytest.fixture
def jail(tmp_path: Path):
    (tmp_path / "work").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("42")
    secret.chmod(0o600)
    shown = tmp_path / "shown" / "theirs"
    shown.parent.mkdir()
    shown.write_text("42")
    with subprocess.Popen(["/bin/sleep", "300"]) as victim:
        yield Jail(tmp_path / "work", secret, shown, victim.pid)
        assert victim.poll() is None, "the victim did not survive"
        victim.kill()
    assert secret.read_text() == "42"
    assert secret.stat().st_mode & 0o777 == 0o600


both = pytest.mark.parametrize("policy", sorted(POLICIES.keys() - {"author", "learner"}))
"""The author's is the cell's, with what `test_an_author_may_do_what_forks_need` names."""


@both
def test_files_outside_are_out_of_reach(jail: Jail, policy: str) -> None:
    jail.run(
        policy,
        """
        secret = os.environ["SECRET"]
        refused(open, secret)
        refused(open, secret, "a")
        refused(open, f"/proc/{victim}/environ")
        refused(open, "/proc/1/environ")
        refused(open, "/etc/passwd")
        refused(os.listdir, "/")
        refused(os.listdir, os.path.dirname(secret))
        refused(os.unlink, secret)
        refused(os.rename, secret, "here", errors=(errno.EACCES, errno.EXDEV))
        refused(os.link, secret, "here", errors=(errno.EACCES, errno.EXDEV, errno.EPERM))
        refused(os.truncate, secret, 0)
        refused(os.mkdir, os.path.dirname(secret) + "/new")
        refused(os.mkfifo, "pipe")
        refused(os.mknod, "disk", 0o060600, os.makedev(8, 0))
        os.symlink(secret, "link")
        refused(open, "link")
        """,
    )


@both
def test_work_goes_on_inside(jail: Jail, policy: str) -> None:
    jail.run(
        policy,
        """
        import asyncio, sqlite3, tempfile, concurrent.futures
        open("a", "w").write("x"); os.mkdir("d"); os.rename("a", "d/b"); os.chmod("d/b", 0o755)
        assert open("d/b").read() == "x"
        sqlite3.connect("db").execute("create table t (x)").connection.close()
        assert subprocess.run(["/bin/echo", "hi"], capture_output=True).stdout == b"hi\\n"
        async def wake():
            return await asyncio.to_thread(lambda: 7)
        assert asyncio.run(wake()) == 7
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert list(pool.map(abs, [-1])) == [1]
        import numpy
        assert (numpy.ones((200, 200)) @ numpy.ones((200, 200))).sum() == 8e6
        """,
    )


@both
def test_other_processes_are_out_of_reach(jail: Jail, policy: str) -> None:
    jail.run(
        policy,
        """
        for sign in (0, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
            refused(os.kill, victim, sign)
            refused(os.kill, os.getppid(), sign)
        refused(syscall, "ptrace", 16, victim, 0, 0)
        refused(syscall, "ptrace", 0, 0, 0, 0)
        refused(syscall, "process_vm_readv", victim, NULL, 0, NULL, 0, 0)
        refused(syscall, "process_vm_writev", victim, NULL, 0, NULL, 0, 0)
        refused(syscall, "pidfd_getfd", 0, 0, 0)
        refused(syscall, "prlimit64", victim, 7, NULL, NULL)
        refused(os.sched_setaffinity, victim, {0})
        refused(os.setpriority, os.PRIO_PROCESS, victim, 19)
        refused(os.setpriority, os.PRIO_USER, 0, 19)
        refused(syscall, "ioprio_set", 1, victim, 0)
        refused(syscall, "migrate_pages", victim, 0, NULL, NULL)
        try:
            fd = os.pidfd_open(victim)
        except PermissionError:
            assert policy in ("cell", "kernel")
        else:
            refused(signal.pidfd_send_signal, fd, signal.SIGKILL)
        """,
    )


@both
def test_privileges_are_gone_and_do_not_come_back(jail: Jail, policy: str) -> None:
    jail.run(
        policy,
        """
        from nbcoach_hub.confinement.capabilities import capabilities
        assert capabilities() == (0, 0, 0)
        assert prctl(39) == 1
        code = "from nbcoach_hub.confinement.capabilities import capabilities; print(capabilities())"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert out.stdout == "(0, 0, 0)\\n", out
        for name in "unshare setns mount umount2 pivot_root chroot bpf keyctl perf_event_open".split():
            refused(syscall, name, 0, 0, 0, 0, 0)
        for name in "userfaultfd add_key request_key init_module kexec_load reboot quotactl".split():
            refused(syscall, name, 0, 0, 0, 0, 0)
        for name in "shmget msgget semget mq_open inotify_init1 inotify_add_watch personality".split():
            refused(syscall, name, 0, 0, 0, 0)
        refused(syscall, "io_uring_setup", 1, NULL, errors=(errno.ENOSYS,))
        refused(syscall, "clone3", NULL, 0, errors=(errno.ENOSYS,))
        for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
            refused(syscall, "clone", flag | 17, 0, 0, 0, 0)
        refused(os.setuid, 12345)
        """,
    )


@both
def test_modes_owners_and_times_of_others_stay(jail: Jail, policy: str) -> None:
    jail.run(
        policy,
        """
        secret = os.environ["SECRET"]
        os.chmod(secret, 0o777)
        os.utime(secret, (0, 0))
        os.chown(secret, 1, 1)
        os.setxattr(secret, "user.x", b"x")
        fd = os.open(os.environ["SHOWN"], os.O_RDONLY)
        os.fchmod(fd, 0)
        assert os.stat(secret).st_mtime > 0 and os.fstat(fd).st_mode & 0o444
        """,
    )


@both
def test_local_sockets_are_refused(jail: Jail, policy: str) -> None:
    jail.run(
        policy,
        """
        expected = (errno.EPERM, errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
        for family in (socket.AF_UNIX, socket.AF_VSOCK, socket.AF_PACKET, 38):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
                if (policy, family, kind) != ("kernel", socket.AF_UNIX, socket.SOCK_STREAM):
                    refused(socket.socket, family, kind, errors=expected)
        refused(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
        refused(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 9, errors=expected)
        one, other = socket.socketpair()
        one.sendall(b"x")
        assert other.recv(1) == b"x"
        """,
    )


def test_a_kernel_listens_locally_and_connects_nowhere(jail: Jail, tmp_path: Path) -> None:
    door = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(door))
        listening.listen()
        jail.run(
            "kernel",
            f"""
            for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
                    refused(socket.socket, family, kind, errors=(errno.EOPNOTSUPP,))
            refused(socket.socket, socket.AF_UNIX, socket.SOCK_SEQPACKET, errors=(errno.EOPNOTSUPP,))
            one = socket.socket(socket.AF_UNIX)
            refused(one.connect, {str(door)!r})
            refused(one.connect, "\\0abstract")
            refused(one.sendmsg, [b"x"], [], 0, {str(door)!r}, errors=(errno.EOPNOTSUPP, errno.ENOTCONN))
            refused(one.sendto, b"x", {str(door)!r})
            refused(syscall, "sendmmsg", one.fileno(), NULL, 0, 0)
            one.bind("\\0own")
            one.listen()
            child = os.fork()
            if child == 0:
                os.setsid()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            """,
        )


def test_a_cell_has_no_network_and_no_groups(jail: Jail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        jail.run(
            "cell",
            f"""
            for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
                    refused(socket.socket, family, kind)
            refused(socket.create_connection, ("127.0.0.1", {server.getsockname()[1]}))
            one, other = socket.socketpair()
            refused(syscall, "connect", one.fileno(), NULL, 0)
            refused(syscall, "bind", one.fileno(), NULL, 0)
            refused(syscall, "listen", one.fileno(), 1)
            address = ctypes.create_string_buffer(b"\\x01\\x00/x", 110)
            refused(syscall, "sendto", one.fileno(), address, 1, 0, address, 5)
            refused(syscall, "sendmmsg", one.fileno(), NULL, 0, 0)
            refused(os.setsid)
            refused(os.setpgid, 0, 0)
            child = os.fork()
            if child == 0:
                refused(os.setsid)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            """,
        )


def test_a_server_may_use_tcp(jail: Jail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        jail.run(
            "server",
            f'socket.create_connection(("127.0.0.1", {port})).close()\nsocket.create_server(("127.0.0.1", 0)).close()',
        )


@both
def test_another_instruction_set_kills(jail: Jail, policy: str) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("x86-64 has the x32 calls")
    jail.run(
        policy,
        """
        child = os.fork()
        if child == 0:
            libc.syscall(ctypes.c_long(0x40000000 | 39))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS
        """,
    )


def test_it_holds_for_no_half_of_a_process(jail: Jail) -> None:
    code = """
    import threading, time
    from nbcoach_hub.confinement import ConfinementUnavailable, forbid_syscalls, restrict_files
    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    for step in (lambda: forbid_syscalls("cell"), lambda: restrict_files([], [], tcp=False, unix=False)):
        try:
            step()
        except ConfinementUnavailable as err:
            assert "threads" in str(err)
        else:
            raise AssertionError
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@both
def test_filters_are_whole(policy: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    program = seccomp.assemble(POLICIES[policy])
    assert len(program) < 4096
    for place, (code, true, false, _) in enumerate(program):
        if code in (0x15, 0x35):
            assert place + 1 + max(true, false) < len(program)
    assert program[-1] == (0x06, 0, 0, 0x7FFF0000)


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(OSError, match="pdp11"):
        seccomp.assemble(POLICIES["cell"])


def test_an_author_may_do_what_forks_need(jail: Jail) -> None:
    cell, author = POLICIES["cell"], POLICIES["author"]
    allowed = {"mount", "setsid", "clone", "chown", "fchown", "lchown", "fchownat"}
    assert set(cell.deny) - set(author.deny) | set(cell.only) - set(author.only) | cell.fake - author.fake == allowed
    assert set(author.deny) <= set(cell.deny)
    assert set(author.only) <= set(cell.only)
    learner = POLICIES["learner"]
    assert (author.deny | learner.deny, author.only | learner.only, author.fake | learner.fake) == (
        cell.deny,
        cell.only,
        cell.fake,
    )
    jail.run(
        "author",
        """
        os.setsid()
        for attempt in (lambda: os.chown(work, 1, 1), lambda: socket.socket(), lambda: os.kill(victim, 0)):
            try:
                attempt()
            except OSError:
                continue
            raise AssertionError
        """,
    )
