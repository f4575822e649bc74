"""Capture: what a cell displays, taken in the learner's process where somebody will look at it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

from IPython.core.displaypub import DisplayPublisher

from .displays import IMAGES, MAX_DISPLAYS, MAX_TEXT, TEXTS, image_bytes, size_of
from .figures import Figures, png


class _Publisher(DisplayPublisher):
    """Hand what `display` is given to a capture."""

    capture: Capture

    def publish(  # type: ignore[no-untyped-def, override]
        self, data, metadata=None, *, transient=None, update=False, **_
    ) -> None:
        self.capture.add(data, name=(transient or {}).get("display_id"), update=update)

    def clear_output(self, wait: bool = False) -> None:
        self.capture.clear()


class Capture:
    """What one cell displays.

    Args:
        shell: the learner's shell.
        printed: what the cell prints.
        room: how many bytes may be displayed; None leaves displays to be printed as text.

    """

    def __init__(self, shell: Any, printed: io.StringIO, room: int | None) -> None:
        self._shell = shell
        self._printed = printed
        self._room = room
        self._shown: list[tuple[str | None, int, bool, dict[str, str | bytes]]] = []
        self._cut = False
        self._figures = Figures(None if room is None else self._figure)

    def __enter__(self) -> Capture:
        self._figures.begin()
        if self._room is not None:
            self._own = self._shell.display_pub
            publisher = _Publisher()  # type: ignore[no-untyped-call]
            publisher.capture = self
            self._shell.display_pub = publisher
            hook = self._shell.displayhook
            hook.write_output_prompt = lambda: None
            hook.write_format_data = lambda data, metadata=None: self.add(data, result=True)
            formatter = self._shell.display_formatter.formatters["image/png"]
            formatter.for_type_by_name("matplotlib.figure", "Figure", png)
        return self

    def __exit__(self, *_: object) -> None:
        if self._room is not None:
            self._shell.display_pub = self._own
            for name in ("write_output_prompt", "write_format_data"):
                vars(self._shell.displayhook).pop(name, None)

    def finish(self) -> None:
        """Take the figures that the cell leaves, as far as there is time."""
        try:
            self._figures.finish()
        except BaseException:
            self._cut = True

    def add(
        self, data: Mapping[str, Any], *, result: bool = False, name: str | None = None, update: bool = False
    ) -> None:
        """Take a bundle of MIME types, in the place of an earlier one where it updates that."""
        if update:
            for number, (known, after, was_result, _) in enumerate(self._shown):
                if name is not None and known == name:
                    self._shown[number] = (known, after, was_result, {})  # what it took is free again
                    self._shown[number] = (known, after, was_result, self._kept(data))
        elif len(self._shown) >= MAX_DISPLAYS:
            self._cut = True
        else:
            self._shown.append((name, self._printed.tell(), result, self._kept(data)))

    def clear(self) -> None:
        """Forget what was shown and printed so far."""
        self._shown.clear()
        self._printed.seek(0)
        self._printed.truncate()

    def claim(self) -> dict[str, Any]:
        """Return `{"displays", "cut"}`: what fits, and whether something did not."""
        return {"displays": [[after, result, data] for _, after, result, data in self._shown], "cut": self._cut}

    def _kept(self, data: Mapping[str, Any]) -> dict[str, str | bytes]:
        """Return what of a bundle can be shown and fits, plain text first."""
        left = (self._room or 0) - sum(size_of(shown[-1]) for shown in self._shown)
        kept: dict[str, str | bytes] = {}
        for kind in (*TEXTS, *IMAGES):
            value = image_bytes(data.get(kind)) if kind in IMAGES else _text(data.get(kind))
            long = len(value) > MAX_TEXT and kind in TEXTS
            told = value[:MAX_TEXT] if kind == "text/plain" else value
            size = size_of({kind: told})
            fits = size <= left and (not long or kind == "text/plain")
            if told and fits:
                kept[kind] = told
                left -= size
            self._cut = self._cut or long or not fits
        return kept

    def _figure(self, figure: Any) -> None:
        with contextlib.suppress(Exception):  # one that cannot be drawn, which is no error of the cell's
            image = png(figure)
            if image is not None:
                self.add({"text/plain": repr(figure), "image/png": image})


def _text(value: object) -> str:
    return value if type(value) is str else ""
