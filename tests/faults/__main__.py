"""`make faults`: kills and faults against the alert service and replays, and anything at all sent to the HTTP API.

1 if what is promised does not hold.

Names of programmes may be given: `.venv/bin/python -m tests.faults kills preview`. `--short` does less of each.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from tests.faults.mails.kills import kill_at_random
from tests.faults.mails.mishaps import all_mishaps
from tests.faults.mails.points import die_at_points
from tests.faults.mails.preview import preview_equals_live
from tests.faults.mails.row import Row
from tests.faults.mails.scenarios import listed, play

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


def _api(_: Path, short: bool) -> Sequence[Row]:
    from tests.faults.api.programme import fuzz_api  # noqa: PLC0415 - schemathesis takes long to load

    return fuzz_api(2_000 if short else 100_000)


def _replay(folder: Path, short: bool) -> Sequence[Row]:
    from tests.faults.replays.kills import kill_replays  # noqa: PLC0415 - pyarrow takes long to load

    return [kill_replays(folder, runs=4_000, points=50, kills=10 if short else 110)]


PROGRAMMES: Mapping[str, Programme] = {
    "kills": _kills,
    "points": _points,
    "scenarios": _scenarios,
    "mishaps": _mishaps,
    "preview": _preview,
    "api": _api,
    "replay": _replay,
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
