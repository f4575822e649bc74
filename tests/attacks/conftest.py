"""Fixtures of the attack suite.

run: run a coroutine on the session's own event loop.
engine: a running engine with the real sandbox of this machine, one for the whole session.
once: another one that keeps no snapshots, so that each run ends with its verdict.
campaign: the corpus's exercise with fresh secrets; `own` is the same with an exercise of ours.

Nothing may be left behind: at the end of the session no process and no folder of an engine is there.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import attack_corpus
import own_attacks
import psutil
import pytest
from attack_campaign import Campaign, Sink
from hypothesis import settings

from nbcoach_grader.engine.engine import Engine
from nbcoach_hub.storage import open_store

settings.register_profile("nbcoach", derandomize=True, deadline=None)
settings.load_profile("nbcoach")

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def engine(run: Run, nothing_left: None) -> Iterator[Engine]:
    yield from _running(run, Engine())


@pytest.fixture(scope="session")
def once(run: Run, nothing_left: None) -> Iterator[Engine]:
    yield from _running(run, Engine(max_lines=0))


def _running(run: Run, engine: Engine) -> Iterator[Engine]:
    run(engine.start())
    yield engine
    run(engine.stop())


@pytest.fixture(scope="session")
def make_campaign(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Campaign]]:
    """Make campaigns that share one sink; the token is in this process's environment, as a service's is."""
    sink = Sink()
    stores, gradings = [], []
    with sink.listening() as address, pytest.MonkeyPatch.context() as patch:

        def make(exercise: dict[str, Any], engine: Engine, **limits: float) -> Campaign:
            folder = tmp_path_factory.mktemp("campaign")
            (folder / "store").mkdir()
            store = open_store(f"sqlite:///{folder / 'store' / 'store.sqlite'}")
            run(store.start())
            stores.append(store)
            limits = {"seconds": 2.0, "memory_mb": 512, **limits}
            made = Campaign(exercise, folder, (sink, address), engine, store, **limits)
            gradings.append(made.grading)
            if engine.running:  # a service has its fork server before the first learner comes
                run(made.submit("nobody", made.solution))
            patch.setenv("JUPYTERHUB_API_TOKEN", made.secrets.token, prepend=os.pathsep)
            return made

        yield make
        for grading in gradings:
            run(grading.close())
        for store in stores:
            run(store.close())


@pytest.fixture(scope="session")
def campaign(make_campaign: Callable[..., Campaign], engine: Engine) -> Campaign:
    return make_campaign(attack_corpus.exercise(), engine)


@pytest.fixture(scope="session")
def campaign_once(make_campaign: Callable[..., Campaign], once: Engine) -> Campaign:
    return make_campaign(attack_corpus.exercise(), once)


@pytest.fixture(scope="session")
def own(make_campaign: Callable[..., Campaign], engine: Engine) -> Campaign:
    return make_campaign(own_attacks.EXERCISE, engine)


@pytest.fixture(scope="session")
def own_once(make_campaign: Callable[..., Campaign], once: Engine) -> Campaign:
    return make_campaign(own_attacks.EXERCISE, once)


@pytest.fixture(scope="session", autouse=True)
def nothing_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("engines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
        left = [child for child in psutil.Process().children(recursive=True) if _alive(child)]
        assert left == [], "processes were left behind"
        assert list(folder.iterdir()) == [], "folders were left behind"


def _alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
