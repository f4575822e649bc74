"""What a learner's server may reach: the system and the installed packages to read, its home to write.

Of nbcoach itself only the words and the extension are in reach when it is installed editable;
courses, services and the state folder never are.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from .protection import Level, Protection

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/sys/devices/system/cpu")
_ETC = (
    *("alternatives", "bash.bashrc", "ca-certificates", "fonts", "gai.conf", "group", "host.conf", "hosts", "inputrc"),
    *("ipython", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "magic", "mime.types", "nsswitch.conf"),
    *("os-release", "passwd", "profile", "profile.d", "protocols", "resolv.conf", "services", "terminfo", "timezone"),
    # Not the whole folders: beside the certificates are the machine's private keys.
    *("ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "pki/ca-trust", "pki/tls/certs"),
)
_PROC = ["cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version"]
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_TERMINALS = ("/dev/ptmx", "/dev/pts")
_PACKAGES = ("nbcoach_exercises", "nbcoach_extension")


def read_only(protection: Protection) -> list[str]:
    """Return what may be read, without what is specific to one learner."""
    paths = [*_SYSTEM, *(f"/etc/{name}" for name in _ETC), "/var/cache/fontconfig", sys.prefix, sys.base_prefix]
    paths += [str(path) for path in _packages() + _labextensions()]
    if protection.level is not Level.BUBBLEWRAP:
        paths += ["/proc"] if protection.namespaces else [f"/proc/{name}" for name in _PROC]
    return list(dict.fromkeys(paths))


def devices(protection: Protection) -> list[str]:
    """Return the devices that may be used."""
    private = protection.namespaces or protection.level is Level.BUBBLEWRAP
    return [*_DEVICES, *(_TERMINALS if private else ())]


def shared_memory(protection: Protection) -> list[str]:
    """Return the folder of shared memory where it is the server's own."""
    return ["/dev/shm"] if protection.namespaces or protection.level is Level.BUBBLEWRAP else []  # noqa: S108


def exposed(paths: list[str], secret: Path) -> list[str]:
    """Return which of the paths would let a learner into a folder that must stay closed."""
    closed = secret.resolve()
    return [path for path in paths if Path(path).resolve() in (closed, *closed.parents)]


def _packages() -> list[Path]:
    found = [find_spec(name) for name in _PACKAGES]
    places = [place for spec in found if spec is not None for place in (spec.submodule_search_locations or ())]
    return [Path(place) for place in places if not _installed(Path(place))]


def _labextensions() -> list[Path]:
    """Find links that a development install puts into the shared folders of Jupyter."""
    found: list[Path] = []
    for root in (Path(sys.prefix, "share/jupyter"), Path(sys.prefix, "etc/jupyter")):
        for folder, folders, files in os.walk(root):
            links = [Path(folder, name) for name in folders + files if Path(folder, name).is_symlink()]
            found += [link.resolve() for link in links if not _installed(link)]
    return found


def _installed(path: Path) -> bool:
    return path.resolve().is_relative_to(Path(sys.prefix).resolve())
