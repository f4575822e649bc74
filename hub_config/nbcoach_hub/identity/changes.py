"""What an administrator may change of an account, for those who ask and for the hub that answers."""

from __future__ import annotations

from nbcoach_exercises.schemas import Schema

from ..credentials import Standing

_COURSES = {
    "type": "array",
    "maxItems": 500,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"},
}
CHANGE = Schema(
    {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "standing": {"enum": [str(Standing.ACTIVE), str(Standing.DISABLED)]},
            "admin": {"type": "boolean"},
            "learns": _COURSES,
            "teaches": _COURSES,
        },
    }
)
"""The schema of a change; the lists replace what was there."""
