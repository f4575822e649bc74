"""The built wheel, in a clean environment: it holds every package, works, and holds no course and no test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
ROOTS = {
    "exercises": "nbcoach_exercises",
    "hub_config": "nbcoach_hub",
    "grader": "nbcoach_grader",
    "recommender": "nbcoach_recommender",
    "extension": "nbcoach_extension",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build sdist and wheel from the tree, pinned like everything else."""
    out = tmp_path_factory.mktemp("dist")
    environment = os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    subprocess.run([sys.executable, "-m", "build", "-o", str(out), str(ROOT)], check=True, env=environment, timeout=600)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own and return its Python."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    install = [str(python), "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run(install, check=True, timeout=800)
    return python


def run(python: Path, *arguments: str) -> str:
    """Run Python far away from the sources and return what it prints."""
    command = [str(python), *arguments]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_every_module_on_disk_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for root, package in ROOTS.items():
        for path in (ROOT / root / package).rglob("*"):
            wanted = path.suffix == ".py" or path.name == "py.typed" or path.suffix == ".json"
            if wanted and "labextension" not in path.parts and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT / root).as_posix() in names
    assert "nbcoach/__init__.py" in names, "%load_ext nbcoach"


def test_wheel_holds_no_course_no_test_no_state(wheel: Path) -> None:
    for name in zipfile.ZipFile(wheel).namelist():
        assert not name.startswith(("tests/", "docs/", "courses/", ".nbcoach")), name
        assert "solutions/" not in name, name
        assert not name.endswith(".ipynb"), name


def test_sdist_can_be_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    for wanted in ("setup.py", "extension/nbcoach_extension/labextension/package.json", "LICENSE", "README.md"):
        assert any(name.endswith("/" + wanted) for name in names), wanted


def test_installed_packages_import_and_find_their_data(clean: Path) -> None:
    code = """
import nbcoach_exercises.schemas as s, nbcoach_hub, nbcoach_grader.app, nbcoach_recommender.app, nbcoach_extension
print([s.load_schema(n)["title"] for n in ("frames.v1", "events.v1", "course.v1", "exercise.v1")])
print(nbcoach_extension._jupyter_labextension_paths())
"""
    assert "Frames of the live WebSocket" in run(clean, "-c", code)


def test_command_line_is_installed(clean: Path) -> None:
    shown = run(clean, "-m", "nbcoach_hub.cli", "--help")
    for command in ("up", "doctor", "check", "evaluate"):
        assert command in shown


def test_jupyter_finds_both_extensions(clean: Path) -> None:
    server = subprocess.run(
        [str(clean.parent / "jupyter"), "server", "extension", "list"], capture_output=True, text=True, timeout=120
    )
    assert "nbcoach_extension" in server.stdout + server.stderr
    assert "OK" in server.stdout + server.stderr
    lab = clean.parent.parent / "share/jupyter/labextensions/@nbcoach/labextension/package.json"
    assert json.loads(lab.read_text())["name"] == "@nbcoach/labextension"
