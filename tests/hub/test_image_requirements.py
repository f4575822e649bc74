"""The images' requirements: none of the distribution's is forgotten, and all are pinned."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FILES = REPOSITORY / "hub_config" / "deploy" / "images" / "requirements"


def named(lines: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith(("-r", "#")))
    return {re.sub(r"[._-]+", "-", match.group()).lower() for match in found if match}


def test_every_requirement_is_in_an_image() -> None:
    told = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    images = named([line for file in FILES.glob("*.txt") for line in file.read_text().splitlines()])
    assert named(told["dependencies"]) | named(told["optional-dependencies"]["kubernetes"]) <= images


def test_every_requirement_is_pinned() -> None:
    pinned = named((REPOSITORY / "constraints.txt").read_text().splitlines())
    for file in FILES.glob("*.txt"):
        assert named(file.read_text().splitlines()) <= pinned, file.name
