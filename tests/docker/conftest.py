"""A platform for the tests of a module, or a reason why there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException, ImageNotFound
from docker_stack import PASSWORD, TAG, Learner, Stack, composer, running
from docker_stack import docker as client
from mongo_server import binary

BASE_IMAGE = os.environ.get("BASE_IMAGE", "python:3.12-slim")
STAND_INS = Path(__file__).parent / "stand_ins"
ADDITIONS = """
c.DockerLearnerSpawner.network_pool = "10.214.0.0/16"
c.DockerLearnerSpawner.delete_homes = True
c.Spawner.poll_interval = 5  # a server that was killed is missed sooner
"""


@pytest.fixture(scope="session")
def engine() -> docker.DockerClient:
    """Docker's client, where there is an engine with the images to be tested."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as err:
        pytest.skip(f"no Docker engine can be reached: {err}")
    for name in ("hub", "learner", "grader", "recommender"):
        try:
            client.images.get(f"nbcoach/{name}:{TAG}")
        except ImageNotFound:
            pytest.skip(f"there is no image nbcoach/{name}:{TAG}: make test-docker builds it")
    return client


@pytest.fixture(scope="session")
def compose(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of Docker Compose, with images of gateway and store that can be had everywhere."""
    command = composer()
    if command is None:
        pytest.skip("Docker Compose is not installed")
    context = tmp_path_factory.mktemp("images")
    shutil.copy(binary(), context / "mongo-server")
    for name in ("gateway", "store"):
        file, tag = STAND_INS / f"{name}.Dockerfile", f"nbcoach-test/{name}"
        client(
            "build", "--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "-t", tag, "-f", str(file), str(context), seconds=300
        )
    return command


@pytest.fixture(scope="module")
def stack(compose: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The platform, started with the compose file that admins use."""
    with running(Stack(tmp_path_factory.mktemp("stack"), compose, ADDITIONS)) as made:
        yield made


@pytest.fixture(scope="module")
def ada(stack: Stack) -> Learner:
    """A learner with a running server."""
    return started(stack, "ada")


@pytest.fixture(scope="module")
def bob(stack: Stack) -> Learner:
    """Another one."""
    return started(stack, "bob")


def started(stack: Stack, user: str) -> Learner:
    learner = stack.learner(user, PASSWORD)
    learner.start_server()
    return learner
