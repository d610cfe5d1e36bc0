"""`make faults`: kills and faults against the Kafka log, alerts and replays, and anything at all sent to the API.

Each programme prints what it found as rows of a table.

1 if what is promised does not hold.

Names of programmes may be given: `.venv/bin/python -m tests.faults writers cluster`. `--short` does less of each.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from examples.kafka_broker import KafkaBroker
from tests.faults.kafka.programme import cluster_under_fire, writers_under_fire
from tests.faults.kafka.storm import Plan
from tests.faults.mails.kills import kill_at_random
from tests.faults.mails.mishaps import all_mishaps
from tests.faults.mails.points import die_at_points
from tests.faults.mails.preview import preview_equals_live
from tests.faults.mails.scenarios import listed, play
from tests.faults.rebuilds.kills import kill_rebuilds
from tests.faults.replica.coldstart import kill_while_filling
from tests.faults.row import Row

_SHORT = Plan(20_000, hot=1_000, kills=4, freezes=3, tails=2, frozen=(0.3, 3.0))

Programme = Callable[[Path, bool], Sequence[Row]]


def _kills(folder: Path, short: bool) -> Sequence[Row]:
    return [kill_at_random(folder, mails=1_000 if short else 10_000, kills=10 if short else 110)]


def _points(folder: Path, short: bool) -> Sequence[Row]:
    return die_at_points(folder, all_of_them=not short)


def _mishaps(folder: Path, short: bool) -> Sequence[Row]:
    return all_mishaps(folder, frozen=not short)


def _preview(folder: Path, short: bool) -> Sequence[Row]:
    return [preview_equals_live(folder, events=20_000 if short else 1_000_000, stops=5 if short else 12)]


def _scenarios(folder: Path, short: bool) -> Sequence[Row]:
    print(listed(), flush=True)
    return play(folder, mails=40 if short else 500, seconds=2 if short else 20)


def _writers(folder: Path, short: bool) -> Sequence[Row]:
    plan = _SHORT if short else Plan(1_100_000, hot=100_000, kills=60, freezes=25, tails=20)
    with KafkaBroker(folder / "kafka") as broker:
        return writers_under_fire(folder, broker, plan, restarted_only=short)


def _cluster(folder: Path, short: bool) -> Sequence[Row]:
    return cluster_under_fire(folder, _SHORT if short else Plan(200_000, hot=20_000, kills=20, freezes=10, tails=5))


def _coldstart(folder: Path, short: bool) -> Sequence[Row]:
    records, kills = (6_000, 10) if short else (200_000, 100)
    with KafkaBroker(folder / "kafka") as broker:
        return [kill_while_filling(broker.address, folder, records=records, kills=kills)]


def _api(_: Path, short: bool) -> Sequence[Row]:
    from tests.faults.api.programme import fuzz_api  # noqa: PLC0415 - schemathesis takes long to load

    return fuzz_api(2_000 if short else 100_000)


def _replay(folder: Path, short: bool) -> Sequence[Row]:
    from tests.faults.replays.kills import kill_replays  # noqa: PLC0415 - pyarrow takes long to load

    return [kill_replays(folder, runs=4_000, points=50, kills=10 if short else 110)]


def _rebuild(folder: Path, short: bool) -> Sequence[Row]:
    return [kill_rebuilds(folder, runs=2_500, kills=8 if short else 110)]


PROGRAMMES: Mapping[str, Programme] = {
    "writers": _writers,
    "cluster": _cluster,
    "kills": _kills,
    "points": _points,
    "scenarios": _scenarios,
    "mishaps": _mishaps,
    "preview": _preview,
    "api": _api,
    "replay": _replay,
    "rebuild": _rebuild,
    "coldstart": _coldstart,
}


def main(arguments: Sequence[str]) -> int:
    """Run programmes and print their rows as they come."""
    names = [each for each in arguments if each != "--short"]
    unknown = set(names) - set(PROGRAMMES)
    if unknown:
        print(f"no programme is called {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMMES)}")
        return 2
    broken = 0
    for name in names or PROGRAMMES:
        began = monotonic()
        with tempfile.TemporaryDirectory() as folder:
            rows = PROGRAMMES[name](Path(folder), "--short" in arguments)
        for row in rows:
            print(row, flush=True)
        broken += sum(not row.holds for row in rows)
        print(f"        {name} took {monotonic() - began:.0f} s", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
