from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.email.breaker import Breaker


def test_nothing_waits_until_something_failed() -> None:
    assert Breaker().wait(now=0.0) == 0


def test_each_failure_in_a_row_doubles_the_wait_up_to_five_minutes() -> None:
    breaker, waits, now = Breaker(), [], 100.0
    for _ in range(12):
        breaker = breaker.failed(now, breaker.step)
        waits.append(breaker.wait(now))
        now += waits[-1]
        assert breaker.wait(now) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_tries_that_began_together_count_once() -> None:
    breaker = Breaker()
    first = breaker.failed(10.0, breaker.step)
    assert first.failed(11.0, breaker.step) is first


@given(st.lists(st.tuples(st.integers(0, 7), st.floats(0, 3)), max_size=200))
def test_there_are_never_more_tries_in_a_step_than_connections(moves: list[tuple[int, float]]) -> None:
    """Eight connections start and fail in any order; each step sees at most eight tries."""
    breaker, now, tries = Breaker(), 0.0, dict[int, int]()
    under_way: dict[int, int] = {}
    for connection, passed in moves:
        now += passed
        if connection in under_way:
            breaker = breaker.failed(now, under_way.pop(connection))
        elif breaker.wait(now) == 0:
            under_way[connection] = breaker.step
            tries[breaker.step] = tries.get(breaker.step, 0) + 1
    assert all(count <= 8 for count in tries.values())
