"""nbgrader's own tests of autograde, validate and feedback, with our engine in the place of its Execute step.

Each test whose outcome differs stands in a table with the reason. What differs is run once more, alone, as
some of those tests race with the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nbgrader

FOLDER = Path(nbgrader.__file__).parent / "tests"
FILES = (
    "test_validator.py",
    "apps/test_nbgrader_validate.py",
    "apps/test_nbgrader_autograde.py",
    "apps/test_nbgrader_generate_feedback.py",
)
EMPTY_ENVIRONMENT = "A cell reads NBGRADER_VALIDATING. The sandbox's environment is empty: no cell learns who runs it."
DIFFERENT = {
    "test_nbgrader_validate.py::TestNbGraderValidate::test_validate_with_validating_envvar": EMPTY_ENVIRONMENT,
    "test_nbgrader_autograde.py::TestNbGraderAutograde::test_grade_with_validating_envvar": EMPTY_ENVIRONMENT,
    "test_nbgrader_autograde.py::TestNbGraderAutograde::test_side_effects": (
        "A cell writes a file. It stays in the sandbox: a learner's code puts nothing into the course directory."
    ),
}


def outcomes(tmp_path: Path, *wanted: str) -> dict[str, str]:
    """Run tests of nbgrader in a process of their own and return how each ended, by its name."""
    found = tmp_path / f"outcomes-{len(wanted)}.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "engine_in_nbgrader", "-p", "no:cacheprovider"]
    command += ["-W", "ignore", "--tb=short", "--rootdir", str(FOLDER), "-c", os.devnull, "-o", "timeout=300"]
    done = subprocess.run(
        [*command, *(str(FOLDER / name) for name in wanted)],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "NBCOACH_OUTCOMES": str(found),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(Path(__file__).parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    told: dict[str, str] = json.loads(found.read_text())
    return told


@pytest.mark.timeout(1200)
def test_differences_are_the_listed_ones(tmp_path: Path) -> None:
    told = outcomes(tmp_path, *FILES)
    assert len(told) > 100, sorted(told)
    failed = {name for name, outcome in told.items() if outcome == "failed"}
    again = [next(file for file in FILES if file.endswith(name.partition("::")[0])) for name in failed - set(DIFFERENT)]
    if again:
        names = [
            f"{file}::{name.partition('::')[2]}" for file, name in zip(again, failed - set(DIFFERENT), strict=True)
        ]
        failed = (failed & set(DIFFERENT)) | {
            name for name, outcome in outcomes(tmp_path, *names).items() if outcome == "failed"
        }
    assert failed == set(DIFFERENT)
