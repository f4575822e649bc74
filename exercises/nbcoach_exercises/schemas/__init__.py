"""The JSON schemas of courses, exercises, frames and events, by name and version."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return the JSON schema `<name>.json`, for example `frames.v1`."""
    schema: dict[str, Any] = json.loads((resources.files(__name__) / f"{name}.json").read_text("utf-8"))
    return schema
