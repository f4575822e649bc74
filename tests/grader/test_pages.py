"""Pages that forks write are found, and copied ahead."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

import pytest

from nbcoach_grader.engine.pages import Ranges, copy_pages, hot_pages

MANY = [f"text {number}" for number in range(100_000)]
PAGE = os.sysconf("SC_PAGE_SIZE")


def touch() -> None:
    """Write to the reference counts of all items."""
    for _ in MANY:
        pass


def faults(work: Callable[[], None]) -> int:
    """Return how many pages a fork has to copy at some work."""
    reader, writer = os.pipe()
    if not os.fork():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        work()
        os.write(writer, str(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        found = int(pipe.read())
    os.wait()
    return found


@pytest.fixture
def hot() -> Ranges:
    found = hot_pages(touch)
    if not found:
        pytest.skip("this system does not tell which pages are a process's own")
    return found


def test_what_work_writes_is_found(hot: Ranges) -> None:
    assert all(start % PAGE == 0 and length % PAGE == 0 and length > 0 for start, length in hot)
    assert sum(length for _, length in hot) // PAGE > 500


def test_work_that_fails_leaves_its_parent_alone() -> None:
    def fail() -> None:
        raise SystemExit(3)

    assert hot_pages(fail) == []


def test_pages_that_were_copied_ahead_are_not_copied_again(hot: Ranges) -> None:
    def both() -> None:
        copy_pages(hot)
        touch()

    assert faults(touch) > 500
    assert faults(both) - faults(lambda: copy_pages(hot)) < 100


def test_what_is_no_memory_is_left_alone() -> None:
    copy_pages([(PAGE, PAGE)])
