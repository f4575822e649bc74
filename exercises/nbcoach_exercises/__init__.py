"""The words that every part of nbcoach shares: courses, notebooks, checks, frames and events.

The bottom room. It knows notebooks and nothing about servers, processes or storage,
so both the learner's extension and the services can stand on it.
"""

from __future__ import annotations

import sys

__version__ = "0.1.0"

# Where it is installed, jsonschema builds a grammar of IRIs from it when imported, which takes a
# second of every process's start; no schema here uses that format.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
