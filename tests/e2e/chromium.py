"""Find a Chromium: the system's, else Playwright's own; say so plainly where there is neither.

Run as a script, it tries to install Playwright's where the system has none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Playwright's own Node needs libatomic, which a bare machine lacks; ours does not.
NODE = Path(sys.prefix) / "nodejs" / "node"
if NODE.exists():
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(NODE))

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
MISSING = (
    "No Chromium: the browser tests cannot run. Install one (Debian: apt install chromium) or let "
    "Playwright fetch its own ('.venv/bin/playwright install chromium')."
)


def system_chromium() -> str | None:
    """Return the path of the system's Chromium."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def playwright_chromium() -> str | None:
    """Return the path of Playwright's own Chromium, if it was fetched."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def find() -> str | None:
    """Return the path of a Chromium."""
    return system_chromium() or playwright_chromium()


def main() -> None:
    """Make sure that there is a Chromium, or say that there is none."""
    if find() is None:
        print("No Chromium on this system; trying to fetch Playwright's own …", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False, timeout=600)
    print(f"Browser: {find() or MISSING}")


if __name__ == "__main__":
    main()
