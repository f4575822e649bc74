"""The line itself: a judge's end against scripted bytes, and against a real subject's end in a thread."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbcoach_grader.engine import framing
from nbcoach_grader.engine.judge_peer import JudgePeer, TestTooSlow
from nbcoach_grader.engine.namespace import Namespace
from nbcoach_grader.engine.peer import Frame, LineBroken
from nbcoach_grader.engine.singles import Tag
from nbcoach_grader.engine.subject_peer import SubjectPeer
from nbcoach_grader.engine.writeback import write_back
from nbcoach_grader.errors import ProtocolError


def frame(body: Any) -> bytes:
    data = msgpack.packb(body)
    return struct.pack(">I", len(data)) + data


@contextlib.contextmanager
def line() -> Iterator[tuple[JudgePeer, socket.socket]]:
    """A judge's end with a deadline of half a second, and the bare other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = JudgePeer(ours)
        peer.deadline = time.monotonic() + 0.5
        yield peer, theirs


@contextlib.contextmanager
def talking(namespace: dict[str, Any]) -> Iterator[JudgePeer]:
    """A judge's end that talks to a real subject's end."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with contextlib.suppress(LineBroken):  # in the middle of a callback
            SubjectPeer(theirs, namespace).serve()

    thread = threading.Thread(target=serve)
    thread.start()
    peer = JudgePeer(ours)
    peer.deadline = time.monotonic() + 5
    try:
        yield peer
    finally:
        ours.close()
        thread.join()
        theirs.close()


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "timeout"),
    "half a header": (b"\x00\x00", "timeout"),
    "half a frame": (b"\x00\x00\x00\x09\x93", "timeout"),
    "too large": (b"\xff\xff\xff\xff", "violation"),
    "no msgpack": (b"\x00\x00\x00\x01\xc1", "violation"),
    "no list": (frame({"a": 1}), "violation"),
    "empty list": (frame([]), "violation"),
    "unknown kind": (frame([9, 1, ""]), "violation"),
    "kind of text": (frame(["0", 1, ""]), "violation"),
    "kind of list": (frame([[0], 1, ""]), "violation"),
    "too short": (frame([Frame.RETURN]), "violation"),
    "too long": (frame([Frame.RETURN, 1, "", 1, 1]), "violation"),
    "unknown tag": (frame([Frame.RETURN, [99], ""]), "violation"),
    "an object of ours": (frame([Frame.RETURN, [Tag.REFERENCE, "yours", 7], ""]), "violation"),
    "a function of ours": (frame([Frame.RETURN, [Tag.REFERENCE, "global", "builtins", "eval"], ""]), "violation"),
    "a module of ours": (frame([Frame.RETURN, [Tag.REFERENCE, "module", "nbcoach_grader.errors"], ""]), "violation"),
    "main": (frame([Frame.RETURN, [Tag.REFERENCE, "module", "__main__"], ""]), "violation"),
    "a module to import": (frame([Frame.RETURN, [Tag.REFERENCE, "module", "antigravity"], ""]), "violation"),
    "an exception of ours": (
        frame([Frame.RAISED, [Tag.REFERENCE, "global", "nbcoach_grader.engine.peer", "LineBroken"], [Tag.LIST], ""]),
        "violation",
    ),
    "an exception that is none": (frame([Frame.RAISED, 5, [Tag.LIST], ""]), "violation"),
    "arguments that are none": (
        frame([Frame.RAISED, [Tag.REFERENCE, "global", "builtins", "ValueError"], 5, ""]),
        "violation",
    ),
    "base that is no exception": (
        frame(
            [Frame.RAISED, [Tag.REFERENCE, "exception", 1, "E", [Tag.REFERENCE, "global", "builtins", "int"]], [1], ""]
        ),
        "violation",
    ),
    "name with a zero": (frame([Frame.RETURN, [Tag.REFERENCE, "object", 1, "a\0b", [], False], ""]), "violation"),
    "number of text": (frame([Frame.RETURN, [Tag.REFERENCE, "object", "1", "a", [], False], ""]), "violation"),
    "no payload": (frame([Frame.RETURN, [Tag.REFERENCE], ""]), "violation"),
    "endless requests": (frame([Frame.REQUEST, "typename", 1]) * 2000, "timeout"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bytes_that_are_no_answer_break_the_line(name: str) -> None:
    data, reason = BROKEN[name]
    with line() as (peer, theirs):
        reader = threading.Thread(target=_drain, args=(theirs, data))
        reader.start()
        start = time.monotonic()
        with pytest.raises(LineBroken) as caught:
            peer.request("name", "x")
        assert caught.value.reason == reason
        assert time.monotonic() - start < 2
        with pytest.raises(LineBroken):  # and it stays broken
            peer.request("name", "y")
        theirs.shutdown(socket.SHUT_RDWR)
        reader.join()


def _drain(sock: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.sendall(data)
        while sock.recv(65536):
            pass


def test_a_gone_subject_has_crashed() -> None:
    with line() as (peer, theirs):
        theirs.close()
        with pytest.raises(LineBroken) as caught:
            peer.request("name", "x")
        assert caught.value.reason == "crashed"


def test_a_trickle_is_bounded_as_a_whole() -> None:
    with line() as (peer, theirs):
        stop = threading.Event()

        def trickle() -> None:
            theirs.sendall(b"\x00\x00\x10\x00")
            while not stop.wait(0.05):
                with contextlib.suppress(OSError):
                    theirs.send(b"\x90")

        thread = threading.Thread(target=trickle)
        thread.start()
        start = time.monotonic()
        with pytest.raises(LineBroken) as caught:
            peer.request("name", "x")
        stop.set()
        thread.join()
        assert caught.value.reason == "timeout"
        assert time.monotonic() - start < 1


def test_a_subject_that_does_not_read_is_bounded_too() -> None:
    with line() as (peer, _), pytest.raises(LineBroken) as caught:
        peer.request("set-name", "x", "x" * 2**22)
    assert caught.value.reason == "timeout"


ANSWERS = st.recursive(
    st.one_of(
        st.none(),
        st.integers(0, 45),
        st.text(max_size=5),
        st.binary(max_size=5),
        st.sampled_from(["object", "exception", "global", "module", "yours", "builtins", "ValueError", "__call__"]),
    ),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=16,
)


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.lists(ANSWERS, min_size=1, max_size=4)), max_size=3))
@settings(max_examples=250)
def test_any_frames_are_an_answer_or_break_the_line(frames: list[tuple[int, list[Any]]]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"".join(frame([kind, *rest]) for kind, rest in frames))
        theirs.shutdown(socket.SHUT_WR)
        peer = JudgePeer(ours)
        peer.deadline = time.monotonic() + 2
        try:
            peer.request("name", "x")
        except LineBroken:
            assert peer.broken
        except BaseException as err:  # one that the frame named
            assert not isinstance(err, ProtocolError)


def test_names_are_fetched_and_written_back() -> None:
    def sort(items: list[int]) -> None:
        items.sort()

    with talking({"sort": sort, "x": [1]}) as peer:
        names = Namespace({}, {"x"}, peer)
        assert names["x"] == [1]
        a = [2, 1]
        names["sort"](a)
        assert a == [1, 2]
        names["x"] = [5]
        assert peer.request("name", "x") == ("found", [5])
        del names["x"]
        with pytest.raises(KeyError):
            names["x"]
        with pytest.raises(KeyError):
            names["len"]


def test_callbacks_answer_while_the_judge_waits() -> None:
    def twice(call: Callable[[int], int]) -> list[int]:
        return [call(1), call(2)]

    seen: list[int] = []
    with talking({"twice": twice}) as peer:
        names = Namespace({}, (), peer)
        assert names["twice"](lambda n: seen.append(n) or n * 10) == [10, 20]
    assert seen == [1, 2]


def test_threads_of_both_sides_get_their_own_answers() -> None:
    def spread(call: Callable[[int], int]) -> list[int]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(call, range(30)))

    with talking({"spread": spread, "double": lambda n: 2 * n}) as peer, ThreadPoolExecutor(4) as pool:
        names = Namespace({}, (), peer)
        double = names["double"]
        assert list(pool.map(double, range(30))) == [2 * n for n in range(30)]
        assert names["spread"](lambda n: double(n) + 1) == [2 * n + 1 for n in range(30)]
        assert names["spread"](lambda n: sum(pool.map(double, [n, 1]))) == [2 * n + 2 for n in range(30)]


def test_a_thread_that_asks_while_nobody_listens_waits_until_somebody_does() -> None:
    told = queue.SimpleQueue[object]()

    def later(call: Callable[[], int]) -> None:
        def ask() -> None:
            try:
                told.put(call())
            except LineBroken as err:
                told.put(err)

        threading.Timer(0.05, ask).start()

    with talking({"later": later, "wait": lambda: told.get(timeout=5)}) as peer:
        names = Namespace({}, (), peer)
        names["later"](lambda: 7)
        time.sleep(0.1)
        assert names["wait"]() == 7
        names["later"](lambda: 8)
    assert isinstance(told.get(timeout=5), LineBroken)


def test_an_alarm_while_waiting_is_the_other_sides_delay() -> None:
    def slow(call: Callable[[], None]) -> None:
        call()

    def rings() -> None:
        raise TestTooSlow

    with talking({"slow": slow}) as peer:
        with pytest.raises(LineBroken) as caught:
            Namespace({}, (), peer)["slow"](rings)
        assert caught.value.reason == "timeout"


def test_a_result_that_is_too_large_is_refused_not_fatal() -> None:
    with talking({"f": lambda: b"x" * (framing.MAX_FRAME + 1), "g": lambda: 1}) as peer:
        names = Namespace({}, (), peer)
        with pytest.raises(RuntimeError, match="exceeds"):
            names["f"]()
        assert names["g"]() == 1


def test_words_of_a_failed_assertion_stay_with_the_judge() -> None:
    told: list[Any] = []

    def ask(call: Callable[[], None]) -> None:
        try:
            call()
        except AssertionError as err:
            told.append(err.args)
        try:
            call()
        except ValueError as err:
            told.append(err.args)

    errors = iter([AssertionError("expected 42"), ValueError("public")])

    def fails() -> None:
        raise next(errors)

    with talking({"ask": ask}) as peer:
        Namespace({}, (), peer)["ask"](fails)
    assert told == [(), ("public",)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([1, 2, 3], [3]),
        ([1], [1, 2, 3]),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}),
        ({1, 2}, {2, 3}),
        (bytearray(b"ab"), bytearray(b"c")),
        ([[1], {"k": [2]}], [[1, 9], {"k": []}]),
    ],
)
def test_arguments_look_as_the_call_left_them(before: Any, after: Any) -> None:
    write_back(before, after)
    assert before == after


def test_arrays_keep_their_place() -> None:
    array = np.arange(4)
    view = array[:2]
    write_back(array, np.array([9, 8, 7, 6]))
    assert view.tolist() == [9, 8]


def test_write_back_ends_in_a_cycle() -> None:
    before: list[Any] = [1]
    before.append(before)
    after: list[Any] = [2]
    after.append(after)
    write_back(before, after)
    assert before[0] == 2
    assert before[1] is before
