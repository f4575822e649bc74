"""The jail of a learner's server, at every level that this machine has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hub_process import alive

from nbcoach_hub import jail, reach
from nbcoach_hub.confinement import ConfinementUnavailable
from nbcoach_hub.processes import descendants
from nbcoach_hub.protection import Level, Protection, available, choose

LEVELS = available()
WITHOUT_NAMESPACES = [replace(level, namespaces=False) for level in LEVELS if level.namespaces]
CONFINED = [level for level in [*LEVELS, *WITHOUT_NAMESPACES] if level.level is not Level.NONE]


def name(protection: Protection) -> str:
    return f"{protection.level}{'-namespaces' if protection.namespaces else ''}"


levels = pytest.mark.parametrize("protection", CONFINED, ids=name)
every_level = pytest.mark.parametrize("protection", [*CONFINED, LEVELS[-1]], ids=name)


class Home:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "homes" / "amy"
        self.path.mkdir(parents=True)
        self.secret = folder / "hub.sqlite"
        self.secret.write_text("secret")

    @property
    def log(self) -> str:
        return (self.path / ".nbcoach" / "server.log").read_text()

    def start(self, protection: Protection, code: str) -> subprocess.Popen[str]:
        plan = jail.Plan(
            home=str(self.path),
            level=protection.level,
            namespaces=protection.namespaces,
            read_only=reach.read_only(protection),
            read_write=reach.shared_memory(protection),
            devices=reach.devices(protection),
        )
        command = [sys.executable, "-I", "-m", "nbcoach_hub.jail", plan.to_json(), "--"]
        environment = {"PATH": os.environ["PATH"], "SECRET": str(self.secret), **jail.environment(str(self.path))}
        return subprocess.Popen(
            [*command, sys.executable, "-c", textwrap.dedent(code)], env=environment, stderr=subprocess.PIPE, text=True
        )

    def run(self, protection: Protection, code: str) -> int:
        process = self.start(protection, code)
        told = process.communicate(timeout=60)[1]
        assert process.returncode != jail.REFUSED, told
        return process.returncode


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@every_level
def test_a_server_can_work(home: Home, protection: Protection) -> None:
    status = home.run(
        protection,
        """
        import os, socket, ssl, subprocess, sys, tempfile
        assert os.getcwd() == os.environ["HOME"]
        with tempfile.NamedTemporaryFile("w") as file:
            assert file.name.startswith(os.environ["HOME"])
        assert subprocess.run([sys.executable, "-c", "import ipykernel, nbcoach_exercises"]).returncode == 0
        assert ssl.create_default_context().get_ca_certs()
        socket.getaddrinfo("localhost", 80)
        socket.create_server(("127.0.0.1", 0)).close()
        assert os.stat(os.environ["HOME"]).st_mode & 0o777
        print("worked")
        sys.exit(7)
        """,
    )
    assert status == 7, home.log
    assert home.log.endswith("worked\n")


@levels
def test_a_server_reaches_nothing_else(home: Home, protection: Protection) -> None:
    other = home.path.parent / "bob"
    other.mkdir()
    outside = [str(path) for path in (home.secret, other, home.path.parent, Path(__file__), Path(__file__).parent)]
    status = home.run(
        protection,
        f"""
        import os
        for path in {outside!r} + ["/etc/shadow", "/root/.bashrc", "/proc/{os.getpid()}/environ", "/etc/ssl/private"]:
            for attempt in (open, os.listdir, lambda p: open(p, "a"), lambda p: os.mkdir(p + "/new")):
                try:
                    found = attempt(path)
                except OSError:
                    continue
                if found != ["amy"]:
                    raise SystemExit(f"reached {{path}}: {{found}}")
        """,
    )
    assert status == 0, home.log
    assert home.secret.read_text() == "secret"


@levels
def test_a_link_in_a_home_leads_nowhere(home: Home, protection: Protection) -> None:
    private = home.path / ".nbcoach"
    private.mkdir()
    (private / "server.log").symlink_to(home.secret)
    process = home.start(protection, "print('overwritten')")
    process.communicate(timeout=60)
    assert home.secret.read_text() == "secret"
    if protection.level is not Level.BUBBLEWRAP:
        assert process.returncode == jail.REFUSED


@every_level
@pytest.mark.parametrize("end", ["exit", "terminate", "kill"])
def test_nothing_is_left_behind(home: Home, protection: Protection, end: str) -> None:
    if end == "kill" and not protection.namespaces and protection.level is not Level.BUBBLEWRAP:
        pytest.skip("without namespaces, 'nbcoach up' ends what a killed keeper leaves")
    process = home.start(
        protection,
        f"""
        import signal, subprocess, time
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for _ in range(2):
            subprocess.Popen(["setsid", "nohup", "sh", "-c", "trap '' TERM HUP INT; sleep 300 & sleep 300"])
        print("started", flush=True)
        time.sleep({0.3 if end == "exit" else 300})
        """,
    )
    log = home.path / ".nbcoach" / "server.log"
    deadline = time.monotonic() + 30
    while not (log.exists() and "started" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = descendants(process.pid)
    assert len(family) >= 3
    if end == "terminate":
        process.terminate()
    elif end == "kill":
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in family if alive(pid)] == []


def test_a_plan_that_cannot_be_kept_starts_nothing(home: Home) -> None:
    plan = jail.Plan(home=str(home.path / "missing"), level=LEVELS[0].level, namespaces=False, read_only=[])
    command = [sys.executable, "-I", "-m", "nbcoach_hub.jail", plan.to_json(), "--", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == jail.REFUSED
    assert "was not started" in done.stderr


def test_levels_are_never_made_up() -> None:
    assert choose().level is LEVELS[0].level
    assert choose("none").level is Level.NONE
    with pytest.raises(ConfinementUnavailable, match="does not work"):
        choose("magic")
    for protection in LEVELS:
        assert protection.describe()
        assert protection.not_protected()


def test_folders_that_learners_can_read_are_found() -> None:
    assert reach.exposed(["/usr", "/etc/hosts"], Path("/usr/share/state")) == ["/usr"]
    assert reach.exposed(["/usr"], Path("/usr")) == ["/usr"]
    assert reach.exposed(["/usr/lib"], Path("/usr/share")) == []
    assert reach.exposed(["/usr/lib"], Path("/srv")) == []


def test_secrets_of_the_repository_are_out_of_reach() -> None:
    readable = reach.read_only(LEVELS[0])
    repository = Path(__file__).parents[2]
    for folder in ("exercises/courses", "grader/nbcoach_grader", "hub_config/nbcoach_hub", "tests", ".git"):
        assert reach.exposed(readable, repository / folder) == []
