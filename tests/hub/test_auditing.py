"""What hub and commands note for the audit trail, until it is in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbcoach_hub.auditing import COMMAND_LINE, Spool
from nbcoach_hub.cli import main
from nbcoach_hub.storage import AuditEntry


def moved(spool: Spool) -> list[AuditEntry]:
    taken: list[AuditEntry] = []

    async def put(entry: AuditEntry) -> None:
        taken.append(entry)

    asyncio.run(spool.move(put))
    return taken


def test_entries_are_moved_once_in_their_order(tmp_path: Path) -> None:
    spool = Spool.of(tmp_path)
    assert moved(spool) == []
    entries = [AuditEntry(actor="root", action=f"a{n}", subject="amy", detail={"n": n}) for n in range(3)]
    for entry in entries:
        spool.note(entry)
    assert spool.path.stat().st_mode & 0o777 == 0o600
    assert moved(spool) == entries
    assert moved(spool) == []


def test_what_the_store_does_not_take_is_offered_again(tmp_path: Path) -> None:
    spool = Spool.of(tmp_path)
    first, second = (AuditEntry(actor="root", action=action) for action in ("one", "two"))
    spool.note(first)

    async def refuse(entry: AuditEntry) -> None:
        raise OSError(entry.id)

    with pytest.raises(OSError, match=first.id):
        asyncio.run(spool.move(refuse))
    spool.note(second)
    assert [*moved(spool), *moved(spool)] == [first, second]


def test_a_line_that_was_cut_off_costs_itself_only(tmp_path: Path) -> None:
    spool = Spool.of(tmp_path)
    spool.path.write_text('{"actor": "ro\n')
    kept = AuditEntry(actor="root", action="x")
    spool.note(kept)
    assert moved(spool) == [kept]


def test_commands_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("NBCOACH_STATE", str(state))
    password = "a long phrase of her own\n"

    def run(*arguments: str) -> None:
        done = CliRunner().invoke(main, list(arguments), input=password)
        assert done.exit_code == 0, done.output

    run("account", "ada", "--admin", "--password-stdin")
    run("account", "ada", "--learns", "python")
    run("keys", "rotate")
    run("keys", "prune")
    run("backup", str(tmp_path / "copy"))
    run("account", "ada", "--remove")
    entries = moved(Spool.of(state))
    assert {entry.actor for entry in entries} == {COMMAND_LINE}
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("user.add", "ada"),
        ("user.change", "ada"),
        ("keys.rotate", ""),
        ("keys.prune", ""),
        ("data.backup", ""),
        ("user.delete", "ada"),
    ]
    assert entries[0].detail["admin"] is True
    assert password.strip() not in str(entries)
    run("restore", str(tmp_path / "copy"), "--state", str(tmp_path / "again"), "--keys", str(state / "keys"))
    assert moved(Spool.of(tmp_path / "again"))[-1].action == "data.restore"
