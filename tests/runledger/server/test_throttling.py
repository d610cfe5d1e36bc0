"""How soon somebody may try again, and what a flood of tries costs."""

from hypothesis import given
from hypothesis import strategies as st

from runledger.server.refused_logins import RefusedLogins, as_recorded
from runledger.server.throttling import OF_PLACE, OF_USER, Allowance, Throttle, Tries, longest, one_more, pause

SHORT = Allowance(free=2, most_seconds=8, forgotten_seconds=100)


def test_pauses_double_up_to_the_longest() -> None:
    tries: Tries | None = None
    pauses = []
    for _ in range(8):
        tries = one_more(tries, SHORT, 0)
        pauses.append(pause(tries, SHORT, 0))

    assert pauses == [0, 1, 2, 4, 8, 8, 8, 8]
    assert pause(tries, SHORT, 5) == 3
    assert pause(tries, SHORT, 8) == pause(tries, SHORT, 100) == 0
    assert one_more(tries, SHORT, 100) == Tries(1, 100)


@given(st.lists(st.floats(0, 400), max_size=400))
def test_whoever_waits_as_told_has_few_tries_a_day(waits: list[float]) -> None:
    """NIST SP 800-63B-4: no more than 100 in a row; here it is the pace that is held."""
    throttle, now, tried = Throttle(OF_USER), 0.0, 0
    for more in waits:
        now += throttle.pause("ada", now) + more
        throttle.charge("ada", now)
        tried += 1

    assert tried <= OF_USER.free + 9 + now / OF_USER.most_seconds
    # 1 + 2 + ... + 256 seconds are the pauses before the longest one.
    assert tried <= OF_USER.free or now >= min(2.0 ** (tried - OF_USER.free) - 1, 511) - 1e-6


def test_many_at_once_are_many() -> None:
    throttle = Throttle(SHORT)
    for _ in range(5):
        throttle.charge("ada", 0)

    assert throttle.pause("ada", 0) == 8
    throttle.refund("ada")
    assert throttle.pause("ada", 0) == 4
    throttle.forget("ada")
    assert throttle.pause("ada", 0) == 0
    throttle.refund("nobody")


def test_what_is_remembered_is_bounded_and_the_latest_stays() -> None:
    throttle = Throttle(OF_PLACE, kept=10)
    for number in range(100):
        throttle.charge("attacked", 0)
        throttle.charge(f"a{number}", 0)

    assert len(throttle) == 10
    assert throttle.pause("attacked", 0) > 0


def test_whole_seconds_are_waited() -> None:
    assert [longest(pauses) for pauses in ([], [0.0], [0.2, 0.0], [1.0], [1.01, 300.0])] == [0, 0, 1, 1, 300]


def test_a_flood_of_refusals_is_a_few_events_that_count_all_of_them() -> None:
    refused = RefusedLogins()
    for number in range(10_000):
        refused.add("ada" if number % 2 else f"name{number}", "203.0.113.7", "password")
    taken = refused.take()

    assert len(taken) <= 21
    assert sum(each.count for each in taken) == 10_000
    assert max(taken, key=lambda each: each.count).user in {"ada", "(others)"}
    assert refused.take() == []
    refused.give_back(taken)
    assert sum(each.count for each in refused.take()) == 10_000


def test_of_a_name_that_nobody_has_only_the_beginning_is_kept() -> None:
    assert as_recorded("correct horse", known=False) == "co... (13 characters)"
    assert as_recorded("ada", known=True) == "ada"
