"""Settings of JupyterLab, written as its settings page writes them."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page

LANGUAGE = "@jupyterlab/translation-extension:plugin"
THEME = "@jupyterlab/apputils-extension:themes"


def write_settings(page: Page, url: str, plugin: str, **settings: Any) -> None:
    """Write the settings of a plugin for a signed-in learner; `url` is that of the learner's server."""
    xsrf = next(c["value"] for c in page.context.cookies() if c["name"] == "_xsrf" and c["path"].startswith("/user/"))
    answer = page.context.request.put(
        f"{url}/lab/api/settings/{plugin}",
        data=json.dumps({"raw": json.dumps(settings)}),
        headers={"X-XSRFToken": xsrf, "Content-Type": "application/json"},
    )
    assert answer.ok, (answer.status, answer.text()[:300])
