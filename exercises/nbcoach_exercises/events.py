"""Events of the attempt log: what the grader saw, what a learner's browser reported, and that somebody was erased.

One append-only log per installation with a rising cursor. Only the grader writes attempts;
what comes from the learner's side carries `origin: learner` and is never evidence of skill.
No learner source is in any: only its hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from .errors import InvalidInput
from .finite import all_finite
from .identifiers import new_id, now
from .schemas import compiled
from .verdicts import Verdict


class Reaction(StrEnum):
    """What a learner can report about an exercise."""

    OPENED = "opened"
    HINT = "hint"
    TOO_EASY = "too-easy"
    TOO_HARD = "too-hard"
    NOT_NOW = "not-now"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One judged answer.

    `points` and `verdict` are the question's; `solved` says whether every question of the
    exercise has now been passed. `seconds` is run time, `peak_mb` memory in MiB.
    """

    learner: str
    course: str
    exercise: str
    version: str
    cell: str
    source_hash: str
    verdict: Verdict
    verdicts: Mapping[str, Verdict]
    points: float
    max_points: float
    solved: bool
    seconds: float
    peak_mb: float
    style: tuple[str, ...] = ()
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class LearnerEvent:
    """Something that a learner's browser reported; a claim, not a fact."""

    learner: str
    course: str
    exercise: str
    kind: Reaction
    cell: str | None = None
    check: str | None = None
    level: int | None = None
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """Somebody was erased: whoever follows the log forgets him too.

    It stays longer than the name may, so it holds a salted hash of it, which only who knows the name can tell.
    """

    salt: str
    digest: str
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)

    learner: ClassVar[str] = ""
    course: ClassVar[str] = ""
    exercise: ClassVar[str] = ""
    cell: ClassVar[str | None] = None

    @classmethod
    def of(cls, learner: str) -> Self:
        """Return the erasure of a learner."""
        salt = secrets.token_hex(16)
        return cls(salt=salt, digest=_digest(salt, learner))

    def means(self, learner: str) -> bool:
        """Return whether it was this learner who was erased."""
        return self.digest == _digest(self.salt, learner)


def _digest(salt: str, learner: str) -> str:
    return hashlib.sha256(f"{salt}/{learner}".encode(errors="surrogatepass")).hexdigest()


Entry = Attempt | LearnerEvent | Erasure
_TYPES: dict[str, type[Attempt] | type[LearnerEvent] | type[Erasure]] = {
    "attempt": Attempt,
    "learner-event": LearnerEvent,
    "erasure": Erasure,
}
_ORIGIN = {"attempt": "grader", "learner-event": "learner", "erasure": "store"}


@dataclass(frozen=True)
class Logged:
    """An entry with its place in the log; cursors rise, but need not be dense."""

    cursor: int
    entry: Entry


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """Return the JSON form of an entry, with its `type` and `origin`."""
    kind = next(name for name, cls in _TYPES.items() if isinstance(entry, cls))
    body = asdict(entry) | {"at": entry.at.isoformat(), "type": kind, "origin": _ORIGIN[kind]}
    if isinstance(entry, Attempt):
        body |= {
            "verdict": str(entry.verdict),
            "verdicts": {check: str(verdict) for check, verdict in entry.verdicts.items()},
            "style": list(entry.style),
        }
    elif isinstance(entry, LearnerEvent):
        body["kind"] = str(entry.kind)
    return body


def entry_from_json(body: Any) -> Entry:
    """Read an entry from JSON.

    Raises:
        InvalidInput: it does not match the schema `events.v1`.

    """
    errors = sorted(compiled("events.v1").errors(body), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise InvalidInput(f"Not an event: {errors[0].message[:200]}")
    if not all_finite(body):
        raise InvalidInput("Not an event: a number is not finite.")
    fields = {name: value for name, value in body.items() if name not in ("type", "origin")}
    try:
        fields["at"] = datetime.fromisoformat(fields["at"])
    except ValueError as err:
        raise InvalidInput("Not an event: 'at' is no ISO 8601 timestamp.") from err
    if fields["at"].tzinfo is None:
        raise InvalidInput("Not an event: 'at' needs a time zone.")
    if body["type"] == "attempt":
        fields["verdict"] = Verdict(fields["verdict"])
        fields["verdicts"] = {check: Verdict(verdict) for check, verdict in fields["verdicts"].items()}
        fields["style"] = tuple(fields["style"])
        return Attempt(**fields)
    if body["type"] == "erasure":
        return Erasure(**fields)
    fields["kind"] = Reaction(fields["kind"])
    return LearnerEvent(**fields)
