"""How a long work tells how far it is."""

import io
import json

from runledger.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_off_a_terminal_a_json_line_is_written_every_five_seconds() -> None:
    out, clock = io.StringIO(), Clock()
    with Progress("rebuilding", "events", out=out, clock=clock) as progress:
        for second in range(13):
            clock.now = 100.0 + second
            progress.update(second * 100, 2000)
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first == {"what": "rebuilding", "done": 500, "total": 2000, "per_second": 100, "seconds_left": 15}
    assert second["done"] == 1000


def test_on_a_terminal_a_bar_moves_and_goes_away() -> None:
    out, clock = Terminal(), Clock()
    with Progress("rebuilding", "events", out=out, clock=clock) as progress:
        progress.update(0, 100_000)
        clock.now += 2
        progress.update(50_000, 100_000)
        progress.update(50_001, 100_000)
    at_once, bar, wiped = out.getvalue().split("\r")[1:4]
    assert at_once == "rebuilding [....................] 0 of 100,000 events, 0/s"
    assert bar == "rebuilding [##########..........] 50,000 of 100,000 events, 25,000/s, 2 s left"
    assert wiped == " " * len(bar)


def test_without_a_total_the_count_is_told() -> None:
    out, clock = Terminal(), Clock()
    progress = Progress("verifying", "events", out=out, clock=clock)
    clock.now += 1
    progress.update(1000)
    assert out.getvalue() == "\rverifying: 1,000 events, 1,000/s"
