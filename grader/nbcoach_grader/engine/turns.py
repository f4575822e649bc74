"""Turns on a line: threads of one side ask one after another, so that each gets its own answer.

Theory of operation. An exchange is a request and all that comes until its answer. One exchange has the line at a time.
While it serves what the other side asks in between, any thread may ask in its turn: such exchanges are of a level of
their own, and end before what was served is answered. So exchanges nest alike on both sides. Who asks while another has
the line, or while nobody listens, waits for the next level that is free.
"""

from __future__ import annotations

import threading


class Turns:
    """Who has the line.

    Args:
        first: whether this side asks first; the other one may only ask while it serves.

    """

    def __init__(self, *, first: bool) -> None:
        self._changed = threading.Condition()
        self._taken = [not first]
        self._ended = False

    def take(self) -> None:
        """Wait until no other thread has the line.

        Raises:
            EOFError: nobody will listen any more.

        """
        with self._changed:
            while self._taken[-1] and not self._ended:
                self._changed.wait()
            if self._ended:
                raise EOFError("The check has ended.")
            self._taken[-1] = True

    def leave(self) -> None:
        """Let the next thread have the line."""
        with self._changed:
            self._taken[-1] = False
            self._changed.notify_all()

    def open(self) -> None:
        """Let threads ask while something is served."""
        with self._changed:
            self._taken.append(False)
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody ask, when all who asked since `open` have their answers; the line is the caller's again."""
        with self._changed:
            while self._taken[-1]:
                self._changed.wait()
            self._taken.pop()

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
