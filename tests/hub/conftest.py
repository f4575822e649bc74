"""Fixtures: `running_hub`, one `nbcoach up` for all tests of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hub_process import HubProcess


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with the demo accounts, ready, on a free port and with a fresh state folder."""
    hub = HubProcess(tmp_path_factory.mktemp("hub") / "state")
    try:
        yield hub.wait_ready()
    finally:
        left = hub.stop()
        assert left == [], f"processes were left behind: {left}"
