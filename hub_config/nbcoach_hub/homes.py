"""How a learner's files are deleted for good, when his account is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path


async def delete_home(home: Path) -> None:
    """Delete a folder with all that is in it, also what its owner has locked; nothing happens if it is not there.

    No process of the learner may run any more.

    Raises:
        OSError: something cannot be deleted.

    """
    await asyncio.to_thread(_delete, home)


def _delete(home: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        home.chmod(0o700)
        for folder, names, _ in os.walk(home):
            for name in names:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(home)
