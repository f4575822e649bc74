"""`nbcoach up`: the whole platform on one machine, from nothing, in the foreground.

Theory of operation: this process checks what can be checked, makes the demo accounts, and starts
JupyterHub, which starts the gateway, the services and the learners' servers. It adopts every
process that loses its parent, so that when it ends, all of them end; should it be killed itself,
the kernel tells the hub, which then stops what it started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from . import configure
from .checks import check_state, checked, hold
from .demo import DemoAccount, ensure_accounts, still_valid
from .processes import become_subreaper, die_with_parent, end_descendants
from .protection import Protection
from .settings import LOG_INS, REGISTRATIONS, Settings

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_SHOWN_LINES = 15
_LOG_IN_VARIABLES = ("NBCOACH_OIDC_", "NBCOACH_LTI_")


class HubFailed(click.ClickException):
    """The hub ended by itself."""

    exit_code = 1


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port of the gateway.")
@click.option("--ip", default="127.0.0.1", show_default=True, help="Address of the gateway.")
@click.option(
    "--state", type=click.Path(path_type=Path), default=Path(".nbcoach"), show_default=True, help="Folder of all data."
)
@click.option("--courses", type=click.Path(path_type=Path), help="Folder of courses.  [default: exercises/courses]")
@click.option(
    "--protection",
    type=click.Choice(["auto", "landlock", "bubblewrap", "landlock-partial", "none"]),
    default="auto",
    show_default=True,
    help="How learners' servers are confined; auto takes the best that works.",
)
@click.option("--log-in", type=click.Choice(LOG_INS), default="password", show_default=True, help="How people log in.")
@click.option(
    "--registration",
    type=click.Choice(REGISTRATIONS),
    default="closed",
    show_default=True,
    help="Who gets an account without an admin: nobody, who is approved, or everybody who asks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready.")
def up(
    port: int,
    ip: str,
    state: Path,
    courses: Path | None,
    protection: str,
    log_in: str,
    registration: str,
    as_json: bool,
) -> None:
    """Start the platform and keep it running until Ctrl-C.

    MONGODB_URI, or NBCOACH_STORE_URL, names another store than the file in the state folder.
    """
    wanted = replace(
        Settings.from_environment(),
        state=state.absolute(),
        courses=(courses or Path("exercises/courses")).absolute(),
        ip=ip,
        port=port,
        protection=protection,
        log_in=log_in,
        registration=registration,
    )
    os.umask(0o077)
    with ExitStack() as stack:
        check_state(wanted.state)
        hold(wanted.state, stack)
        settings, chosen = checked(wanted)
        made = ensure_accounts(settings) if log_in == "password" else []
        status = Running(settings).run(
            lambda: still_valid(settings, made), lambda accounts: _announce(settings, accounts, chosen, as_json)
        )
        sys.exit(status)


def _announce(settings: Settings, accounts: list[DemoAccount], protection: Protection, as_json: bool) -> None:
    url = f"http://{settings.ip}:{settings.port}/"
    log = settings.state / "logs" / "hub.log"
    if as_json:
        body: dict[str, Any] = {
            "url": url,
            "state": str(settings.state),
            "log": str(log),
            "accounts": [asdict(account) for account in accounts],
            "protection": {"level": protection.level, "not_protected": protection.not_protected()},
        }
        click.echo(json.dumps(body))
        return
    click.echo(f"nbcoach is ready: {url}\n")
    for account in accounts:
        click.echo(f"  {account.role:<12} user {account.user:<12} password {account.password}")
    click.echo(f"\nLearners' servers are confined by {protection.describe()}. Not protected:")
    for gap in protection.not_protected():
        click.echo(f"  - {gap}")
    click.echo(f"\nThe log is {log}. Press Ctrl-C to stop.")


class Running:
    """A hub as a child of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.state / "logs" / "hub.log"
        self._asked = 0
        self._hub: subprocess.Popen[bytes] | None = None

    def run(self, look_up: Callable[[], list[DemoAccount]], announce: Callable[[list[DemoAccount]], None]) -> int:
        """Start the hub, look accounts up while it loads, announce them, and stay until a signal or until the hub ends.

        Raises:
            HubFailed: the hub ended by itself.

        """
        become_subreaper()
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self._stop)
        try:
            hub = self._hub = self._start()
            # No thread before the hub is there: a fork with threads beside it is not safe.
            with ThreadPoolExecutor(1) as aside:
                accounts = aside.submit(look_up)
                self._wait_ready(hub)
            if not self._asked:
                announce(accounts.result())
            while hub.poll() is None and not self._asked:
                _nap()
            self._end(hub)
        finally:
            left = end_descendants()
        if left:
            raise HubFailed(f"{left} processes could not be ended.")
        if not self._asked:
            raise HubFailed(self._tale(f"The hub ended by itself with status {hub.returncode}."))
        return 0

    def _stop(self, *_: object) -> None:
        self._asked += 1

    def _start(self) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(exist_ok=True, mode=0o700)
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        kept = {name: value for name, value in os.environ.items() if _is_passed_on(name)}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "nbcoach_hub.hub", "-f", str(self._config())],
                cwd=self._settings.state,
                env={**kept, **self._settings.to_environment(), "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _config(self) -> Path:
        own = Path(__file__).parent.parent / "jupyterhub_config.py"
        if own.is_file():
            return own
        written = self._settings.state / "jupyterhub_config.py"
        written.write_text(configure.CONFIG_FILE, encoding="utf-8")
        return written

    def _wait_ready(self, hub: subprocess.Popen[bytes]) -> None:
        url = f"http://{self._settings.ip}:{self._settings.port}/hub/login"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _START_SECONDS
        while hub.poll() is None and not self._asked:
            try:
                with opener.open(url, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise HubFailed(
                        self._tale(f"The log-in page did not answer within {_START_SECONDS:.0f} s.")
                    ) from None
            _nap()

    def _end(self, hub: subprocess.Popen[bytes]) -> None:
        if hub.poll() is None:
            hub.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while hub.poll() is None and time.monotonic() < deadline and self._asked < 2:
            _nap()

    def _tale(self, sentence: str) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines()[-_SHOWN_LINES:]
        return "\n".join(
            [f"{sentence} The last lines of {self._log}:", *(f"  {_readable(line)[:300]}" for line in lines)]
        )


def _readable(line: str) -> str:
    """Return a line of the log without what only machines want to read."""
    try:
        told = json.loads(line)
        exception = told.get("exception", {})
        shown = [str(told["message"]), str(exception.get("type", "")), str(exception.get("message", ""))]
    except (ValueError, TypeError, KeyError, AttributeError):
        return line
    return ": ".join(part.strip() for part in shown if part.strip())


def _is_passed_on(variable: str) -> bool:
    """Return whether the hub gets a variable: not what this command decides itself."""
    return variable.startswith(_LOG_IN_VARIABLES) or not variable.startswith(("JUPYTERHUB_", "NBCOACH_"))


def _nap(seconds: float = 0.1) -> None:
    time.sleep(seconds)
