"""The JSON schemas of courses, exercises, frames and events, by name and version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from jsonschema import ValidationError


class Schema:
    """A JSON schema that is quick to say yes, and exact about why not.

    Nearly everything is valid, and a compiled validator says so in microseconds; what it does not take is read
    again by jsonschema, whose word counts. That is loaded only then, as it takes every process 0.1 s to load.

    Args:
        schema: of draft 2020-12.

    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.definition = dict(schema)
        self._quick = jsonschema_rs.Draft202012Validator(self.definition)

    def errors(self, body: Any) -> Iterator[ValidationError]:
        """Yield what is wrong with a body, nothing where it is valid."""
        try:
            if self._quick.is_valid(body):
                return iter(())
        except ValueError:  # no JSON, or numbers and strings that its language does not know
            pass
        from jsonschema import Draft202012Validator

        found: Iterator[ValidationError] = Draft202012Validator(self.definition).iter_errors(body)
        return found

    def error(self, body: Any) -> ValidationError | None:
        """Return what says best why a body is not valid, None where it is."""
        found = list(self.errors(body))
        if not found:
            return None
        from jsonschema.exceptions import best_match

        best: ValidationError | None = best_match(found)
        return best


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return the JSON schema `<name>.json`, for example `frames.v1`."""
    schema: dict[str, Any] = json.loads((resources.files(__name__) / f"{name}.json").read_text("utf-8"))
    return schema


@cache
def compiled(name: str) -> Schema:
    """Return the same, ready to be used."""
    return Schema(load_schema(name))
