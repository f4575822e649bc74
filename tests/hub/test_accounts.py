"""The accounts service beside its description; its behaviour is tried in `test_running_hub`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import resources

import pytest
from openapi_spec_validator import validate

from nbcoach_hub.accounts import AccountsService
from nbcoach_hub.accounts.routes import PROFILE
from nbcoach_hub.service import ServiceMisconfigured
from nbcoach_hub.service.openapi import disagreements

DOCUMENT = json.loads((resources.files("nbcoach_hub.accounts") / "openapi.json").read_text("utf-8"))


def test_the_description_is_valid_and_agrees_with_the_routes() -> None:
    validate(DOCUMENT)
    assert disagreements(DOCUMENT, AccountsService().all_routes(), "") == []
    assert DOCUMENT["components"]["schemas"]["ProfileInput"] == PROFILE


def test_every_error_is_described() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for verb, operation in operations.items():
            if operation["x-scopes"]:
                assert {"200", "403", "429"} <= set(operation["responses"]), (verb, path)


async def test_it_needs_a_store() -> None:
    with pytest.raises(ServiceMisconfigured, match="NBCOACH_STORE_URL"):
        await AccountsService(store_url="").open()


def test_as_a_process_it_says_what_is_missing() -> None:
    environment = {**os.environ, "NBCOACH_STORE_URL": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "nbcoach_hub.accounts"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "NBCOACH_STORE_URL" in json.loads(done.stderr.splitlines()[-1])["message"]
