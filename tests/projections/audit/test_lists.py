"""What lists of positions have in common: the same as of sets, and a rare list leads through frequent ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.audit.lists import Few, Positions, Reach, Span, in_all


@dataclass
class Counted:
    """A list that counts what is read of it."""

    positions: Positions
    rows: int = 0
    blocks: int = 0

    def block(self, position: int, limit: int) -> Sequence[int]:
        found = self.positions.block(position, limit)
        self.rows, self.blocks = self.rows + len(found), self.blocks + 1
        return found


def all_of(lists: Sequence[Positions], without: Sequence[Positions], span: Span, reach: Reach) -> tuple[list[int], int]:
    """Every position, and how many pages it took."""
    found: list[int] = []
    for pages in range(1, 10_000):
        behind = None
        for stretch in in_all(lists, without, span, reach):
            found += stretch.found
            behind = stretch.behind
        if behind is None:
            return found, pages
        assert (behind - span.start) * span.step > 0, "each page gets on"
        span = span._replace(start=behind)
    raise AssertionError("it never ends")


positions = st.sets(st.integers(0, 60), max_size=60)


@given(
    lists=st.lists(positions, min_size=1, max_size=4),
    without=st.lists(positions, max_size=1),
    bounds=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    backwards=st.booleans(),
    reach=st.builds(Reach, rows=st.sampled_from([1, 100, 10_000]), first=st.integers(1, 20)),
)
def test_it_is_what_sets_have_in_common_in_order(
    lists: list[set[int]], without: list[set[int]], bounds: tuple[int, int], backwards: bool, reach: Reach
) -> None:
    low, high = sorted(bounds)
    step = -1 if backwards else 1
    span = Span(high, low, step) if backwards else Span(low, high, step)
    given = [Few(sorted(each, reverse=backwards), step) for each in lists]
    absent = [Few(sorted(each, reverse=backwards), step) for each in without]
    common = set.intersection(*lists).difference(*without)
    expected = sorted((each for each in common if low <= each <= high), reverse=backwards)

    assert all_of(given, absent, span, reach)[0] == expected


def few(found: range) -> Counted:
    return Counted(Few(found, 1))


def test_a_rare_list_leads_through_frequent_ones() -> None:
    frequent, rare = few(range(0, 1_000_000, 2)), few(range(0, 1_000_000, 50_000))
    found, _ = all_of([frequent, rare], [], Span(0, 1_000_000, 1), Reach(100_000, 64))

    assert found == list(range(0, 1_000_000, 50_000))
    assert frequent.rows < 2_000


def test_frequent_lists_that_share_nothing_are_read_in_large_blocks_and_no_page_reads_all_of_them() -> None:
    even, odd = few(range(0, 1_000_000, 2)), few(range(1, 1_000_000, 2))
    found, pages = all_of([even, odd], [], Span(0, 1_000_000, 1), Reach(20_000, 64))

    assert found == []
    assert 20 < pages < 80
    assert even.blocks < 500


@pytest.mark.parametrize("reach", [Reach(1, 64), Reach(20_000, 64)])
def test_what_is_left_out_almost_everywhere_bounds_a_page_too(reach: Reach) -> None:
    all_there, left_out = few(range(100_000)), few(range(99_990))
    span = Span(0, 100_000, 1)
    stretches = list(in_all([all_there], [left_out], span, reach))

    assert all_there.rows + left_out.rows <= reach.rows + 2 * 4_096
    assert stretches[-1].behind is not None
    assert all_of([all_there], [left_out], span, reach)[0] == list(range(99_990, 100_000))
