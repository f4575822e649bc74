"""What is done beside the accounts service, on its way to the audit trail.

Theory of operation: neither the hub nor a command has the store at hand, and an account can be made before there is
one. Both append what was done to a file in the state folder, `audit.jsonl`, which nobody but the hub's own user id can
read or write. The accounts service moves the entries into the store every few seconds. An id makes each of them count
once, whatever is interrupted; until then the file keeps them.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from .credentials import locked
from .storage import AuditEntry

log = logging.getLogger(__name__)
COMMAND_LINE = "(command line)"
"""Who acts with a command; no user can have that name."""


class Spool:
    """Entries that are not in the store yet.

    Args:
        path: the file that keeps them.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = path.with_suffix(".taken")

    @classmethod
    def of(cls, state: Path) -> Spool:
        """Return the spool of a state folder."""
        return cls(state / "audit.jsonl")

    def note(self, *entries: AuditEntry) -> None:
        """Keep entries."""
        if not entries:
            return
        lines = [json.dumps(asdict(entry) | {"at": entry.at.isoformat()}) + "\n" for entry in entries]
        with locked(self.path), os.fdopen(_open(self.path), "a", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    def note_command(self, action: str, subject: str = "", **detail: Any) -> None:
        """Keep what was done with a command of the machine's user."""
        told = {"by": getpass.getuser(), **detail}
        self.note(AuditEntry(actor=COMMAND_LINE, action=action, subject=subject, detail=told))

    async def move(self, put: Callable[[AuditEntry], Awaitable[object]]) -> int:
        """Hand over all entries, and return how many; what `put` refuses is handed over again the next time."""
        if not self._taken.exists():
            if not self.path.exists():
                return 0
            with locked(self.path):
                self.path.replace(self._taken)
        lines = self._taken.read_text("utf-8").splitlines()
        for line in lines:
            entry = _entry(line)
            if entry is not None:
                await put(entry)
        self._taken.unlink()
        return len(lines)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)


def _entry(line: str) -> AuditEntry | None:
    try:
        fields = json.loads(line)
        return AuditEntry(**fields | {"at": datetime.fromisoformat(fields["at"])})
    except (ValueError, TypeError, KeyError):
        log.error("A line of the file of audit entries cannot be read, and was left out.")  # cut off by a full disk
        return None
