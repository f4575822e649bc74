"""A spawner that confines each learner's server to its own home.

Theory of operation: every server runs under the user id of the hub, so what keeps learners apart
is what each server gives up before it starts, see `jail` and `protection`. Separate user ids
would need root and a Python that everybody can read, which `nbcoach up` cannot count on; use
DockerSpawner or KubeSpawner where learners come from the internet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Bool, Integer, List, Unicode, default

from . import jail, reach
from .confinement import ConfinementUnavailable
from .homes import delete_home
from .protection import Level, Protection, choose

# nbgrader's own panels work on an exchange folder and run the tests in the learner's kernel; here the grader does both.
_NBGRADER = ("formgrader", "validate_assignment", "assignment_list", "course_list")
_SERVER_CONFIG = {
    "LabApp": {"check_for_updates_class": "jupyterlab.NeverCheckForUpdate", "news_url": None},
    "ServerApp": {
        "allow_unauthenticated_access": False,
        "jpserver_extensions": {f"nbgrader.server_extensions.{name}": False for name in _NBGRADER},
    },
}
_PAGE_CONFIG = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True, "@jupyter/nbgrader": True}}


class ConfinedSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Start servers as local processes that reach their own home and nothing else."""

    state_dir = Unicode(help="The state folder; homes are below it, and learners cannot reach the rest.").tag(
        config=True
    )
    protection = Unicode(
        "auto", help="Level of protection: auto, landlock, bubblewrap, landlock-partial or none; auto takes the best."
    ).tag(config=True)
    closed = List(
        Unicode(), help="Folders besides the state folder that no learner may read, such as the courses."
    ).tag(config=True)
    delete_homes = Bool(
        False, help="Whether a user's home goes with his account; by default it stays for an administrator to delete."
    ).tag(config=True)
    memory_mb = Integer(4096, help="Address space in MiB that each process of a learner may use; 4096 by default.").tag(
        config=True
    )
    processes = Integer(512, help="Processes of the hub's user id; without effect as root; 512 by default.").tag(
        config=True
    )
    server_command = List(
        Unicode(), help="The command of the server; by default JupyterHub's single-user server of this Python."
    ).tag(config=True)

    @default("server_command")
    def _default_server_command(self) -> list[str]:
        # -P: a file like random.py in the learner's home must not stand in for the library's.
        return [sys.executable, "-P", "-m", "jupyterhub.singleuser"]

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        names = ["PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"]
        return [
            *names,
            *(name for proxy in ("http", "https", "no") for name in (f"{proxy}_proxy", f"{proxy}_proxy".upper())),
        ]

    @default("home_dir")
    def _default_home_dir(self) -> str:
        name = quote(self.user.name, safe="@~+-_.")
        if name.startswith("."):
            raise ValueError(f"A user name must not start with a dot: {self.user.name!r}.")
        return str(Path(self.state_dir).absolute() / "homes" / name)

    def make_preexec_fn(self, name: str) -> None:
        """Run nothing between fork and exec; the jail does all of it."""

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Add the variables of the learner's home."""
        own = {"USER": self.user.name, "JUPYTER_CONFIG_PATH": str(self._shared()), "JUPYTERHUB_ROOT_DIR": self.home_dir}
        return {**env, **jail.environment(self.home_dir), **own}

    def get_args(self) -> list[str]:
        """Return the arguments of the server."""
        arguments = [*super().get_args(), f"--ServerApp.root_dir={self.home_dir}"]
        if os.geteuid() == 0:
            arguments.append("--allow-root")
        protection = self.chosen()
        if not (protection.namespaces or protection.level in (Level.BUBBLEWRAP, Level.NONE)):
            # Terminals of all learners would share one folder under one user id.
            arguments.append("--ServerApp.terminals_enabled=False")
        return arguments

    async def start(self) -> Any:
        """Start the server in its jail."""
        home = Path(self.home_dir)
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.mkdir(exist_ok=True, mode=0o700)
        self.cmd = [sys.executable, "-I", "-m", "nbcoach_hub.jail", self.plan().to_json(), "--", *self.server_command]
        self.popen_kwargs = {"cwd": "/", "stdin": subprocess.DEVNULL}
        return await super().start()

    async def delete_forever(self) -> None:
        """Delete the home of a user whose account is deleted, if that is wanted."""
        if self.delete_homes and not self.name:  # named servers share it
            await delete_home(Path(self.home_dir))

    def chosen(self) -> Protection:
        """Return the level of protection; it is found out once for all servers of a hub."""
        if self.protection not in _chosen:
            _chosen[self.protection] = choose(self.protection)
        return _chosen[self.protection]

    def plan(self) -> jail.Plan:
        """Return how this learner's server is to be confined.

        Raises:
            ConfinementUnavailable: the state folder or a closed one lies inside what learners must read.

        """
        protection = self.chosen()
        readable = reach.read_only(protection)
        for secret in [self.state_dir, *self.closed]:
            inside = reach.exposed(readable, Path(secret))
            if inside and protection.level is not Level.NONE:
                raise ConfinementUnavailable(f"{secret} lies inside {inside[0]}, which learners have to read: move it.")
        return jail.Plan(
            home=self.home_dir,
            level=protection.level,
            namespaces=protection.namespaces,
            read_only=[*readable, str(self._shared())],
            read_write=reach.shared_memory(protection),
            devices=reach.devices(protection),
            memory_mb=self.memory_mb,
            processes=self.processes,
        )

    def _shared(self) -> Path:
        """Return the folder with the configuration of all servers, written anew."""
        shared = Path(self.state_dir).absolute() / "servers"
        for path, content in (
            (shared / "jupyter_server_config.json", _SERVER_CONFIG),
            (shared / "labconfig" / "page_config.json", _PAGE_CONFIG),
        ):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(json.dumps(content), encoding="utf-8")
        return shared


_chosen: dict[str, Protection] = {}
