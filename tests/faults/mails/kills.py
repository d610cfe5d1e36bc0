"""SIGKILL at uniformly random times while mails go out, again and again."""

import random
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from ledger.feed import Feed
from runledger.wiring import embedded_workspace
from schemas.events import NotificationsClaimedEvent, NotificationsSettledEvent
from schemas.streams import notifications_stream
from tests.faults.mails.senders import CONNECTIONS, Taken, ended, failed_runs, finish, sender
from tests.faults.row import Row
from tests.runledger.relay import Relay, relaying

_RECIPIENTS = 10
_FIRST_GUESS = 500.0


@dataclass(frozen=True)
class Death:
    """Which process was killed, and how many mails the relay had taken until then."""

    pid: int
    taken: int


@dataclass
class Pace:
    """How fast mails go out, learned on the way, so that the kills are spread over all of them."""

    sent: int = 0
    seconds: float = 0.0

    def longest(self, share: float) -> float:
        """Seconds in which so many mails go out."""
        return share / (self.sent / self.seconds if self.sent else _FIRST_GUESS)


def kill_at_random(folder: Path, *, mails: int, kills: int, seed: int = 1) -> Row:
    """So many kills over so many mails; each falls at a random time after its process begins to speak to the relay."""
    failed_runs(folder, mails // _RECIPIENTS, *(f"a{number}@example.org" for number in range(_RECIPIENTS)))
    with relaying() as relay:
        deaths = _kill(folder, relay, mails, kills, random.Random(seed))
        finish(folder, relay)
        taken = Taken.of(relay.sink.mails)
    doubled, held = copies(taken, deaths), held_at_death(folder)
    in_flight = [len(held.get(death.pid, ())) for death in deaths]
    beyond = sum(copy > most for copy, most in zip(doubled, in_flight, strict=True))
    return Row(
        "SIGKILL at random times",
        {
            "kills": len(deaths),
            **taken.figures(mails),
            "in flight at a kill, mean": f"{sum(in_flight) / max(len(deaths), 1):.1f}",
            "twice per kill, mean": f"{taken.again() / max(len(deaths), 1):.2f}",
            "most": max(doubled, default=0),
            "kills with more copies than in flight": beyond,
        },
        taken.hold(mails, twice=sum(in_flight))
        and beyond == 0
        and max(in_flight, default=0) <= CONNECTIONS
        and len(deaths) >= 0.8 * kills,
    )


def _kill(folder: Path, relay: Relay, mails: int, kills: int, dice: random.Random) -> list[Death]:
    deaths: list[Death] = []
    pace = Pace()
    while len(deaths) < kills:
        connects, before = relay.sink.connects, relay.sink.taken
        process = sender(folder, relay)
        if not _speaks(process, relay, connects):
            break
        share = 1.5 * (mails - before) / (kills - len(deaths) + 1)
        began = monotonic()
        end = began + dice.uniform(0, pace.longest(share))
        # Where mails go out faster than they did, the kills that are to come need some too.
        while monotonic() < end and relay.sink.taken < before + share:
            sleep(0.001)
        process.send_signal(signal.SIGKILL)
        pace.seconds += monotonic() - began
        if ended(process) != -signal.SIGKILL:
            break
        sleep(0.05)  # the relay reads what had reached its sockets
        deaths.append(Death(process.pid, relay.sink.taken))
        pace.sent += relay.sink.taken - before
    return deaths


def _speaks(process: "subprocess.Popen[bytes]", relay: Relay, connects: int) -> bool:
    """Wait until a process connects to the relay; False if it ends before."""
    while relay.sink.connects == connects:
        if process.poll() is not None:
            ended(process)
            return False
        sleep(0.001)
    return True


def copies(taken: Taken, deaths: Sequence[Death]) -> list[int]:
    """For each death, how many mails that were taken before it, and behind the death before, came again behind it."""
    found = [0] * len(deaths)
    last: dict[tuple[str, str], int] = {}
    death = 0
    for place, mail in enumerate(taken.mails):
        while death < len(deaths) and place >= deaths[death].taken:
            death += 1
        if mail[:2] in last:
            found[min(last[mail[:2]], len(deaths) - 1)] += 1
        last[mail[:2]] = death
    return found


def held_at_death(folder: Path) -> Mapping[int, set[str]]:
    """By process, what it had claimed and not settled when it ended; they worked one after another."""
    held: dict[int, set[str]] = {}
    current: set[str] = set()
    with embedded_workspace(str(folder)) as parts:
        feed = Feed(parts.log.id, parts.database)
        for happened in feed.of_stream(notifications_stream(parts.log.id)):
            match happened.event:
                case NotificationsClaimedEvent() as event:
                    current = held.setdefault(int(event.server.split("/")[1]), set())
                    current |= {claim.notification for claim in event.notifications}
                case NotificationsSettledEvent() as event:
                    current -= {outcome.notification for outcome in event.outcomes}
                case _:
                    pass
    return held
