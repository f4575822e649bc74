"""`nbcoach account`: accounts and memberships by one command, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nbcoach_hub.cli import main
from nbcoach_hub.credentials import Credentials
from nbcoach_hub.settings import Settings

PASSWORD = "a long phrase of her own"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path


def account(state: Path, *arguments: str, given: str = f"{PASSWORD}\n{PASSWORD}\n") -> Result:
    return CliRunner().invoke(main, ["account", *arguments, "--state", str(state)], input=given)


def test_add_change_and_remove(state: Path) -> None:
    added = account(state, "ada", "--learns", "one", "--learns", "two")
    assert (added.exit_code, added.output.splitlines()[-1]) == (0, "ada was added.")
    changed = account(state, "ada", "--teaches", "three", "--admin", given="")
    assert (changed.exit_code, changed.output) == (0, "ada was changed.\n")
    members = Settings(state=state).members()
    assert members.learners == {"one": {"ada"}, "two": {"ada"}}
    assert members.instructors == {"three": {"ada"}}
    assert members.admins == {"ada"}
    assert Credentials(state / "credentials.json").verify("ada", PASSWORD)
    assert (state / "members.json").stat().st_mode & 0o777 == 0o600

    assert account(state, "ada", "--remove").exit_code == 0
    assert Credentials(state / "credentials.json").users() == []
    assert Settings(state=state).members().learners == {"one": frozenset(), "two": frozenset()}


def test_new_password_from_standard_input(state: Path) -> None:
    account(state, "ada")
    assert account(state, "ada", "--password-stdin", given="another long phrase\n").exit_code == 0
    assert Credentials(state / "credentials.json").verify("ada", "another long phrase")


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("Ada!",), f"{PASSWORD}\n{PASSWORD}\n", "Ada!"),
        (("ada",), "short\nshort\n", "10"),
        (("bob", "--remove"), "", "bob"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    state: Path, arguments: tuple[str, ...], given: str, said: str
) -> None:
    refused = account(state, *arguments, given=given)
    assert refused.exit_code != 0
    assert said in refused.output
    assert not (state / "members.json").exists()


def test_unknown_state_folder(tmp_path: Path) -> None:
    refused = account(tmp_path / "missing", "ada")
    assert refused.exit_code == 2
    assert "does not exist" in refused.output
