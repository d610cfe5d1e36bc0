"""Webhooks: what a receiver gets, how it knows that it is ours, and what its answer makes of the notification."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hmac import digest
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given

from alerts.channels.channel import Ambiguous, Broken, ChannelSettingsError, Mail, Outcome, Rejected, Retry, Sent
from alerts.channels.webhook.event import compose
from alerts.channels.webhook.sending import WebhookChannel
from alerts.channels.webhook.settings import WebhookSettings
from alerts.facts import Facts
from alerts.templates.rendered import Rendered
from tests.alerts.certificates import Contexts, make_contexts
from tests.alerts.facts import FAILURE, any_facts
from tests.alerts.receiver import Receiver, receiving

SECRET = b"s" * 32
RENDERED = Rendered("run żółw failed", "a text\n", "<p>html</p>")


def an_event(facts: Facts = FAILURE) -> Mail:
    return compose(RENDERED, facts, "n-1", "channel:ops")


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(Receiver()) as listening:
        yield listening


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(tmp_path_factory.mktemp("certificates"))


def settings(receiver: Receiver, **changes: object) -> WebhookSettings:
    made = WebhookSettings.parse("ops", f"http://127.0.0.1:{receiver.port}/hook?team=vision")
    return replace(made, **({"secrets": (SECRET,)} | changes))  # type: ignore[arg-type]


async def send(receiver: Receiver, **changes: object) -> Outcome:
    return await WebhookChannel(settings(receiver, **changes), clock=lambda: 1_800_000_000.9).send(an_event())


@pytest.mark.asyncio
async def test_a_receiver_gets_a_signed_cloud_event(receiver: Receiver) -> None:
    assert await send(receiver, secrets=(SECRET, b"t" * 32)) == Sent(204, "No Content")

    [request] = receiver.requests
    assert request.line == "POST /hook?team=vision HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    # As https://www.standardwebhooks.com has it.
    assert (request.headers["webhook-id"], request.headers["webhook-timestamp"]) == ("n-1", "1800000000")
    first, second = request.headers["webhook-signature"].split(" ")
    assert first.startswith("v1,")
    assert b64decode(first[3:]) == digest(SECRET, b"n-1.1800000000." + request.body, "sha256")
    assert b64decode(second[3:]) == digest(b"t" * 32, b"n-1.1800000000." + request.body, "sha256")
    event = request.json()
    assert {name: event[name] for name in ("specversion", "id", "type", "subject", "time")} == {
        "specversion": "1.0",
        "id": "n-1",
        "type": "runledger.alert.fired.v1",
        "subject": "digits_1780000000_4f1c",
        "time": "2026-05-28T20:26:40.123Z",
    }
    assert event["source"] == "urn:runledger:vision"
    data = event["data"]
    assert (data["title"], data["old_status"], data["new_status"]) == ("run żółw failed", "Running", "Failed")
    assert data["run_url"] == "https://runs.example.org/runs/digits_1780000000_4f1c"
    assert data["last_values"] == {"loss": "nan", "accuracy": 0.9123456}
    assert data["tags"] == {"owner": "łucja", "baseline": None}


@pytest.mark.asyncio
async def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    await send(receiver, secrets=())
    assert "webhook-signature" not in receiver.requests[0].headers
    assert receiver.requests[0].headers["webhook-id"] == "n-1"


def test_the_same_notification_is_the_same_bytes() -> None:
    assert an_event() == an_event()


@given(any_facts())
def test_anything_becomes_strict_json(facts: Facts) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    event = json.loads(an_event(facts).content.decode("utf-8"), parse_constant=refuse)
    assert event["specversion"] == "1.0"
    assert all(isinstance(event[name], str) for name in ("id", "source", "type", "time"))
    assert event["source"].isascii()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Sent),
        (b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Sent),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Sent),
        (b"HTTP/1.0 200\r\n\r\n", Sent),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n", Retry),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Rejected),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", Rejected),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", Rejected),
        (b"HTTP/1.1 410 Gone\r\n\r\n", Rejected),
        (b"HTTP/1.1 408 Request Timeout\r\n\r\n", Retry),
        (b"HTTP/1.1 409 Conflict\r\n\r\n", Retry),
        (b"HTTP/1.1 425 Too Early\r\n\r\n", Retry),
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", Retry),
        (b"HTTP/1.1 500 Oops\r\n\r\n", Retry),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Retry),
        (b"", Ambiguous),
        (b"SSH-2.0-nothing\r\n\r\n", Ambiguous),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, Ambiguous),
    ],
)
@pytest.mark.asyncio
async def test_what_an_answer_makes_of_it(receiver: Receiver, answer: bytes, kind: type[Outcome]) -> None:
    receiver.answers = [answer]
    assert isinstance(await send(receiver), kind)
    assert len(receiver.requests) == 1  # no redirect is followed, and nothing is tried twice


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [("120", 120, 120), (format_datetime(datetime.now(UTC) + timedelta(seconds=900)), 0, 900), ("soon", 0, 0)],
    # Of themselves they would be named after the second in which they are collected, by several processes.
    ids=["seconds", "date", "nonsense"],
)
@pytest.mark.asyncio
async def test_a_receiver_may_say_when(receiver: Receiver, value: str, least: float, most: float) -> None:
    receiver.answers = [f"HTTP/1.1 429 Slow down\r\nRetry-After: {value}\r\n\r\n".encode()]
    outcome = await send(receiver)
    assert isinstance(outcome, Retry)
    assert least <= outcome.after_seconds <= most


@pytest.mark.asyncio
async def test_who_never_answers_is_left_at_the_deadline(receiver: Receiver) -> None:
    receiver.answers = [None]
    outcome = await send(receiver, seconds=0.2)
    assert isinstance(outcome, Ambiguous)
    assert "0.2 s" in outcome.why


@pytest.mark.asyncio
async def test_who_drips_an_answer_is_left_at_the_deadline_too() -> None:
    class Dripping(Receiver):
        async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with receiving(Dripping()) as receiver:
        assert isinstance(await send(receiver, seconds=0.3), Ambiguous)


@pytest.mark.asyncio
async def test_where_nobody_listens_nothing_can_be_sent() -> None:
    async with receiving(Receiver()) as gone:
        pass
    outcome = await send(gone)
    assert isinstance(outcome, Broken)
    assert f"127.0.0.1:{gone.port}" in outcome.why


@pytest.mark.asyncio
async def test_a_handshake_that_never_ends_has_handed_nothing_over(contexts: Contexts) -> None:
    async with receiving(Receiver([None])) as deaf:
        secure = WebhookSettings.parse("ops", f"https://localhost:{deaf.port}/", seconds=1)
        outcome = await WebhookChannel(secure, contexts.client).send(an_event())
    assert isinstance(outcome, Broken)
    assert "nobody answers" in outcome.why


@pytest.mark.asyncio
async def test_tls_is_checked(contexts: Contexts) -> None:
    async with receiving(Receiver(), contexts.server) as receiver:
        secure = WebhookSettings.parse("ops", f"https://localhost:{receiver.port}/")
        assert isinstance(await WebhookChannel(secure, contexts.client).send(an_event()), Sent)
        outcome = await WebhookChannel(secure).send(an_event())
    assert isinstance(outcome, Broken)
    assert "certificate" in outcome.why
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (None, "write url"),
        ("ftp://example.org/", "write url"),
        ("http://hooks.example.org/", "not encrypted"),
        ("https://user:pw@example.org/", "secret_file"),
        ("https://example.org:99999/", "no address"),
        ("https://example.org/\r\nX: y", "write url"),
        ("https:///x", "no host"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: object, why: str) -> None:
    with pytest.raises(ChannelSettingsError, match=why):
        WebhookSettings.parse("ops", url)


def test_secrets_are_read_from_a_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"whsec_{b64encode(SECRET).decode()}\n{b64encode(b'o' * 24).decode()}\n")
    made = WebhookSettings.parse("ops", "https://example.org", file)
    assert made.secrets == (SECRET, b"o" * 24)
    assert "sss" not in repr(made)
    assert (made.target, made.port) == ("/", 443)


@pytest.mark.parametrize("content", [None, "", "whsec_short", "not base64!"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ChannelSettingsError, match="secret_file"):
        WebhookSettings.parse("ops", "https://example.org", file)
