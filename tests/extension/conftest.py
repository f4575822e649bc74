"""Fixtures: a real Jupyter server with the extension, and the services that it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from coach_services import TOKEN, Upstream
from pytest_jupyter.jupyter_server import *  # noqa: F403  fixtures; pytest_plugins is for the top level only


@pytest.fixture
def upstream(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Upstream]:
    """Both services, on a free port of the test's own loop."""
    services = Upstream()

    async def start() -> None:
        services.start()

    jp_asyncio_loop.run_until_complete(start())
    yield services
    jp_asyncio_loop.run_until_complete(services.stop())


@pytest.fixture
def jp_server_config(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
    monkeypatch.setenv("NBCOACH_GRADER_URL", upstream.url("grader"))
    monkeypatch.setenv("NBCOACH_RECOMMENDER_URL", upstream.url("recommender"))
    return {
        "ServerApp": {"jpserver_extensions": {"nbcoach_extension": True}, "allow_unauthenticated_access": False},
    }
