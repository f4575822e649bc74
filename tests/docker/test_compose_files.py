"""The Compose files: valid in each combination, and no part has more rights than it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from docker_stack import COMPOSE, Stack, composer

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("files", ["compose.yml", "compose.yml:swarm.yml", "compose.yml:namespaces.yml"])
def test_files_are_valid_and_grant_no_rights(files: str, tmp_path: Path) -> None:
    command = composer()
    if command is None:
        pytest.skip("Docker Compose is not installed")
    told = yaml.safe_load(Stack(tmp_path, command, files=files, homes="/srv/homes").compose("config"))
    assert set(told["services"]) == {"gateway", "hub", "grader", "recommender", "store"}
    for name, service in told["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name
        assert [
            str(volume) for volume in service.get("volumes", ()) if "docker.sock" in str(volume)
        ] == [] or name == "hub"
    assert [name for name, network in told["networks"].items() if not (network or {}).get("internal")] == ["front"]
    assert {name for name, service in told["services"].items() if service.get("ports")} == {"gateway"}


def test_nothing_starts_without_secrets(tmp_path: Path) -> None:
    command = composer()
    if command is None:
        pytest.skip("Docker Compose is not installed")
    (tmp_path / "compose.yml").write_text((COMPOSE / "compose.yml").read_text())
    done = subprocess.run([*command, "config"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "run ./prepare.sh first" in done.stderr


def test_secrets_are_made_once(tmp_path: Path) -> None:
    stack = Stack(tmp_path, ["true"])
    before = (stack.folder / ".env").read_text()
    done = subprocess.run([stack.folder / "prepare.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, (stack.folder / ".env").read_text()) == (0, before)
    assert (stack.folder / ".env").stat().st_mode & 0o077 == 0
