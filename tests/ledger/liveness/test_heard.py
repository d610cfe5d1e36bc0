"""What a server heard: one sign a writer, fresh or not at all, and farewells that are never lost."""

from ledger.liveness.heard import Heard, Sign
from ledger.liveness.writers import LiveWriter

ONE, TWO = LiveWriter("r", "1"), LiveWriter("s", "2")


class Clock:
    now = 100.0

    def heard(self) -> Heard:
        return Heard(now=lambda: int(self.now * 1_000), clock=lambda: self.now)


def test_a_writer_that_was_heard_often_is_one_sign_with_the_last_time() -> None:
    clock = Clock()
    heard = clock.heard()
    heard.note([ONE, TWO])
    clock.now = 101.5
    heard.note([ONE])

    assert len(heard) == 2
    assert sorted(heard.take(60)) == [Sign("r", "1", 101_500, left=False), Sign("s", "2", 100_000, left=False)]
    assert heard.take(60) == []


def test_a_sign_of_life_that_is_old_is_not_told_but_a_farewell_is() -> None:
    clock = Clock()
    heard = clock.heard()
    heard.note([ONE], [TWO])
    clock.now += 61

    assert heard.take(60) == [Sign("s", "2", 100_000, left=True)]


def test_what_could_not_be_written_is_told_later_if_it_was_a_farewell() -> None:
    clock = Clock()
    heard = clock.heard()
    heard.note([ONE], [TWO])
    signs = heard.take(60)
    heard.put_back(signs)

    assert [sign.left for sign in heard.take(60)] == [True]


def test_it_is_known_which_runs_were_heard_of_since() -> None:
    heard = Clock().heard()
    heard.note([ONE])
    assert (heard.hears("r"), heard.hears("s")) == (True, False)
    heard.take(60)
    assert not heard.hears("r")
