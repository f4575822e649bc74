"""The plain sandbox: resource limits, control groups and a folder, for systems that offer nothing better."""

from __future__ import annotations

from .abc import Sandbox
from .protection import Name, Protection, protection

_OPEN = (
    *(Name.FILES, Name.NETWORK, Name.SYSTEM_CALLS, Name.OTHER_PROCESSES),
    *(Name.OWN_PROCESSES, Name.OWN_FILES, Name.OWN_USER, Name.DISK),
)


class PlainSandbox(Sandbox):
    """Limits on memory, file size, open files and processor time; it says what it does not protect."""

    name = "plain"

    def protections(self) -> tuple[Protection, ...]:
        """Return what is protected: resources alone."""
        return (*(protection(name, held=False) for name in _OPEN), *super().protections())
