"""The hub's configuration as functions that set values and never append to them.

Each can be called any number of times. `apply` calls them all; `jupyterhub_config.py` calls
`apply`, and files in `jupyterhub_config.d` have the last word.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .access import ACCOUNT, ADMIN, DATA, INSTRUCTORS, LEARN, LEARNERS, LOG, METRICS, TEACH
from .auditing import Spool
from .containers.kubernetes import set_pods
from .keys import ensure_keys
from .settings import DOCKER, KUBERNETES, PROCESS, SWARM, Settings
from .storage import Keyring

Config = Any
"""A traitlets `Config`, which makes up attributes as they are asked for."""

CONFIG_FILE = '''"""The configuration of JupyterHub; change it by files in jupyterhub_config.d, see the README there."""

from __future__ import annotations

from nbcoach_hub import configure

c = get_config()  # noqa: F821
settings = configure.apply(c)
for path in configure.additions(settings, __file__):
    load_subconfig(path)  # noqa: F821
'''
"""The text of `jupyterhub_config.py`, for installations without the source tree."""

MONITORING = "monitoring"
"""The name that Prometheus goes by; its token is in `<state>/metrics-token`."""

_SCOPES = {
    LEARN: {"description": "Learn: open, check and follow the exercises of one's courses."},
    TEACH: {"description": "Teach: see and grade the work of the courses one teaches."},
    DATA: {"description": "Read all that a service keeps about a user, for his export; for services."},
    LOG: {"description": "Read the attempt log; for services."},
    ACCOUNT: {"description": "Read and change one's own account, export and erase one's own data."},
}

_AUTHENTICATORS = {
    "password": "nbcoach_hub.identity.password.PasswordAuthenticator",
    "oidc": "nbcoach_hub.identity.oidc.OidcAuthenticator",
    "lti": "nbcoach_hub.identity.lti.LtiAuthenticator",
}


_SPAWNER_CLASSES = {
    PROCESS: "nbcoach_hub.spawner.ConfinedSpawner",
    DOCKER: "nbcoach_hub.containers.docker.DockerLearnerSpawner",
    SWARM: "nbcoach_hub.containers.swarm.SwarmLearnerSpawner",
    KUBERNETES: "kubespawner.KubeSpawner",
}
_CULLER_ROLE = {
    "name": "nbcoach-idle-culler",
    "description": "Stops servers that nobody uses.",
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    "services": ["idle-culler"],
}


@dataclass(frozen=True)
class ServiceEntry:
    """One of our services: the module that runs it, its environment, and its token's scopes.

    `session_scopes` are what people who look at its pages let it do, as far as they may do it; without any it has
    no pages.
    """

    name: str
    module: str
    environment: Callable[[Settings], dict[str, str]]
    scopes: tuple[str, ...] = ()
    session_scopes: tuple[str, ...] = ()
    page: bool = False
    """It is a page for admins: in the hub's menu, and of no use to learners' servers."""


SERVICES = (
    ServiceEntry(
        "grader",
        "nbcoach_grader",
        lambda s: {**_store(s), "NBCOACH_COURSES": str(s.courses or "")},
        ("read:groups",),  # who learns a course, and is to hear of its new exercises
    ),
    ServiceEntry(
        "recommender",
        "nbcoach_recommender",
        lambda s: {
            "NBCOACH_GRADER_URL": f"{_address('grader', s)}/services/grader/",
            "NBCOACH_RECOMMENDER_STATE": str(s.state / "recommender"),
        },
        (LOG, "access:services!service=grader"),
    ),
    ServiceEntry(
        "accounts",
        "nbcoach_hub.accounts",
        lambda s: {
            **_store(s),
            "NBCOACH_LOG_IN": s.log_in,
            "NBCOACH_AUDIT_SPOOL": str(Spool.of(s.state).path),
            "NBCOACH_RECOMMENDER_URL": f"{_address('recommender', s)}/services/recommender/",
        },
        (DATA, "access:services!service=recommender"),
        session_scopes=(ACCOUNT, LEARN, TEACH, ADMIN, "groups"),
    ),
    ServiceEntry(
        "status",
        "nbcoach_hub.status",
        lambda _: {},
        ("list:services", "read:services", "access:services", METRICS),
        session_scopes=(METRICS,),
        page=True,
    ),
)
"""The registry of services; those whose module is not installed are left out."""


def apply(c: Config, settings: Settings | None = None) -> Settings:
    """Set everything, and return the settings that it was set from; the first time, make the keys.

    On Kubernetes hub and proxy are set by the chart of Zero to JupyterHub, whose configuration calls this.

    Raises:
        InvalidKeys: the keys cannot be used.

    """
    found = settings or Settings.from_environment()
    ensure_keys(found)
    places = () if found.spawner == KUBERNETES else (configure_hub, configure_proxy)
    parts = (configure_auth_state, configure_log_in, configure_services, configure_roles, configure_spawner)
    for configure in (*places, *parts):
        configure(c, found)
    return found


def additions(settings: Settings, config_file: str) -> list[str]:
    """Return the files that have the last word: those beside the configuration, then those of the state folder."""
    folders = (Path(config_file).parent, settings.state)
    return [str(path) for folder in folders for path in sorted((folder / "jupyterhub_config.d").glob("*.py"))]


def configure_hub(c: Config, settings: Settings) -> None:
    """Set where the hub listens and where it keeps its own state."""
    c.JupyterHub.bind_url = f"http://{settings.ip}:{settings.port}/"
    address = "0.0.0.0" if settings.in_containers else "127.0.0.1"  # noqa: S104 - of a container
    c.JupyterHub.hub_bind_url = f"http://{address}:{settings.ports['hub']}/hub/"
    if settings.in_containers:
        c.JupyterHub.hub_connect_url = f"http://{settings.hub_name}:{settings.ports['hub']}"
    c.JupyterHub.db_url = f"sqlite:///{settings.state / 'hub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(settings.state / "cookie_secret")
    c.JupyterHub.cleanup_servers = not settings.in_containers
    c.JupyterHub.cleanup_proxy = True
    c.JupyterHub.authenticate_prometheus = True
    c.JupyterHub.concurrent_spawn_limit = 4 * (os.cpu_count() or 1)
    c.JupyterHub.upgrade_db = True


def configure_auth_state(c: Config, settings: Settings) -> None:
    """Set the keys of the auth state that the hub keeps, unless JUPYTERHUB_CRYPT_KEY names others."""
    if not os.environ.get("JUPYTERHUB_CRYPT_KEY"):
        keyring = Keyring.from_environment(settings.keys_environment())
        c.CryptKeeper.keys = [key.hex() for key in keyring.hub_keys()]


def configure_proxy(c: Config, settings: Settings) -> None:
    """Set the gateway: Node's own proxy, never started through a wrapper that would leave it an orphan."""
    c.JupyterHub.proxy_class = "nbcoach_hub.proxy.EarlyProxy"
    c.ConfigurableHTTPProxy.command = [settings.node, settings.proxy_script]
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.ports['proxy-api']}"
    c.ConfigurableHTTPProxy.pid_file = str(settings.state / "proxy.pid")


def configure_log_in(c: Config, settings: Settings) -> None:
    """Set how people log in, who gets an account, and who administers."""
    c.JupyterHub.authenticator_class = _AUTHENTICATORS[settings.log_in]
    c.JupyterHub.template_paths = [str(Path(__file__).parent / "identity" / "templates")]
    c.Admission.credentials_file = str(settings.credentials_file)
    c.Admission.members_file = str(settings.members_file)
    c.Admission.registration = settings.registration
    c.Admission.admin_users = set(settings.members().admins)


def configure_services(c: Config, settings: Settings) -> None:
    """Set the services: those that the hub starts and watches, those that run on their own, and the monitoring."""
    c.JupyterHub.services = [
        *(_service(entry, settings) for entry in offered(settings)),
        {"name": MONITORING, "api_token": settings.metrics_token(), "display": False},
        *([_culler(settings)] if settings.idle_seconds else []),
    ]


def configure_roles(c: Config, settings: Settings) -> None:
    """Set scopes, groups and roles.

    Learners reach the services and nothing more; instructors do not become administrators. Who is in which group
    comes from our file, or from where users log in.
    """
    members, courses = settings.members(), settings.course_ids()
    reach = [f"access:services!service={entry.name}" for entry in SERVICES if not entry.page]
    groups = {f"{LEARNERS}{course}": sorted(members.learners.get(course, ())) for course in courses}
    groups |= {f"{INSTRUCTORS}{course}": sorted(members.instructors.get(course, ())) for course in courses}
    c.JupyterHub.custom_scopes = _SCOPES
    c.JupyterHub.extra_user_scopes = {ACCOUNT, "access:services!service=accounts"}
    own = settings.log_in == "password"
    c.JupyterHub.load_groups = {name: {"users": users} for name, users in groups.items()} if own else {}
    c.JupyterHub.load_roles = [
        {
            "name": "nbcoach-learner",
            "description": "Learns the courses of one's groups.",
            "scopes": [LEARN, *reach],
            "groups": [name for name in groups if name.startswith(LEARNERS)],
        },
        {
            "name": "nbcoach-instructor",
            "description": "Teaches the courses of one's groups.",
            "scopes": [LEARN, TEACH, *reach],
            "groups": [name for name in groups if name.startswith(INSTRUCTORS)],
        },
        *(
            {"name": f"nbcoach-{entry.name}", "scopes": list(entry.scopes), "services": [entry.name]}
            for entry in offered(settings)
            if entry.scopes
        ),
        {
            "name": f"nbcoach-{MONITORING}",
            "description": "Reads metrics and health, of the hub and of our services.",
            "scopes": [METRICS, *(f"access:services!service={entry.name}" for entry in SERVICES)],
            "services": [MONITORING],
        },
        *([_CULLER_ROLE] if settings.idle_seconds else []),
    ]


def configure_spawner(c: Config, settings: Settings) -> None:
    """Set how learners' servers start, and what their tokens may do: what their user may do with our services."""
    c.JupyterHub.spawner_class = _SPAWNER_CLASSES[settings.spawner]
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = 120
    c.Spawner.http_timeout = 120
    c.Spawner.environment = {
        f"NBCOACH_{entry.name.upper()}_URL": f"{settings.gateway}/services/{entry.name}/"
        for entry in SERVICES
        if not entry.page
    }
    c.Spawner.server_token_scopes = [
        "users:activity!user",
        "access:servers!server",
        LEARN,
        TEACH,
        *(f"access:services!service={entry.name}" for entry in SERVICES if not entry.page),
    ]
    if settings.spawner == PROCESS:
        c.ConfinedSpawner.state_dir = str(settings.state)
        c.ConfinedSpawner.closed = [str(settings.courses)] if settings.courses else []
        c.ConfinedSpawner.protection = settings.protection
        c.ConfinedSpawner.interrupt_timeout = 5
        c.ConfinedSpawner.term_timeout = 5
    elif settings.spawner in (DOCKER, SWARM):
        from .containers.names import SystemResolver  # loads aiohttp, which no command line needs

        c.DockerSpawner.image = settings.learner_image
        c.DockerLearnerSpawner.hub_alias = settings.hub_name
        c.JupyterHubHTTPClient.connector_options = {"resolver": SystemResolver(), "use_dns_cache": False}
    else:
        set_pods(c, c.Spawner.environment)


def installed() -> list[ServiceEntry]:
    """Return the services whose module can be run."""
    return [entry for entry in SERVICES if find_spec(entry.module) and find_spec(f"{entry.module}.__main__")]


def offered(settings: Settings) -> list[ServiceEntry]:
    """Return the services that run on their own, or that the hub can run."""
    here = installed()
    return [entry for entry in SERVICES if entry.name in settings.service_urls or entry in here]


def _service(entry: ServiceEntry, settings: Settings) -> dict[str, Any]:
    told = {"name": entry.name, "url": _address(entry.name, settings), "display": bool(entry.session_scopes)}
    if entry.session_scopes:
        told |= {"oauth_no_confirm": True, "oauth_client_allowed_scopes": list(entry.session_scopes)}
    if entry.name in settings.service_urls:
        return {**told, "api_token": settings.service_tokens[entry.name]}
    return {
        **told,
        "command": [sys.executable, "-m", entry.module],
        "environment": {"PYTHONUNBUFFERED": "1", **entry.environment(settings)},
        "cwd": str(settings.state),
    }


def _address(name: str, settings: Settings) -> str:
    return settings.service_urls.get(name) or f"http://127.0.0.1:{settings.ports[name]}"


def _culler(settings: Settings) -> dict[str, Any]:
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={settings.idle_seconds}"]
    return {"name": "idle-culler", "command": command, "display": False}


def _store(settings: Settings) -> dict[str, str]:
    return {"NBCOACH_STORE_URL": settings.store_url, **settings.keys_environment()}
