"""The settings of one hub, read from the environment that `nbcoach up` or an image sets."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.identifiers import SLUG

from .storage import url_from_environment

_PORTS = {"hub": 8081, "proxy-api": 8001, "grader": 8101, "recommender": 8102, "accounts": 8103, "status": 8104}

PROCESS, DOCKER, SWARM, KUBERNETES = SPAWNERS = ("process", "docker", "swarm", "kubernetes")
"""How learners' servers are started: as confined processes of this machine, or in containers."""

SHORTEST_TOKEN = 32
"""Characters of a service's token."""

LOG_INS = ("password", "oidc", "lti")
"""The ways to log in: a password of ours, an OpenID Connect provider, a learning platform through LTI 1.3."""

REGISTRATIONS = ("closed", "approval", "open")
"""Who gets an account: whom an administrator gives one, who is approved, or everybody who asks."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are, and who belongs where.

    `ports` are those behind the gateway. `members` is the file that says who learns and teaches what.
    `store` is the store's URL, by default a file in the state folder. `keys` are the keys themselves,
    for a deployment that has its secrets in the environment; without them there is `keys_file`.
    Where servers run in containers, `hub_name` is the name that they and the services know the hub's container by,
    `gateway_url` is the gateway's where they reach it elsewhere,
    `service_urls` says which services run on their own and where, and `service_tokens` what the hub knows them by.
    """

    state: Path
    courses: Path | None = None
    ip: str = "127.0.0.1"
    port: int = 8000
    ports: Mapping[str, int] = field(default_factory=lambda: dict(_PORTS))
    protection: str = "auto"
    node: str = "node"
    proxy_script: str = "configurable-http-proxy"
    store: str = field(default="", repr=False)
    keys: str = field(default="", repr=False)
    keys_file: Path | None = None
    spawner: str = PROCESS
    learner_image: str = "nbcoach/learner"
    hub_name: str = "hub"
    gateway_url: str = ""
    service_urls: Mapping[str, str] = field(default_factory=dict)
    service_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    idle_seconds: int = 0
    log_in: str = "password"
    registration: str = "closed"

    def __post_init__(self) -> None:
        """Refuse a spawner that is not there, and a service on its own without a token."""
        if self.spawner not in SPAWNERS:
            raise InvalidInput(f"NBCOACH_SPAWNER: there is no {self.spawner!r}; there are: {', '.join(SPAWNERS)}.")
        for name in self.service_urls:
            if len(self.service_tokens.get(name, "")) < SHORTEST_TOKEN:
                raise InvalidInput(
                    f"NBCOACH_{name.upper()}_TOKEN needs {SHORTEST_TOKEN} characters, as {name} runs on its own."
                )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read NBCOACH_STATE, _COURSES, _IP, _PORT, _PORTS (JSON), _PROTECTION, _NODE, _PROXY_SCRIPT and secrets.

        The store's URL is NBCOACH_STORE_URL, else MONGODB_URI; keys are NBCOACH_KEYS or in NBCOACH_KEYS_FILE.
        For containers also NBCOACH_SPAWNER, _LEARNER_IMAGE, _HUB_NAME, _GATEWAY_URL, _SERVICE_URLS (JSON),
        _<SERVICE>_TOKEN and _IDLE_SECONDS, for log-in NBCOACH_LOG_IN and _REGISTRATION.

        Raises:
            InvalidInput: a value is not one that there can be.

        """
        told = os.environ if environ is None else environ
        courses = told.get("NBCOACH_COURSES")
        urls: dict[str, str] = json.loads(told.get("NBCOACH_SERVICE_URLS", "{}"))
        return cls(
            state=Path(told.get("NBCOACH_STATE", ".nbcoach")).absolute(),
            courses=Path(courses).absolute() if courses else None,
            ip=told.get("NBCOACH_IP", "127.0.0.1"),
            port=int(told.get("NBCOACH_PORT", "8000")),
            ports={**_PORTS, **json.loads(told.get("NBCOACH_PORTS", "{}"))},
            protection=told.get("NBCOACH_PROTECTION", "auto"),
            node=told.get("NBCOACH_NODE", "node"),
            proxy_script=told.get("NBCOACH_PROXY_SCRIPT", "configurable-http-proxy"),
            store=url_from_environment(told),
            keys=told.get("NBCOACH_KEYS", ""),
            keys_file=Path(told["NBCOACH_KEYS_FILE"]).absolute() if told.get("NBCOACH_KEYS_FILE") else None,
            spawner=told.get("NBCOACH_SPAWNER", PROCESS),
            learner_image=told.get("NBCOACH_LEARNER_IMAGE", "nbcoach/learner"),
            hub_name=told.get("NBCOACH_HUB_NAME", "hub"),
            gateway_url=told.get("NBCOACH_GATEWAY_URL", ""),
            service_urls=urls,
            service_tokens={name: told.get(f"NBCOACH_{name.upper()}_TOKEN", "") for name in urls},
            idle_seconds=int(told.get("NBCOACH_IDLE_SECONDS", "0")),
            log_in=_one_of(told, "NBCOACH_LOG_IN", LOG_INS),
            registration=_one_of(told, "NBCOACH_REGISTRATION", REGISTRATIONS),
        )

    def to_environment(self) -> dict[str, str]:
        """Return the environment that `from_environment` reads the same settings from."""
        told = {
            "NBCOACH_STATE": str(self.state),
            "NBCOACH_COURSES": str(self.courses or ""),
            "NBCOACH_IP": self.ip,
            "NBCOACH_PORT": str(self.port),
            "NBCOACH_PORTS": json.dumps(dict(self.ports)),
            "NBCOACH_PROTECTION": self.protection,
            "NBCOACH_NODE": self.node,
            "NBCOACH_PROXY_SCRIPT": self.proxy_script,
            "NBCOACH_STORE_URL": self.store,
            "NBCOACH_KEYS": self.keys,
            "NBCOACH_KEYS_FILE": str(self.keys_file or ""),
            "NBCOACH_SPAWNER": self.spawner,
            "NBCOACH_LEARNER_IMAGE": self.learner_image,
            "NBCOACH_HUB_NAME": self.hub_name,
            "NBCOACH_GATEWAY_URL": self.gateway_url,
            "NBCOACH_SERVICE_URLS": json.dumps(dict(self.service_urls)),
            "NBCOACH_IDLE_SECONDS": str(self.idle_seconds),
            **{f"NBCOACH_{name.upper()}_TOKEN": token for name, token in self.service_tokens.items()},
            "NBCOACH_LOG_IN": self.log_in,
            "NBCOACH_REGISTRATION": self.registration,
        }
        return told

    def keys_environment(self) -> dict[str, str]:
        """Return the environment that tells a service where its keys are."""
        return {"NBCOACH_KEYS": self.keys} if self.keys else {"NBCOACH_KEYS_FILE": str(self.keys_path)}

    @property
    def gateway(self) -> str:
        """The URL of the gateway, as learners' servers reach it."""
        if self.gateway_url or self.spawner == KUBERNETES:
            return self.gateway_url or "http://proxy-public"
        return f"http://{self.hub_name if self.in_containers else '127.0.0.1'}:{self.port}"

    @property
    def in_containers(self) -> bool:
        """Whether learners' servers run in containers, and so does the hub."""
        return self.spawner != PROCESS

    @property
    def credentials_file(self) -> Path:
        """The file with the users' password hashes."""
        return self.state / "credentials.json"

    def metrics_token(self) -> str:
        """Return the token that may read metrics and nothing else; made at the first start, kept for its owner only."""
        path = self.state / "metrics-token"
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_text("utf-8").strip()

    @property
    def members_file(self) -> Path:
        """The file that says who administers, and who learns and teaches which course."""
        return self.state / "members.json"

    @property
    def store_url(self) -> str:
        """The store of the services."""
        return self.store or f"sqlite:///{self.state / 'store.sqlite'}"

    @property
    def keys_path(self) -> Path:
        """The file of the keys that encrypt sensitive fields."""
        return self.keys_file or self.state / "keys"

    def course_ids(self) -> list[str]:
        """Return the ids of the courses: the folders with a `course.yaml`."""
        if self.courses is None or not self.courses.is_dir():
            return []
        return sorted(
            path.parent.name for path in self.courses.glob("*/course.yaml") if SLUG.fullmatch(path.parent.name)
        )

    def members(self) -> Members:
        """Read the members file; nobody belongs anywhere without one."""
        try:
            return Members.from_json(self.members_file.read_text("utf-8"))
        except FileNotFoundError:
            return Members()


@dataclass(frozen=True, kw_only=True)
class Members:
    """Who administers the hub, and who learns and teaches each course."""

    admins: frozenset[str] = frozenset()
    learners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    instructors: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read members from JSON."""
        body = json.loads(text)
        groups = {
            role: {course: frozenset(users) for course, users in body.get(role, {}).items()}
            for role in ("learners", "instructors")
        }
        return cls(admins=frozenset(body.get("admins", ())), **groups)

    def placed(self, user: str, *, admin: bool, learns: Iterable[str], teaches: Iterable[str]) -> Members:
        """Return these members with a user who belongs to exactly the given courses."""
        return Members(
            admins=self.admins | {user} if admin else self.admins - {user},
            learners=_placed(self.learners, user, frozenset(learns)),
            instructors=_placed(self.instructors, user, frozenset(teaches)),
        )

    def without(self, user: str) -> Members:
        """Return these members without a user."""
        return self.placed(user, admin=False, learns=(), teaches=())

    def learnt_by(self, user: str) -> frozenset[str]:
        """Return the courses that a user learns."""
        return frozenset(course for course, users in self.learners.items() if user in users)

    def taught_by(self, user: str) -> frozenset[str]:
        """Return the courses that a user teaches."""
        return frozenset(course for course, users in self.instructors.items() if user in users)

    def to_json(self) -> str:
        """Return the members as JSON."""
        groups = {
            role: {course: sorted(users) for course, users in sorted(of.items())}
            for role, of in (("learners", self.learners), ("instructors", self.instructors))
        }
        return json.dumps({"admins": sorted(self.admins), **groups}, indent=1)


def _placed(groups: Mapping[str, frozenset[str]], user: str, courses: frozenset[str]) -> dict[str, frozenset[str]]:
    names = sorted({*groups, *courses})
    return {
        name: groups.get(name, frozenset()) | {user} if name in courses else groups.get(name, frozenset()) - {user}
        for name in names
    }


def _one_of(told: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    value = told.get(name) or values[0]
    if value not in values:
        raise InvalidInput(f"{name}: there is no {value!r}; there are: {', '.join(values)}.")
    return value
