"""The files of a copy, put back into a folder.

Theory of operation: learners choose names, modes and links in their homes. Folders and files are made
first and links last, so that nothing is ever written through a link; a link that leads out of the folder,
all the others being there, is taken away again. Python's own filters would do for most of it, but Python
has them from 3.11.4, and until 3.11.13 a chain of links could lead them out.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath


class Tree:
    """Files, folders and links below a folder that is new and empty.

    Args:
        folder: where they are made.

    Attributes:
        files: how many files there are.
        skipped: the names that were left out, being neither file, folder nor link, or leading out of the folder.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: dict[str, str] = {}
        self.files = 0
        self.skipped: list[str] = []

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> None:
        """Make what a member of an archive is, under a name; a link waits for `link`."""
        parts = PurePosixPath(name).parts
        if not parts or parts[0] == "/" or ".." in parts:
            self.skipped.append(name)
            return
        place = self._folder.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        if member.isdir():
            place.mkdir(exist_ok=True)
            place.chmod(0o700)
        elif member.issym():
            self._links[name] = member.linkname
        elif body := tar.extractfile(member) if member.isreg() else None:
            with place.open("wb") as file:
                shutil.copyfileobj(body, file)
            place.chmod(0o600 | (member.mode & 0o755 if member.mode & 0o100 else member.mode & 0o644))
            os.utime(place, (member.mtime, member.mtime))
            self.files += 1
        else:
            self.skipped.append(name)

    def link(self) -> None:
        """Make the links, once all files and folders are there, and take away those that lead out."""
        made = []
        for name, target in self._links.items():
            try:
                (self._folder / name).symlink_to(target)
            except FileExistsError:  # in a copy that somebody has made by hand
                self.skipped.append(name)
            else:
                made.append(name)
        top = os.path.realpath(self._folder)
        for name in [name for name in made if not Path(os.path.realpath(self._folder / name)).is_relative_to(top)]:
            (self._folder / name).unlink()
            self.skipped.append(name)
