"""Fixtures of the grader's tests.

engine: a running engine, one for the whole session; its event loop is `loop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from nbcoach_grader.engine.engine import Engine

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Run a coroutine on the session's own event loop."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def engine(run: Run) -> Iterator[Engine]:
    """A running engine with the real sandbox of this machine."""
    engine = Engine()
    run(engine.start())
    yield engine
    run(engine.stop())
