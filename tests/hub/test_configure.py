"""The hub's configuration: set twice is set once, and nobody gets more than he should."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from nbcoach_exercises.errors import InvalidInput
from nbcoach_hub import configure
from nbcoach_hub.credentials import Credentials
from nbcoach_hub.demo import ensure_accounts, still_valid
from nbcoach_hub.settings import Members, Settings

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for course in ("python", "art", "No Course"):
        (tmp_path / "courses" / course).mkdir(parents=True)
        (tmp_path / "courses" / course / "course.yaml").touch()
    (tmp_path / "courses" / "empty").mkdir()
    (tmp_path / "state").mkdir()
    found = Settings(state=tmp_path / "state", courses=tmp_path / "courses", port=9000)
    members = Members(
        admins=frozenset({"root"}), learners={"python": frozenset({"amy"})}, instructors={"python": frozenset({"ted"})}
    )
    found.members_file.write_text(members.to_json())
    return found


def test_it_sets_and_never_appends(settings: Settings) -> None:
    once, twice = Config(), Config()
    configure.apply(once, settings)
    configure.apply(twice, settings)
    configure.apply(twice, settings)
    assert once == twice


def test_roles_give_no_more_than_needed(settings: Settings) -> None:
    c = Config()
    configure.apply(c, settings)
    assert c.JupyterHub.load_groups == {
        "nbgrader-art": {"users": []},
        "nbgrader-python": {"users": ["amy"]},
        "formgrade-art": {"users": []},
        "formgrade-python": {"users": ["ted"]},
    }
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    services = {f"access:services!service={name}" for name in ("grader", "recommender", "accounts")}
    assert set(roles["nbcoach-learner"]["scopes"]) == {"custom:nbcoach:learn", *services}
    assert set(roles["nbcoach-instructor"]["scopes"]) == {"custom:nbcoach:learn", "custom:nbcoach:teach", *services}
    assert roles["nbcoach-learner"]["groups"] == ["nbgrader-art", "nbgrader-python"]
    assert set(roles["nbcoach-accounts"]["scopes"]) == {"custom:nbcoach:data", "access:services!service=recommender"}
    everything = [scope for role in roles.values() for scope in role["scopes"]]
    assert not [scope for scope in everything if scope.startswith(("admin", "tokens", "groups", "users", "servers"))]
    assert not {"custom:nbcoach:log", "custom:nbcoach:data"} & set(c.Spawner.server_token_scopes)
    assert c.Admission.admin_users == {"root"}


def test_services_are_data(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = configure.ServiceEntry("absent", "nbcoach_absent", lambda _: {})
    monkeypatch.setattr(configure, "SERVICES", (*configure.SERVICES, absent))
    c = Config()
    configure.configure_services(c, settings)
    names = [service["name"] for service in c.JupyterHub.services]
    assert "accounts" in names
    assert "absent" not in names


def test_settings_go_through_the_environment(settings: Settings) -> None:
    assert Settings.from_environment(settings.to_environment()) == settings
    assert Settings.from_environment({}).port == 8000
    assert settings.course_ids() == ["art", "python"]
    assert Members.from_json(settings.members().to_json()) == settings.members()


def test_the_configuration_file_is_the_one_that_is_written() -> None:
    assert (REPOSITORY / "hub_config" / "jupyterhub_config.py").read_text() == configure.CONFIG_FILE


def test_additions_come_last_and_in_order(settings: Settings, tmp_path: Path) -> None:
    for folder in (tmp_path, settings.state):
        (folder / "jupyterhub_config.d").mkdir()
        for name in ("20-b.py", "10-a.py", "README.md"):
            (folder / "jupyterhub_config.d" / name).touch()
    found = configure.additions(settings, str(tmp_path / "jupyterhub_config.py"))
    assert [Path(path).name for path in found] == ["10-a.py", "20-b.py", "10-a.py", "20-b.py"]
    assert Path(found[-1]).parent.parent == settings.state


def test_demo_accounts_are_made_once(settings: Settings) -> None:
    settings.members_file.unlink()
    first = ensure_accounts(settings)
    assert {account.role for account in first} == {"learner", "instructor", "admin"}
    assert len({account.password for account in first}) == 3
    assert ensure_accounts(settings) == first
    assert settings.members().learners == {"art": frozenset({"learner"})}
    for name in ("credentials.json", "demo_accounts.json", "members.json"):
        assert (settings.state / name).stat().st_mode & 0o777 == 0o600
    Credentials(settings.credentials_file).set_password("learner", "changed by the admin")
    assert ensure_accounts(settings) == first
    assert [account.user for account in still_valid(settings, first)] == ["instructor", "admin"]


def test_no_demo_accounts_where_there_are_users(settings: Settings) -> None:
    Credentials(settings.credentials_file).set_password("amy", "a long enough one")
    assert ensure_accounts(settings) == []
    assert Credentials(settings.credentials_file).users() == ["amy"]


def in_containers(settings: Settings, spawner: str) -> Settings:
    urls = {"grader": "http://grader:8101", "recommender": "http://recommender:8102"}
    tokens = {name: f"{name:-<40}" for name in urls}
    return replace(settings, spawner=spawner, service_urls=urls, service_tokens=tokens, idle_seconds=600)


@pytest.mark.parametrize(
    ("spawner", "spawner_class", "gateway"),
    [
        ("process", "nbcoach_hub.spawner.ConfinedSpawner", "http://127.0.0.1:9000"),
        ("docker", "nbcoach_hub.containers.docker.DockerLearnerSpawner", "http://hub:9000"),
        ("swarm", "nbcoach_hub.containers.swarm.SwarmLearnerSpawner", "http://hub:9000"),
        ("kubernetes", "kubespawner.KubeSpawner", "http://proxy-public"),
    ],
)
def test_the_spawner_is_chosen_by_a_setting(settings: Settings, spawner: str, spawner_class: str, gateway: str) -> None:
    c = Config()
    configure.apply(c, in_containers(settings, spawner))
    assert c.JupyterHub.spawner_class == spawner_class
    assert c.Spawner.environment["NBCOACH_GRADER_URL"] == f"{gateway}/services/grader/"
    module, _, name = spawner_class.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), name), Spawner)
    assert "bind_url" in c.JupyterHub or spawner == "kubernetes"


def test_services_on_their_own_are_not_started_by_the_hub(settings: Settings) -> None:
    c = Config()
    configure.apply(c, in_containers(settings, "docker"))
    services = {service["name"]: service for service in c.JupyterHub.services}
    assert services["grader"] == {
        "name": "grader",
        "url": "http://grader:8101",
        "display": False,
        "api_token": f"{'grader':-<40}",
    }
    assert "command" in services["accounts"]
    assert services["idle-culler"]["command"][-1] == "--timeout=600"
    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert "access:services!service=grader" in roles["nbcoach-recommender"]
    assert "delete:servers" in roles["nbcoach-idle-culler"]
    assert c.JupyterHub.hub_connect_url == "http://hub:8081"
    assert not c.JupyterHub.cleanup_servers


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"NBCOACH_SPAWNER": "podman"}, "NBCOACH_SPAWNER: there is no 'podman'"),
        ({"NBCOACH_SERVICE_URLS": '{"grader": "http://grader"}'}, "NBCOACH_GRADER_TOKEN needs 32 characters"),
        (
            {"NBCOACH_SERVICE_URLS": '{"grader": "http://grader"}', "NBCOACH_GRADER_TOKEN": "short"},
            "NBCOACH_GRADER_TOKEN needs 32 characters",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(told: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Settings.from_environment(told)


def test_container_settings_go_through_the_environment_and_hide_tokens(settings: Settings) -> None:
    told = in_containers(settings, "swarm")
    assert Settings.from_environment(told.to_environment()) == told
    assert "grader---" not in repr(told)
