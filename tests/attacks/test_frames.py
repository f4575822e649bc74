"""The judge takes nothing for granted (G15): a hundred thousand mutated frames at its decoder, and some at its line.

Deterministic: seeds are encoded values of every kind, and every mutation is drawn from a seeded generator.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import fractions
import io
import pathlib
import random
import resource
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgpack
import numpy as np
import pandas as pd
import pytest

from nbcoach_grader.engine import framing
from nbcoach_grader.engine.codec import Decoder, Encoder
from nbcoach_grader.engine.judge_peer import JudgePeer
from nbcoach_grader.engine.peer import LineBroken
from nbcoach_grader.engine.singles import Tag
from nbcoach_grader.engine.subject_peer import SubjectPeer
from nbcoach_grader.errors import ProtocolError

FRAMES = 100_000
MAX_GROWTH_KB = 50 * 1024
MAX_SECONDS = 1.0
SELF: list[Any] = [1]
SELF.append(SELF)


class Thing:
    """Something that is no data."""

    def __call__(self) -> None: ...


VALUES: list[Any] = [
    None, True, 1, -1, 2**63, 2**80, 1.5, "text", b"bytes", [1, [2, [3]]], (1, "a"), {1, 2}, frozenset({3}),
    {"a": [1], 2: {"b": None}}, SELF, 1j, bytearray(b"x"), range(3, 90, 4), slice(1, None, 2), ...,
    datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC), datetime.date(2024, 2, 29), datetime.time(3, 4),
    datetime.timedelta(1, 2, 3), decimal.Decimal("1.50"), fractions.Fraction(2, 3), pathlib.Path("a/b"), uuid.UUID(int=5),
    collections.Counter("aab"), collections.OrderedDict(a=1), collections.defaultdict(list, {"k": [1]}),
    collections.deque([1, 2], maxlen=5), np.arange(6).reshape(2, 3), np.array(["a", "bc"]), np.float32(2.5), np.dtype("i4"),
    np.array([1, "a", None], dtype=object), np.datetime64("2024-01-01"), np.zeros((0, 3)), pd.Series([1, 2], index=["a", "b"]),
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.Categorical(["u", "v"])}), pd.date_range("2024", periods=3),
    pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]), pd.Timestamp("2024-01-01", tz="UTC"), pd.Timedelta("1h"),
    pd.RangeIndex(0, 9, 2), pd.array([1, None], dtype="Int64"), pd.Series(pd.to_datetime(["2024"]).tz_localize("UTC")),
    Thing(), Thing, ValueError, KeyError("a"), len, np.mean,
]  # fmt: skip
WORDS = [
    0, 1, -1, 2, 40, 255, 2**31, 2**63 - 1, -(2**63), 2**64 - 1, 0.0, float("nan"), float("inf"), True, None, "", "|O", "<U99999999",
    "M8[0s]", "<M8[ns]", "i8", "range", "multi", "items", "category", "zoned", "numpy", "Int64", "yours", "object", "module",
    "global", "exception", "builtins", "os", "system", "numpy", "nbcoach_grader.engine.judge", "../../etc/passwd", "UTC",
    "1e999999999", "0x" + "f" * 19000, "9" * 5000, "é" * 100, b"", b"\0" * 64, [], [0, 0], [1], [24, "<i8", b"", [0]], [2**62, 2**62],
    [1] * 70, {"a": 1},
]  # fmt: skip


@pytest.fixture
def sides() -> Iterator[tuple[JudgePeer, SubjectPeer, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield JudgePeer(ours), SubjectPeer(theirs, {}), theirs


def mutated(node: Any, draw: random.Random) -> Any:
    """Return a node of which something is changed, at a place that is drawn."""
    if not isinstance(node, list) or not node or draw.random() < 0.15:
        kind = draw.randrange(4)
        return draw.choice(WORDS) if kind else [draw.choice(list(Tag)), node]
    node = list(node)
    place = draw.randrange(len(node))
    match draw.randrange(6):
        case 0:
            del node[place]
        case 1:
            node.insert(place, draw.choice(WORDS))
        case 2:
            node.insert(place, node[draw.randrange(len(node))])
        case 3 if isinstance(node[0], int):
            node[0] = draw.choice(list(Tag))
        case _:
            node[place] = mutated(node[place], draw)
    return node


def flipped(data: bytes, draw: random.Random) -> bytes:
    """Return bytes of which some are changed, cut off or repeated."""
    changed = bytearray(data)
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(changed) + 1)
        match draw.randrange(4):
            case 0:
                del changed[place : place + draw.randrange(1, 9)]
            case 1:
                changed[place:place] = draw.randbytes(draw.randrange(1, 9))
            case _ if place < len(changed):
                changed[place] = draw.randrange(256)
    return bytes(changed)


def test_the_decoder_survives_a_hundred_thousand_frames(sides: tuple[JudgePeer, SubjectPeer, socket.socket]) -> None:
    judge, subject, _ = sides
    seeds = [Encoder(subject).encode(value) for value in VALUES]
    draw = random.Random(15)
    decoded = refused = 0
    for seed in seeds:
        Decoder(judge).decode(framing.unpack(msgpack.packb(seed)))  # each is accepted as it is
    before, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
    for number in range(FRAMES):
        node = draw.choice(seeds)
        for _ in range(draw.randrange(1, 4)):
            node = mutated(node, draw)
        judge._proxies.clear()
        start = time.process_time()
        try:
            data = msgpack.packb(node, use_bin_type=True)
            Decoder(judge).decode(framing.unpack(flipped(data, draw) if number % 4 == 0 else data))
            decoded += 1
        except ProtocolError:
            refused += 1
        slowest = max(slowest, time.process_time() - start)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_GROWTH_KB
    assert slowest < MAX_SECONDS
    assert decoded > FRAMES // 20  # mutations reach what lies behind the first check, and most are refused there
    assert refused > FRAMES // 3


def test_the_line_survives_whatever_comes_over_it() -> None:
    draw = random.Random(16)
    ends = collections.Counter[str]()
    for _ in range(2000):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            judge, subject = JudgePeer(ours), SubjectPeer(theirs, {})
            judge.deadline = time.monotonic() + 20
            value, error, words = map(Encoder(subject).encode, (draw.choice(VALUES), ValueError, ["words"]))
            frames: list[Any] = [[0, value, ""], [1, error, words, ""], [2, "typename", 1], [2, "call", 1, value]]
            theirs.sendall(
                _framed(draw, draw.choice(frames)) + _framed(draw, [0, value, "said"])[: draw.randrange(200)]
            )
            theirs.shutdown(socket.SHUT_WR)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    judge.request("name", "answer")
                ends["value"] += 1
            except LineBroken as broken:
                ends[broken.reason] += 1
            except BaseException:  # what the learner's side says was raised; never more than its word
                ends["raised"] += 1
    assert ends["timeout"] == 0
    assert min(ends[end] for end in ("value", "violation", "crashed", "raised")) > 9, ends


def _framed(draw: random.Random, frame: Any) -> bytes:
    data: bytes = msgpack.packb(mutated(frame, draw) if draw.random() < 0.5 else frame, use_bin_type=True)
    data = flipped(data, draw) if draw.random() < 0.3 else data
    return len(data).to_bytes(4, "big") + data
