"""The images: who runs in them, what they hold, and what the grader's sandbox protects in its container."""

from __future__ import annotations

import json
from typing import Any

import docker
import pytest
from docker_stack import CELL, COURSE, COURSES, EXERCISE, TAG
from docker_stack import docker as client

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

HELD = {"hub": "hub", "grader": "grader hub", "recommender": "recommender hub", "learner": "extension"}
HARDENED = (
    "--init",
    "--read-only",
    "--cap-drop=ALL",
    "--tmpfs=/tmp:exec,size=1g,mode=1777",
    f"-v={COURSES}:/courses:ro",
)
UNPRIVILEGED = (*HARDENED, "--security-opt=no-new-privileges")
UNCONFINED = (*UNPRIVILEGED, "--security-opt=seccomp=unconfined")


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> str:
    return client("run", "--rm", "-i", *options, f"nbcoach/{image}:{TAG}", *command)


def findings(options: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    code = "import json\nfrom dataclasses import asdict\nfrom nbcoach_grader.sandbox.findings import findings\n"
    told = run("grader", "python", "-c", f"{code}print(json.dumps([asdict(f) for f in findings()]))", options=options)
    return {finding["name"]: finding for finding in json.loads(told)}


@pytest.mark.parametrize("image", HELD)
def test_nobody_is_root_and_health_is_checked(engine: docker.DockerClient, image: str) -> None:
    config = engine.images.get(f"nbcoach/{image}:{TAG}").attrs["Config"]
    assert int(config["User"]) >= 1000
    assert config["Healthcheck"]["Test"][0] == "CMD"


@pytest.mark.parametrize("image", HELD)
def test_an_image_holds_its_own_part_only(engine: docker.DockerClient, image: str) -> None:
    code = "import pkgutil; print(*sorted(m.name[8:] for m in pkgutil.iter_modules() if m.name.startswith('nbcoach_')))"
    held = run(image, "python", "-c", code).split()
    assert held == sorted([*HELD[image].split(), "exercises"])
    assert run(image, "sh", "-c", "find / -xdev -writable -path '*site-packages*' 2>/dev/null | head -3") == ""


@pytest.mark.parametrize(("options", "level"), [(UNPRIVILEGED, "landlock"), (UNCONFINED, "namespaces")])
def test_the_grader_protects_and_checks_in_its_container(
    engine: docker.DockerClient, options: tuple[str, ...], level: str
) -> None:
    found = findings(options)
    if f"sandbox.level.{level}" in found:
        pytest.skip(found[f"sandbox.level.{level}"]["text"])
    assert f"level '{level}' is in force" in found["sandbox"]["text"]
    held = {name for name, finding in found.items() if finding["status"] == "ok"}
    assert {"sandbox.files", "sandbox.network", "sandbox.system-calls", "sandbox.memory"} <= held
    assert ("sandbox.own-processes" in held) == (level == "namespaces")
    master = f"/courses/{COURSE}/{EXERCISE}/exercise.ipynb"
    told = run("grader", "nbcoach", "check", master, "--master", master, "--cell", CELL, "--json", options=options)
    assert json.loads(told)["verdict"] == "passed"
