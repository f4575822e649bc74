"""Fixtures of the tests on nbgrader course directories.

Warnings of libraries that nbgrader pulls in are not ours to mend.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/nbgrader/" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:sqlalchemy"))


@pytest.fixture(autouse=True)
def programs_beside_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nbgrader find the program `alembic`, which it asks about a new gradebook."""
    path = os.environ.get("PATH", os.defpath)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), path]))
