"""Finding what rules say: 1,000 rules over a stream of events, a preview of a million events, and what waits."""

import gc
import resource
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

from alerts.deliver.notifications import Notifications
from alerts.evaluate.evaluator import Evaluator
from alerts.preview import would_have_sent
from benchmarks.events import now
from benchmarks.projection import append_run
from benchmarks.result import Result
from ledger.feed import Feed, FeedEvent
from ledger.logs.sqlite import open_sqlite_log
from ledger.queries import Span
from ledger.store.database import Database
from schemas.events import (
    AlertRuleDefinedEvent,
    Event,
    RunParameterAddedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
)
from schemas.records import Envelope
from schemas.rules import definition_of
from schemas.statuses import RunStatus

_RULES = 1_000
_RUNS = 50_000
_HISTORY = 125_000
_EVENTS_A_RUN = 8
_PENDING = 100_000


def run() -> list[Result]:
    """The evaluator's rate, the time of a preview, and the memory of what waits."""
    mixed, same = _rate(_mixed), _rate(_alike)
    return [
        Result(
            f"evaluating {_RULES:,} rules of all kinds",
            mixed,
            "events/s",
            goal="≥ 20,000 events/s",
            met=mixed >= 20_000,
        ),
        Result(f"evaluating {_RULES:,} rules that differ in a tag", same, "events/s"),
        *_preview(),
        _memory(),
    ]


class _NoRuns:
    """Every run is kept: nothing is looked up."""

    def upto(self, run_id: str, position: int) -> Sequence[FeedEvent]:
        """Nothing."""
        raise LookupError(f"{run_id} at {position}")


def _rate(rule: Any) -> float:
    evaluator, events = Evaluator(_NoRuns()), list(_events(rule, _RUNS))
    began = perf_counter()
    for happened in events:
        evaluator.fold(happened)
    return len(events) / (perf_counter() - began)


def _mixed(number: int) -> dict[str, Any]:
    """Rules as teams have them: by experiment, pattern, tag, run; some grouped, throttled or with a deadline."""
    kinds: list[dict[str, Any]] = [
        {"experiment": f"e{number % 200}"},
        {"conditions": [{"of": "tag", "key": "team", "value": f"t{number}"}]},
        {"experiment": f"e{number % 200}*",
         "conditions": [{"of": "parameter", "key": "lr", "operator": ">", "value": 1}]},
        {"run_id": f"r{number}", "to": ["Completed", "Failed"]},
        {"experiment": f"e{number % 200}", "group": {"by": ["experiment"]}, "throttle": {"mails": 10}},
        {"experiment": f"e{number % 200}", "on": {"what": "unfinished", "seconds": 3_600}},
        {"conditions": [{"of": "any", "conditions": [{"of": "tag", "key": "team", "value": f"t{number}"}]}],
         "experiment": f"e{number % 200}"},
        {"experiment": f"e{number % 200}", "conditions": [{"of": "series", "at_least": 3, "last": 3}]},
    ]  # fmt: skip
    return kinds[number % len(kinds)]


def _alike(number: int) -> dict[str, Any]:
    return {"conditions": [{"of": "tag", "key": "team", "value": f"t{number}"}]}


def _events(rule: Any, runs: int) -> Iterator[FeedEvent]:
    position = 0
    for number in range(_RULES):
        definition = definition_of({"name": f"r{number}", "recipients": ["a@example.org"]} | rule(number)).as_json()
        position += 1
        yield _event(position, f"rule:{number}", AlertRuleDefinedEvent(rule_name="r", definition=definition))
    for number in range(runs):
        end = RunStatus.FAILED if number % 10 == 0 else RunStatus.COMPLETED
        for event in (
            RunStartedEvent(experiment=f"e{number % 200}", experiment_id="i"),
            RunTaggedEvent(key="team", value=f"t{number % 2_000}"),
            RunParameterAddedEvent(key="lr", value=number / 1_000),
            RunStatusChangedEvent(previous=RunStatus.RUNNING, status=end),
        ):
            position += 1
            yield _event(position, f"run:r{number}", event)


def _event(position: int, stream: str, event: Event) -> FeedEvent:
    first = isinstance(event, RunStartedEvent | AlertRuleDefinedEvent)
    time = "2027-01-15T08:00:00.000000Z"
    envelope = Envelope(stream, 1, "" if first else "0", "", "//b", event.type_name(), time, "maria", b"")
    at = 1_800_000_000_000 + position * 10
    return FeedEvent(position, at, sha256(str(position).encode()).digest(), envelope, event)


def _preview() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "ledger.db", durable=False)
        with closing(database):
            log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
            for number in range(_HISTORY):
                append_run(log, number)
            feed = Feed(log.id, database)
            content = {"name": "draft", "recipients": ["a@example.org"], "group": {"by": ["experiment"]}}
            began = perf_counter()
            found = list(would_have_sent(feed, definition_of(content), Span(), 2**41))
            seconds = perf_counter() - began
    told = sum(intent.count for intent in found)
    name = f"preview of a draft over {_HISTORY * _EVENTS_A_RUN:,} events ({told:,} failures in {len(found):,} mails)"
    return [Result(name, seconds, "s", goal="≤ 20 s", met=seconds <= 20)]


def _memory() -> Result:
    evaluator, notifications = Evaluator(_NoRuns()), Notifications("notifications:b")
    gc.collect()
    before = _resident()
    rule = definition_of({"name": "r", "recipients": ["a@example.org"]}).as_json()
    position = 1
    notifications.fold(happened := _event(1, "rule:1", AlertRuleDefinedEvent(rule_name="r", definition=rule)), ())
    evaluator.fold(happened)
    for number in range(_PENDING):
        for event in (
            RunStartedEvent(experiment="e", experiment_id="i", tags={"team": f"t{number}"}),
            RunStatusChangedEvent(previous=RunStatus.RUNNING, status=RunStatus.FAILED),
        ):
            position += 1
            happened = _event(position, f"run:r{number}", event)
            notifications.fold(happened, evaluator.fold(happened))
    if len(notifications) != _PENDING:
        raise RuntimeError(f"{len(notifications)} wait, and not {_PENDING}")
    gc.collect()
    return Result(f"memory of {_PENDING:,} notifications that wait", (_resident() - before) / 1e6, "MB")


def _resident() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
