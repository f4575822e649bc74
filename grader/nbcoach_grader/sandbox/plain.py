"""The plain sandbox: resource limits and a folder, for systems that offer nothing better."""

from __future__ import annotations

from .abc import Sandbox


class PlainSandbox(Sandbox):
    """Limits on memory, file size, open files and processor time; it says what it does not protect."""

    name = "plain"
    protects = ("memory", "file size", "open files", "processor time")
    lacks = ("files of this account can be read", "the network can be reached", "other processes can be signalled")
