"""A real OpenID Connect provider as a process: npm's oidc-provider, installed once beside the test environment."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from nbcoach_hub.gateway import find_node

VERSION = "9.13.3"
SCRIPT = Path(__file__).with_suffix(".mjs")


def installed() -> Path:
    """Install the provider if it is not there, and return its module."""
    folder = Path(sys.prefix) / f"identity-provider-{VERSION}"
    module = folder / "node_modules" / "oidc-provider" / "lib" / "index.js"
    if not module.is_file():
        path = os.pathsep.join([str(Path(sys.prefix) / "nodejs"), os.environ.get("PATH", os.defpath)])
        with tempfile.TemporaryDirectory(dir=sys.prefix) as beside:
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--prefix", beside, f"oidc-provider@{VERSION}"],
                env={**os.environ, "PATH": path},
                check=True,
                capture_output=True,
                timeout=110,
            )
            with contextlib.suppress(OSError):  # another test process was faster
                Path(beside).rename(folder)
            Path(beside).mkdir(exist_ok=True)
    return module


@contextlib.contextmanager
def running(port: int, client: Mapping[str, Any], users: Mapping[str, Any]) -> Iterator[str]:
    """Run the provider, and yield its issuer."""
    told = json.dumps({"client": client, "users": users})
    process = subprocess.Popen(
        [find_node(), str(SCRIPT), str(installed()), str(port), told], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def log_in(session: requests.Session, page: requests.Response, user: str) -> requests.Response:
    """Fill the provider's forms, log-in and consent, until it sends the browser back."""
    for _ in range(2):
        action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="([a-z]+)"', page.text)
        assert action is not None, page.text[:2000]
        assert prompt is not None
        form = {"prompt": prompt.group(1), "login": user, "password": "any"}
        page = session.post(urljoin(page.url, action.group(1)), data=form, timeout=30)
        if "prompt" not in page.text:
            break
    return page
