"""Build one distribution from the five source roots.

Each fixed top-level folder is a source root that holds one prefixed package, so
`package_dir` maps every package to the root it lives in. Packages are discovered,
never listed by hand: a hand-kept list silently loses a new folder.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOTS = {
    "nbcoach_exercises": "exercises",
    "nbcoach_hub": "hub_config",
    "nbcoach_grader": "grader",
    "nbcoach_recommender": "recommender",
    "nbcoach_extension": "extension",
    "nbcoach": "extension",  # for %load_ext nbcoach
}
HERE = Path(__file__).parent
LABEXTENSION = Path("extension/nbcoach_extension/labextension")
LABEXTENSION_TARGET = Path("share/jupyter/labextensions/@nbcoach/labextension")


class BuildPackages(build_py):
    """Refuse to build a wheel without the front end in it."""

    def run(self) -> None:
        """Run the build, or stop with the command that makes it possible."""
        if not self.editable_mode and not (HERE / LABEXTENSION / "package.json").exists():
            raise SystemExit(f"{LABEXTENSION} is missing: run 'make build' (it builds the front end first).")
        super().run()


def data_files() -> list[tuple[str, list[str]]]:
    """List what Jupyter looks for outside of site-packages."""
    listed = [
        ("etc/jupyter/jupyter_server_config.d", ["extension/jupyter-config/nbcoach_extension.json"]),
        (str(LABEXTENSION_TARGET), ["extension/install.json"]),
    ]
    by_folder: dict[str, list[str]] = {}
    for path in sorted((HERE / LABEXTENSION).rglob("*")):
        if path.is_file():
            relative = path.relative_to(HERE)
            target = LABEXTENSION_TARGET / relative.relative_to(LABEXTENSION).parent
            by_folder.setdefault(str(target), []).append(str(relative))
    return listed + sorted(by_folder.items())


packages = {
    name: root for prefix, root in ROOTS.items() for name in find_packages(root, include=[prefix, f"{prefix}.*"])
}
setup(
    packages=sorted(packages),
    package_dir={name: f"{root}/{name.replace('.', '/')}" for name, root in packages.items()},
    data_files=data_files(),
    cmdclass={"build_py": BuildPackages},
)
