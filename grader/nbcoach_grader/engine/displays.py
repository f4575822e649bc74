"""Displays: what a cell shows beside the text that it prints, as the learner's process claims it.

Only kinds that can be made inert are taken, and only so much of them as somebody will look at. Whoever shows a display
still has to make its text harmless (see `nbgrader_course.bundles`); an image here is one by its first bytes and
is not too large to be drawn.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

DISPLAY_SECONDS = 3.0
"""How long the figures that a cell leaves may take."""

MAX_DISPLAYS = 50
MAX_TEXT = 128 * 1024
MAX_CELL_BYTES = 512 * 1024
"""Less than what the service takes in one answer, with the text that comes along."""

MAX_NOTEBOOK_BYTES = 2**20
MAX_PIXELS = 25_000_000
TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml")
IMAGES = ("image/png", "image/jpeg")

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, kw_only=True)
class Display:
    """One thing that a cell showed.

    `after` counts the characters that the cell had printed before; `data` holds the thing by MIME type, images
    as bytes; `result` says that it was the value of the last expression.
    """

    after: int
    data: Mapping[str, str | bytes] = field(repr=False)
    result: bool = False

    @cached_property
    def size(self) -> int:
        """How many bytes it takes."""
        return size_of(self.data)


def size_of(data: Mapping[str, str | bytes]) -> int:
    """Return how many bytes something shown takes."""
    return sum(len(v) if isinstance(v, bytes) else len(v.encode("utf-8", "replace")) for v in data.values())


def room_for(shown: Iterable[Iterable[Display]]) -> int:
    """Return how many bytes the next cell of a notebook may show, given what those before it have shown."""
    return min(MAX_CELL_BYTES, room_left(shown))


def room_left(shown: Iterable[Iterable[Display]]) -> int:
    """Return how many bytes all the rest of a notebook may show."""
    return max(0, MAX_NOTEBOOK_BYTES - sum(display.size for displays in shown for display in displays))


def read_displays(claim: object, room: int) -> tuple[Display, ...]:
    """Read a learner's process's claim about what a cell showed; anything malformed or beyond bounds is left out."""
    found: list[Display] = []
    for item in claim[:MAX_DISPLAYS] if isinstance(claim, list) else ():
        match item:
            case [int(after), bool(result), dict(data)] if after >= 0:
                display = Display(after=after, result=result, data=dict(_acceptable(data)))
                found += [display] if display.data else []
    return fitting(found, room)


def fitting(displays: Iterable[Display], room: int) -> tuple[Display, ...]:
    """Return those displays, in their order, for whose bytes there is room."""
    found = []
    for display in displays:
        if display.size <= room:
            found.append(display)
            room -= display.size
    return tuple(found)


def _acceptable(data: Mapping[object, object]) -> Iterator[tuple[str, str | bytes]]:
    for kind in TEXTS:
        text = data.get(kind)
        if isinstance(text, str) and 0 < len(text) <= MAX_TEXT:
            yield kind, text
    for kind in IMAGES:
        image = image_bytes(data.get(kind))
        if 0 < pixels(kind, image) <= MAX_PIXELS:
            yield kind, image


def image_bytes(image: object) -> bytes:
    """Return an image that is told as bytes or, as in notebook files, in base64; nothing for anything else."""
    if type(image) is str:
        try:
            return base64.b64decode(image)
        except (ValueError, binascii.Error):
            return b""
    return image if type(image) is bytes else b""


def pixels(kind: str, image: bytes) -> int:
    """Return how many pixels an image says it has, 0 where it is no image of its kind."""
    try:
        if kind == "image/png" and image.startswith(_PNG) and image[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", image, 16)
            return int(width * height)
        if kind == "image/jpeg" and image.startswith(b"\xff\xd8"):
            return _jpeg_pixels(image)
    except (struct.error, IndexError):
        pass
    return 0


def _jpeg_pixels(image: bytes) -> int:
    """Walk the segments of a JPEG up to the one that tells its size."""
    place = 2
    while image[place] == 0xFF:
        marker, length = image[place + 1], struct.unpack_from(">H", image, place + 2)[0]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", image, place + 5)
            return int(width * height)
        place += 2 + length
    return 0
