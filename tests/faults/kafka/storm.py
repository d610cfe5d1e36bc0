"""The harm that is done to writers and brokers while appends are answered, and what came of it."""

import random
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.faults.kafka.writers import WriterProcess, Writers, WritersError

PATIENCE_SECONDS = 90.0
_LOOK_SECONDS = 0.05
_TOLD = 10
# Some outlast the deadline of an append (8 s), most do not.
FROZEN_SECONDS = (0.3, 10.0)


Act = Callable[[], float]
"""Does something to the brokers; the moment from which the writers' recovery counts."""
Acts = Sequence[tuple[str, Act]]


@dataclass(frozen=True)
class Plan:
    """How much of what, spread evenly over the answers."""

    answers: int
    hot: int
    """Of these on 20 runs, at least."""
    kills: int
    freezes: int
    tails: int
    frozen: tuple[float, float] = FROZEN_SECONDS
    """For how many seconds a writer stands still, at least and at most."""
    recovery: float = 30.0
    """The seconds within which every writer has an append accepted again, after what was done to brokers."""
    seed: int = 1


@dataclass
class Harm:
    """What was done. A kill and a freeze count if an append was open when it hit."""

    kills: int = 0
    freezes: int = 0
    tails: int = 0
    missed: int = 0
    restarts: int = 0
    recoveries: list[tuple[str, float | None]] = field(default_factory=list)
    """Each act on the brokers, and the seconds until the slowest writer had an append accepted."""

    @property
    def said(self) -> str:
        return f"{self.kills} killed, {self.freezes} frozen, {self.tails} killed in a fold"


class Storm:
    """Carries out a plan on running writers."""

    def __init__(self, writers: Writers, plan: Plan, acts: Acts) -> None:
        """The acts on brokers lie between the harm that is done to writers, also evenly."""
        self._writers = writers
        self._plan = plan
        self._acts = acts
        self._dice = random.Random(plan.seed)
        self._frozen: dict[WriterProcess, float] = {}
        self._doomed: set[WriterProcess] = set()
        self.harm = Harm()

    def rage(self) -> Harm:
        """Until all is done and so many appends were answered."""
        due, told = self._schedule(), 0
        while (answered := self._writers.answered()) < self._plan.answers or due:
            self._look_after()
            if due and answered >= due[0][0]:
                _, strike = due.popleft()
                if not strike():
                    due.appendleft((answered, strike))
            if answered >= told + self._plan.answers / _TOLD:
                told = answered
                print(f"        {answered:,} appends answered, {self.harm.said}", flush=True)
            time.sleep(_LOOK_SECONDS)
        self._calm()
        return self.harm

    def _schedule(self) -> "deque[tuple[float, Callable[[], bool]]]":
        plan = self._plan
        strikes: list[Callable[[], bool]] = [
            *[self._kill] * plan.kills,
            *[self._freeze] * plan.freezes,
            *[self._doom] * plan.tails,
        ]
        self._dice.shuffle(strikes)
        every = plan.answers / (len(strikes) + 1)
        due = [(every * index, strike) for index, strike in enumerate(strikes, 1)]
        step = plan.answers / (len(self._acts) + 1)
        due += [(step * index, _acting(self, *act)) for index, act in enumerate(self._acts, 1)]
        return deque(sorted(due, key=lambda each: each[0]))

    def _victim(self) -> WriterProcess | None:
        """One that is at work, if it leaves another that is."""
        able = [writer for writer in self._writers.each if writer.works and writer not in self._doomed]
        return self._dice.choice(able) if len(able) > 1 else None

    def _kill(self) -> bool:
        victim = self._victim()
        if victim is None:
            return False
        hit = victim.kill() > 0
        self.harm.kills += hit
        self.harm.missed += not hit
        self._start_again(victim)
        return hit

    def _freeze(self) -> bool:
        victim = self._victim()
        if victim is None:
            return False
        hit = victim.freeze() > 0
        self.harm.freezes += hit
        self.harm.missed += not hit
        self._frozen[victim] = time.monotonic() + self._dice.uniform(*self._plan.frozen)
        return hit

    def _doom(self) -> bool:
        victim = self._victim()
        if victim is None:
            return False
        self._doomed.add(victim)
        victim.signal(signal.SIGUSR1)
        return True

    def act(self, name: str, act: Act) -> bool:
        """Do something to the brokers while every writer is at work, and wait until each is again."""
        if self._frozen or self._doomed or not self._writers.all_work():
            return False
        recovered = self._writers.seconds_until_accepted(act(), PATIENCE_SECONDS)
        self.harm.recoveries.append((name, recovered))
        self._look_after()
        return True

    def _look_after(self) -> None:
        """Wake who was frozen long enough, start again who killed itself, and let nobody end otherwise."""
        for writer in [each for each, until in self._frozen.items() if until <= time.monotonic()]:
            writer.thaw()
            del self._frozen[writer]
        for writer in self._writers.each:
            code = writer.code()
            if code is None:
                continue
            if writer not in self._doomed or code != -signal.SIGKILL:
                raise WritersError(writer.told(f"ended by itself, with {code}"))
            self._doomed.discard(writer)
            self.harm.tails += 1
            self._start_again(writer)

    def _start_again(self, writer: WriterProcess) -> None:
        writer.start_again()
        self.harm.restarts += 1

    def _calm(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while self._frozen or self._doomed or not self._writers.all_work():
            self._writers.answered()
            self._look_after()
            if time.monotonic() > end:
                raise WritersError("not all writers came back to work")
            time.sleep(_LOOK_SECONDS)


def _acting(storm: Storm, name: str, act: Act) -> Callable[[], bool]:
    return lambda: storm.act(name, act)
