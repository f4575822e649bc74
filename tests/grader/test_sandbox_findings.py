"""What `nbcoach doctor` says of the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbcoach_grader.errors import SandboxFailed
from nbcoach_grader.sandbox import findings as room
from nbcoach_grader.sandbox.choice import choose, tried
from nbcoach_grader.sandbox.protection import Name
from nbcoach_hub.doctor import doctor


def test_the_doctor_tells_the_level_and_each_protection(tmp_path: Path) -> None:
    result = CliRunner().invoke(doctor, ["--json", "--state", str(tmp_path)])
    found = {finding["name"]: finding for finding in json.loads(result.output)["findings"]}
    sandbox = choose(tmp_path)
    assert repr(sandbox.name) in found["sandbox"]["text"]
    for protection in sandbox.protections():
        told = found["sandbox." + protection.name.replace(" ", "-")]
        assert told["status"] == ("ok" if protection.held else "warning")
        assert bool(told["advice"]) is not protection.held
    assert all(set(finding) == {"name", "status", "text", "advice"} for finding in found.values())


def test_levels_that_do_not_work_are_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_alone = tuple((name, make, "" if name == "plain" else "Operation not permitted") for name, make, _ in tried())
    monkeypatch.setattr("nbcoach_grader.sandbox.choice.tried", lambda: plain_alone)
    monkeypatch.setattr(room, "tried", lambda: plain_alone)
    found = {finding.name: finding for finding in room.findings()}
    assert found["sandbox"].status == "warning"
    assert "Operation not permitted" in found["sandbox.level.namespaces"].text
    assert "Operation not permitted" in found["sandbox.level.landlock"].text
    assert "sandbox.level.plain" not in found
    for name in (Name.FILES, Name.NETWORK, Name.OTHER_PROCESSES):
        told = found["sandbox." + name.replace(" ", "-")]
        assert told.status == "warning"
        assert told.advice


def test_a_sandbox_that_cannot_be_tried_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise SandboxFailed("no room")

    monkeypatch.setattr(room, "choose", fail)
    assert [(finding.name, finding.status, finding.text) for finding in room.findings()] == [
        ("sandbox", "missing", "no room")
    ]
