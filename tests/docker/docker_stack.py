"""The platform as `docker compose up` starts it, and learners who use it; for the tests with a real Docker engine.

The compose file is the one that admins use. What cannot be had everywhere is replaced by an override: the images of
the gateway and of the store, which `stand_ins` builds with the same software where it can be had.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import websocket
from hub_process import Browser, free_port

from nbcoach_exercises.wire import CellSource, CheckRequest, encode

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "hub_config" / "deploy" / "compose"
COURSES = REPOSITORY / "exercises" / "courses"
COURSE, EXERCISE, CELL = "python-foundations", "double-shot", "espressos"
RIGHT, WRONG = "def espressos(doubles):\n    return 2 * doubles", "def espressos(doubles):\n    return doubles"
PASSWORD = "three quiet lanterns"
TAG = os.environ.get("NBCOACH_IMAGE_TAG", "test")
DOCKER = os.environ.get("DOCKER", "docker")


def docker(*arguments: str, check: bool = True, seconds: float = 120, host: str = "", text: str | None = None) -> str:
    """Run Docker's client, and return what it printed."""
    command = [DOCKER, *(["-H", host] if host else []), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, input=text)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout.strip()


CONNECT = """
import socket
from concurrent.futures import ThreadPoolExecutor
def knock(target):
    try:
        socket.create_connection(target, timeout=3).close()
    except OSError:
        return
    return "%s %d" % target
with ThreadPoolExecutor(20) as pool:
    print("\\n".join(filter(None, pool.map(knock, {targets!r}))))
"""


def inside(container: str, code: str, *, seconds: float = 60, host: str = "") -> str:
    """Run Python in a container, and return what it printed."""
    return docker("exec", "-i", container, "python", "-", seconds=seconds, host=host, text=code)


def reached(container: str, targets: list[tuple[str, int]], *, host: str = "") -> list[str]:
    """Return those names and ports that can be connected to from a container."""
    return inside(container, CONNECT.format(targets=targets), seconds=120, host=host).splitlines()


def composer() -> list[str] | None:
    """Return the command of Docker Compose that is installed here."""
    for command in ([DOCKER, "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and not subprocess.run([*command, "version"], capture_output=True).returncode:
            return command
    return None


class Learner(Browser):
    """A learner's browser, behind TLS or not."""

    def __init__(self, url: str, user: str, authority: Path | None = None) -> None:
        super().__init__(url, user)
        self._authority = authority
        if authority is not None:
            self.session.verify = str(authority)

    def check(self, source: str, seconds: float = 60) -> dict[str, Any]:
        """Open the exercise and check an answer through the server's WebSocket, as the front end does."""
        opened = self.api("POST", "nbcoach/api/open", course=COURSE, exercise=EXERCISE)
        assert opened.status_code == 200, opened.text[:500]
        request = CheckRequest(
            request=uuid.uuid4().hex,
            course=COURSE,
            exercise=EXERCISE,
            version=opened.json()["version"],
            cell=CELL,
            cells=(CellSource(id=CELL, grade_id=CELL, source=source),),
        )
        connection = self._socket("nbcoach/api/live")
        connection.settimeout(seconds)
        try:
            connection.send(encode(request))
            while True:
                frame: dict[str, Any] = json.loads(connection.recv())
                if frame["type"] in ("feedback", "failure"):
                    return frame
        finally:
            connection.close()

    def _socket(self, path: str) -> websocket.WebSocket:
        paths = ("/", f"/user/{self.user}/")
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies if c.path in paths)
        options = {"ca_certs": str(self._authority), "cert_reqs": ssl.CERT_REQUIRED} if self._authority else None
        address = f"{self.server}/{path}".replace("http", "ws", 1)
        return websocket.create_connection(address, cookie=cookies, origin=self.url, timeout=60, sslopt=options)


class Stack:
    """One project of Docker Compose, with a name and ports of its own."""

    def __init__(self, folder: Path, command: list[str], additions: str = "", files: str = "", homes: str = "") -> None:
        self.folder = folder / "compose"
        self.name = f"nbcoach{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self._command = command
        shutil.copytree(COMPOSE, self.folder, ignore=shutil.ignore_patterns(".env"))
        for path in (self.folder, *self.folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.name.endswith(".sh") else 0o644)
        prepared = subprocess.run([self.folder / "prepare.sh", COURSES], capture_output=True, text=True, check=False)
        assert prepared.returncode == 0, prepared.stderr
        additions = f'c.DockerSpawner.prefix = "{self.name}"\n{additions}'
        (self.folder / "jupyterhub_config.d" / "10-test.py").write_text(additions)
        with (self.folder / ".env").open("a") as file:
            file.write(
                f"COMPOSE_PROJECT_NAME={self.name}\nNBCOACH_TAG={TAG}\n"
                f"NBCOACH_HTTP_PORT=127.0.0.1:{free_port()}\nNBCOACH_HTTPS_PORT=127.0.0.1:{self.port}\n"
                "NBCOACH_GATEWAY_IMAGE=nbcoach-test/gateway\nNBCOACH_STORE_IMAGE=nbcoach-test/store\n"
                # The stand-in asks nobody for a password.
                f"MONGODB_URI=mongodb://store:27017/nbcoach\nCOMPOSE_FILE={files or 'compose.yml'}\nNBCOACH_HOMES={homes}\n"
            )
        self.authority = self.folder / "authority.crt"
        self.url = f"https://localhost:{self.port}"

    def compose(self, *arguments: str, text: str | None = None, seconds: float = 300) -> str:
        """Run Docker Compose in the project's folder."""
        command = [*self._command, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, input=text, timeout=seconds, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
        return done.stdout.strip()

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.compose("ps", "-q", service)

    def add_user(self, user: str, password: str, *options: str) -> None:
        """Make an account before the hub runs."""
        command = ("run", "--rm", "--no-deps", "-T", "hub", "nbcoach", "account", user)
        self.compose(*command, "--password-stdin", *options, text=password + "\n")

    def up(self, seconds: float = 240) -> None:
        """Start everything, and wait until the log-in page is there."""
        self.compose("up", "--detach")
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._fetch_authority()
                if requests.get(f"{self.url}/hub/login", timeout=5, verify=str(self.authority)).ok:
                    return
            except (requests.RequestException, AssertionError):
                pass
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.5)

    def _fetch_authority(self) -> None:
        certificate = docker(
            "exec", self.container("gateway"), "cat", "/data/caddy/pki/authorities/local/root.crt", check=False
        )
        assert "BEGIN" in certificate
        self.authority.write_text(certificate)

    def learner(self, user: str, password: str) -> Learner:
        """Log a learner in."""
        learner = Learner(self.url, user, self.authority)
        answer = learner.log_in(password)
        assert answer.status_code == 200, (answer.status_code, self.logs())
        return learner

    def logs(self) -> str:
        """Return the last lines of all logs, for a failing test to show."""
        return self.compose("logs", "--no-color", "--tail=40")

    def down(self) -> None:
        """Remove everything, learners' services, containers, networks and volumes too."""
        services = docker("service", "ls", "-q", "--filter", f"name={self.name}-", check=False).split()
        for service in services:
            docker("service", "rm", service, check=False)
        if services:
            time.sleep(3)  # their tasks end after them
        for container in docker("ps", "-aq", "--filter", f"name=^{self.name}-").split():
            docker("rm", "-f", container, check=False)
        networks = docker("network", "ls", "-q", "--filter", f"name=^{self.name}-").split()
        self.compose("down", "--volumes", "--timeout", "10")
        for network in networks:
            docker("network", "rm", network, check=False)
        for volume in docker("volume", "ls", "-q", "--filter", f"name=^{self.name}-").split():
            docker("volume", "rm", volume, check=False)


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """Start a platform with the learners ada and bob and the administrator eve, and remove it in the end."""
    try:
        stack.add_user("eve", PASSWORD, "--admin")
        for user in ("ada", "bob"):
            stack.add_user(user, PASSWORD, "--learns", COURSE)
        stack.up()
        yield stack
    finally:
        stack.down()
