"""What a kernel answered to one request: its claims, read so that anything malformed is harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..engine.displays import MAX_DISPLAYS, Display, read_displays, room_for

MAX_OUTPUT = 64 * 1024
MAX_MESSAGES = 2000
MAX_TEXT = 2000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|NaN|Inf)(\.0)?")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What running some code came to.

    `state` is `ok`, `raised`, `timeout` or `crashed`; `value` is the text of the last expression's
    value, where the kernel shows one; `whole` says that nothing of what it published was lost. `output` is all that
    was printed or shown, as text; `printed` leaves out what was shown, which stands in `shown`,
    and `cut` says that there was more of it.
    """

    state: str
    name: str = ""
    message: str = ""
    output: str = ""
    printed: str = ""
    shown: tuple[Display, ...] = ()
    cut: bool = False
    value: str | None = None
    seconds: float = 0.0
    whole: bool = True

    @property
    def score(self) -> float | None:
        """Return the value as nbgrader's partial credit: None where it is not a plain number."""
        text = (self.value or "").strip()
        return float(text.removesuffix(".0") if "n" in text.lower() else text) if _NUMBER.fullmatch(text) else None

    @property
    def words(self) -> str:
        """Return what to tell about an error; where a kernel has no names for errors, what was printed."""
        if self.name:
            return f"{self.name}: {self.message}" if self.message else self.name
        status = f"The last command ended with status {self.message}." if self.message.isdigit() else self.message
        return "\n".join(part for part in (self.output.strip()[-MAX_TEXT:], status) if part)


@dataclass
class Collected:
    """What a kernel published about one request so far; `hurry` says that the kernel is done."""

    parts: list[str] = field(default_factory=list)
    printed: str = ""
    shown: list[Display] = field(default_factory=list)
    cut: bool = False
    size: int = 0
    messages: int = 0
    value: str | None = None
    idle: bool = False
    hurry: bool = False

    @property
    def full(self) -> bool:
        """Return whether there was more than anybody will look at."""
        return self.size >= MAX_OUTPUT or self.messages >= MAX_MESSAGES

    def add(self, kind: str, content: Mapping[str, Any]) -> bool:
        """Take in one message; return whether it says that the kernel is idle again."""
        self.messages += 1
        if kind == "status":
            self.idle = content.get("execution_state") == "idle"
            return self.idle
        if kind == "stream":
            self.printed += self._text(content.get("text"))
        elif kind in ("execute_result", "display_data"):
            data = content.get("data")
            text = data.get("text/plain") if isinstance(data, dict) else None
            self._show(data, result=kind == "execute_result")
            if isinstance(text, str):
                self._text(text + "\n")
                self.value = text[:MAX_TEXT] if kind == "execute_result" else self.value
        return False

    def answer(self, reply: Mapping[str, Any] | None, state: str, seconds: float) -> Answer:
        """Return the answer, given the kernel's reply and the state if something else has decided it."""

        def text(name: str) -> str:
            value = reply.get(name) if reply is not None else None
            return value[:MAX_TEXT] if isinstance(value, str) else ""

        if not state:
            state = "ok" if text("status") == "ok" else "raised"
        raised = state == "raised"
        return Answer(
            state=state,
            name=text("ename")[:200] if raised else "",
            message=text("evalue") if raised else "",
            output="".join(self.parts),
            printed=self.printed,
            shown=tuple(self.shown),
            cut=self.cut,
            value=self.value if state == "ok" else None,
            seconds=seconds,
            whole=self.idle,
        )

    def _show(self, data: object, *, result: bool) -> None:
        """Take in what is shown, as long as there is room."""
        room = room_for([self.shown]) if len(self.shown) < MAX_DISPLAYS else 0
        found = read_displays([[len(self.printed), result, data]], room)
        self.shown += found
        self.cut = self.cut or not found

    def _text(self, text: object) -> str:
        """Take in text and return what of it fitted."""
        part = text[: max(MAX_OUTPUT - self.size, 0)] if isinstance(text, str) else ""
        self.parts.append(part)
        self.size += len(part)
        return part
