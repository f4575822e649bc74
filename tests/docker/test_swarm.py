"""Learners on two hosts of a swarm: the same as on one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_stack import PASSWORD, RIGHT, WRONG, Learner, Stack, docker, reached, running
from second_engine import SecondEngine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

ADDITIONS = """
c.Spawner.poll_interval = 5  # a server that was killed is missed sooner
c.SwarmLearnerSpawner.homes = "/srv/homes"
# One folder of this machine stands in for an export that all hosts mount.
c.SwarmLearnerSpawner.home_options = {"type": "none", "o": "bind", "device": "HOMES/{username}"}

def place(spawner):
    host = {"ada": "FIRST", "bob": "SECOND"}[spawner.user.name]
    spawner.extra_placement_spec = {"constraints": [f"node.id=={host}"]}

c.Spawner.pre_spawn_hook = place
"""


@pytest.fixture(scope="module")
def second(compose: list[str]) -> Iterator[SecondEngine]:
    """Another host."""
    engine = SecondEngine(Path(tempfile.mkdtemp(prefix="nbcoach-engine-")))
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def stack(second: SecondEngine, compose: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The platform on the first host, with ada's server there and bob's on the second."""
    homes = tmp_path_factory.mktemp("homes")
    homes.chmod(0o777)
    for parent in homes.parents:
        if parent.stat().st_uid == 0 and str(parent).startswith(tempfile.gettempdir() + "/"):
            parent.chmod(0o711)
    first, other = (docker("info", "-f", "{{.Swarm.NodeID}}", host=host) for host in ("", second.host))
    additions = ADDITIONS.replace("HOMES", str(homes)).replace("FIRST", first).replace("SECOND", other)
    folder = tmp_path_factory.mktemp("swarm")
    with running(Stack(folder, compose, additions, files="compose.yml:swarm.yml", homes=str(homes))) as made:
        yield made


def task(stack: Stack, user: str, host: str = "") -> str:
    return docker("ps", "-q", "--filter", f"name={stack.name}-{user}", host=host)


def test_learners_are_on_two_hosts_and_check(stack: Stack, second: SecondEngine, ada: Learner, bob: Learner) -> None:
    assert task(stack, "ada")
    assert task(stack, "bob", second.host)
    assert not task(stack, "bob")
    assert ada.check(RIGHT)["verdict"] == "passed"
    assert bob.check(WRONG)["verdict"] == "failed"


def test_hosts_keep_learners_apart(stack: Stack, second: SecondEngine, ada: Learner, bob: Learner) -> None:
    networks = "{{json .NetworkSettings.Networks}}"
    mine = docker("inspect", "-f", networks, task(stack, "ada"))
    assert f"{stack.name}-ada" in mine
    assert f"{stack.name}-bob" not in mine
    rest = [("grader", 8101), ("store", 27017), ("1.1.1.1", 53), ("hub", 8000)]
    assert reached(task(stack, "ada"), [(f"{stack.name}-bob", 8888), *rest]) == ["hub 8000"]
    there = task(stack, "bob", second.host)
    assert reached(there, [(f"{stack.name}-ada", 8888), *rest], host=second.host) == ["hub 8000"]


def test_killed_and_started_again_the_work_is_still_there(stack: Stack, bob: Learner) -> None:
    made = bob.api("PUT", "api/contents/kept.txt", type="file", format="text", content="still here")
    assert made.ok, made.text
    docker("service", "rm", f"{stack.name}-bob")
    deadline = time.monotonic() + 150
    while bob.session.get(f"{stack.url}/hub/api/user", headers=bob._xsrf("/hub/"), timeout=30).json()["server"]:
        assert time.monotonic() < deadline
        time.sleep(1)
    again = stack.learner("bob", PASSWORD)
    again.start_server()  # at another address under the same name
    assert again.api("GET", "api/contents/kept.txt").json()["content"] == "still here"
    assert again.check(RIGHT)["verdict"] == "passed"
