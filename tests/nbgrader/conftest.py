"""Fixtures of the tests on nbgrader course directories.

Warnings of libraries that nbgrader pulls in are not ours to mend.
"""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/nbgrader/" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:sqlalchemy"))
