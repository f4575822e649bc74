"""The contract of every sandbox that works here, tried through the engine from inside; and how one is chosen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from grader_plans import plan, verdicts

from nbcoach_exercises.model import DataFile, Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.errors import SandboxFailed
from nbcoach_grader.sandbox.abc import Sandbox
from nbcoach_grader.sandbox.choice import AUTO, LEVELS, choose, control_groups, tried
from nbcoach_grader.sandbox.landlock import FIRST_USER
from nbcoach_grader.sandbox.plain import PlainSandbox
from nbcoach_grader.sandbox.protection import Name

WAYS = list(range(len(tried())))
TRY = "def attempt(what):\n    try:\n        print('got', repr(what())[:200])\n    except BaseException as err:\n        print('refused', type(err).__name__)\n"


@pytest.fixture(params=WAYS, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(tried())], scope="module")
def boxed(request: pytest.FixtureRequest, run: Any, nothing_left: None) -> Iterator[Engine]:
    _, make, reason = tried()[request.param]
    if reason:
        pytest.skip(reason)
    engine = Engine()
    run(engine.start())
    engine._sandbox = make(engine._folder)  # type: ignore[arg-type]
    yield engine
    run(engine.stop())


def said(boxed: Engine, run: Any, source: str, **more: Any) -> Any:
    return run(boxed.run(plan(source, learner=f"said {hash(source)}", **more))).cells[0]


def holds(boxed: Engine, name: Name) -> bool:
    return any(protection.name is name and protection.held for protection in boxed.sandbox.protections())


def test_each_level_says_all_of_what_it_protects(boxed: Engine) -> None:
    names = [protection.name for protection in boxed.sandbox.protections()]
    assert sorted(names) == sorted(Name)
    assert len(boxed.sandbox.protects) + len(boxed.sandbox.lacks) == len(Name)
    assert all(protection.advice for protection in boxed.sandbox.protections())


def test_a_better_level_protects_all_that_a_lesser_one_does(tmp_path: Path) -> None:
    held = [set(make(tmp_path).protects) for _, make, reason in tried() if not reason]
    levels = [name for name, _, reason in tried() if not reason]
    for better, lesser in zip(range(len(held) - 1), range(1, len(held)), strict=True):
        if levels[better] != levels[lesser]:
            # An own user id is the same level or not; it makes one more difference.
            assert held[better] | {Name.OWN_USER, Name.PROCESSES} >= held[lesser]


def test_checks_work_and_files_are_there(boxed: Engine, run: Any) -> None:
    files = (DataFile("a.txt", b"one"), DataFile("sub/b.txt", b"two"))
    source = "import os, json, sqlite3, pandas\nprint(open('a.txt').read(), open('sub/b.txt').read())\n"
    source += "open('a.txt', 'w').write('mine')\nopen('new', 'w').write('x')\ndef f():\n    return open('a.txt').read()"
    outcome = run(boxed.run(plan(source, tests="assert f() == 'mine'", files=files)))
    assert outcome.cells[0].output == "one two\n", outcome.cells[0]
    assert verdicts(outcome) == ["passed"]


def test_other_programs_can_be_run_and_waited_for(boxed: Engine, run: Any) -> None:
    source = "import subprocess, sys\nprint(subprocess.run(['sh', '-c', 'echo hi; exit 3'], capture_output=True))"
    assert "returncode=3, stdout=b'hi" in said(boxed, run, source).output


def test_what_is_protected_cannot_be_reached(boxed: Engine, run: Any) -> None:
    secret = Path(boxed._folder or "", "secret")
    secret.write_text("secret")
    attempts = {
        Name.FILES: f"open({str(secret)!r}).read()",
        Name.NETWORK: "__import__('socket').socket()",
        Name.SYSTEM_CALLS: "__import__('os').setsid() or __import__('os').setpgid(0, 0)",
        Name.OTHER_PROCESSES: f"__import__('os').kill({os.getpid()}, 0)",
        Name.OWN_FILES: f"__import__('os').stat({str(secret)!r})",
    }
    for name, attempt in attempts.items():
        output = said(boxed, run, f"{TRY}attempt(lambda: {attempt})").output
        assert output.startswith("refused") or not holds(boxed, name), (name, output)
    own = said(boxed, run, "import os\nprint(os.getuid(), os.getgid(), os.getgroups(), os.getpid())").output.split()
    assert (int(own[0]) >= FIRST_USER) is holds(boxed, Name.OWN_USER)
    assert (int(own[-1]) < 20) is holds(boxed, Name.OWN_PROCESSES)


def test_nothing_of_the_host_is_in_sight(boxed: Engine, run: Any) -> None:
    if boxed.sandbox.name != "namespaces":
        pytest.skip("this level has the host's files, out of reach")
    source = (
        "import os\nprint([p for p in ('/var', '/proc/1', '/root/.bashrc', '/etc/passwd', '/sys', '/dev/pts')"
        " if os.path.exists(p)], os.listdir('/dev/shm'))\nprint(os.uname().nodename, os.getcwd())"
    )
    assert said(boxed, run, source).output == "[] []\nnbcoach /home/learner/work\n"


def test_processes_can_be_started_and_talked_to(boxed: Engine, run: Any) -> None:
    source = "import multiprocessing\ndef f(x):\n    return x * x\nwith multiprocessing.Pool(2) as pool:\n    print(pool.map(f, [3, 4]))"
    report = said(boxed, run, source)
    if boxed.sandbox.name == "landlock":  # there /dev/shm is the host's, which all boxes would have in common
        assert report.name == "PermissionError"
    else:
        assert report.output == "[9, 16]\n", report


def test_each_box_has_a_user_id_of_its_own(boxed: Engine, run: Any) -> None:
    if not holds(boxed, Name.OWN_USER):
        pytest.skip("not at this level")
    found = {run(boxed.run(plan("import os\nprint(os.getuid())", learner=x))).cells[0].output for x in "abc"}
    assert len(found) == 3


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it has ended since, and was reaped
        return False


def test_orphans_are_reaped_where_they_are_born(boxed: Engine, run: Any) -> None:
    if not holds(boxed, Name.OWN_PROCESSES):
        pytest.skip("not at this level")
    source = (
        "import os\nfor _ in range(5):\n    if os.fork() == 0:\n        os.fork()\n        os._exit(0)\n    os.wait()"
    )
    outcome = run(boxed.run(plan(source, learner="orphans", limits=Limits(seconds=30))))
    assert outcome.cells[0].state == "ok"
    zygote = psutil.Process(next(iter(boxed._zygotes.values())).child.pid)
    assert [p for p in zygote.children(recursive=True) if _is_zombie(p) and p.ppid() != zygote.pid] == []


def test_memory_of_all_processes_together_is_bounded(boxed: Engine, run: Any) -> None:
    if not holds(boxed, Name.TOTAL_MEMORY):
        pytest.skip("no control group for memory can be made here")
    eat = "import os\nif os.fork() == 0:\n    os.close(w)\n    x = b'x' * (150 * 2**20)\n    os.read(r, 1)\n    os._exit(0)"
    hog = "import os\nr, w = os.pipe()\n" + f"for _ in range(9):\n    {eat.replace(chr(10), chr(10) + '    ')}\n"
    hog += "for _ in range(9):\n    if os.wait()[1]:\n        os.kill(os.getpid(), 9)"
    limits = Limits(seconds=60, memory_mb=200)
    report = said(boxed, run, hog, limits=limits)
    assert (report.state, report.name) == ("raised", "MemoryError")
    body = hog.replace("\n", "\n    ")
    outcome = run(boxed.run(plan(f"def f():\n    {body}", tests="f()", learner="hog", limits=limits)))
    assert verdicts(outcome) == ["memory"]
    crash = plan("def f():\n    import os\n    os._exit(0)", tests="f()", learner="hog", limits=limits)
    assert verdicts(run(boxed.run(crash))) == ["crashed"]


def test_everything_ends_with_its_box(boxed: Engine, run: Any) -> None:
    source = "import subprocess, os, time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    source += "subprocess.Popen(['sleep', '1000'])\nif os.fork() == 0:\n    time.sleep(1000)"
    checked = plan(source, learner="leaver")
    run(boxed.run(checked))
    zygote = psutil.Process(next(iter(boxed._zygotes.values())).child.pid)
    pair = boxed._pairs.pop(checked.line)
    root = pair.open._root
    assert root is not None
    family = psutil.Process(root.host_pid).children(recursive=True)
    assert len(family) >= 3
    run(pair.discard())
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert root.host_pid not in [p.pid for p in zygote.children(recursive=True)]


def test_a_box_can_be_discarded_twice(boxed: Engine) -> None:
    sandbox: Sandbox = boxed.sandbox
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    box = sandbox.prepare([DataFile("a", b"x")], Limits())
    try:
        assert (box.folder / "a").read_bytes() == b"x"
        sandbox.admit(box, child.pid)
        assert sandbox.memory_kills(box) == 0
    finally:
        child.communicate(b"\n")
    for _ in range(2):
        sandbox.discard(box)
    assert not box.folder.parent.exists()
    with pytest.raises(SandboxFailed):
        Sandbox.admit(sandbox, box, child.pid) if sandbox._groups.folders else _refuse()


def _refuse() -> None:
    raise SandboxFailed("without control groups there is nothing to refuse")


def test_a_level_can_be_wanted(tmp_path: Path) -> None:
    works = [name for name, _, reason in tried() if not reason]
    assert choose(tmp_path, AUTO).name == works[0]
    for name in set(works):
        assert choose(tmp_path, name).name == name
    with pytest.raises(SandboxFailed, match="bubblewrap"):
        choose(tmp_path, "bubblewrap")


def test_who_cannot_fork_as_boxes_want_gets_one_that_does_not_care(tmp_path: Path) -> None:
    sandbox = choose(tmp_path, ordinary=True)
    assert not sandbox.special
    assert sandbox.birth() == {}
    assert sandbox.prepare((), Limits()).order["folder"].startswith(str(tmp_path))


def test_a_wanted_level_that_does_not_work_is_an_error_at_start(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbcoach_grader.sandbox import choice

    refused = tuple((name, make, "Operation not permitted") for name, make, _ in tried())
    monkeypatch.setattr(choice, "tried", lambda: refused)
    for level in LEVELS:
        engine = Engine(sandbox_level=level)
        with pytest.raises(SandboxFailed, match=f"{level}.*Operation not permitted"):
            run(engine.start())
        assert not engine.running


def test_control_groups_of_dead_services_are_forgotten() -> None:
    from nbcoach_grader.sandbox.cgroups import find_control_groups

    found = control_groups()
    if not found.folders:
        pytest.skip("no control group can be made here")
    child = subprocess.Popen(["true"])
    child.wait()
    left = next(iter(found.folders.values())) / f"nbcoach-{child.pid}-box-left"
    left.mkdir()
    assert find_control_groups().folders == found.folders
    assert not left.exists()


def test_without_control_groups_the_reasons_are_told(tmp_path: Path) -> None:
    from nbcoach_grader.sandbox.cgroups import find_control_groups

    found = find_control_groups(tmp_path)
    assert found.folders == {}
    assert set(found.reasons) == {"pids", "memory", "cpu"}


def test_a_box_can_be_given_a_smaller_share(tmp_path: Path) -> None:
    groups = control_groups()
    if "cpu" not in groups.folders:
        pytest.skip("no control group for processors can be made here")
    sandbox = choose(tmp_path)
    box = sandbox.prepare((), Limits())
    setting = "cpu.weight" if groups.version == 2 else "cpu.shares"
    place = next(groups.folders["cpu"].glob(f"*{box.name}")) / setting
    usual = int(place.read_text())
    sandbox.weigh(box, light=True)
    assert int(place.read_text()) == usual // 2
    sandbox.weigh(box, light=False)
    assert int(place.read_text()) == usual
    sandbox.discard(box)
    sandbox.weigh(box, light=True)  # one that is gone is fine


def test_only_what_nothing_bounds_is_counted(tmp_path: Path) -> None:
    sandbox = PlainSandbox(tmp_path)
    box = sandbox.prepare([DataFile("a", b"x" * 10_000)], Limits())
    assert sandbox.excess(box, os.getpgrp(), 10**6, 10**6) is None
    assert sandbox.excess(box, os.getpgrp(), 0, 10**6) is Name.PROCESSES
    assert sandbox.excess(box, os.getpgrp(), 10**6, 100) is Name.DISK
    sandbox.discard(box)
