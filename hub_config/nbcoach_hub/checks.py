"""What has to be right before a hub starts: each check says in one sentence what is wrong."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from nbcoach_exercises.errors import Unavailable

from . import gateway, reach
from .confinement import ConfinementUnavailable
from .keys import ensure_keys
from .protection import Level, Protection, choose
from .settings import Settings
from .storage import Keyring, Store, open_store

_STORE_SECONDS = 15.0


class CannotStart(click.ClickException):
    """The hub cannot start as asked; the message is one sentence, and the exit status 2."""

    exit_code = 2


def checked(settings: Settings) -> tuple[Settings, Protection]:
    """Return the settings with what was found on this machine, and the level of protection.

    Raises:
        CannotStart: something is wrong.

    """
    check_courses(settings)
    check_port(settings.ip, settings.port)
    try:
        found = replace(settings, node=gateway.find_node(), proxy_script=gateway.find_proxy_script())
        protection = choose(settings.protection)
    except (gateway.GatewayMissing, ConfinementUnavailable) as err:
        raise CannotStart(str(err)) from err
    check_reach(settings, protection)
    check_store(settings)
    return replace(found, ports=free_ports(list(settings.ports))), protection


def check_courses(settings: Settings) -> None:
    """Refuse a course folder that is missing or empty."""
    if settings.courses is None or not settings.courses.is_dir():
        raise CannotStart(f"There is no course folder {settings.courses or ''}: name one with --courses.")
    if not settings.course_ids():
        raise CannotStart(f"The folder {settings.courses} holds no course (a folder with a course.yaml).")


def check_state(state: Path) -> None:
    """Refuse a state folder that cannot be made or written, or that others can read."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=state):
            pass
        if state.stat().st_mode & 0o077:
            state.chmod(0o700)
    except OSError as err:
        raise CannotStart(
            f"The state folder {state} cannot be written ({err.strerror}): name another with --state."
        ) from err


def check_store(settings: Settings) -> None:
    """Refuse a store that cannot be reached, or keys that cannot be used."""
    ensure_keys(settings)
    try:
        store = open_store(settings.store_url, Keyring.from_environment(settings.keys_environment()))
        asyncio.run(_reach(store))
    except Unavailable as err:
        raise CannotStart(str(err)) from err
    except TimeoutError as err:
        raise CannotStart(f"The store did not answer within {_STORE_SECONDS:.0f} s: is its server running?") from err


async def _reach(store: Store) -> None:
    async with asyncio.timeout(_STORE_SECONDS), store:
        await store.ping()


def check_port(ip: str, port: int) -> None:
    """Refuse a port that is taken or not allowed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as err:
            reason = "is taken" if err.errno == errno.EADDRINUSE else f"cannot be had ({err.strerror})"
            raise CannotStart(f"Port {port} on {ip} {reason}: choose another with --port.") from err


def check_reach(settings: Settings, protection: Protection) -> None:
    """Refuse folders that learners' servers would be able to read."""
    if protection.level is Level.NONE:
        return
    readable = reach.read_only(protection)
    for folder in (settings.state, settings.courses):
        inside = reach.exposed(readable, folder) if folder else []
        if inside:
            raise CannotStart(f"{folder} lies inside {inside[0]}, which learners can read: choose another place.")


def hold(state: Path, stack: ExitStack) -> None:
    """Keep a state folder for this process until the stack unwinds.

    Raises:
        CannotStart: another process keeps it.

    """
    handle = os.open(state / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        raise CannotStart(
            f"Another 'nbcoach up' uses the state folder {state}: stop it, or name another with --state."
        ) from err


def free_ports(names: list[str]) -> dict[str, int]:
    """Return a free port for each name, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in zip(names, sockets, strict=True)}
