"""`nbcoach up` and `nbcoach doctor`: what they refuse, and that they leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests
from hub_process import COURSES, REPOSITORY, HubProcess, alive, command, free_port
from jupyterhub.proxy import ConfigurableHTTPProxy

from nbcoach_hub.proxy import EarlyProxy

ESSENTIALS = """
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
"""


def refused(*arguments: str | Path, cwd: Path = REPOSITORY, path: str | None = None) -> str:
    """Run a command that has to be refused with one sentence."""
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    done = subprocess.run(
        command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder whose hub starts without services, to be quick."""
    folder = tmp_path / "state"
    (folder / "jupyterhub_config.d").mkdir(parents=True)
    (folder / "jupyterhub_config.d" / "10-essentials.py").write_text(ESSENTIALS)
    return folder


def gone(pids: list[int], seconds: float = 20) -> list[int]:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [pid for pid in pids if alive(pid)]


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = refused("up", "--port", str(port), "--state", tmp_path / "s")
    assert line == f"Error: Port {port} on 127.0.0.1 is taken: choose another with --port."


def test_a_state_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "state", Path("/proc/nbcoach")):
        line = refused("up", "--port", str(free_port()), "--state", place)
        assert str(place) in line
        assert "cannot be written" in line


def test_missing_and_empty_course_folders_are_refused(tmp_path: Path) -> None:
    arguments = ("up", "--port", str(free_port()), "--state", tmp_path / "s")
    assert "There is no course folder" in refused(*arguments, "--courses", tmp_path / "nowhere")
    assert "There is no course folder" in refused(*arguments, cwd=tmp_path)
    assert "holds no course" in refused(*arguments, "--courses", tmp_path)


def test_folders_that_learners_can_read_are_refused() -> None:
    line = refused("up", "--port", str(free_port()), "--state", REPOSITORY / ".venv" / "state-for-a-test")
    (REPOSITORY / ".venv" / "state-for-a-test" / "lock").unlink()
    (REPOSITORY / ".venv" / "state-for-a-test").rmdir()
    assert "which learners can read" in line


def test_a_missing_node_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbcoach_hub import gateway

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gateway, "find_spec", lambda _: None)
    with pytest.raises(gateway.GatewayMissing, match="run 'make install'"):
        gateway.find_node()
    monkeypatch.setattr(gateway.sys, "prefix", str(tmp_path))
    with pytest.raises(gateway.GatewayMissing, match="run 'make install'"):
        gateway.find_proxy_script()


def test_the_wheels_node_is_the_real_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbcoach_hub import gateway

    monkeypatch.setenv("PATH", str(tmp_path))
    node = Path(gateway.find_node())
    assert node.name == "node"
    assert node.read_bytes()[:4] == b"\x7fELF"


def test_bad_options_are_refused() -> None:
    for arguments in (("up", "--port", "0"), ("up", "--port", "x"), ("up", "--protection", "magic"), ("nothing",)):
        done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2


def test_ctrl_c_leaves_nothing_and_everything_is_there_again(state: Path) -> None:
    hub = HubProcess(state).wait_ready()
    told = hub.told
    assert refused("up", "--port", str(free_port()), "--state", state).startswith("Error: Another 'nbcoach up' uses")
    browser = hub.browser("learner")
    browser.start_server()
    browser.run("open('kept.txt', 'w').write('kept')")
    pids = [hub.process.pid, *hub.pids()]
    assert len(pids) >= 5
    assert hub.stop(signal.SIGINT) == []
    assert hub.process.returncode == 0
    assert gone(pids) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(hub.url, timeout=5)

    # Again, and this time it is killed; the kernel has the hub clean up.
    hub = HubProcess(state, port=hub.port).wait_ready()
    assert hub.told["accounts"] == told["accounts"]
    assert hub.browser("learner").session.get(f"{hub.url}/hub/home", timeout=30).status_code == 200
    hub.browser("learner").start_server()
    pids = hub.pids()
    hub.process.kill()
    hub.process.communicate()
    assert gone(pids) == []

    # And again, and this time the hub is killed.
    hub = HubProcess(state, port=hub.port).wait_ready()
    assert (state / "homes" / "learner" / "kept.txt").read_text() == "kept"
    pids = hub.pids()
    os.kill(pids[0], signal.SIGKILL)
    _, told_why = hub.process.communicate(timeout=60)
    assert hub.process.returncode == 1
    assert "The hub ended by itself with status -9. The last lines of" in told_why
    assert gone(pids) == []


@pytest.mark.parametrize(
    ("begun", "outcomes", "told"),
    [
        (False, [None], ["start"]),
        (True, [None], ["start"]),
        (True, [TimeoutError(), None], ["start", "stop", "start"]),
    ],
)
async def test_a_gateway_that_was_begun_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, begun: bool, outcomes: list[Exception | None], told: list[str]
) -> None:
    seen: list[str] = []

    async def start(_: object) -> None:
        seen.append("start")
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(ConfigurableHTTPProxy, "start", start)
    monkeypatch.setattr(ConfigurableHTTPProxy, "stop", lambda _: seen.append("stop"))
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "x" * 32)
    proxy = EarlyProxy()
    if begun:
        await proxy.begin()
        assert seen == ["start"]
    await proxy.start()
    assert seen == told


def test_a_hub_that_cannot_start_says_why(state: Path) -> None:
    (state / "jupyterhub_config.d" / "20-broken.py").write_text("raise RuntimeError('broken on purpose')")
    hub = HubProcess(state)
    _, told_why = hub.process.communicate(timeout=60)
    assert hub.process.returncode == 1
    assert "The hub ended by itself" in told_why
    assert "broken on purpose" in told_why


def test_what_is_printed_for_people(state: Path) -> None:
    port = free_port()
    arguments = ("up", "--port", str(port), "--state", state, "--courses", COURSES, "--protection", "none")
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    text = "".join(lines)
    assert f"nbcoach is ready: http://127.0.0.1:{port}/" in text
    assert "NONE: learners can read and change each other's work" in text
    assert [role for role in ("learner", "instructor", "admin") if f"user {role}" in text] == [
        "learner",
        "instructor",
        "admin",
    ]
    assert (rest, errors, process.returncode) == ("", "", 0)


def test_doctor(tmp_path: Path) -> None:
    done = subprocess.run(
        command("doctor", "--json", "--state", tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    findings = json.loads(done.stdout)["findings"]
    assert {"node", "gateway", "protection", "resources"} <= {finding["name"] for finding in findings}
    assert done.returncode == (1 if any(finding["status"] == "missing" for finding in findings) else 0)
    plain = subprocess.run(command("doctor"), capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert len(plain.stdout.splitlines()) == len(findings) + sum(bool(finding["advice"]) for finding in findings)


def test_help_and_version() -> None:
    version = subprocess.run(command("--version"), capture_output=True, text=True, timeout=60, check=True)
    assert version.stdout.startswith("nbcoach, version ")
    shown = subprocess.run(command("--help"), capture_output=True, text=True, timeout=60, check=True).stdout
    assert "up " in shown
    assert "doctor" in shown
