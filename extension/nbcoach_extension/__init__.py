"""The learner's side of nbcoach inside Jupyter: a server extension and a front end for Lab and Notebook 7.

The server extension writes released exercises into the learner's files and relays requests to the
services with the learner's own token. It decides nothing: the learner has a shell beside it.
"""

from __future__ import annotations

from typing import Any

from .app import NbcoachExtension

__all__ = ["NbcoachExtension"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "@nbcoach/labextension"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "nbcoach_extension", "app": NbcoachExtension}]
