"""SIGKILL at every point between an event and its mail, while the relay does not keep its word."""

import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from tests.alerts.sinks import Fault
from tests.faults.mails.senders import CONNECTIONS, Taken, ended, failed_runs, finish, sender
from tests.faults.row import Row
from tests.runledger.relay import Relay, relaying

RUNS = 12
FAULTY = 3

IN_THE_PROCESS = ("folded", "claiming", "claimed", "composed", "sending", "sent", "settling", "settled")
"""Points that the service names; between `claimed` and `settled` a mail may have been taken."""

ON_THE_WIRE = ("MAIL", "RCPT", "DATA", "half the body", "taken")
"""What the relay has seen of a mail."""

POINTS = (*IN_THE_PROCESS, *ON_THE_WIRE)

FAULTS: Mapping[str, Sequence[Fault]] = {
    "dies before it stores": [Fault("body", drop=True, after=4 * n, times=1) for n in range(FAULTY)],
    "refuses the body for now": [Fault("body", reply="451 later", after=4 * n, times=1) for n in range(FAULTY)],
    "stores, then dies": [Fault("body", drop=True, stored=True, after=4 * n, times=1) for n in range(FAULTY)],
    "answers late": [Fault("body", delay=1.5, stored=True, after=4 * n, times=1) for n in range(FAULTY)],
}
"""What the relay does with one mail in five."""

SHORT_PATIENCE = "?final=0.5"
"""The option of a sender that waits less long than a late answer takes."""


def die_at_points(folder: Path, *, all_of_them: bool) -> list[Row]:
    """Every point with every fault; or every point once, with the faults in turn."""
    ready = failing(folder / "ready")
    rows = []
    for fault in FAULTS:
        points = [point for point, its in _turns() if all_of_them or its == fault]
        found = [_die(ready, folder / f"{fault} {point}", point, fault) for point in points]
        sums = {name: sum(each[name] for each in found) for name in found[0]}
        rows.append(Row(f"the relay {fault}", {"points": len(points)} | sums, sums["cases that do not hold"] == 0))
    return rows


def _turns() -> Iterator[tuple[str, str]]:
    return zip(POINTS, cycle(FAULTS), strict=False)


def _die(ready: Path, folder: Path, point: str, fault: str) -> Mapping[str, int]:
    shutil.copytree(ready, folder)
    options = SHORT_PATIENCE if fault == "answers late" else ""
    with relaying([replace(each) for each in FAULTS[fault]]) as relay:
        killed = dying(folder, relay, point, options)
        finish(folder, relay, options=options)
        taken = Taken.of(relay.sink.mails)
        whole = len({mail.content for mail in relay.sink.mails}) == RUNS
    holds = killed and whole and taken.hold(RUNS, twice=CONNECTIONS + FAULTY)
    return {**taken.figures(RUNS), "cases that do not hold": int(not holds)}


def dying(folder: Path, relay: Relay, point: str, options: str = "") -> bool:
    """Whether a sender died at a point: by itself, or when the relay had seen so much of a mail."""
    process = sender(folder, relay, "" if point in ON_THE_WIRE else point, options=options)
    victims = [process]

    def reached(where: str) -> None:
        if where == point and victims:
            victims.pop().send_signal(signal.SIGKILL)

    relay.sink.reached = reached
    return ended(process) == -signal.SIGKILL


def failing(folder: Path) -> Path:
    """A workspace with 12 mails that are so large that each goes out in several pieces."""
    failed_runs(folder, RUNS, "maria@example.org", templates={"text": "{{ run }}\n" + "a line of the mail\n" * 3_000})
    return folder
