"""A real `nbcoach up` as a child process, and browsers without a browser; for tests of all rooms."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import requests
import websocket

from nbcoach_hub.processes import descendants

REPOSITORY = Path(__file__).parents[2]
COURSES = REPOSITORY / "exercises" / "courses"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "nbcoach_hub.cli", *map(str, arguments)]


class HubProcess:
    """`nbcoach up --json` with its first line read."""

    def __init__(
        self, state: Path, *arguments: str, port: int | None = None, courses: Path = COURSES, store: str = ""
    ) -> None:
        self.state = state
        self.port = port or free_port()
        self.process = subprocess.Popen(
            command("up", "--json", "--port", str(self.port), "--state", state, "--courses", courses, *arguments),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "MONGODB_URI": store},  # never the one that the contract tests may empty
        )
        self.told: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.state / "logs" / "hub.log").read_text("utf-8", "replace")

    def wait_ready(self, seconds: float = 100) -> HubProcess:
        assert self.process.stdout is not None
        waiting = select.poll()  # as tests of the grader may hold more descriptors than `select` can name
        waiting.register(self.process.stdout, select.POLLIN)
        ready = waiting.poll(1000 * seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.kill_tree()
            raise AssertionError(f"nbcoach up did not get ready: {self.process.communicate()[1][-3000:]}")
        self.told = json.loads(line)
        return self

    def password(self, user: str) -> str:
        return next(str(account["password"]) for account in self.told["accounts"] if account["user"] == user)

    def browser(self, user: str) -> Browser:
        """Log in as a demo user."""
        browser = Browser(self.url, user)
        answer = browser.log_in(self.password(user))
        assert answer.status_code == 200, answer.status_code
        return browser

    def pids(self) -> list[int]:
        return descendants(self.process.pid)

    def stop(self, sign: int = signal.SIGTERM, seconds: float = 60) -> list[int]:
        """Stop it, and return the processes that were left behind."""
        before = self.pids()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill_tree()
            raise
        return [pid for pid in before if alive(pid)]

    def kill_tree(self) -> None:
        for pid in [*self.pids(), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Browser:
    """The requests that a browser makes to log in, start a server, and run code in it."""

    def __init__(self, url: str, user: str) -> None:
        self.url = url
        self.user = user
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def server(self) -> str:
        return f"{self.url}/user/{self.user}"

    def log_in(self, password: str) -> requests.Response:
        page = self.session.get(f"{self.url}/hub/login", timeout=30)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert found is not None
        form = {"username": self.user, "password": password, "_xsrf": found.group(1)}
        return self.session.post(f"{self.url}/hub/login?next=/hub/home", data=form, timeout=60)

    def start_server(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        self.session.get(f"{self.url}/hub/spawn/{self.user}", timeout=60)
        while True:
            page = self.session.get(f"{self.server}/lab", timeout=60)
            if page.status_code == 200 and "jupyter-config-data" in page.text:
                return
            assert time.monotonic() < deadline, f"no server: {page.status_code} {page.url}"
            time.sleep(0.5)

    def stop_server(self) -> None:
        headers = self._xsrf("/hub/")
        self.session.delete(f"{self.url}/hub/api/users/{self.user}/server", headers=headers, timeout=60)

    def _xsrf(self, path: str) -> dict[str, str]:
        token = next(cookie.value for cookie in self.session.cookies if cookie.name == "_xsrf" and cookie.path == path)
        return {"X-XSRFToken": str(token), "Referer": self.url + path}

    def api(self, verb: str, path: str, **body: Any) -> requests.Response:
        headers = self._xsrf(f"/user/{self.user}/")
        return self.session.request(verb, f"{self.server}/{path}", json=body or None, headers=headers, timeout=60)

    def run(self, code: str) -> str:
        """Run code in a fresh kernel through its WebSocket, and return what it printed or raised."""
        kernel = self.api("POST", "api/kernels", name="python3")
        assert kernel.status_code == 201, kernel.text[:300]
        name = kernel.json()["id"]
        try:
            return self._execute(name, code)
        finally:
            self.api("DELETE", f"api/kernels/{name}")

    def _execute(self, kernel: str, code: str) -> str:
        session, message = uuid.uuid4().hex, uuid.uuid4().hex
        header = {"msg_id": message, "username": self.user, "session": session, "msg_type": "execute_request"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        request = {"channel": "shell", "header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}}
        connection = self._socket(f"api/kernels/{kernel}/channels?session_id={session}")
        out: list[str] = []
        try:
            connection.send(json.dumps({**request, "content": content}))
            while True:
                told = json.loads(connection.recv())
                if told["parent_header"].get("msg_id") != message:
                    continue
                if told["msg_type"] == "stream":
                    out.append(told["content"]["text"])
                elif told["msg_type"] == "error":
                    out.append(f"{told['content']['ename']}: {told['content']['evalue']}")
                elif told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                    return "".join(out)
        finally:
            connection.close()

    def terminal(self, line: str, until: str, seconds: float = 20) -> str:
        """Type a line into a fresh terminal, and return what it shows up to `until`."""
        made = self.api("POST", "api/terminals")
        assert made.status_code == 200, made.text[:300]
        name = made.json()["name"]
        connection = self._socket(f"terminals/websocket/{name}")
        shown, deadline = "", time.monotonic() + seconds
        try:
            connection.send(json.dumps(["stdin", line + "\r"]))
            while until not in shown and time.monotonic() < deadline:
                kind, *rest = json.loads(connection.recv())
                shown += rest[0] if kind == "stdout" else ""
            return shown
        finally:
            connection.close()
            self.api("DELETE", f"api/terminals/{name}")

    def _socket(self, path: str) -> websocket.WebSocket:
        paths = ("/", f"/user/{self.user}/")
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies if c.path in paths)
        address = f"{self.server}/{path}".replace("http", "ws", 1)
        return websocket.create_connection(address, cookie=cookies, origin=self.url, timeout=60)
