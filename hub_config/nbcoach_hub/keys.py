"""The file of the keys that encrypt sensitive fields."""

from __future__ import annotations

from .credentials import write_private
from .settings import Settings
from .storage.keyring import keys_text, new_key


def ensure_keys(settings: Settings) -> None:
    """Make a file with one key, unless there is one or the keys are in the environment; idempotent."""
    if settings.keys or settings.keys_path.exists():
        return
    settings.keys_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(settings.keys_path, keys_text([new_key()]))
