"""The one error that the extension adds to those of `nbcoach_exercises.errors`.

NbcoachError
└── Refused    a service's own 4xx, passed on as it came
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbcoach_exercises.errors import NbcoachError, error_body, status_of


class Refused(NbcoachError):
    """A service refused the request; its status, code, message and detail are the caller's answer."""

    def __init__(self, status: int, code: str, message: str, detail: Mapping[str, Any]) -> None:
        super().__init__(message, **detail)
        self.status = status
        self.code = code


def answer_of(error: NbcoachError) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON body that report an error."""
    status = error.status if isinstance(error, Refused) else status_of(error)
    return status, error_body(error)
