"""A pytest plugin for nbgrader's own tests: its Execute step goes through our engine, and outcomes go to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbgrader.api
import nbgrader.preprocessors
import pytest

from nbcoach_grader.nbgrader_course.execute import Execute
from nbcoach_grader.nbgrader_course.gradebook import newest_version

nbgrader.api.get_alembic_version = newest_version  # as `nbcoach autograde` does; seconds for each new gradebook
nbgrader.preprocessors.Execute.preprocess = Execute.preprocess
_OUTCOMES: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = report.nodeid.rpartition("/")[2]
    if report.when == "call" or report.outcome != "passed":
        _OUTCOMES[name] = report.outcome


def pytest_sessionfinish() -> None:
    Path(os.environ["NBCOACH_OUTCOMES"]).write_text(json.dumps(_OUTCOMES))
