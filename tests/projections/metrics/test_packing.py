"""Columns as bytes: what comes back is what was logged, bit by bit, in whatever form it was kept."""

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.metrics.columns import Column
from projections.metrics.packing import pack_column, unpack_column


def _sums(first: int, steps: list[int]) -> list[int]:
    found = [first]
    for step in steps:
        found.append(found[-1] + step)
    return found


_INT64 = st.integers(-(2**63), 2**63 - 1)
_INTEGERS = st.one_of(
    st.lists(_INT64),
    st.lists(st.integers(-200, 200)),
    st.builds(_sums, st.integers(-(2**50), 2**50), st.lists(st.integers(-40_000, 40_000))),
    st.builds(
        lambda first, stride, count: [first + stride * place for place in range(count)],
        st.integers(-(2**40), 2**40),
        st.integers(-(2**20), 2**20),
        st.integers(0, 300),
    ),
)
_FLOATS = st.one_of(
    st.lists(st.floats()),
    st.lists(st.floats(width=32)),
    st.builds(lambda value, count: [value] * count, st.floats(), st.integers(0, 300)),
)


@given(_INTEGERS)
def test_integers_come_back(values: list[int]) -> None:
    found = unpack_column(pack_column(array("q", values)))
    assert isinstance(found, array)
    assert (found.typecode, found.tolist()) == ("q", values)


@given(_FLOATS)
def test_floats_come_back_bit_by_bit(values: list[float]) -> None:
    column = array("d", values)
    found = unpack_column(pack_column(column))
    assert isinstance(found, array)
    assert (found.typecode, found.tobytes()) == ("d", column.tobytes())


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0xFFF0000000000001, 0x7FF0000020000000, 0x8000000000000000, 1])
def test_no_bit_of_a_strange_float_is_lost(bits: int) -> None:
    column = array("d", struct.pack("=QQ", bits, 0))
    assert unpack_column(pack_column(column)).tobytes() == column.tobytes()  # type: ignore[union-attr]


@given(st.lists(st.one_of(st.none(), st.booleans(), st.text(), st.integers(), st.floats(allow_nan=False))))
def test_all_else_comes_back_with_its_types(values: list[object]) -> None:
    found = unpack_column(pack_column(values))
    assert list(zip(map(type, found), found, strict=True)) == list(zip(map(type, values), values, strict=True))


@pytest.mark.parametrize(
    ("column", "most"),
    [
        (array("q", range(10_000)), 30),
        (array("q", [7] * 10_000), 30),
        (array("q", [place * 12_000_000 + place * 7_919 % 900 for place in range(10_000)]), 40_100),
        (array("d", [0.001] * 10_000), 30),
        (array("d", array("f", [place / 3 for place in range(10_000)])), 40_100),
    ],
    ids=["steps", "the same step", "times", "a constant", "single precision"],
)
def test_what_scripts_mostly_log_is_small(column: Column, most: int) -> None:
    assert len(pack_column(column)) < most
