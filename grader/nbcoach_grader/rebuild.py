"""Rebuild a learner's notebook from the master: structure and tests are the author's, only answers the learner's.

Of what the learner sends, the source text of answer cells is taken by grade id, and of cells
that the author left free or the learner added. An answer whose id was lost is looked for in its
place. Everything else is the master's. Each repair is named, so that nobody wonders why an
edited test made no difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nbcoach_exercises.format import Role
from nbcoach_exercises.model import TestCell
from nbcoach_exercises.wire import CellSource

from .engine.names import bound_names, effort, made_names, needed_names
from .engine.plan import PlannedCell, Stop
from .layout import Layout, Place

MAX_EXTRA_CELLS = 200
ALIKE = 0.6
MAX_COMPARED = 2000
MAX_READ = 200_000
"""Characters that are read to find names in one notebook: the service answers nobody meanwhile."""

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A notebook ready to run, the places where it is judged, the learner's answers, and what was repaired."""

    cells: tuple[PlannedCell, ...]
    stops: tuple[Stop, ...]
    answers: Mapping[str, str]
    repairs: tuple[str, ...]


@dataclass
class _Sorted:
    """What the learner sent: answers by name, other cells by the author's cell that they follow."""

    answers: dict[str, str] = field(default_factory=dict)
    extras: dict[str, list[CellSource]] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def rebuild(layout: Layout, wanted: Collection[str], sent: Sequence[CellSource], *, whole: bool = False) -> Rebuilt:
    """Put a learner's sources into the author's notebook.

    Args:
        layout: the author's notebook.
        wanted: the test cells to be judged, by grade id.
        sent: the learner's code cells in order.
        whole: whether what follows the last of those tests runs too, for its output.

    """
    given = _sort(layout, sent)
    _find_lost(layout, given)
    for place in layout.places:
        if place.name not in given.seen and place.role is not Role.FREE:
            given.repairs.append(f"The cell {place.name!r} was missing; the author's version was used.")
    walked = list(_walk(layout, None if whole else wanted, given))
    replayed = _replayed(layout, walked)
    cells: list[PlannedCell] = []
    locked: list[str] = []
    stops: list[Stop] = []
    before = layout.tests
    for item in walked:
        if isinstance(item, PlannedCell):
            cells.append(item)
        elif item.test is None:
            cells.append(PlannedCell(id=item.name, source=item.source))
            locked.append(item.source)
        else:
            if item.name in wanted:
                prelude = [before[name] for name in layout.preludes[item.name]]
                _stop(stops, len(cells), locked, item.test, prelude, layout.passing[item.name])
            if item.name in replayed:
                cells.append(PlannedCell(id=item.name, source=item.released))
    return Rebuilt(cells=tuple(cells), stops=tuple(stops), answers=given.answers, repairs=tuple(given.repairs))


def untouched(layout: Layout, answers: Mapping[str, str], names: Iterable[str]) -> bool:
    """Tell whether every one of some answers is still the starter, or empty."""
    starters = {place.name: place.released.strip() for place in layout.places}
    return all(answers.get(name, "").strip() in ("", starters.get(name, "")) for name in names)


def _stop(
    stops: list[Stop], after: int, locked: list[str], test: TestCell, prelude: list[TestCell], passing: frozenset[str]
) -> None:
    """Add a test to the stop at a place, or open one."""
    last = stops.pop() if stops and stops[-1].after == after else None
    tests = (*last.tests, test) if last else (test,)
    earlier = {t.grade_id: t for t in (*(last.prelude if last else ()), *prelude) if t not in tests}
    if last:
        passing |= last.passing
    stops.append(Stop(after=after, locked=tuple(locked), tests=tests, prelude=tuple(earlier.values()), passing=passing))


def _walk(layout: Layout, wanted: Collection[str] | None, given: _Sorted) -> Iterator[PlannedCell | Place]:
    """Yield the learner's cells, and the author's locked cells and tests, up to the last wanted test or the end."""
    missing = set(wanted or ())
    yield from (PlannedCell(id=cell.id, source=cell.source) for cell in given.extras.get("", ()))
    for place in layout.places:
        if place.answered or place.role is Role.FREE:
            yield PlannedCell(id=place.name, source=given.answers.get(place.name, place.released))
        elif place.role in (Role.READ_ONLY, Role.TESTS):
            yield place
        missing.discard(place.name)
        if not missing and wanted is not None:
            return
        yield from (PlannedCell(id=cell.id, source=cell.source) for cell in given.extras.get(place.name, ()))


def _replayed(layout: Layout, walked: Sequence[PlannedCell | Place]) -> set[str]:
    """Return the tests whose visible code must run for the learner too, as later cells use names that it makes."""
    if not layout.made_by_tests:
        return set()
    owners: dict[str, str] = {}
    found: set[str] = set()
    readable = _readable(item.source for item in walked if isinstance(item, PlannedCell))
    for item in walked:
        if isinstance(item, Place) and item.test is not None:
            owners.update(dict.fromkeys(made_names(item.released), item.name))
        elif owners and not layout.made_by_tests.isdisjoint(words := _WORD.findall(item.source)):
            reads = isinstance(item, Place) or item.source in readable
            found |= {owners[name] for name in (needed_names(item.source) if reads else words) if name in owners}
            for name in made_names(item.source) if reads else ():
                owners.pop(name, None)
    return found


def _sort(layout: Layout, sent: Sequence[CellSource]) -> _Sorted:
    """Tell the learner's answers from cells that were added."""
    places = {place.name: place for place in layout.places}
    names = _names_of(layout, sent)
    given = _Sorted()
    last, count = "", 0
    for cell, name in zip(sent, names, strict=True):
        place = places.get(name)
        if place is None:
            count += 1
            if count <= MAX_EXTRA_CELLS:
                given.extras.setdefault(last, []).append(cell)
            continue
        if name in given.seen:
            _take_second(place, cell, given)
            continue
        given.seen.add(name)
        last = name
        if place.answered or place.role is Role.FREE:
            given.answers[name] = cell.source
        elif cell.source.strip() != place.released.strip():
            given.repairs.append(f"The cell {name!r} was changed; the author's version was used.")
    if count > MAX_EXTRA_CELLS:
        given.repairs.append(
            f"{count - MAX_EXTRA_CELLS} added cells were left out: {MAX_EXTRA_CELLS} are the most that run."
        )
    return given


def _names_of(layout: Layout, sent: Sequence[CellSource]) -> list[str]:
    """Return the author's name for each cell, by id or else by its text; empty where it is the learner's own."""
    by_cell_id = {place.cell_id: place.name for place in layout.places if place.cell_id is not None}
    names = [cell.grade_id if cell.grade_id is not None else by_cell_id.get(cell.id, "") for cell in sent]
    known = {place.name for place in layout.places}
    lost = {p.released.strip(): p.name for p in layout.places if p.name not in names and not p.answered}
    return [
        name if name in known else lost.pop(cell.source.strip(), "") if lost else ""
        for cell, name in zip(sent, names, strict=True)
    ]


def _take_second(place: Place, cell: CellSource, given: _Sorted) -> None:
    """Settle which of two cells with one id counts: the first that the learner has worked on."""
    fresh = place.answered and given.answers[place.name].strip() in ("", place.released.strip())
    if fresh and cell.source.strip() not in ("", place.released.strip()):
        given.answers[place.name] = cell.source
        given.repairs.append(f"The cell {place.name!r} stands there twice; the one that was worked on counts.")
    else:
        given.repairs.append(f"The cell {place.name!r} stands there twice; the first one counts.")


def _find_lost(layout: Layout, given: _Sorted) -> None:
    """Look for answers whose id was lost among the added cells in their place."""
    if given.seen.issuperset(place.name for place in layout.places if place.answered):
        return
    before = ""
    readable = _readable(cell.source for cells in given.extras.values() for cell in cells)
    for place in layout.places:
        if place.answered and place.name not in given.seen:
            candidates = given.extras.get(before, [])
            found = _best(place, candidates, readable)
            if found is None:
                continue
            place_of = candidates.index(found)
            given.extras[before], given.extras[place.name] = candidates[:place_of], candidates[place_of + 1 :]
            given.answers[place.name] = found.source
            given.seen.add(place.name)
            given.repairs.append(f"The cell {place.name!r} had lost its id; the cell in its place was taken.")
        if place.name in given.seen:
            before = place.name


def _readable(sources: Iterable[str]) -> set[str]:
    """Return those of a learner's sources whose names are looked up."""
    left, found = MAX_READ, set()
    for source in sources:
        left -= effort(source)
        found |= {source} if left >= 0 else set()
    return found


def _best(place: Place, candidates: Sequence[CellSource], readable: Collection[str]) -> CellSource | None:
    """Return the cell that defines what the reference solution defines, else the most alike, else the only one."""
    names = bound_names(place.source)
    defining = [c for c in candidates if c.source in readable and not names.isdisjoint(bound_names(c.source))]
    if defining:
        return defining[0]
    alike = [
        (max(_likeness(cell.source, text) for text in (place.released, place.source)), cell) for cell in candidates
    ]
    best = max(alike, key=lambda pair: pair[0], default=None)
    if best is not None and (best[0] >= ALIKE or len(candidates) == 1):
        return best[1]
    return None


def _likeness(one: str, other: str) -> float:
    """Return which share of what stands in two texts, by three signs in a row, stands in both; 1 is all."""
    some, others = _pieces(one[:MAX_COMPARED]), _pieces(other[:MAX_COMPARED])
    return 2 * (some & others).total() / max(some.total() + others.total(), 1)


@lru_cache(maxsize=1024)
def _pieces(text: str) -> Counter[str]:
    return Counter(text[place : place + 3] for place in range(len(text)))
