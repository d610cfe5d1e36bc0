"""What is told, and what is in it, does not depend on who looks when: live is the same as a preview."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts.deliver.clock import LogClock
from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.intent import Intent
from ledger.feed import FeedEvent
from schemas.events import (
    AlertRuleDefinedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    Claim,
    Event,
    Matcher,
    NotificationsClaimedEvent,
    NotificationsDueEvent,
    RecipientLimitedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    SilenceCreatedEvent,
    SilenceEndedEvent,
)
from schemas.rules import definition_of
from schemas.statuses import RunStatus
from tests.alerts.story import MARIA, SECOND, START, S, Story

EVE = "eve@example.org"

WINDOWS: list[dict[str, Any]] = [
    {},
    {"group": {"by": ["experiment"], "wait_seconds": 0, "interval_seconds": 20}},
    {"group": {"by": [], "wait_seconds": 10, "interval_seconds": 30, "resolved": True}},
    {"group": {"by": ["status"], "wait_seconds": 5}, "throttle": {"mails": 1, "seconds": 60}},
    {"throttle": {"mails": 2, "seconds": 40, "per": "rule"}},
]
DEADLINES: list[dict[str, Any]] = [
    {"on": {"what": "unfinished", "seconds": 30}},
    {"on": {"what": "unfinished", "seconds": 10}, "group": {"wait_seconds": 0, "resolved": True}},
    {"on": {"what": "stuck", "seconds": 20, "status": ["Running"]}, "group": {"wait_seconds": 15}},
    {"on": {"what": "missing", "seconds": 45}, "experiment": "e1"},
    {"group": {"wait_seconds": 5, "repeat_seconds": 60, "repeats": 3}},
]


waits = st.sampled_from([0, 1, 900, 2_000, 5_000, 5_001, 9_999, 11_000, 16_000, 31_000, 46_000, 61_000, 130_000])
"""Milliseconds between events: before, at and behind what the rules below wait for."""


def defined(content: dict[str, Any]) -> AlertRuleDefinedEvent:
    definition = definition_of({"name": "n", "recipients": [MARIA, EVE]} | content).as_json()
    return AlertRuleDefinedEvent(rule_name="n", definition=definition)


def _started(experiment: str, status: RunStatus) -> Event:
    return RunStartedEvent(experiment=experiment, experiment_id="e", status=status)


def _moved(status: RunStatus) -> Event:
    return RunStatusChangedEvent(previous=S.RUNNING, status=status)


def _ended(status: RunStatus, presumed: bool) -> Event:
    return RunStatusChangedEvent(previous=S.FAILED, status=status, presumed=presumed)


def _limited(mails: int | None) -> Event:
    return RecipientLimitedEvent(recipient=MARIA, mails=mails, seconds=40)


def steps_of(rules: list[dict[str, Any]]) -> st.SearchStrategy[tuple[str, Event]]:
    run = st.sampled_from([f"run:r{number}" for number in range(6)])
    rule = st.sampled_from(["rule:1", "rule:2", "rule:3"])
    silence = SilenceCreatedEvent(matchers=[Matcher(attribute="run", value="r1")], until=START + 90 * SECOND)
    statuses = st.sampled_from([S.FAILED, S.FAILED, S.COMPLETED, S.RUNNING])
    began = st.tuples(run, st.builds(_started, st.sampled_from(["e1", "e2"]), statuses))
    moved = st.tuples(run, statuses.map(_moved))
    ended = st.tuples(run, st.builds(_ended, st.sampled_from([S.FAILED, S.COMPLETED]), st.booleans()))
    return st.one_of(
        began,
        moved,
        began,
        moved,
        ended,
        st.tuples(rule, st.sampled_from(rules).map(defined)),
        st.one_of(
            st.tuples(rule, st.sampled_from([AlertRuleDisabledEvent(), AlertRuleEnabledEvent()])),
            st.tuples(st.just("silence:s"), st.sampled_from([silence, SilenceEndedEvent()])),
            st.tuples(st.just("recipient:m"), st.builds(_limited, st.sampled_from([None, 1, 2, 3]))),
        ),
    )


def logs_of(rules: list[dict[str, Any]], *others: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[int, Any]]]:
    """Steps with the milliseconds before each; rules come first."""
    first = st.lists(st.sampled_from(rules), min_size=1, max_size=3)
    rest = st.lists(st.tuples(waits, st.one_of(steps_of(rules), *others)), min_size=5, max_size=50)
    return st.builds(
        lambda first, rest: [*((0, (f"rule:{number}", defined(rule))) for number, rule in enumerate(first, 1)), *rest],
        first,
        rest,
    )


def told(events: Iterable[FeedEvent], story: Story) -> list[Intent]:
    evaluator = Evaluator(story)
    return [intent for event in events for intent in evaluator.fold(event)]


def content(intents: Iterable[Intent]) -> list[tuple[Any, ...]]:
    return [(each.id, each.trigger, each.count, each.counts, each.subject.at, each.suppressed) for each in intents]


class Sparse(Story):
    """A story with room between its positions, in which time may pass."""

    def __init__(self, moments: list[list[int]]) -> None:
        super().__init__()
        self._moments = moments

    def with_time_passing(self) -> list[FeedEvent]:
        found: list[FeedEvent] = []
        for number, event in enumerate(self.events):
            found.append(event._replace(position=event.position * 100))
            last = self.events[number + 1].recorded_at if number + 1 < len(self.events) else 2**60
            moments = self._moments[number] if number < len(self._moments) else []
            for place, ahead in enumerate(sorted(moments)):
                tick = NotificationsDueEvent(server="s", until=0)
                at = min(event.recorded_at + ahead, last)
                found.append(
                    event._replace(
                        position=event.position * 100 + 1 + place,
                        recorded_at=at,
                        hash=sha256(f"{number} {place}".encode()).digest(),
                        envelope=event.envelope._replace(stream="notifications:log"),
                        event=tick,
                    )
                )
        return found


@given(
    logs_of(WINDOWS),
    st.lists(st.lists(waits, max_size=2), min_size=55, max_size=55),
)
def test_when_it_is_noticed_that_time_has_passed_changes_nothing(
    steps: list[tuple[int, tuple[str, Event]]], moments: list[list[int]]
) -> None:
    """Events that only say that time has passed may stand anywhere in the log, or nowhere."""
    found = []
    for these in ([], moments):
        story = Sparse(these)
        at = START
        for wait, (stream, event) in steps:
            at += wait
            story.add(stream, event, at=at)
        story.tick(10_000)
        events = story.with_time_passing()
        story.events = events
        found.append(content(told(events, story)))
    assert found[0] == found[1]


@dataclass
class Server:
    """Reads the log in batches, asks it for the time by a clock of its own, and claims what is told."""

    story: Story
    name: str
    skew: int
    evaluator: Evaluator = field(init=False)
    clock: LogClock = field(init=False)
    intents: list[Intent] = field(init=False)
    claimed: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.evaluator, self.clock = Evaluator(self.story), LogClock()
        self.intents, self.claimed = [], []

    def read(self, count: int) -> None:
        read = self.evaluator.position
        for happened in self.story.events[read : read + count]:
            self.clock = self.clock.read(happened.recorded_at)
            self.intents += self.evaluator.fold(happened)
            if isinstance(happened.event, NotificationsClaimedEvent):
                self.claimed += [claim.notification for claim in happened.event.notifications]

    def turn(self, now: int) -> None:
        """Append what it decided, if it has read the whole log: on another head it would be void."""
        if self.evaluator.position < len(self.story.events):
            return
        due = self.evaluator.next_due
        if due is not None and self.clock.shows(due, now + self.skew):
            self.clock = self.clock.asked(now + self.skew, due)
            self.story.add("notifications:log", NotificationsDueEvent(server=self.name, until=due), at=now)
        open_ = [each for each in self.intents if each.id not in self.claimed and each.suppressed is None]
        if open_ and self.evaluator.position == len(self.story.events):
            claims = [claim_of(each) for each in open_[:3]]
            event = NotificationsClaimedEvent(server=self.name, lease_seconds=60, notifications=claims)
            self.story.add("notifications:log", event, at=now)


def claim_of(intent: Intent) -> Claim:
    return Claim(
        notification=intent.id,
        rule=intent.rule,
        rule_version=intent.rule_version,
        trigger=intent.trigger,
        kind=intent.kind,
        sequence=intent.sequence,
        recipient=intent.recipient,
        attempt=1,
    )


acts = st.one_of(
    st.tuples(st.just("read"), st.integers(1, 20)),
    st.tuples(st.just("turn"), st.just(0)),
    st.tuples(st.just("turn"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
)


@given(
    logs_of(WINDOWS + DEADLINES, st.tuples(st.integers(0, 1), acts)),
    st.tuples(st.integers(-40_000, 40_000), st.integers(-40_000, 40_000)),
)
def test_live_claims_what_a_preview_over_the_finished_log_finds(
    steps: list[tuple[int, Any]], skews: tuple[int, int]
) -> None:
    """Two servers with clocks of their own read in batches, stop, start, and let time pass when they like."""
    story = Story()
    servers = [Server(story, f"s{number}", skew) for number, skew in enumerate(skews)]
    now = START
    for wait, step in steps:
        now += wait
        if isinstance(step[0], str):
            story.add(*step, at=now)
            continue
        server, (act, count) = servers[step[0]], step[1]
        if act == "read":
            server.read(count)
        elif act == "turn":
            server.turn(now)
        else:
            server.restart()
    for _ in range(300):
        now += 5_000
        for server in servers:
            server.read(1_000)
            server.turn(now)
    finished = list(story.events)

    for server in servers:
        server.read(1_000)
        assert content(server.intents) == content(told(finished, story))
    wanted = [each.id for each in told(finished, story) if each.suppressed is None]
    assert len(set(wanted)) == len(wanted)
    claimed = [claim.notification for each in finished for claim in _claims(each)]
    assert sorted(claimed) == sorted(wanted)
    assert servers[0].evaluator.next_due is None


def _claims(happened: FeedEvent) -> list[Claim]:
    return happened.event.notifications if isinstance(happened.event, NotificationsClaimedEvent) else []


@given(st.integers(-100_000, 100_000), st.integers(0, 50_000))
def test_a_clock_that_is_wrong_asks_in_time_and_not_for_ever(skew: int, due: int) -> None:
    """Ours is `skew` before the log's: what is due is asked about soon, and at most a few times."""
    clock, asked, log = LogClock(recorded_at=0), 0, 0
    while log < due + 200_000:
        if clock.recorded_at >= due:
            break
        if clock.shows(due, log + skew):
            asked += 1
            clock = clock.asked(log + skew, due).read(log)
        log += 50
    assert clock.recorded_at >= due
    assert clock.recorded_at <= due + max(-skew, 0) + 300
    assert asked <= 3


def test_a_clock_that_was_put_back_asks_again() -> None:
    clock = LogClock(recorded_at=1_000).asked(10**9, 5_000).read(1_500)

    assert not clock.shows(5_000, 10**9 + 1_000)
    assert clock.shows(5_000, 6_000)
