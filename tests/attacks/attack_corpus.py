"""The attack corpus, which stays outside of the repository: where it is, its exercise, its cases and their placeholders.

It stands beside the repository (`../shared/attacks`) or where `NBCOACH_ATTACKS` says. Whatever uses it is
skipped, with that reason, where it is absent.
"""

from __future__ import annotations

import json
import os
import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("NBCOACH_ATTACKS") or Path(__file__).parents[3] / "shared" / "attacks")
_HEADER = re.compile(r"^#@ (\w+): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class CodeCase:
    """A case that is the source of an answer cell; each stage is a submission of its own."""

    id: str
    header: dict[str, str]
    stages: tuple[str, ...]

    @property
    def honest(self) -> float:
        """The points that the work is worth."""
        return float(self.header["honest"])


def code_cases() -> list[CodeCase]:
    """Return all cases that are Python sources."""
    found = []
    for path in sorted((FOLDER / "corpus").glob("*.py")):
        text = path.read_text("utf-8")
        header = dict(_HEADER.findall(text))
        source = re.sub(r"(?m)^#@ \w+: .*\n", "", text)
        stages = re.split(r"(?m)^#@stage\d+\n", source)
        found.append(CodeCase(header["id"], header, tuple(stages)))
    return found


def json_cases(prefix: str) -> dict[str, dict[str, Any]]:
    """Return all cases of a kind that are JSON, by id."""
    paths = sorted((FOLDER / "corpus").glob(f"{prefix}*.json"))
    found = [json.loads(path.read_text("utf-8")) for path in paths]
    return {case["id"]: case for case in found}


def exercise() -> dict[str, Any]:
    """Return the corpus's one exercise: `SOLUTION`, `STUB` and `TESTS`."""
    return runpy.run_path(str(FOLDER / "exercise.py"))


needed = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the attack corpus is not at {FOLDER}; NBCOACH_ATTACKS says where it is"
)
"""Mark of every test that uses the corpus."""
