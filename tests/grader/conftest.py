"""Fixtures of the grader's tests.

run: run a coroutine on the session's own event loop.
engine: a running engine with the real sandbox of this machine, one for the whole session.

Nothing may be left behind: at the end of the session no process and no folder of an engine is there.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import psutil
import pytest
from hypothesis import settings

from nbcoach_grader.engine.engine import Engine

settings.register_profile("nbcoach", derandomize=True, deadline=None)
settings.load_profile("nbcoach")

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def engine(run: Run, nothing_left: None) -> Iterator[Engine]:
    engine = Engine()
    run(engine.start())
    yield engine
    run(engine.stop())


@pytest.fixture(scope="session", autouse=True)
def nothing_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("engines")
    before = set(psutil.Process().children())  # engines of other folders' tests live on
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
        left = [child for child in psutil.Process().children() if _alive(child) and child not in before]
        assert left == [], "processes were left behind"
        assert list(folder.iterdir()) == [], "folders were left behind"


def _alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
