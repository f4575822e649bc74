"""Notebooks in other languages: bash, and Scheme as a language whose kernel shows values."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import Any

import psutil
import pytest
from grader_plans import cell_of, messages, plan, shown, verdicts

from nbcoach_exercises.errors import InvalidInput, status_of
from nbcoach_exercises.model import DataFile, Limits, TestCell
from nbcoach_grader.engine.plan import Mode, Outcome, Plan, Stop
from nbcoach_grader.errors import EngineFailed
from nbcoach_grader.kernels.engine import KernelEngine
from nbcoach_grader.sandbox.inside import THREADS
from nbcoach_hub.confinement.namespaces import namespaces_work

MODULES = {"bash": "bash_kernel", "scheme": "calysto_scheme"}
COMMANDS = {
    **{name: [sys.executable, "-m", module, "-f", "{connection_file}"] for name, module in MODULES.items()},
    "R": ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"],
    "mute": ["/bin/sleep", "1000"],
    "broken": ["/bin/false"],
    "missing": ["/usr/bin/no-such-program", "{connection_file}"],
}
QUICK = Limits(seconds=5.0, memory_mb=512)
SHORT = Limits(seconds=1.0, memory_mb=512)


def needs(kernel: str) -> None:
    if kernel == "R":
        if not Path("/usr/share/jupyter/kernels/ir").exists():
            pytest.skip("R's kernel is not installed: apt install r-cran-irkernel")
    elif find_module(MODULES[kernel]) is None:
        pytest.skip(f"{MODULES[kernel]} is not installed: pip install 'nbcoach[kernels]'")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("kernelspecs")
    for name, argv in COMMANDS.items():
        (root / name).mkdir()
        spec = {"argv": argv, "display_name": name, "language": name, "env": {"PS1": "$"}}
        (root / name / "kernel.json").write_text(json.dumps(spec))
    return [str(root)]


@pytest.fixture(scope="session")
def kernels(run: Any, nothing_left: None, folders: list[str]) -> Iterator[KernelEngine]:
    engine = KernelEngine(kernel_folders=folders)
    run(engine.start())
    yield engine
    run(engine.stop())


def work(kernel: str, *cells: str, tests: str | TestCell | tuple[TestCell, ...], **more: Any) -> Plan:
    """Return a plan for a kernel; a test may be given as its source."""
    needs(kernel)
    more.setdefault("limits", QUICK)
    return dataclasses.replace(plan(*cells, tests=tests, solution="", **more), kernel=kernel)


@pytest.fixture
def judge(kernels: KernelEngine, run: Any) -> Any:
    def judged(kernel: str | Plan, *cells: str, **more: Any) -> Outcome:
        asked = kernel if isinstance(kernel, Plan) else work(kernel, *cells, **more)
        outcome: Outcome = run(kernels.run(asked))
        return outcome

    return judged


@pytest.mark.parametrize(
    ("kernel", "cell", "test", "expected"),
    [
        ("bash", "greet() { echo hello $1; }", '[ "$(greet ada)" = "hello ada" ]', "passed"),
        ("bash", "greet() { echo bye; }", '[ "$(greet ada)" = "hello ada" ]', "failed"),
        ("bash", "", '[ "$(greet ada)" = "hello ada" ]', "failed"),
        ("bash", "greet( { echo", '[ "$(greet ada)" = "hello ada" ]', "failed"),
        ("bash", "x=1; false", "[ $x = 1 ]", "passed"),
        ("bash", "x=1; exit 3", "[ $x = 1 ]", "failed"),
        ("bash", "kill -9 $PPID", "true", "crashed"),
        ("bash", "f() { kill -9 $PPID; }", "f", "crashed"),
        ("bash", "kill -9 $$", "[ $x = 1 ]", "failed"),
        ("scheme", "(define (square x) (* x x))", "(assert = (square 3) 9)", "passed"),
        ("scheme", "(define (square x) (+ x x))", "(assert = (square 3) 9)", "failed"),
        ("scheme", "", "(assert = (square 3) 9)", "failed"),
        ("scheme", "(define (square x", "(assert = (square 3) 9)", "failed"),
        ("R", "square <- function(x) x^2", "stopifnot(square(3) == 9)", "passed"),
        ("R", "square <- function(x) x + x", "stopifnot(square(3) == 9)", "failed"),
        ("R", "tools::pskill(Sys.getpid(), 9)", "stopifnot(TRUE)", "crashed"),
        ("scheme", '(import "os")\n(os._exit 0)', "(assert = 1 1)", "crashed"),
        ("scheme", '(import "os")\n(define (f) (os._exit 0))', "(f)", "crashed"),
    ],
)
def test_verdicts(judge: Any, kernel: str, cell: str, test: str, expected: str) -> None:
    assert verdicts(judge(kernel, cell, tests=test)) == [expected]


@pytest.mark.parametrize(
    ("kernel", "cell", "state", "name", "output"),
    [
        ("bash", "echo out; echo err >&2", "ok", "", "out\nerr\n"),
        ("bash", "echo out; false", "raised", "", "out\n"),
        ("scheme", '(display "hi")', "ok", "", "hi"),
        ("scheme", "(+ 1 2)", "ok", "", "3\n"),
        ("scheme", "nowhere", "raised", "RunTimeError", None),
    ],
)
def test_cells_are_reported(judge: Any, kernel: str, cell: str, state: str, name: str, output: str | None) -> None:
    (report,) = judge(kernel, cell, tests=()).cells
    assert (report.id, report.state, report.name) == ("a1", state, name)
    assert output is None or report.output == output


@pytest.mark.parametrize(
    ("last", "score", "verdict"),
    [
        ("2.5", 2.5, "passed"),
        ("0", 0.0, "passed"),
        ("-1", -1.0, "passed"),
        ("1e1", 10.0, "passed"),
        ("(= 1 1)", None, "passed"),
        ('"2.5"', None, "passed"),
        ("(/ 1 2)", None, "passed"),
        ('(import "math")\nmath.nan', None, "grader-failed"),
    ],
)
def test_the_last_value_may_be_a_score(judge: Any, last: str, score: float | None, verdict: str) -> None:
    outcome = judge("scheme", "(define x 1)", tests=cell_of(f"(assert = x 1)\n{last}", points=5))
    assert verdicts(outcome) == [verdict]
    if verdict == "passed":
        assert outcome.tests[0].score == score


NAMED = """### CHECK: greets (1 point)
[ "$(greet ada)" = "hello ada" ]
### CHECK: greets nobody (1 point)
[ "$(greet)" = "hello you" ]
### CHECK: is a function (1 point)
[ "$(type -t greet)" = function ]"""


def test_named_checks_are_judged_one_by_one(judge: Any) -> None:
    outcome = judge("bash", "greet() { echo hello $1; }", tests=cell_of(NAMED, points=3))
    assert verdicts(outcome) == ["passed", "failed", "passed"]
    assert [check.id for check in outcome.tests[0].checks] == ["t.1", "t.2", "t.3"]


def test_a_failed_preamble_fails_every_check(judge: Any) -> None:
    test = cell_of("expected=hello; false\n### CHECK: one\ntrue\n### CHECK: two\ntrue")
    assert verdicts(judge("bash", "x=1", tests=test)) == ["failed", "failed"]


def test_tests_are_judged_where_they_stand(judge: Any) -> None:
    before, after = cell_of("x=made; [ $y = 1 ]", "t1"), cell_of("[ $y = 2 ]", "t2")
    one = work("bash", "y=1", "y=2; echo $x", tests=())
    stops = (Stop(after=1, locked=(), tests=(before,)), Stop(after=2, locked=(), tests=(after,)))
    outcome = judge(dataclasses.replace(one, stops=stops))
    assert verdicts(outcome) == ["passed", "passed"]
    assert [test.mode for test in outcome.tests] == [Mode.SHARED] * 2
    assert outcome.cells[1].output == "made\n"
    later = (Stop(after=2, locked=(), tests=(cell_of('[ "$x" = made ]', "t2"),), prelude=(before,)),)
    outcome = judge(dataclasses.replace(one, stops=later))
    assert [(test.id, test.checks[0].verdict) for test in outcome.tests] == [("t2", "passed")]


HIDDEN = """### CHECK: visible
seen=yes; echo about to look; [ "$(greet ada)" = "hello ada" ]
### BEGIN HIDDEN TESTS
### CHECK: hidden
echo secret-4711; [ "$(greet secret-4711)" = "hello secret-4711" ]
### END HIDDEN TESTS"""


def test_hidden_checks_show_a_verdict_and_nothing_else(judge: Any) -> None:
    test = cell_of(HIDDEN)
    hard_coded = judge("bash", "greet() { echo hello ada; }", tests=test)
    assert verdicts(hard_coded) == ["passed", "failed"]
    assert messages(hard_coded) == [None, None]
    wrong = judge("bash", 'greet() { echo "$@" | tee -a seen; }\nls; cat seen', tests=test, learner="curious")
    assert verdicts(wrong) == ["failed", "failed"]
    assert "about to look" in (messages(wrong)[0] or "")
    again = judge("bash", "greet() { :; }\nls -la; cat seen", tests=test, learner="curious")
    for outcome in (hard_coded, wrong, again):
        assert "4711" not in shown(outcome)
        assert all(check.seconds == 0 for check in outcome.tests[0].checks if check.id == "t.2")


def test_visible_checks_tell_what_went_wrong(judge: Any) -> None:
    assert "expected 9" in messages(judge("bash", "x=1", tests="echo expected 9, got $x; [ $x = 9 ]"))[0]
    assert messages(judge("bash", "x=1", tests="[ $x = 9 ]")) == ["The last command ended with status 1."]
    said = messages(judge("scheme", "(define x 1)", tests='(error "square" "expected 9")'))[0]
    assert said.startswith("RunTimeError")
    assert "expected 9" in said


@pytest.mark.parametrize(
    ("kernel", "loop"), [("bash", "while :; do :; done"), ("scheme", "(let f () (f))"), ("R", "repeat {}")]
)
def test_a_loop_is_interrupted_and_the_rest_runs(judge: Any, kernel: str, loop: str) -> None:
    one = {"bash": "x=1", "scheme": "(define x 1)", "R": "x <- 1"}[kernel]
    test = {"bash": "[ $x = 1 ]", "scheme": "(assert = x 1)", "R": "stopifnot(x == 1)"}[kernel]
    outcome = judge(kernel, loop, one, tests=test, limits=SHORT)
    assert [cell.state for cell in outcome.cells] == ["timeout", "ok"]
    assert verdicts(outcome) == ["passed"]


def test_what_cannot_be_interrupted_is_ended(judge: Any) -> None:
    outcome = judge("bash", "trap '' INT; while :; do :; done", "x=1", tests="[ $x = 1 ]", limits=SHORT)
    assert [cell.state for cell in outcome.cells] == ["timeout", "timeout"]
    assert verdicts(outcome) == ["timeout"]


def test_a_looping_check_is_a_timeout_and_the_next_runs(judge: Any) -> None:
    test = cell_of("### CHECK: loops\nf\n### CHECK: stands\ntrue")
    assert verdicts(judge("bash", "f() { while :; do :; done; }", tests=test, limits=SHORT)) == ["timeout", "passed"]


def test_the_whole_notebook_has_a_deadline(run: Any, folders: list[str], nothing_left: None) -> None:
    async def story() -> Outcome:
        engine = KernelEngine(kernel_folders=folders, max_seconds=1.0)
        await engine.start()
        try:
            slow = Limits(seconds=0.5, memory_mb=512)
            return await engine.run(work("bash", *["sleep 10"] * 20, tests="true", limits=slow))
        finally:
            await engine.stop()

    outcome = run(story())
    assert len(outcome.cells) == 20
    assert {cell.state for cell in outcome.cells} == {"timeout"}
    assert verdicts(outcome) == ["timeout"]
    assert outcome.cells[-1].seconds == 0


@pytest.mark.parametrize(
    ("kernel", "flood"),
    [("bash", "yes 0123456789"), ("bash", "printf 'x%.0s' {1..300000}"), ("scheme", '(let f () (display "xxxx") (f))')],
)
def test_output_is_bounded(judge: Any, kernel: str, flood: str) -> None:
    report = judge(kernel, flood, tests=(), limits=Limits(seconds=2.0)).cells[0]
    assert report.state in ("timeout", "ok")
    assert len(report.output) <= 64 * 1024
    assert report.output.startswith(("0123456789", "xxx"))


def test_a_message_that_is_too_large_is_not_a_pass(judge: Any) -> None:
    flood = "(define (f n s) (if (= n 0) s (f (- n 1) (string-append s s))))"
    outcome = judge("scheme", flood, tests='(display (f 24 "x"))\n5')
    assert verdicts(outcome) == ["crashed"]


ATTEMPTS = [
    "cat /bin/true",  # what may be read, so that the others are not refused for another reason
    "cat /etc/passwd",
    "cat /proc/self/environ",
    "cat /proc/1/environ",
    f"cat /proc/{os.getpid()}/environ",
    f"cat {Path(__file__)}",
    "ls /",
    "ls /tmp",
    "ls ..",
    "ls /home /root",
    "ls /proc",
    "echo x > /tmp/x",
    "echo x > ../x",
    "echo x > /dev/shm/x",
    "exec 3<>/dev/tcp/127.0.0.1/22",
    "exec 3<>/dev/udp/127.0.0.1/53",
    f"kill -9 {os.getpid()}",
    "kill -0 1",
    "mkfifo pipe",
    "mknod null c 1 3",
    "unshare true",
    "ls .kernel",
]


@pytest.fixture
def confined(kernels: KernelEngine) -> None:
    if kernels._sandbox is None or kernels._sandbox.name == "plain":
        pytest.skip("this system offers no sandbox")


@pytest.mark.usefixtures("confined")
def test_what_lies_outside_is_out_of_reach(judge: Any) -> None:
    tried = [f"if {attempt} >/dev/null 2>&1; then echo got; else echo refused; fi" for attempt in ATTEMPTS]
    outcome = judge("bash", *tried, tests=())
    found = {attempt: cell.output.split()[-1] for attempt, cell in zip(ATTEMPTS, outcome.cells, strict=True)}
    assert found == {**dict.fromkeys(ATTEMPTS, "refused"), "cat /bin/true": "got"}


PYTHON_ATTEMPTS = [
    "import socket; socket.socket(socket.AF_UNIX); socket.socketpair()",
    "import socket; socket.socket()",
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "import socket; socket.socket(socket.AF_INET6)",
    "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    "import socket; socket.socket(socket.AF_UNIX).connect({door!r})",
    "import socket; socket.socket(socket.AF_UNIX).connect(chr(0) + 'nbcoach')",
    "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "import os; os.pidfd_open(os.getppid())",
]


@pytest.mark.usefixtures("confined")
def test_sockets_lead_nowhere(judge: Any, tmp_path: Path) -> None:
    """Also to a socket file that the account may open: a container engine's is one."""
    import socket

    door = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(door))
        listening.listen()
        files = [
            DataFile(f"try{number}.py", text.replace("{door!r}", repr(str(door))).encode())
            for number, text in enumerate(PYTHON_ATTEMPTS)
        ]
        tried = [
            f"if {sys.executable} -I {file.path} >/dev/null 2>&1; then echo got; else echo refused; fi"
            for file in files
        ]
        outcome = judge("bash", *tried, tests=(), files=tuple(files))
    assert [cell.output for cell in outcome.cells] == ["got\n"] + ["refused\n"] * (len(tried) - 1)


@pytest.mark.usefixtures("confined")
def test_only_its_own_terminal_is_there(judge: Any) -> None:
    if not namespaces_work():
        pytest.skip("this system offers no namespaces")
    assert judge("bash", "ls /dev/pts", tests=()).cells[0].output.split() == ["0", "ptmx"]


def test_the_environment_holds_nothing_of_the_grader(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBCOACH_TOKEN", "secret-0815")
    names = {line.split("=")[0] for line in judge("bash", "env", tests=()).cells[0].output.splitlines()}
    assert names <= {
        *("HOME", "LANG", "MPLBACKEND", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"),
        *("PIP_DISABLE_PIP_VERSION_CHECK", "PIP_RETRIES"),
        *THREADS,
        *("PS1", "PS2", "PROMPT_COMMAND", "PAGER", "TERM", "LS_COLORS"),
        *(
            "JPY_PARENT_PID",
            "PYDEVD_USE_FRAME_EVAL",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "GIT_PAGER",
            "FORCE_COLOR",
            "IPYTHONDIR",
            "NOTEBOOK_BASH_KERNEL_CAPABILITIES",
        ),
    }


def test_memory_is_bounded(judge: Any) -> None:
    small = Limits(seconds=5.0, memory_mb=64)
    outcome = judge(
        "bash", "x=$(head -c 300000000 /dev/zero | tr '\\0' x)", tests="[ ${#x} = 300000000 ]", limits=small
    )
    assert verdicts(outcome)[0] in ("failed", "crashed")


def test_files_of_the_exercise_are_there_and_private(judge: Any) -> None:
    files = (DataFile("a.txt", b"one"), DataFile("sub/b.txt", b"two"))
    for learner in ("first", "second"):
        outcome = judge(
            "bash",
            "cat a.txt sub/b.txt; echo; echo mine > a.txt; echo .[a-z]* *",
            tests=(),
            files=files,
            learner=learner,
        )
        assert outcome.cells[0].output == "onetwo\n.[a-z]* a.txt sub\n"


@pytest.mark.parametrize(
    "cell",
    [
        "sleep 1000 & disown",
        "(setsid sleep 1000 &) ; nohup sleep 1000 >/dev/null 2>&1 &",
        "f() { f | f & }; f",
        "for i in {1..600}; do : > file$i; sleep 1000 & done",
    ],
    ids=["background", "runs away", "bomb", "crowd"],
)
def test_nothing_is_left_behind(judge: Any, kernels: KernelEngine, cell: str) -> None:
    before = _sleepers()
    judge("bash", cell, tests=(), limits=SHORT)
    assert _sleepers() <= before
    assert kernels.statistics()["used"] == 0
    assert verdicts(judge("bash", "x=1", tests="[ $x = 1 ]", learner="neighbour")) == ["passed"]


WITHOUT_NAMESPACES = """
import asyncio, errno, sys, tempfile
from nbcoach_hub.confinement import no_new_privileges, forbid_syscalls
from nbcoach_hub.confinement.seccomp import Policy
no_new_privileges()
forbid_syscalls(Policy({"unshare": errno.EPERM}, {}))
tempfile.tempdir = sys.argv[1]
sys.path.insert(0, sys.argv[3])
from test_kernel_engine import *
async def main():
    engine = KernelEngine(kernel_folders=[sys.argv[2]], ready_kernels=0)
    await engine.start()
    cell = '(import "os")\\n(os.system "sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &)")\\n(define x 1)'
    print(*verdicts(await engine.run(work("scheme", cell, tests="(assert = x 1)"))))
    print(*[p for p in psutil.Process().children(recursive=True)])
    try:
        await engine.run(work("bash", "x=1", tests="true"))
    except EngineFailed as err:
        print(err)
    await engine.stop()
asyncio.run(main())
"""


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Return a folder with a short name, as the addresses of sockets in it are bounded to 107 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_without_namespaces_nothing_is_left_either_and_there_are_no_terminals(
    folders: list[str], short_path: Path, kernels: KernelEngine
) -> None:
    needs("scheme")
    needs("bash")
    if kernels._sandbox is None or kernels._sandbox.name == "plain":
        pytest.skip("this system offers no sandbox")
    before = _sleepers()
    command = [sys.executable, "-c", WITHOUT_NAMESPACES, str(short_path), folders[0], str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.splitlines() == [
        "passed",
        "",
        "Kernel 'bash' did not start; see the grader's log.",
    ], done.stderr
    assert _sleepers() <= before


def _sleepers() -> set[int]:
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] == ["sleep", "1000"]:
            found.add(process.pid)
    return found


def test_kernels_are_started_ahead_and_used_once(run: Any, folders: list[str], nothing_left: None) -> None:
    needs("bash")

    async def story() -> None:
        engine = KernelEngine(kernel_folders=folders, ready_kernels=1)
        await engine.start()
        try:
            await engine.warm("bash")
            assert engine.statistics() == {"ready": 1, "used": 0}
            pids: list[str] = []
            for learner in ("ada", "ada", "eve"):
                ready = {p.pid for p in psutil.Process().children(recursive=True)}
                outcome = await engine.run(work("bash", "echo $left; left=behind; : > left", tests=(), learner=learner))
                assert outcome.cells[0].output == "\n"
                gone = {pid for pid in ready if not psutil.pid_exists(pid)}
                assert gone, "the kernel that waited has been used, and has ended"
                pids += map(str, sorted(gone))
                await engine.warm("bash")
                assert engine.statistics() == {"ready": 1, "used": 0}
            assert len(set(pids)) == len(pids)
        finally:
            await engine.stop()

    run(story())


def test_a_kernel_that_died_while_it_waited_is_replaced(run: Any, folders: list[str], nothing_left: None) -> None:
    needs("bash")

    async def story() -> None:
        engine = KernelEngine(kernel_folders=folders, ready_kernels=1)
        await engine.start()
        try:
            others = psutil.Process().children()
            await engine.warm("bash")
            (keeper,) = [child for child in psutil.Process().children() if child not in others]
            family = keeper.children(recursive=True)
            keeper.kill()
            await asyncio.to_thread(psutil.wait_procs, family, 10)
            assert verdicts(await engine.run(work("bash", "x=1", tests="[ $x = 1 ]"))) == ["passed"]
        finally:
            await engine.stop()

    run(story())


@pytest.mark.parametrize("kernel", ["broken", "missing", "mute"])
def test_a_kernel_that_does_not_start_is_the_graders_failure(
    run: Any, folders: list[str], nothing_left: None, kernel: str
) -> None:
    async def story() -> None:
        engine = KernelEngine(kernel_folders=folders, start_seconds=2.0)
        await engine.start()
        try:
            with pytest.raises(EngineFailed, match=f"Kernel '{kernel}' did not start"):
                await engine.run(dataclasses.replace(plan("x=1", tests="true", solution=""), kernel=kernel))
            assert engine.statistics() == {"ready": 0, "used": 0}
        finally:
            await engine.stop()

    run(story())


@pytest.mark.parametrize("kernel", ["cobol", "", "../bash", "b ash"])
def test_an_unknown_kernel_is_bad_input(kernels: KernelEngine, run: Any, kernel: str) -> None:
    with pytest.raises(InvalidInput, match="is not installed on the grader; these are: bash") as caught:
        run(kernels.run(dataclasses.replace(plan("x=1", tests="true", solution=""), kernel=kernel)))
    assert status_of(caught.value) == 400
    assert repr(kernel) in caught.value.message


def test_kernels_of_a_user_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    folder = tmp_path / ".local/share/jupyter/kernels/mine"
    for place in (folder, tmp_path / "kernels/mine"):
        place.mkdir(parents=True)
        (place / "kernel.json").write_text('{"argv": ["true"], "display_name": "x", "language": "x"}')
    assert not [place for place in KernelEngine().kernel_folders if str(tmp_path) in place]


def test_learners_at_once_are_not_mixed_up(run: Any, kernels: KernelEngine) -> None:
    async def story() -> list[Outcome]:
        plans = [
            work("bash", f"echo {name}", tests=f'[ "$(echo *)" = {name} ]', learner=name, files=(DataFile(name, b""),))
            for name in ("ada", "bob", "cyd", "dan")
        ]
        return await asyncio.gather(*map(kernels.run, plans))

    outcomes = run(story())
    assert [outcome.cells[0].output.strip() for outcome in outcomes] == ["ada", "bob", "cyd", "dan"]
    assert [verdicts(outcome) for outcome in outcomes] == [["passed"]] * 4


def test_the_service_can_die_without_leaving_anything(run: Any, folders: list[str], short_path: Path) -> None:
    needs("bash")
    script = (
        "import asyncio, sys, tempfile\ntempfile.tempdir = sys.argv[1]\n"
        "from nbcoach_grader.kernels.engine import KernelEngine\n"
        "async def main():\n    engine = KernelEngine(kernel_folders=[sys.argv[2]])\n    await engine.start()\n"
        "    await engine.warm('bash')\n    print('ready', flush=True)\n    await asyncio.sleep(1000)\nasyncio.run(main())\n"
    )

    async def story() -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(short_path), folders[0], stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        try:
            assert await asyncio.wait_for(child.stdout.readline(), 60) == b"ready\n"
            family = psutil.Process(child.pid).children(recursive=True)
        finally:
            child.kill()
            await child.wait()
        assert len(family) >= 4
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, 10)
        assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
        for _ in range(100):
            if not list(short_path.iterdir()):
                break
            await asyncio.sleep(0.05)
        assert list(short_path.iterdir()) == []

    run(story())


@pytest.mark.parametrize("length", [45, 60, 200])
def test_a_temporary_folder_with_a_long_name(
    run: Any, folders: list[str], monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """Addresses of local sockets are short, so another folder serves where this one's name is too long for them."""
    root = Path(tempfile.gettempdir()) / "x"
    long = Path(f"{root}{'x' * (length - len(str(root)))}")
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    async def story() -> None:
        engine = KernelEngine(kernel_folders=folders, ready_kernels=1)
        await engine.start()
        try:
            assert verdicts(await engine.run(work("bash", "X=3", tests="[ $X = 3 ]"))) == ["passed"]
        finally:
            await engine.stop()
        assert list(long.iterdir()) == []

    run(story())
    long.rmdir()


def test_no_folder_with_a_short_name_is_said_plainly(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * 100)
    monkeypatch.setattr("nbcoach_grader.kernels.engine._MAX_ADDRESS", 40)
    with pytest.raises(EngineFailed, match="set TMPDIR to a folder whose name has at most"):
        run(KernelEngine().start())
