"""Files of arrays and JSON that load without pickle, and never half-written.

An archive is NumPy's zip of arrays with one more member, `about`, that holds JSON. Each member has
a checksum, so damage is noticed. Writing goes to a file beside it that then takes its place, and
the one that was there before stays as `.last`: when the newest is damaged, the last good one is used.
"""

from __future__ import annotations

import json
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import DamagedFile

log = logging.getLogger(__name__)
_ABOUT = "about"
Arrays = Mapping[str, NDArray[Any]]
Loaded = TypeVar("Loaded")


def write_archive(path: Path, about: Mapping[str, Any], arrays: Arrays) -> None:
    """Write an archive in the place of the one that is there, and keep that one as the last."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = np.frombuffer(json.dumps(about, separators=(",", ":")).encode(), np.uint8)
    beside = path.with_name(path.name + ".new")
    # What learners did is nobody else's to read.
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        members: dict[str, Any] = {_ABOUT: text, **arrays}
        np.savez(file, **members)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        path.replace(last_of(path))
    beside.replace(path)


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read an archive.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: it is not what was written.

    """
    try:
        # NumPy would take anything else for a pickle, and say how to load it all the same.
        if not zipfile.is_zipfile(path) and path.exists():
            raise DamagedFile(path.name, "it is no archive")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as err:
        raise DamagedFile(path.name, str(err)) from err
    if not isinstance(about, dict):
        raise DamagedFile(path.name, "it describes nothing")
    return about, arrays


def last_good(path: Path, load: Callable[[Path], Loaded]) -> Loaded | None:
    """Return what `load` makes of a file, or of the one before it where it is damaged; None where neither is good."""
    for place in (path, last_of(path)):
        try:
            return load(place)
        except FileNotFoundError:
            continue
        except DamagedFile as err:
            log.error("%s", err.message)
    return None


def last_of(path: Path) -> Path:
    """Return where the archive before the newest is kept."""
    return path.with_name(path.name + ".last")
