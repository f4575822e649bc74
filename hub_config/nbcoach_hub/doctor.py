"""`nbcoach doctor`: what this machine offers, what it lacks, and what to do about it.

Other rooms add what they know through the entry points `nbcoach.findings`: functions that return findings.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path

import click

from . import gateway
from .configure import SERVICES, installed
from .confinement import ConfinementUnavailable
from .protection import Level, available

_PACKAGES = ("jupyterhub", "jupyterlab", "notebook", "jupyter_server", "ipykernel")


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `status` is ok, warning or missing; `advice` says what to do for more."""

    name: str
    status: str
    text: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--state", type=click.Path(path_type=Path), default=Path(".nbcoach"), show_default=True, help="Folder of all data."
)
def doctor(as_json: bool, state: Path) -> None:
    """Tell what this machine offers, what it lacks and what to do about it.

    Exit status: 0 when the platform can run here, though perhaps less protected; 1 when something is missing.
    """
    findings = examine(state)
    if as_json:
        click.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        for finding in findings:
            click.echo(f"{finding.status:<8} {finding.name:<12} {finding.text}")
            if finding.advice:
                click.echo(f"{'':<21} -> {finding.advice}")
    sys.exit(1 if any(finding.status == "missing" for finding in findings) else 0)


def examine(state: Path) -> list[Finding]:
    """Return all findings."""
    return [
        Finding("system", "ok", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        *_packages(),
        _found("node", gateway.find_node),
        _found("gateway", gateway.find_proxy_script),
        *_protection(),
        *_services(),
        _resources(state),
        *(finding for entry in entry_points(group="nbcoach.findings") for finding in _of_room(entry)),
    ]


def _of_room(entry: EntryPoint) -> list[Finding]:
    try:
        return list(entry.load()())
    except (ImportError, AttributeError) as err:
        return [Finding(entry.name, "missing", f"what it knows cannot be loaded: {err}")]


def _packages() -> list[Finding]:
    findings = []
    for name in _PACKAGES:
        try:
            findings.append(Finding(name, "ok", version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, "missing", "run 'make install'"))
    return findings


def _found(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", find())
    except gateway.GatewayMissing as err:
        return Finding(name, "missing", str(err))


def _protection() -> list[Finding]:
    try:
        levels = available()
    except ConfinementUnavailable as err:
        return [Finding("protection", "missing", str(err))]
    best = levels[0]
    good = best.level in (Level.LANDLOCK, Level.BUBBLEWRAP)
    also = ", ".join(level.level for level in levels[1:])
    findings = [Finding("protection", "ok" if good else "warning", f"{best.describe()} (also possible: {also})")]
    if not good:
        advice = "for full protection: Linux 6.12 or newer, or the package bubblewrap"
        findings.append(Finding("protection", "warning", advice))
    return findings + [Finding("not covered", "warning", gap) for gap in best.not_protected()]


def _services() -> list[Finding]:
    there = {entry.name for entry in installed()}
    return [
        Finding("service", "ok" if entry.name in there else "missing", f"{entry.name} ({entry.module})")
        for entry in SERVICES
    ]


def _resources(state: Path) -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    nearest = next(path for path in (state.absolute(), *state.absolute().parents) if path.is_dir())
    disk = shutil.disk_usage(nearest).free / 2**30
    text = f"{os.cpu_count()} processors, {memory:.1f} GiB memory, {disk:.1f} GiB free below {nearest}"
    return Finding("resources", "ok" if memory > 2 and disk > 1 else "warning", text)
