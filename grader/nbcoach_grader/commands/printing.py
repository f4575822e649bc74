"""Printing results line after line on standard output, beside a progress bar on the terminal."""

from __future__ import annotations

import os
import re
import sys
from types import TracebackType
from typing import Self

import click

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CLEAR_LINE = "\r\x1b[K"


class Printing:
    """What a command prints on its way.

    A reader that has seen enough, such as `head`, ends what is printed, not the work.

    Args:
        label: what is being done, before the bar.
        length: how often `advance` will be called.
        as_json: whether lines of JSON are printed, without a bar.

    """

    def __init__(self, label: str, length: int, *, as_json: bool) -> None:
        self._out = sys.stdout  # what runs meanwhile, such as a course's hook, may print elsewhere
        self._shown = not as_json and sys.stderr.isatty()
        # A width of 0 fits the bar into a narrow terminal, where a longer line would not be overwritten.
        self._bar = click.progressbar(length=length, label=label, width=0, file=sys.stderr, hidden=not self._shown)

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, err, trace)

    def say(self, text: str) -> None:
        """Print a result, in the place of the bar, which follows."""
        self._clear()
        try:
            click.echo(text, file=self._out)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)

    def complain(self, text: str) -> None:
        """Print a problem on standard error, in the place of the bar."""
        self._clear()
        complain(text)

    def _clear(self) -> None:
        if self._shown:
            click.echo(_CLEAR_LINE, nl=False, err=True)

    def advance(self) -> None:
        """Move the bar on by one."""
        self._bar.update(1)


def complain(text: str) -> None:
    """Print a problem on standard error."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """Return a text, such as the name of a file from a learner, without what a terminal would obey."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
