"""Whatever happens to servers, nobody who could be heard is judged, and whoever is dead is judged at last."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import ChangeStatus, Command, WarnRun
from ledger.liveness.attention import Moment
from ledger.liveness.heard import Heard
from ledger.liveness.judging import Deadlines
from ledger.liveness.service import Judging
from ledger.liveness.standings import Standing
from ledger.liveness.writers import LiveWriter
from schemas.events import PresenceReportedEvent, PresentWriter
from schemas.statuses import RunStatus

DEADLINES = Deadlines(not_responding=20, presumed=40, interval=5)
SOON = 30
"""How long after the deadlines a judgement may come: an interval, a round, and what was on its way."""

RUN = "r"
LOG_ID = "b3a4e1c2-0000-4000-8000-000000000000"


@dataclass
class World:
    """One run, one log, and servers that may stop for a while; time is in ticks of a second."""

    now: int = 1_000
    records: list[PresenceReportedEvent] = field(default_factory=list)
    standing: Standing = field(default_factory=lambda: Standing(RunStatus.RUNNING, begun_by="c", since=1))
    said: list[tuple[int, RunStatus]] = field(default_factory=list)
    warned: int = 0

    def execute(self, command: Command, listened: int) -> None:
        """Do what a server says that has listened so long without a break."""
        if isinstance(command, WarnRun):
            self.warned += 1
            return
        assert isinstance(command, ChangeStatus)
        assert command.previous == self.standing.status
        if command.status is RunStatus.NOT_RESPONDING:
            assert listened >= DEADLINES.not_responding
        if command.presumed:
            assert listened >= (DEADLINES.presumed or 0)
        since = self.standing.since + 1
        self.standing = Standing(command.status, self.standing.status, since, "c", command.presumed)
        self.said.append((self.now, command.status))


class Reading:
    """Each server's own reading of the records."""

    def __init__(self, world: World) -> None:
        self._world, self._read = world, len(world.records)

    def read(self, take: Callable[[PresenceReportedEvent, int, float], None], at: float) -> None:
        for record in self._world.records[self._read :]:
            take(record, 0, at)
        self._read = len(self._world.records)


class AlwaysThere:
    id = LOG_ID

    def catch_up(self) -> None:
        pass


class Server:
    """Hears, records once an interval, judges at every tick; does nothing of it while it is stopped."""

    def __init__(self, world: World, phase: int) -> None:
        self.world, self._phase = world, phase
        self.heard = Heard(now=lambda: 0, clock=lambda: world.now)
        standings: Any = type("Standings", (), {"of": lambda _, __: self._standing()})()
        logs: Any = (AlwaysThere(), AlwaysThere())
        self.judging = Judging(
            logs,
            cast("Any", Reading(world)),
            standings,
            DEADLINES,
            now=lambda: Moment(world.now, world.now),
            hears=self.heard.hears,
            execute=lambda command: world.execute(command, world.now - self._listening_since),
        )
        self._record_at = world.now + phase
        self._listening_since = self._last = world.now
        self.records = True
        self.stopped_while_reading = 0

    def _standing(self) -> Standing:
        # Asked between the reading and what is said of it.
        self.world.now += self.stopped_while_reading
        return self.world.standing

    def tick(self) -> None:
        if self.world.now - self._last > DEADLINES.longest_gap:
            self._listening_since = self.world.now
        self._last = self.world.now
        if self.records and self.world.now >= self._record_at:
            self._record_at = self.world.now + int(DEADLINES.interval)
            signs = self.heard.take(DEADLINES.sign_seconds)
            if signs:
                writers = [PresentWriter(**sign._asdict()) for sign in signs]
                self.world.records.append(PresenceReportedEvent(server="s", writers=writers))
        self.judging.round()


Plan = list[tuple[int, frozenset[int], int]]
"""Stretches: how many ticks, which servers are stopped, which one the client prefers."""

stretches = st.lists(
    st.tuples(st.integers(1, 45), st.sets(st.integers(0, 1)).map(frozenset), st.integers(0, 1)), max_size=12
)


def live(world: World, servers: list[Server], plan: Plan, client: Callable[[], bool]) -> None:
    for ticks, stopped, preferred in plan:
        for _ in range(ticks):
            world.now += 1
            up = [number for number in range(len(servers)) if number not in stopped]
            if client() and up:
                servers[preferred if preferred in up else up[0]].heard.note([LiveWriter(RUN, "w")])
            for number in up:
                servers[number].tick()


@given(stretches, st.integers(0, 5))
def test_who_is_heard_wherever_a_server_answers_is_never_judged(plan: Plan, phase: int) -> None:
    """Outages of all servers for longer than every deadline are among the plans."""
    world = World()
    servers = [Server(world, 0), Server(world, phase)]
    live(world, servers, plan, lambda: True)

    assert world.said == []


@given(stretches, st.integers(0, 200))
def test_who_is_dead_is_judged_and_presumed_at_last(plan: Plan, dies_after: int) -> None:
    world = World()
    servers = [Server(world, 0), Server(world, 2)]
    servers[0].heard.note([LiveWriter(RUN, "w")])
    live(world, servers, [(10, frozenset(), 0)], lambda: True)
    began = world.now
    live(world, servers, plan, lambda: world.now < began + dies_after)
    live(world, servers, [(40 + SOON, frozenset(), 0)], lambda: False)

    assert [status for _, status in world.said] == [RunStatus.NOT_RESPONDING, RunStatus.FAILED]
    assert world.standing.presumed


@given(st.integers(0, 38), st.integers(15, 60))
def test_who_was_silent_and_is_heard_again_gets_back_the_status_that_it_left(silent: int, then: int) -> None:
    world = World(standing=Standing(RunStatus.FINALIZING, RunStatus.RUNNING, 2, "c"))
    servers = [Server(world, 0), Server(world, 2)]
    live(world, servers, [(10, frozenset(), 0)], lambda: True)
    live(world, servers, [(silent, frozenset(), 0)], lambda: False)
    judged = bool(world.said)
    live(world, servers, [(then, frozenset(), 0)], lambda: True)

    assert judged >= (silent > DEADLINES.not_responding + SOON)
    back = [RunStatus.NOT_RESPONDING, RunStatus.FINALIZING]
    assert [status for _, status in world.said] == (back if world.said else [])
    assert world.standing.status is RunStatus.FINALIZING


def test_of_a_run_that_is_heard_after_its_presumed_end_is_said_so_once() -> None:
    world = World()
    servers = [Server(world, 0), Server(world, 2)]
    live(world, servers, [(10, frozenset(), 0)], lambda: True)
    live(world, servers, [(80, frozenset(), 0)], lambda: False)
    live(world, servers, [(80, frozenset(), 0)], lambda: True)

    assert [status for _, status in world.said] == [RunStatus.NOT_RESPONDING, RunStatus.FAILED]
    # Both servers say the same under one id, which the ledger takes once.
    assert world.warned == len(servers)


def test_who_is_heard_here_is_not_judged_here_though_it_was_not_recorded_yet() -> None:
    world = World()
    server = Server(world, 0)
    live(world, [server], [(10, frozenset(), 0)], lambda: True)
    server.records = False
    live(world, [server], [(60, frozenset(), 0)], lambda: True)
    assert world.said == []

    server.heard.take(0)
    live(world, [server], [(1, frozenset(), 0)], lambda: False)
    assert [status for _, status in world.said] == [RunStatus.NOT_RESPONDING]


def test_what_could_not_be_written_begins_the_deadline_anew() -> None:
    world = World()
    server = Server(world, 0)
    live(world, [server], [(10, frozenset(), 0)], lambda: True)
    live(world, [server], [(20, frozenset(), 0)], lambda: False)
    server.judging.interrupt()
    live(world, [server], [(20, frozenset(), 0)], lambda: False)
    assert world.said == []

    live(world, [server], [(10, frozenset(), 0)], lambda: False)
    assert [status for _, status in world.said] == [RunStatus.NOT_RESPONDING]


def test_a_server_that_is_stopped_in_the_middle_of_a_round_says_nothing_when_it_goes_on() -> None:
    undisturbed = World()
    live(undisturbed, [Server(undisturbed, 0)], [(60, frozenset(), 0)], lambda: undisturbed.now <= 1_010)
    ((judged_at, _), *_) = undisturbed.said

    world = World()
    server = Server(world, 0)
    live(world, [server], [(judged_at - 1_001, frozenset(), 0)], lambda: world.now <= 1_010)
    assert world.said == []
    server.stopped_while_reading = 60
    live(world, [server], [(1, frozenset(), 0)], lambda: False)
    assert world.said == []
