"""Mails: what making one costs, and how fast the channel sends them into a relay that only counts."""

import asyncio
from collections.abc import Callable, Coroutine
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from statistics import median
from time import perf_counter, process_time
from typing import Any

from aiosmtplib import SMTP

from alerts.channels.channel import Mail, Sent
from alerts.channels.email.identity import MailIds
from alerts.channels.email.message import compose
from alerts.channels.email.sending import EmailChannel
from alerts.channels.email.settings import Sender, SmtpSettings
from alerts.facts import Facts
from alerts.templates.rendered import Rendered, Templates
from alerts.templates.rendering import Renderer
from benchmarks.result import Result, interleaved
from tests.alerts.facts import FAILURE
from tests.alerts.sinks import Sink, running

_MAILS = 2_000
_MADE = 300
_CONNECTIONS = 8
_ROUNDS = 3
_SENDER = Sender("ledger@runs.example.org", "Run ledger")


def run() -> list[Result]:
    """Rendering, serializing, sending."""
    renderer = Renderer()
    rendered = renderer.render(Templates(), FAILURE)
    rendering = median(_cost(lambda: renderer.render(Templates(), FAILURE)) for _ in range(_ROUNDS))
    ours, standard = interleaved(
        lambda: _cost(lambda: _ours(rendered, FAILURE)), lambda: _cost(lambda: _standard(rendered, FAILURE))
    )
    channel, client = asyncio.run(_rates(_ours(rendered, FAILURE)))
    kilobytes = len(_ours(rendered, FAILURE).content) / 1_000
    return [
        Result("rendering the default mail", rendering, "µs"),
        Result(
            "serializing a mail",
            ours,
            "µs",
            standard,
            "µs, EmailMessage",
            "≤ 0.3 of EmailMessage",
            ours <= 0.3 * standard,
        ),
        Result(
            f"mails of {kilobytes:.1f} kB over {_CONNECTIONS} connections",
            channel,
            "mails/s",
            client,
            "mails/s, aiosmtplib alone",
            "≥ 0.9 of the client",
            channel >= 0.9 * client,
        ),
    ]


def example() -> Mail:
    """The default mail about an ordinary failure."""
    return _ours(Renderer().render(Templates(), FAILURE), FAILURE)


def _cost(work: Callable[[], object]) -> float:
    """Microseconds of processor time for one call."""
    began = process_time()
    for _ in range(_MADE):
        work()
    return (process_time() - began) / _MADE * 1e6


def _ours(rendered: Rendered, facts: Facts) -> Mail:
    ids = MailIds.of("n-1", facts.run_id, _SENDER.domain)
    return compose(rendered, facts, "ann@example.org", _SENDER, ids, unsubscribe="https://runs.example.org/u")


def _standard(rendered: Rendered, facts: Facts) -> bytes:
    ids = MailIds.of("n-1", facts.run_id, _SENDER.domain)
    message = EmailMessage()
    message["From"] = f"{_SENDER.name} <{_SENDER.address}>"
    message["To"] = "ann@example.org"
    message["Subject"] = rendered.subject
    message["Message-ID"], message["In-Reply-To"], message["References"] = ids.message, ids.thread, ids.thread
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = "<https://runs.example.org/u>"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message.as_bytes(policy=SMTP_POLICY)


async def _rates(mail: Mail) -> tuple[float, float]:
    async with running(Sink(keeps_content=False, extensions=["SIZE 35882577", "8BITMIME", "PIPELINING"])) as sink:
        rounds = [(await _channel_rate(sink, mail), await client_rate(sink.port, mail)) for _ in range(_ROUNDS)]
    ours, theirs = zip(*rounds, strict=True)
    return median(ours), median(theirs)


async def _channel_rate(sink: Sink, mail: Mail) -> float:
    channel = EmailChannel(SmtpSettings.parse(f"smtp://127.0.0.1:{sink.port}?helo=client&connections={_CONNECTIONS}"))

    taken = 0

    async def send(count: int) -> None:
        nonlocal taken
        for _ in range(count):
            outcome = await channel.send(mail)
            taken += isinstance(outcome, Sent)

    rate = await _rate(send)
    await channel.close()
    if taken < _MAILS:
        raise RuntimeError(f"only {taken} of {_MAILS} mails were sent")
    return rate


async def client_rate(port: int, mail: Mail, *, mails: int = _MAILS, connections: int = _CONNECTIONS) -> float:
    """Mails a second of aiosmtplib alone, over kept connections."""

    async def send(count: int) -> None:
        async with SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="client") as client:
            for _ in range(count):
                await client.sendmail(mail.sender, [mail.recipient], mail.content)

    return await _rate(send, mails, connections)


async def _rate(
    send: Callable[[int], Coroutine[Any, Any, None]], mails: int = _MAILS, connections: int = _CONNECTIONS
) -> float:
    began = perf_counter()
    await asyncio.gather(*(send(mails // connections) for _ in range(connections)))
    return mails / (perf_counter() - began)
