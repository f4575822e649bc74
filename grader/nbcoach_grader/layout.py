"""The layout of an author's notebook: its code cells in order, with what each is for and which test needs which.

Test cells may use names that an earlier test cell made, and so may the learner's cells:
the first run again in the judge (`preludes`), the others are what `made_by_tests` is for.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nbformat import NotebookNode

from nbcoach_exercises.format import Role, grade_id_of, parse_test_cell, role_of
from nbcoach_exercises.model import TestCell

from .engine.names import bound_names, made_names, needed_names
from .engine.plan import PlannedCell

ANSWERS = (Role.ANSWER, Role.MANUAL_ANSWER)


@dataclass(frozen=True)
class Place:
    """A code cell of the author's; `name` is its grade id, or `cell <number>`, `test` a test cell's parts."""

    name: str
    role: Role
    source: str = field(repr=False)
    released: str
    cell_id: str | None = None
    test: TestCell | None = None

    @property
    def answered(self) -> bool:
        """Return whether a learner's answer stands here."""
        return self.role in ANSWERS


@dataclass(frozen=True)
class Layout:
    """All code cells of a notebook.

    `preludes` names, for a test cell, the earlier test cells that it builds on, in order, and `passing` what these make
    that a later cell has made anew before it; `made_by_tests` are the names that visible test code makes.
    """

    places: tuple[Place, ...]
    preludes: Mapping[str, tuple[str, ...]]
    passing: Mapping[str, frozenset[str]]
    made_by_tests: frozenset[str]

    @cached_property
    def tests(self) -> dict[str, TestCell]:
        """Return the test cells by grade id, in order."""
        return {place.name: place.test for place in self.places if place.test is not None}

    @cached_property
    def head(self) -> tuple[PlannedCell, ...]:
        """Return the cells before the first answer or test, as they run for who has changed none of them."""
        own = itertools.takewhile(lambda place: not place.answered and place.test is None, self.places)
        return tuple(
            PlannedCell(id=place.name, source=place.source if place.role is Role.READ_ONLY else place.released)
            for place in own
            if place.role in (Role.READ_ONLY, Role.FREE)
        )

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names that the reference solution binds or changes, or reads where a test binds them."""
        solution = [place.source for place in self.places if place.answered]
        tested = [place.source for place in self.places if place.test is not None]
        read = frozenset().union(*map(needed_names, solution)) & frozenset().union(*map(made_names, tested))
        return read.union(*map(bound_names, solution))


def layout(master: NotebookNode, released: NotebookNode) -> Layout:
    """Read the layout of a notebook.

    Args:
        master: with solutions and hidden tests.
        released: the learner version of it, cell by cell.

    Raises:
        InvalidNotebook: a test cell is malformed.

    """
    places = []
    for number, (cell, given) in enumerate(zip(master.cells, released.cells, strict=True), 1):
        if cell.cell_type != "code":
            continue
        role, name = role_of(cell), grade_id_of(cell)
        own_id = cell.get("id") if name is None and isinstance(cell.get("id"), str) else None
        test = parse_test_cell(cell) if role is Role.TESTS else None
        places.append(Place(name or f"cell {number}", role, cell.source, given.source, own_id, test))
    made = frozenset().union(*(made_names(place.released) for place in places if place.test is not None))
    return Layout(tuple(places), *_preludes(places), made)


def _preludes(places: list[Place]) -> tuple[dict[str, tuple[str, ...]], dict[str, frozenset[str]]]:
    owners: dict[str, str | None] = {}
    found: dict[str, tuple[str, ...]] = {}
    passing: dict[str, frozenset[str]] = {}
    made: dict[str, frozenset[str]] = {}
    for place in places:
        if place.test is not None:
            direct = {owners.get(name) for name in needed_names(place.source)} - {None}
            wanted = {test for name in direct if name for test in (*found[name], name)}
            found[place.name] = tuple(name for name in found if name in wanted)
            earlier = frozenset().union(*(made[test] for test in wanted))
            passing[place.name] = frozenset(name for name in earlier if owners[name] not in wanted)
            made[place.name] = bound_names(place.source)
        owner = place.name if place.test is not None else None
        names = made[owner] if owner else made_names(place.source)
        owners.update(dict.fromkeys(names, owner))
    return found, passing
