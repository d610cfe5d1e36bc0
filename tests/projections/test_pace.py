"""How many events a rebuild takes at once."""

from hypothesis import given
from hypothesis import strategies as st

from projections.pace import ALONE_SECONDS, SHARED_SECONDS, Pace, next_size

COST = 20e-6


def test_alone_it_takes_what_fits_into_its_time_and_beside_others_a_tenth() -> None:
    assert next_size(15_000, 40e-6, shared=False) == round(ALONE_SECONDS / 40e-6)
    assert next_size(5_000, COST, shared=True) == round(SHARED_SECONDS / COST)


def test_it_doubles_at_most_and_gives_way_at_once() -> None:
    assert next_size(1_000, 1e-6, shared=False) == 2_000
    assert next_size(20_000, COST, shared=True) == round(SHARED_SECONDS / COST)


def test_a_busy_machine_makes_batches_small_for_those_alone_who_wait() -> None:
    assert next_size(5_000, 1e-3, shared=False) == 8_000
    assert next_size(5_000, 1e-3, shared=True) == 500


@given(st.integers(1, 20_000), st.floats(0, 10), st.booleans())
def test_it_always_takes_some_and_never_too_many(size: int, cost: float, shared: bool) -> None:
    assert 1 <= next_size(size, cost, shared=shared) <= 20_000


def test_who_wrote_is_remembered_for_some_seconds() -> None:
    now = [100.0]
    pace = Pace(5_000, clock=lambda: now[0])
    pace.held(5_000 * COST, 5_000, written=0)
    assert pace.size == 10_000
    pace.held(5_000 * COST, 5_000, written=1)
    assert pace.size == 500
    now[0] += 4
    pace.held(500 * COST, 500, written=1)
    assert pace.size == 500
    now[0] += 2
    pace.held(500 * COST, 500, written=1)
    assert pace.size == 1_000


def test_a_fixed_size_stays() -> None:
    pace = Pace(7, fixed=True)
    pace.held(9.0, 7, written=1)
    assert pace.size == 7
