"""What a learner's cell can reach from its sandbox, tried from inside through the real engine."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from grader_plans import plan, verdicts

from nbcoach_exercises.model import DataFile, Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.sandbox.abc import Sandbox
from nbcoach_grader.sandbox.choice import control_groups
from nbcoach_grader.sandbox.inside import THREADS
from nbcoach_grader.sandbox.plain import PlainSandbox
from nbcoach_grader.sandbox.protection import Name
from nbcoach_grader.sandbox.usage import bytes_below, processes_of

COURSE = Path(__file__).parents[2] / "exercises/courses/python-foundations"
PASSES = "assert True"


def cell(engine: Any, run: Any, source: str, **more: Any) -> Any:
    """Run one cell and return its report."""
    return run(engine.run(plan(source, learner=f"box {hash(source)}", **more))).cells[0]


@pytest.fixture
def confined(engine: Any) -> None:
    if engine.sandbox.name == "plain":
        pytest.skip("this system offers no sandbox")


TRY = "def attempt(what):\n    try:\n        print('got', repr(what())[:200])\n    except BaseException as err:\n        print('refused', type(err).__name__)\n"


@pytest.mark.usefixtures("confined")
@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/hostname",
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/1/environ",
        "/proc/1/cmdline",
        f"/proc/{os.getpid()}/environ",
        f"/proc/{os.getpid()}/mem",
        "/root/.bashrc",
        "/var/log/dpkg.log",
        str(COURSE / "water-jars/exercise.ipynb"),
        str(COURSE / "water-jars/solutions/correct.py"),
        str(Path(__file__)),
        str(Path(__file__).parents[2] / "pyproject.toml"),
        "/dev/mem",
        "/dev/sda",
        "/dev/tty",
    ],
)
def test_files_of_others_cannot_be_read(engine: Any, run: Any, path: str) -> None:
    report = cell(engine, run, f"{TRY}attempt(lambda: open({path!r}, 'rb').read(64))")
    assert report.output.startswith("refused"), report.output


@pytest.mark.usefixtures("confined")
@pytest.mark.parametrize("path", ["/", "/tmp", "/etc", "/proc", "/home", "/root", "/work", "/var", "..", "../.."])
def test_folders_of_others_cannot_be_listed(engine: Any, run: Any, path: str) -> None:
    report = cell(engine, run, f"import os\n{TRY}attempt(lambda: os.listdir({path!r}))")
    assert report.output.startswith("refused"), report.output


@pytest.mark.usefixtures("confined")
@pytest.mark.parametrize("path", ["/tmp/x", "/usr/x", "../x", "/var/tmp/x", "/root/x", "/sys/fs/cgroup/x"])
def test_nothing_can_be_written_outside(engine: Any, run: Any, path: str) -> None:
    report = cell(
        engine, run, f"import os\n{TRY}attempt(lambda: open({path!r}, 'w'))\nattempt(lambda: os.mkdir({path!r}))"
    )
    assert report.output.split("\n")[0].startswith("refused"), report.output
    assert report.output.split("\n")[1].startswith("refused"), report.output


@pytest.mark.usefixtures("confined")
def test_another_learners_box_cannot_be_reached(engine: Any, run: Any) -> None:
    run(engine.run(plan("open('mine.txt', 'w').write('private')", learner="victim")))
    boxes = [str(box) for box in Path(engine._folder).glob("box-*")]
    source = f"import os\n{TRY}for box in {boxes}:\n    attempt(lambda: os.listdir(box + '/work'))\n"
    source += "    attempt(lambda: open(box + '/work/mine.txt').read())\n    attempt(lambda: open(box + '/x', 'w'))"
    report = cell(engine, run, source)
    assert len(boxes) >= 1
    assert len(report.output.splitlines()) == 3 * len(boxes)
    assert all(line.startswith("refused") for line in report.output.splitlines()), report.output
    assert not any((Path(box) / "x").exists() for box in boxes)


@pytest.mark.usefixtures("confined")
@pytest.mark.parametrize(
    "source",
    [
        "import socket\nattempt(lambda: socket.socket())",
        "import socket\nattempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))",
        "import socket\nattempt(lambda: socket.socket(socket.AF_INET6))",
        "import socket\nattempt(lambda: socket.socket(socket.AF_UNIX))",
        "import socket\nattempt(lambda: socket.create_connection(('127.0.0.1', 22), 1))",
        "import socket\nattempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))",
        "import urllib.request\nattempt(lambda: urllib.request.urlopen('http://127.0.0.1:8081'))",
        f"import os\nattempt(lambda: os.kill({os.getpid()}, 0))",
        "import os\nattempt(lambda: os.setsid())",
        "import os\nattempt(lambda: os.setpgid(0, 0))",
        "import os\nattempt(lambda: os.setuid(12345))",
        "import os\nattempt(lambda: os.chroot('.'))",
        "import os\nattempt(lambda: os.mkfifo('fifo'))",
        "import os\nattempt(lambda: os.mknod('null', 0o20666, os.makedev(1, 3)))",
        f"import os\nattempt(lambda: os.pidfd_open({os.getpid()}))",
        "import resource\nattempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)))",
        "import resource\nattempt(lambda: resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6)))",
    ],
)
def test_calls_that_reach_out_are_refused(engine: Any, run: Any, source: str) -> None:
    report = cell(engine, run, TRY + source)
    assert report.output.startswith("refused"), report.output


@pytest.mark.usefixtures("confined")
@pytest.mark.parametrize("name", ["ptrace", "process_vm_readv", "unshare", "mount", "bpf", "keyctl", "io_uring_setup"])
def test_system_calls_are_refused(engine: Any, run: Any, name: str) -> None:
    from nbcoach_hub.confinement.syscalls import number

    source = f"import ctypes\nprint(ctypes.CDLL(None).syscall({number(name)}, 0, 0, 0, 0, 0))"
    assert cell(engine, run, source).output == "-1\n"


@pytest.mark.usefixtures("confined")
def test_parent_and_others_survive_signals(engine: Any, run: Any) -> None:
    zygote = next(iter(engine._zygotes.values())).child.pid
    group = next(child.pid for child in psutil.Process(zygote).children())
    source = f"import os\n{TRY}attempt(lambda: os.kill({zygote}, 9))\nattempt(lambda: os.killpg({group}, 9))\nattempt(lambda: os.kill(1, 9))\nattempt(lambda: os.kill(-1, 9))"
    run(engine.run(plan(source, learner="killer")))
    assert psutil.pid_exists(zygote)
    assert psutil.pid_exists(group)
    assert next(iter(engine._zygotes.values())).child.pid == zygote


def test_environment_and_descriptors_hold_nothing(engine: Any, run: Any) -> None:
    source = (
        "import os\nprint(sorted(os.environ))\nopen_ones = []\nfor fd in range(256):\n    try:\n"
        "        open_ones.append(os.fstat(fd))\n    except OSError:\n        pass\n"
        "import stat\nprint(len([file for file in open_ones if stat.S_ISSOCK(file.st_mode)]))\n"
        "nothing = os.makedev(1, 3)\n"
        "others = [f for f in open_ones if not stat.S_ISSOCK(f.st_mode) and f.st_rdev != nothing]\n"
        "print(*(f.st_ino for f in others))"
    )
    names, sockets, *others = cell(engine, run, source).output.splitlines()
    pip = ("PIP_DISABLE_PIP_VERSION_CHECK", "PIP_RETRIES")
    assert names == str(sorted(["HOME", "LANG", "MPLBACKEND", "PATH", "TMPDIR", *pip, *THREADS]))
    assert sockets == "1"  # its control socket
    libraries = {str(Path(m.path).stat().st_ino) for m in psutil.Process().memory_maps() if "libffi" in m.path}
    assert {number for line in others for number in line.split()} <= libraries  # libffi 3.5 keeps itself open


def test_data_files_are_there_and_private(engine: Any, run: Any) -> None:
    files = (DataFile("a.txt", b"one"), DataFile("sub/b.txt", b"two"))
    source = "print(open('a.txt').read(), open('sub/b.txt').read())\nopen('a.txt', 'w').write('mine')"
    for learner in ("first", "second"):
        outcome = run(engine.run(plan(source, learner=learner, files=files)))
        assert outcome.cells[0].output.startswith("one two\n")


def test_the_engines_folder_is_private(engine: Any) -> None:
    assert engine._folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o77 == 0 for path in engine._folder.iterdir())


def test_memory_is_bounded(engine: Any, run: Any) -> None:
    source = "def f():\n    return sum(len(bytearray(10**8)) for _ in [[0] * 10**8 for _ in range(40)])"
    outcome = run(engine.run(plan(source, tests="f()", learner="hog", limits=Limits(seconds=5, memory_mb=256))))
    assert verdicts(outcome) == ["memory"]
    report = cell(engine, run, "x = bytearray(4 * 10**9)", limits=Limits(seconds=5, memory_mb=256))
    assert (report.state, report.name) == ("raised", "MemoryError")


def test_output_is_bounded(engine: Any, run: Any) -> None:
    report = cell(engine, run, "while True:\n    print('x' * 1000)", limits=Limits(seconds=0.5))
    assert report.state == "timeout"
    assert len(report.output) == 64 * 1024


def test_one_file_is_bounded(engine: Any, run: Any) -> None:
    report = cell(engine, run, "with open('big', 'wb') as f:\n    for _ in range(200):\n        f.write(bytes(2**20))")
    assert report.state in ("raised", "crashed")


def test_many_files_are_bounded(engine: Any, run: Any) -> None:
    source = "import time\nfor n in range(10**6):\n    open(f'file{n}', 'w').close()\ntime.sleep(9)"
    report = cell(engine, run, source, limits=Limits(seconds=8))
    assert (report.state, report.name) in (("crashed", ""), ("raised", "OSError"))
    source = "import time\nfor n in range(9):\n    open(f'big{n}', 'wb').write(b'x' * (60 * 2**20))\ntime.sleep(9)"
    report = cell(engine, run, source, limits=Limits(seconds=8))
    assert (report.state, report.name) in (("crashed", ""), ("raised", "OSError"))


@pytest.mark.parametrize(
    "bomb",
    [
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "import os\nwhile True:\n    if os.fork() == 0:\n        while True:\n            pass",
        "import os, time\nwhile True:\n    if os.fork():\n        os._exit(0)",
    ],
    ids=["bomb", "spinning children", "one that runs away"],
)
def test_fork_bombs_end_and_leave_nothing(engine: Any, run: Any, bomb: str) -> None:
    before, start = len(psutil.pids()), time.monotonic()
    body = bomb.replace("\n", "\n    ")
    source = f"def f():\n    {body}"
    outcome = run(engine.run(plan(source, tests="assert f() == 1", learner="bomber", limits=Limits(seconds=2))))
    assert set(verdicts(outcome)) <= {"crashed", "timeout", "error"}
    assert time.monotonic() - start < 15
    assert len(psutil.pids()) < before + 40
    assert verdicts(run(engine.run(plan("x = 1", tests="assert x == 1", learner="neighbour")))) == ["passed"]


def test_who_starts_too_many_processes_is_told_so_and_waits(
    engine: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Name.PROCESSES in engine.sandbox.protects and "pids" not in control_groups().folders:
        pytest.skip("Linux itself refuses one process too many here: nobody counts them")
    monkeypatch.setattr("nbcoach_grader.engine.engine.REST_SECONDS", 1.5)
    source = "import os, time\nfor _ in range(24):\n    if os.fork() == 0:\n        time.sleep(30)\ntime.sleep(9)"
    many = plan(source, tests="assert True", learner="eager", limits=Limits(seconds=10, processes=12))
    (report,) = run(engine.run(many)).cells
    assert (report.state, report.name) == ("raised", "TooManyProcesses")
    quick = plan("x = 1", tests="assert x == 1", learner="eager")
    with pytest.raises(TimeoutError):  # giving up does not end the wait
        run(asyncio.wait_for(engine.run(quick), 0.1))
    taken = {}
    for learner in ("eager", "other"):
        start = time.monotonic()
        assert verdicts(run(engine.run(dataclasses.replace(quick, learner=learner)))) == ["passed"]
        taken[learner] = time.monotonic() - start
    assert taken["eager"] > 0.8 > taken["other"]


def test_far_too_many_processes_are_refused_or_ended(engine: Any, run: Any) -> None:
    source = "import os, time\nfor _ in range(90):\n    if os.fork() == 0:\n        time.sleep(30)\n        os._exit(0)\ntime.sleep(9)"
    report = cell(engine, run, source, limits=Limits(seconds=10, processes=12))
    assert (report.state, report.name) in (("raised", "BlockingIOError"), ("raised", "TooManyProcesses"))


def test_a_notebook_that_grows_has_room_for_its_snapshots(engine: Any, run: Any) -> None:
    few = Limits(processes=2)
    for count in (1, 60):
        cells = [f"x = {n}\nprint(x)" for n in range(count)]
        asked = plan(*cells, tests=f"assert x == {count - 1}", learner="grower", limits=few)
        assert verdicts(run(engine.run(asked))) == ["passed"]


def test_what_a_cell_leaves_running_ends_with_its_line(run: Any) -> None:
    async def story() -> None:
        engine = Engine()
        await engine.start()
        try:
            source = "import subprocess, os, time\nsubprocess.Popen(['sleep', '1000'])\nif os.fork() == 0:\n    time.sleep(1000)"
            served = source + "\ndef f():\n    subprocess.Popen(['sleep', '1001'])\n    return 1"
            assert verdicts(await engine.run(plan(served, tests="assert f() == 1", learner="a"))) == ["passed"]
            zygote = next(iter(engine._zygotes.values())).child.pid
            await engine.run(plan(source, learner="b"))
            left = {p.pid for p in psutil.Process(zygote).children(recursive=True)}
            assert len(left) >= 4
            await engine._pairs[plan(source, learner="b").line].discard()
        finally:
            await engine.stop()
        assert not any(psutil.pid_exists(pid) and _running(pid) for pid in left)

    run(story())


def test_the_service_can_die_without_leaving_anything(run: Any, tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, tempfile\ntempfile.tempdir = sys.argv[1]\nsys.path.insert(0, sys.argv[2])\n"
        "from grader_plans import plan\nfrom nbcoach_grader.engine.engine import Engine\n"
        "async def main():\n    engine = Engine()\n    await engine.start()\n"
        "    await engine.run(plan('import os, time\\nif os.fork() == 0:\\n    time.sleep(1000)\\nx = 1', tests='assert x == 1'))\n"
        "    print('ready', flush=True)\n    await asyncio.sleep(1000)\nasyncio.run(main())\n"
    )

    async def story() -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        try:
            assert await asyncio.wait_for(child.stdout.readline(), 30) == b"ready\n"
            family = psutil.Process(child.pid).children(recursive=True)
        finally:
            child.kill()
            await child.wait()
        assert len(family) >= 2
        gone, alive = await asyncio.to_thread(psutil.wait_procs, family, 5)
        assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
        for _ in range(100):
            if not list(tmp_path.iterdir()):
                break
            await asyncio.sleep(0.05)
        assert list(tmp_path.iterdir()) == []

    run(story())


def _running(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def test_usage_is_counted_from_outside(tmp_path: Path) -> None:
    assert processes_of(os.getpgrp()) >= 1
    assert processes_of(2**30) == 0
    assert bytes_below(tmp_path) == 0
    (tmp_path / "a").write_bytes(b"x" * 10_000)
    (tmp_path / "link").symlink_to("/")
    assert 8192 <= bytes_below(tmp_path) < 2**20
    for number in range(5001):
        (tmp_path / str(number)).touch()
    assert bytes_below(tmp_path) > 2**40


def test_the_plain_sandbox_says_what_it_lacks(tmp_path: Path) -> None:
    sandbox: Sandbox = PlainSandbox(tmp_path)
    assert sandbox.lacks
    box = sandbox.prepare([DataFile("a", b"x")], Limits())
    assert (box.folder / "a").read_bytes() == b"x"
    sandbox.admit(box, os.getpid())
    sandbox.discard(box)
    sandbox.discard(box)
    assert list(tmp_path.iterdir()) == []
