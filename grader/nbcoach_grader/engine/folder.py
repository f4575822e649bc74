"""The working folder of a line: what a snapshot keeps of it, so that later cells do not change what it finds there.

Theory of operation. A snapshot is a process, and a fork copies memory, not files: all processes of a line work in one
folder. So each keeps the contents of the files that it left, which its forks share as they share any memory, and
brings back what was changed or removed since before it is used again. What was added stays: a test may look for what
an earlier one has written, as in a kernel.

A learner's code could tamper with what its own process keeps, and would harm nobody else by that.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

MAX_FILE_BYTES = 4 * 2**20
MAX_BYTES = 16 * 2**20
MAX_ENTRIES = 2000
_TICK_NS = 20_000_000
"""A file that was written a moment ago may be written again without a later time."""


@dataclass(frozen=True)
class KeptFile:
    """A file as it was; `content` is None where it is too large to be kept, `settled` whether its time tells all."""

    size: int
    modified: int
    mode: int
    settled: bool
    content: bytes | None
    checksum: int

    def alike(self, found: os.stat_result) -> bool:
        """Tell whether a file has the size and time that this one had."""
        return (found.st_size, found.st_mtime_ns) == (self.size, self.modified)


class Folder:
    """The working folder as one process knows it; `place` is where it is, `overwrites` how often files were lost."""

    def __init__(self) -> None:
        self.place = Path()
        self.overwrites = 0
        self._known: Mapping[str, KeptFile] = {}

    def keep(self) -> None:
        """Keep what the files hold now, and count it where some that were known hold something else or have gone."""
        now, room, kept = time.time_ns(), MAX_BYTES, {}
        for name, found in _files(self.place):
            kept[name] = file = self._kept(name, found, room, now)
            room -= len(file.content or b"")
        lost = (name for name, file in self._known.items() if name not in kept or kept[name].checksum != file.checksum)
        self.overwrites += any(lost)
        self._known = kept

    def _kept(self, name: str, found: os.stat_result, room: int, now: int) -> KeptFile:
        old = self._known.get(name)
        if old is not None and old.settled and old.alike(found):
            return old
        fits = found.st_size <= min(MAX_FILE_BYTES, room)
        content = _content(self.place / name) if fits else None
        if old is not None and content is not None and content == old.content:
            content = old.content  # whose pages are shared
        settled = now - found.st_mtime_ns > _TICK_NS
        told = found.st_mtime_ns ^ found.st_size if content is None else crc32(content)
        return KeptFile(found.st_size, found.st_mtime_ns, stat.S_IMODE(found.st_mode), settled, content, told)

    def bring_back(self) -> None:
        """Make the files again what they were when they were kept; those that came later stay."""
        for name, file in self._known.items():
            if file.content is not None:
                try:
                    _bring_back(self.place / name, file, file.content)
                except (OSError, MemoryError):  # there is no room; then the learner's code finds what there is
                    continue


def _bring_back(path: Path, file: KeptFile, content: bytes) -> None:
    try:
        found = path.lstat()
    except OSError:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        regular = stat.S_ISREG(found.st_mode)
        if regular and file.alike(found) and (file.settled or _content(path) == content):
            return
        path.unlink()
    path.write_bytes(content)
    path.chmod(file.mode)
    os.utime(path, ns=(file.modified, file.modified))


def _files(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files below a folder, each by its path in it, as many as are looked at."""
    left, folders = MAX_ENTRIES, [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(place / folder) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return
                    name = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{name}/")
                    elif entry.is_file(follow_symlinks=False):
                        yield name, entry.stat(follow_symlinks=False)
        except OSError:
            continue


def _content(path: Path) -> bytes | None:
    """Return what is in a file; None where it cannot be had."""
    try:
        return path.read_bytes()
    except (OSError, MemoryError):
        return None
