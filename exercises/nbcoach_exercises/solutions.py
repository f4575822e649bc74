"""Sample solutions: what an exercise must say to right, wrong, endless and hostile work.

A file `solutions/<kind>.py` gives the sources of answer cells and the verdict that each
test cell must come to:

    #@ expect: greet-tests passed 2
    # %% greet
    def greet(name): ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InvalidCourse
from .verdicts import Verdict

KINDS = ("correct", "wrong", "timeout", "escape")
_EXPECT = re.compile(r"^#@ expect: (?P<cell>\S+) (?P<verdict>[a-z-]+) (?P<points>\d+(?:\.\d+)?)\s*$")
_CELL = re.compile(r"^# %% (?P<cell>\S+)\s*$")


@dataclass(frozen=True)
class Expected:
    """What one test cell must come to."""

    verdict: Verdict
    points: float


@dataclass(frozen=True)
class Solution:
    """Sources by answer cell, and the expected outcome by test cell."""

    kind: str
    sources: Mapping[str, str]
    expected: Mapping[str, Expected]


def read_solution(path: Path) -> Solution:
    """Read one sample solution.

    Raises:
        InvalidCourse: it cannot be read, a line is malformed or repeated, or no cell or expectation is given.

    """
    expected: dict[str, Expected] = {}
    sources: dict[str, list[str]] = {}
    current: list[str] | None = None
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidCourse(f"{path} cannot be read: {err}.") from err
    for number, line in enumerate(lines, 1):
        if line.startswith("#@"):
            found = _EXPECT.match(line)
            if found is None or found["verdict"] not in set(Verdict):
                raise InvalidCourse(f"{path}, line {number}: expected '#@ expect: <test cell> <verdict> <points>'.")
            if found["cell"] in expected:
                raise InvalidCourse(f"{path}, line {number}: a second expectation for {found['cell']!r}.")
            expected[found["cell"]] = Expected(Verdict(found["verdict"]), float(found["points"]))
        elif start := _CELL.match(line):
            if start["cell"] in sources:
                raise InvalidCourse(f"{path}, line {number}: a second source for {start['cell']!r}.")
            current = sources[start["cell"]] = []
        elif current is not None:
            current.append(line)
    if not expected or not sources:
        raise InvalidCourse(f"{path} needs at least one '#@ expect:' line and one '# %% <cell>' line.")
    return Solution(path.stem, {cell: "\n".join(text).strip() for cell, text in sources.items()}, expected)
