"""What a preview over the finished log finds is what was sent live, by servers that stopped and started on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.channels.email.identity import MailIds
from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.intent import Intent
from alerts.evaluate.runs import FeedRunEvents
from alerts.preview import would_have_sent, would_send
from ledger.client import Client
from ledger.commands import (
    ChangeRule,
    CreateSilence,
    DefineRule,
    DisableRule,
    EnableRule,
    EndSilence,
    LimitRecipient,
    new_command_id,
)
from ledger.feed import Feed
from ledger.queries import Span
from runledger.wiring import Embedded, embedded_workspace, make_workspace
from schemas.events import NotificationsClaimedEvent, NotificationsSettledEvent
from schemas.rules import definition_of
from schemas.streams import notifications_stream
from tests.faults.mails.history import EVENTS_A_RUN, append_runs
from tests.faults.mails.senders import ROOT, Taken
from tests.faults.row import Row
from tests.runledger.relay import Relay, relaying

_LONG = 900.0
_RETRY = {"first_seconds": 1, "longest_seconds": 1}
_PLAIN = {"name": "plain", "recipients": ["plain@example.org"], "retry": _RETRY}
_RULES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "grouped": {"group": {"by": ["experiment"], "wait_seconds": 0, "interval_seconds": 1}},
    "throttled": {"throttle": {"mails": 3, "seconds": 1}},
    "unfinished": {"on": {"what": "unfinished", "seconds": 1}},
    "hung": {"on": {"what": "unfinished", "seconds": 2}, "group": {"wait_seconds": 0, "interval_seconds": 1}},
    "limited": {"recipients": ["few@example.org"]},
    "limited too": {"recipients": ["few@example.org"], "experiment": "e2"},
    "changed": {"experiment": "e1"},
    "switched": {"experiment": "e*"},
}


@dataclass
class Ids:
    """What the log says of notifications: which were claimed, and which came to an end by which outcome."""

    claimed: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, parts: Embedded) -> "Ids":
        """Read the stream of claims and settlements."""
        ids = cls()
        for happened in parts.feed.of_stream(notifications_stream(parts.log.id)):
            match happened.event:
                case NotificationsClaimedEvent() as event:
                    ids.claimed |= {claim.notification for claim in event.notifications}
                case NotificationsSettledEvent() as event:
                    ids.sent |= {each.notification for each in event.outcomes if each.outcome == "sent"}
                    ids.ended |= {
                        each.notification for each in event.outcomes if each.outcome not in {"retry", "ambiguous"}
                    }
                case _:
                    pass
        return ids


def preview_equals_live(workspace: Path, *, events: int, stops: int) -> Row:
    """So many events while servers stop and start so often; rules and silences change on the way."""
    make_workspace(workspace, log="sqlite")
    runs = events // EVENTS_A_RUN
    share = runs // stops
    with relaying() as relay, embedded_workspace(str(workspace)) as parts:
        rules = {name: _define(parts.client, name, **content) for name, content in _RULES.items()}
        parts.client.execute(LimitRecipient(recipient="few@example.org", mails=2, seconds=1))
        for stint in range(stops):
            with _server(workspace, relay, signal.SIGKILL if stint % 2 else signal.SIGTERM):
                taken = relay.sink.taken
                append_runs(workspace, range(stint * share, stint * share + share // 2))
                _change(parts.client, rules, stint)
                append_runs(workspace, range(stint * share + share // 2, (stint + 1) * share))
                relay.until(lambda taken=taken: relay.sink.taken > taken, "mail of this server", _LONG)  # type: ignore[misc]
        with _server(workspace, relay, signal.SIGTERM):
            _wait_until_all_is_told(parts)
        return _compared(parts, rules, Taken.of(relay.sink.mails), stops)


def _compared(parts: Embedded, rules: Mapping[str, str], taken: Taken, stops: int) -> Row:
    ids = Ids.of(parts)
    found = list(would_send(parts.feed, set(rules.values()), Span()))
    wanted, all_ = {each.id for each in found if each.suppressed is None}, {each.id for each in found}
    plain = {intent.id for intent in found if intent.rule == rules["plain"]}
    draft = {each.id for each in _drafted(parts.feed, rules["plain"])}
    came = {mail[2] for mail in taken.mails}
    differences = {
        "found by one of preview and log": len(all_ ^ ids.ended),
        "claimed though suppressed": len(ids.claimed - wanted),
        "of a draft that differ": len(plain ^ draft),
        "sent and not taken by the relay": len({_message_id(each) for each in ids.sent} - came),
        "taken and not claimed": len(came - {_message_id(each) for each in ids.claimed}),
    }
    figures = {
        "events": parts.feed.last_position(),
        "stops": stops,
        "notifications": len(all_),
        "kinds": "/".join(sorted({each.kind for each in found})),
        "claimed": len(ids.claimed),
        "suppressed": len(ids.ended - ids.sent),
    }
    holds = not any(differences.values()) and len(ids.ended) > len(ids.sent) > 0
    return Row("preview equals live", figures | differences, holds)


def _message_id(notification: str) -> str:
    return MailIds.of(notification, "", "example.org").message


def _drafted(feed: Feed, rule_id: str) -> Iterator[Intent]:
    now = int(time.time() * 1_000)
    return would_have_sent(feed, definition_of(_PLAIN), Span(), now, rule_id=rule_id)


def _define(client: Client, name: str, **content: Any) -> str:
    rule_id = new_command_id()
    definition = {**_PLAIN, "name": name, "recipients": [f"{name.replace(' ', '-')}@example.org"], **content}
    client.execute(DefineRule(rule_id=rule_id, definition=definition))
    return rule_id


_SILENCE = "6a3c0c3e-6a3f-4d7c-9a36-3a7a1a0c9d11"


def _change(client: Client, rules: Mapping[str, str], stint: int) -> None:
    """Rules and silences by turns."""
    changed = {**_PLAIN, "name": "changed", "experiment": f"e{stint % 7}", "recipients": [f"c{stint}@example.org"]}
    match stint % 4:
        case 0:
            until = datetime.now(UTC) + timedelta(hours=9)
            matchers = [{"attribute": "experiment", "operator": "=", "value": f"e{stint % 7}"}]
            client.execute(CreateSilence(silence_id=_silence(stint), matchers=matchers, until=until))
        case 1:
            client.execute(DisableRule(rule_id=rules["switched"]))
        case 2:
            client.execute(EndSilence(silence_id=_silence(stint - 2)))
        case _:
            client.execute(EnableRule(rule_id=rules["switched"]))
    client.execute(ChangeRule(rule_id=rules["changed"], definition=changed))


def _silence(number: int) -> str:
    return f"{_SILENCE[:-4]}{number:04}"


def _wait_until_all_is_told(parts: Embedded) -> None:
    """Until no deadline, group or digest is to come, and all that was found has ended."""
    deadline = time.monotonic() + _LONG
    evaluator, found, position = Evaluator(FeedRunEvents(parts.feed)), set[str](), 0
    while time.monotonic() < deadline:
        while events := parts.feed.after(position, 5_000):
            for happened in events:
                found |= {intent.id for intent in evaluator.fold(happened)}
            position = events[-1].position
        if evaluator.next_due is None and found == Ids.of(parts).ended:
            return
        time.sleep(0.5)
    raise AssertionError(f"{len(found - Ids.of(parts).ended)} notifications wait, and {evaluator.next_due} is due")


@contextmanager
def _server(workspace: Path, relay: Relay, number: signal.Signals) -> Iterator[None]:
    """A server that sends; it ends by a signal."""
    command = [
        sys.executable,
        "-m",
        "runledger",
        "server",
        "--data",
        str(workspace),
        "--port",
        "0",
        "--roles",
        "alerts",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | relay.settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
        assert process.poll() is None, "the server ended by itself"
    finally:
        process.send_signal(number)
        process.wait(60)
