"""Deleting a learner's files: all of them, whatever their owner did to them, and nobody else's."""

from __future__ import annotations

from pathlib import Path

from nbcoach_hub.homes import delete_home


async def test_all_of_a_home_goes_and_nothing_beside_it(tmp_path: Path) -> None:
    home, other = tmp_path / "ada", tmp_path / "bob"
    (home / "locked" / "deeper").mkdir(parents=True)
    (home / "locked" / "deeper" / "notes.txt").write_text("mine")
    other.mkdir(mode=0o755)
    (other / "notes.txt").write_text("his")
    (home / "link").symlink_to(other)
    (home / "locked" / "deeper").chmod(0)
    (home / "locked").chmod(0)
    home.chmod(0)
    await delete_home(home)
    assert list(tmp_path.iterdir()) == [other]
    assert (other / "notes.txt").read_text() == "his"
    assert other.stat().st_mode & 0o777 == 0o755
    await delete_home(home)
