"""The codec: data crosses by its exact type and keeps its identity; anything else is refused, and quickly."""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import fractions
import math
import pathlib
import subprocess
import sys
import time
import uuid
import warnings
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nbcoach_grader.engine import framing
from nbcoach_grader.engine.codec import MAX_DEPTH, MAX_ITEMS, Decoder, Encoder
from nbcoach_grader.engine.singles import MAX_DIGITS, Tag
from nbcoach_grader.errors import FrameTooLarge, ProtocolError, Undecodable

QUICK = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SECONDS = 20.0


class NoReferences:
    """Everything must cross by value here."""

    def export(self, value: object, encode: Callable[[object], Any]) -> list[Any]:
        raise Undecodable(f"{type(value)} is no data")

    def resolve(self, payload: Sequence[Any], decode: Callable[[Any], object]) -> object:
        raise Undecodable("nothing to refer to")

    def number(self, array: Any) -> int:
        return 1

    def met(self, number: Any, array: Any) -> Any:
        return array


def cross(value: Any) -> Any:
    body = framing.pack(Encoder(NoReferences()).encode(value))[4:]
    return Decoder(NoReferences()).decode(framing.unpack(body))


def plain(node: Any) -> Any:
    """Return a node as it comes off the wire, where a tag is a plain number."""
    return framing.unpack(framing.pack(node)[4:])


def decode(node: Any) -> Any:
    return Decoder(NoReferences()).decode(plain(node))


def same(left: Any, right: Any) -> bool:
    """Compare by exact type, all the way down; NaN is itself, and 0.0 is not -0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (
            math.isnan(right)
            if math.isnan(left)
            else (left, math.copysign(1, left)) == (right, math.copysign(1, right))
        )
    if isinstance(left, (list, tuple, collections.deque)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return bool(left == right)


KEYS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
LEAVES = (
    KEYS
    | st.floats()
    | st.integers(-(2**200), 2**200)
    | st.sampled_from([-(2**63) - 1, -(2**63), 2**63, 2**64 - 1, 2**64, ..., NotImplemented])
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.uuids()
    | st.binary(max_size=9).map(bytearray)
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 5))
    | st.builds(slice, st.none() | st.integers(), st.none() | st.integers())
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(KEYS, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=3).map(collections.OrderedDict)
        | st.dictionaries(KEYS, inner, max_size=3).map(lambda pairs: collections.defaultdict(None, pairs))
        | st.dictionaries(KEYS, st.integers(), max_size=3).map(collections.Counter)
        | st.lists(inner, max_size=3).map(lambda items: collections.deque(items, maxlen=3))
    ),
    max_leaves=12,
)


@QUICK
@given(VALUES)
def test_builtins_cross(value: Any) -> None:
    assert same(cross(value), value)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -math.nan,
        math.inf,
        -0.0,
        "\ud800",
        "\0",
        16**MAX_DIGITS - 1,
        -(16**MAX_DIGITS) + 1,
        decimal.Decimal("-Infinity"),
        pathlib.PosixPath("a/../b"),
        uuid.UUID(int=5),
        fractions.Fraction(-1, 3),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        datetime.time(1, 2, 3, 4, tzinfo=datetime.UTC),
        pd.Timestamp("2024-01-01", tz="Europe/Berlin"),
        pd.Timestamp(2**62),
        pd.Timedelta(5),
        collections.deque([1], maxlen=1),
        np.dtype("int16"),
        np.dtype(object),
        np.dtype("M8[s]"),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.30}" if type(value) is not int else "long integer",
)
def test_value_crosses(value: Any) -> None:
    assert same(cross(value), value)


def test_singletons_stay_themselves() -> None:
    for value in (None, True, False, ..., NotImplemented, pd.NA, pd.NaT):
        assert cross([value])[0] is value


def test_values_that_are_not_themselves() -> None:
    assert cross(decimal.Decimal("NaN")).is_nan()
    found = cross(complex(math.nan, -0.0))
    assert math.isnan(found.real)
    assert math.copysign(1, found.imag) == -1


def test_identity_is_kept() -> None:
    inner: list[int] = [1]
    shared = {"k": inner}
    found = cross([inner, shared, (inner, shared), collections.deque([inner])])
    assert found[0] is found[1]["k"] is found[2][0] is found[3][0]
    assert found[1] is found[2][1]
    assert cross([[1], [1]])[0] is not cross([[1], [1]])[1]


def test_arrays_and_tables_keep_their_identity() -> None:
    array, objects = np.arange(3), np.array([[1], None], dtype=object)
    series = pd.Series([1])
    found = cross([array, array, objects, objects[0], series, series])
    assert found[0] is found[1]
    assert found[2][0] is found[3]
    assert found[4] is found[5]


def test_cycles() -> None:
    items: list[Any] = []
    mapping: dict[str, Any] = {"items": items}
    queue: collections.deque[Any] = collections.deque([mapping])
    items += [items, mapping, queue]
    found = cross(items)
    assert found[0] is found
    assert found[1]["items"] is found
    assert found[2][0] is found[1]


def test_cycle_through_a_tuple_is_refused() -> None:
    items: list[Any] = []
    items.append((items,))
    assert cross(items)[0][0] is not None
    with pytest.raises(Undecodable):
        decode([Tag.TUPLE, [Tag.REF, 0]])


def test_subclasses_are_no_data() -> None:
    class Int(int):
        pass

    class Items(list):  # type: ignore[type-arg]
        pass

    class Array(np.ndarray):
        pass

    for value in (Int(1), Items(), np.zeros(1).view(Array), object(), len, int, Exception(), math):
        with pytest.raises(Undecodable):
            cross([value])


DTYPES = [
    *["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "c8", "c16", ">i4", ">f8"],
    *["S5", "U5", "S0", "U0", ">U3", "M8[ns]", "M8[D]", "M8[s]", "m8[us]", "M8", "m8", ">M8[s]", "O"],
]
SHAPES = [(), (0,), (3,), (2, 3), (0, 4), (2, 0), (1, 1, 1, 2)]


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arrays_cross(name: str, shape: tuple[int, ...]) -> None:
    whole = np.zeros(shape, dtype=object if name == "O" else np.dtype(name))
    if whole.dtype.itemsize and name != "O":
        size = whole.dtype.itemsize
        raw = bytes(range(1, 250))[: size * whole.size] if whole.dtype.kind not in "?bU" else bytes(size * whole.size)
        whole = np.frombuffer(raw, dtype=whole.dtype, count=whole.size).reshape(shape) if raw else whole
    found = cross(whole)
    assert type(found) is np.ndarray
    assert (found.dtype, found.shape) == (whole.dtype, whole.shape)
    assert found.tobytes() == whole.tobytes()
    assert found.flags.writeable


@pytest.mark.parametrize("name", [name for name in DTYPES if name != "O"])
def test_scalars_and_dtypes_cross(name: str) -> None:
    value = np.zeros(1, dtype=name)[0]
    found = cross(value)
    assert type(found) is type(value)
    assert found.dtype == value.dtype
    assert found.tobytes() == value.tobytes()
    assert cross(np.dtype(name)) == np.dtype(name)


def test_order_in_memory_does_not_matter() -> None:
    for array in (np.arange(6).reshape(2, 3).T, np.arange(9)[::-2], np.asfortranarray(np.ones((2, 2)))):
        assert cross(array).tolist() == array.tolist()


def test_structured_arrays_stay_where_they_are() -> None:
    with pytest.raises(Undecodable):
        cross(np.zeros(2, dtype=[("a", "i4"), ("b", "O")]))


COLUMNS: dict[str, Any] = {
    "integers": pd.Series([1, 2, 3]),
    "floats": pd.Series([1.0, None]),
    "small": pd.Series([1, 2], dtype="uint8"),
    "bools": pd.Series([True, False]),
    "complex": pd.Series([1j]),
    "text": pd.Series(["a", None]),
    "objects": pd.Series(["a", 1, None, (1, 2)], dtype=object),
    "objects that are all text": pd.Series(["a", "b"], dtype=object),
    "string": pd.Series(["a", None], dtype="string"),
    "nullable integers": pd.Series([1, None], dtype="Int64"),
    "nullable bytes": pd.Series([1, None], dtype="UInt8"),
    "nullable floats": pd.Series([1.5, None], dtype="Float64"),
    "nullable bools": pd.Series([True, None], dtype="boolean"),
    "categories": pd.Series(["a", "b", None], dtype="category"),
    "ordered categories": pd.Series(pd.Categorical(["a"], categories=["b", "a"], ordered=True)),
    "dates": pd.Series(pd.to_datetime(["2024-01-01", None])),
    "dates with a zone": pd.Series(pd.date_range("2024", periods=2, tz="Europe/Berlin")),
    "durations": pd.Series(pd.to_timedelta([1, 2])),
    "empty floats": pd.Series([], dtype=float),
    "empty objects": pd.Series([], dtype=object),
    "empty text": pd.Series([], dtype="string"),
    "empty categories": pd.Series([], dtype="category"),
    "labels": pd.Series([1, 2], index=["x", "y"], name=("a", 1)),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_cross(name: str) -> None:
    series = COLUMNS[name]
    pd.testing.assert_series_equal(cross(series), series)
    index = pd.Index(series, name="i")
    found = cross(index)
    pd.testing.assert_index_equal(found, index, exact=True)
    frame = pd.DataFrame({"one": series})
    pd.testing.assert_frame_equal(cross(frame), frame)


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_of_like_columns_cross(name: str) -> None:
    frame = pd.DataFrame({"one": COLUMNS[name], "two": COLUMNS[name]})
    pd.testing.assert_frame_equal(cross(frame), frame)


def test_objects_shared_inside_a_table_stay_the_same_object() -> None:
    shared = [1]
    found = cross(pd.DataFrame({"a": [shared, shared]}))
    assert found["a"][0] is found["a"][1]
    assert found["a"][0] == [1]


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(1, 9, 2, name="r"),
        pd.date_range("2024", periods=3, freq="D"),
        pd.date_range("2024", periods=3, freq="ME"),
        pd.date_range("2024", periods=3, freq="h", tz="Europe/Berlin"),
        pd.date_range("2024", periods=3, freq="W-WED"),
        pd.timedelta_range(0, periods=3, freq="D"),
        pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["x", None]),
        pd.MultiIndex.from_tuples([(1, "a"), (None, "b")]),
        pd.MultiIndex.from_arrays([[], []]),
        pd.CategoricalIndex(["a", "b"]),
        pd.Index([]),
    ],
    ids=lambda index: f"{type(index).__name__} {getattr(index, 'freqstr', None)} {len(index)}",
)
def test_indexes_cross(index: Any) -> None:
    found = cross(index)
    pd.testing.assert_index_equal(found, index, exact=True)
    assert type(found) is type(index)
    assert getattr(found, "freq", None) == getattr(index, "freq", None)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({"a": [1], "b": ["x"], "c": [1.5], "d": [True]}),
        pd.DataFrame({"a": [1]}).rename_axis(columns="q", index="p"),
        pd.DataFrame({"a": [[1, 2], {3}]}),
    ],
    ids=["empty", "no rows", "no columns", "names twice", "two levels", "mixed", "named axes", "nested"],
)
def test_tables_cross(frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(cross(frame), frame, check_names=True)


@QUICK
@given(
    st.dictionaries(
        st.text(max_size=3),
        st.sampled_from(["i8", "f8", "bool", "object", "category", "string", "M8[ns]"]),
        max_size=4,
    ),
    st.integers(0, 3),
)
def test_any_table_crosses(columns: dict[str, str], rows: int) -> None:
    frame = pd.DataFrame({name: pd.Series([0] * rows).astype(kind) for name, kind in columns.items()})
    pd.testing.assert_frame_equal(cross(frame), frame)


def test_time_keeps_its_zone() -> None:
    moment = datetime.time(1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    assert str(cross(moment).tzinfo) == "Europe/Berlin"


@pytest.mark.parametrize("value", [pd.Timestamp("2024-01-01").as_unit("ms"), pd.Timedelta("1D").as_unit("s")])
def test_units_are_kept(value: Any) -> None:
    assert cross(value).unit == value.unit


def test_long_range_is_refused_or_crosses() -> None:
    value = range(10**25)
    with contextlib.suppress(ProtocolError):
        assert cross(value) == value


# -- what may come from anybody -----------------------------------------------------------------------------------


TAGS = st.sampled_from([int(tag) for tag in Tag]) | st.integers(-3, 50)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text("0123456789abM8[]nsfiuSOU|<>-:.T+xZ/", max_size=8)
    | st.sampled_from(["numpy", "category", "zoned", "range", "multi", "items", "Int64", "string", "na", "UTC", "|O"])
    | st.binary(max_size=16)
    | st.just([])
    | st.lists(st.integers(-1, 4), max_size=3)
)
NODES = st.recursive(
    PLAIN,
    lambda inner: (
        st.builds(lambda tag, rest: [tag, *rest], TAGS, st.lists(inner, max_size=6))
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=20,
)


def attempt(node: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ProtocolError):
            Decoder(NoReferences()).decode(node)


@settings(QUICK, max_examples=1500)
@given(NODES)
def test_any_tree_is_decoded_or_refused(node: Any) -> None:
    attempt(node)


@settings(QUICK, max_examples=800)
@given(st.sampled_from([int(tag) for tag in Tag]), st.lists(PLAIN, max_size=5))
def test_any_composite_is_decoded_or_refused(tag: int, rest: list[Any]) -> None:
    attempt([tag, *rest])


@settings(QUICK, max_examples=800)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    try:
        message = framing.unpack(body)
    except ProtocolError:
        return
    attempt(message)


@pytest.mark.parametrize(
    "body", [b"\x81\x90\x01", b"\x81\x81\x01\x02\x03", b"\x82\x91\x01\x01\x01\x01"], ids=["list", "map", "second"]
)
def test_keys_of_a_map_that_cannot_be_keys(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        framing.unpack(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x01\x01",
        b"\xa1\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc7\x0c\xff" + b"\xff" * 12,
        b"\x91" * 100_000,
    ],
    ids=lambda body: body[:5].hex() or "empty",
)
def test_broken_messages(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        framing.unpack(body)


def test_long_messages() -> None:
    with pytest.raises(FrameTooLarge):
        framing.pack(bytes(framing.MAX_FRAME + 1))
    with pytest.raises(FrameTooLarge):
        framing.body_length(b"\xff\xff\xff\xff")
    with pytest.raises(FrameTooLarge):
        framing.body_length(b"\x00\x00\x00\x02", 1)
    assert framing.body_length(b"\x00\x00\x00\x02", 2) == 2


ROWS = [Tag.INDEX, "range", [Tag.LIST, None], 0, 2, 1]
DATE = "2024-01-01T00:00:00+00:00"
REFUSED: dict[str, Any] = {
    "a map": {},
    "no tag": [],
    "a tag of text": ["LIST"],
    "a tag that is a bool": [True],
    "an unknown tag": [99],
    "a negative tag": [-1],
    "a reference to nothing": [Tag.REF, 0],
    "a negative reference": [Tag.LIST, [Tag.REF, -1]],
    "a reference that is a bool": [Tag.LIST, [Tag.REF, False]],
    "a reference by name": [Tag.REFERENCE, "global", "builtins", "eval"],
    "an unfinished tuple": [Tag.TUPLE, [Tag.REF, 0]],
    "a list in a set": [Tag.SET, [Tag.LIST]],
    "a key without a value": [Tag.DICT, 1],
    "a factory that is none": [Tag.DEFAULTDICT, 1],
    "a negative maxlen": [Tag.DEQUE, -1],
    "an integer of no text": [Tag.INTEGER, 5],
    "a long integer": [Tag.INTEGER, "0x" + "f" * (MAX_DIGITS + 9)],
    "a long fraction": [Tag.FRACTION, "0x1", "0x" + "f" * (MAX_DIGITS + 9)],
    "a fraction of zero": [Tag.FRACTION, "0x1", "0x0"],
    "a long decimal": [Tag.DECIMAL, "1" * (MAX_DIGITS + 9)],
    "bytes by number": [Tag.BYTEARRAY, 2**40],
    "an empty step": [Tag.RANGE, 0, 1, 0],
    "a date of no text": [Tag.DATE, 5],
    "an unknown zone": [Tag.DATETIME, DATE, "No/Where"],
    "a zone that is a path": [Tag.DATETIME, DATE, "../../../etc/passwd"],
    "a timestamp by number": [Tag.TIMESTAMP, 5, ""],
    "a long timestamp": [Tag.TIMESTAMP, "1" * 10_000, ""],
    "an object array by dtype": [Tag.ARRAY, "|O", b"\0" * 8, [1]],
    "an object array by letter": [Tag.ARRAY, "O", b"\0" * 8, [1]],
    "an object array by name": [Tag.ARRAY, "object", b"\0" * 8, [1]],
    "a scalar object": [Tag.SCALAR, "|O", b"\0" * 8],
    "an array of fields": [Tag.ARRAY, "i4,i4", b"\0" * 8, [1]],
    "an array of named fields": [Tag.ARRAY, "{'names':['a'],'formats':['O']}", b"\0" * 8, [1]],
    "an array of subarrays": [Tag.ARRAY, "2i4", b"\0" * 8, [1]],
    "an array of shaped items": [Tag.ARRAY, "(2,)i4", b"\0" * 8, [1]],
    "an array of records": [Tag.ARRAY, "record", b"\0" * 8, [1]],
    "an array of void": [Tag.ARRAY, "V8", b"\0" * 8, [1]],
    "an array of strings of any length": [Tag.ARRAY, "T", b"\0" * 16, [1]],
    "a dtype of fields": [Tag.DTYPE, "i4,O"],
    "a dtype of no text": [Tag.DTYPE, [["a", "O"]]],
    "a long dtype": [Tag.DTYPE, "i" * 100_000],
    "a wide dtype": [Tag.ARRAY, "U999999999", b"", [1]],
    "a huge array": [Tag.ARRAY, "<i8", b"\0" * 8, [2**60]],
    "a huge array of nothing": [Tag.ARRAY, "|S0", b"", [2**60]],
    "an array whose size overflows": [Tag.ARRAY, "<i8", b"", [2**32, 2**32]],
    "an array of negative size": [Tag.ARRAY, "<i8", b"\0" * 8, [-1]],
    "an array of two negative sizes": [Tag.ARRAY, "<i8", b"\0" * 8, [-1, -1]],
    "a shape of bools": [Tag.ARRAY, "<i8", b"\0" * 8, [True]],
    "a shape of floats": [Tag.ARRAY, "<i8", b"\0" * 8, [1.0]],
    "a shape of many": [Tag.ARRAY, "<i8", b"\0" * 8, [1] * 65],
    "a short array": [Tag.ARRAY, "<i8", b"\0" * 7, [1]],
    "an array of text": [Tag.ARRAY, "<i8", "12345678", [1]],
    "an object array of another size": [Tag.OBJECT_ARRAY, [2**60], None],
    "an object array of no shape": [Tag.OBJECT_ARRAY],
    "a column of another size": [Tag.SERIES, ROWS, None, "numpy", [Tag.ARRAY, "<i8", b"\0" * 8, [1]]],
    "a long column": [Tag.SERIES, [*ROWS[:4], 10**15, 1], None, "numpy", [Tag.ARRAY, "<i8", b"\0" * 8, [1]]],
    "a flat table": [Tag.SERIES, ROWS, None, "numpy", [Tag.ARRAY, "<i8", b"\0" * 16, [2, 1]]],
    "a column of another dtype": [Tag.SERIES, ROWS, None, "object", [Tag.ARRAY, "<i8", b"\0" * 16, [2]]],
    "a column of no dtype": [Tag.SERIES, ROWS, None, ["Int64"], [Tag.ARRAY, "<i8", b"\0" * 16, [2]]],
    "codes beyond the categories": [
        Tag.SERIES, ROWS, None, "category", True, [Tag.LIST, "a"], [Tag.ARRAY, "|i1", b"\0\5", [2]]
    ],
    "rows that are a list": [Tag.SERIES, [Tag.LIST, 0], None, "numpy", [Tag.ARRAY, "<i8", b"\0" * 8, [1]]],
    "an index by floats": [Tag.INDEX, "range", [Tag.LIST, None], 0.5, 2, 1],
    "an index of no names": [Tag.INDEX, "range", [Tag.LIST], 0, 2, 1],
    "a table of nothing": [Tag.FRAME],
    "a table of other columns": [Tag.FRAME, ROWS, ROWS, ["numpy", [Tag.ARRAY, "<i8", b"\0" * 16, [2]]]],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    started = time.monotonic()
    with pytest.raises(Undecodable):
        decode(REFUSED[name])
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("zone", ["Europe", "America", "a" * 5000], ids=["folder", "another folder", "long name"])
@pytest.mark.parametrize("tag", [Tag.DATETIME, Tag.TIMESTAMP])
def test_zone_that_is_no_file(tag: Tag, zone: str) -> None:
    with pytest.raises(Undecodable):
        decode([tag, DATE, zone])


@pytest.mark.parametrize("name", ["m8[ns/0]", "<M8[s/0]"])
def test_dtype_that_divides_by_zero_does_not_end_the_process(name: str) -> None:
    code = (
        "import sys\nsys.path[:0] = ['grader', 'exercises']\n"
        "from nbcoach_grader.engine.codec import Decoder\nfrom nbcoach_grader.errors import Undecodable\n"
        f"try:\n    Decoder(None).decode([24, {name!r}, b'', [0]])\nexcept Undecodable:\n    print('refused')\n"
    )
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "refused\n")


@pytest.mark.parametrize("form", ["category", "zoned", "multi"])
@pytest.mark.parametrize("items", [[Tag.RANGE, 0, 3_000_000, 1]], ids=["range"])
def test_nothing_is_allocated_that_the_bytes_do_not_pay_for(form: str, items: Any) -> None:
    codes = [Tag.ARRAY, "|i1", b"\0\1", [2]]
    nodes = {
        "category": [Tag.SERIES, ROWS, None, "category", True, items, codes],
        "zoned": [Tag.INDEX, "items", [Tag.LIST, None], None, "zoned", "UTC", items],
        "multi": [Tag.INDEX, "multi", [Tag.LIST, None], [Tag.LIST, items], [Tag.LIST, codes]],
    }
    with pytest.raises(Undecodable):
        decode(nodes[form])


def nested(depth: int) -> list[Any]:
    node: list[Any] = [Tag.LIST]
    for _ in range(depth - 1):
        node = [Tag.LIST, node]
    return node


def test_depth_is_bounded() -> None:
    decode(nested(MAX_DEPTH))
    with pytest.raises(Undecodable):
        decode(nested(MAX_DEPTH + 1))
    value: list[Any] = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert cross(value) == value
    with pytest.raises(Undecodable):
        cross([value])


def test_items_are_bounded() -> None:
    started = time.monotonic()
    with pytest.raises(Undecodable):
        decode([Tag.LIST, *[[Tag.REF, 0]] * (MAX_ITEMS + 1)])
    assert time.monotonic() - started < SECONDS


def test_long_integer_is_refused_on_the_way_out() -> None:
    with pytest.raises(Undecodable):
        cross(1 << (4 * MAX_DIGITS + 1))


def test_one_bad_item_leaves_no_trace() -> None:
    decoder = Decoder(NoReferences())
    with pytest.raises(Undecodable):
        decoder.decode([1, [1, [99]]])
    assert decoder.decode(plain(nested(MAX_DEPTH))) is not None


def doubling(tag: Tag, levels: int) -> Any:
    """Return a node of `levels` containers, each holding the one inside it twice."""
    node: Any = [tag, 1]
    for number in range(levels, 1, -1):  # 0 is what stands around it
        node = [tag, node, [Tag.REF, number]]
    return node


@pytest.mark.parametrize("around", [Tag.LIST, Tag.SET, Tag.FROZENSET])
@pytest.mark.parametrize("inside", [Tag.TUPLE, Tag.LIST])
def test_what_is_shared_costs_as_much_as_if_it_were_written_out(around: Tag, inside: Tag) -> None:
    """Hashing, comparing and showing a value walk through shared parts each time they are met."""
    with pytest.raises(Undecodable, match="shares its parts"):
        decode([around, doubling(inside, 50)])


def test_what_is_shared_now_and_then_is_fine() -> None:
    assert decode([Tag.SET, doubling(Tag.TUPLE, 12)]) == {_doubled(12)}
    row = list(range(1000))
    assert cross([row] * 1000) == [row] * 1000


def _doubled(levels: int) -> tuple[Any, ...]:
    found: tuple[Any, ...] = (1,)
    for _ in range(levels - 1):
        found = (found, found)
    return found
