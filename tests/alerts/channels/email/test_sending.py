"""Every way in which a relay can fail, and what it makes of the mail."""

import asyncio
import ssl
from dataclasses import replace
from time import perf_counter

import pytest

from alerts.channels.channel import Ambiguous, Broken, Channel, Outcome, Rejected, Retry, Sent
from alerts.channels.email.sending import EmailChannel
from tests.alerts.certificates import Contexts
from tests.alerts.channels.email.mails import a_mail, channel_to, impatient, settings_for
from tests.alerts.sinks import Fault, Phase, Sink, running

pytestmark = pytest.mark.asyncio
ANN = {"user": "ann", "password": "sesame"}


async def send(sink: Sink, **changes: object) -> Outcome:
    async with channel_to(sink, None, **changes) as channel:
        return await channel.send(a_mail())


async def turns(count: int) -> None:
    """Let the other side see what happened: before Python 3.12 a cancellation that meets it is lost."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_mail_arrives_as_it_was_composed(sink: Sink) -> None:
    mail = a_mail()
    async with channel_to(sink) as channel:
        assert await channel.send(mail) == Sent(250, "queued as 1")
    (taken,) = sink.mails
    assert (taken.sender, taken.recipient, taken.content) == (mail.sender, mail.recipient, mail.content)
    assert taken.options == (f"SIZE={len(mail.content)}",)


async def test_lines_that_begin_with_a_dot_arrive(sink: Sink) -> None:
    content = b".first\r\n..second\r\n.\r\nQUIT\r\n.last"
    async with channel_to(sink) as channel:
        await channel.send(replace(a_mail(), content=content))
        assert isinstance(await channel.send(a_mail()), Sent)
    assert sink.mails[0].content == content + b"\r\n"


async def test_it_is_a_channel(sink: Sink) -> None:
    async with channel_to(sink, connections=3) as made:
        channel: Channel = made
        assert channel.connections == 3


@pytest.mark.parametrize(
    ("phase", "reply", "outcome"),
    [
        ("greeting", "421 too many connections", Broken),
        ("greeting", "554 no", Broken),
        ("EHLO", "550 not you", Broken),
        ("MAIL", "451 not now", Retry),
        ("MAIL", "421 going down", Broken),
        ("MAIL", "550 you may not send", Broken),
        ("MAIL", "530 log in first", Broken),
        ("MAIL", "552 too large", Rejected),
        ("RCPT", "550 no such user", Rejected),
        ("RCPT", "553 what name is that", Rejected),
        ("RCPT", "450 greylisted", Retry),
        ("RCPT", "421 enough of you", Retry),
        ("RCPT", "530 log in first", Broken),
        ("RCPT", "251 forwarded", Sent),
        ("DATA", "451 not now", Retry),
        ("DATA", "554 no", Rejected),
        ("DATA", "250 what", Retry),
        ("body", "451 disk full", Retry),
        ("body", "421 going down", Retry),
        ("body", "550 looks like spam", Rejected),
        ("body", "354 more", Ambiguous),
        ("body", "nonsense", Ambiguous),
        ("RCPT", "nonsense", Retry),
        ("MAIL", "nonsense", Broken),
    ],
)
async def test_an_answer_decides(sink: Sink, phase: Phase, reply: str, outcome: type) -> None:
    sink.faults = [Fault(phase, reply)]
    came = await send(sink)
    assert type(came) is outcome, came
    code = reply[:3]
    if isinstance(came, Rejected):
        assert (came.recipient, came.code, came.reply) == ("ann@example.org", int(code), reply[4:])
    elif code.isdigit() and not isinstance(came, Sent):
        assert code in came.why
        assert isinstance(came, Ambiguous) or came.code == int(code)
    assert sink.taken == isinstance(came, Sent)


_WITHOUT_ANSWER: dict[Phase, type] = {
    "greeting": Broken,
    "EHLO": Broken,
    "MAIL": Broken,
    "RCPT": Retry,
    "DATA": Retry,
    "body": Ambiguous,
}


@pytest.mark.parametrize("phase", _WITHOUT_ANSWER)
async def test_a_connection_that_is_lost_decides_by_its_phase(sink: Sink, phase: Phase) -> None:
    sink.faults = [Fault(phase, drop=True)]
    came = await send(sink)
    assert type(came) is _WITHOUT_ANSWER[phase], came
    assert sink.taken == 0


async def test_an_answer_that_never_comes_decides_by_its_phase() -> None:
    async def hanging(phase: Phase) -> Outcome:
        short = {"greeting": "connect", "body": "final"}.get(phase, "command")
        async with running(Sink(faults=[Fault(phase, hang=True)])) as sink:
            return await send(sink, timeouts=impatient(**{"data" if phase == "DATA" else short: 1.0}))

    outcomes = await asyncio.gather(*(hanging(phase) for phase in _WITHOUT_ANSWER))
    assert [type(outcome) for outcome in outcomes] == list(_WITHOUT_ANSWER.values()), outcomes


async def test_a_relay_that_takes_the_mail_and_dies_leaves_it_ambiguous(sink: Sink) -> None:
    sink.faults = [Fault("body", drop=True, stored=True)]
    assert isinstance(await send(sink), Ambiguous)
    assert sink.taken == 1


async def test_a_slow_answer_is_waited_for(sink: Sink) -> None:
    sink.faults = [Fault("body", delay=1.5)]
    assert isinstance(await send(sink, timeouts=impatient(command=1.0)), Sent)


async def test_a_late_answer_belongs_to_no_other_mail(sink: Sink) -> None:
    sink.faults = [Fault("body", delay=1.2, reply="550 no")]
    async with channel_to(sink, connections=1, timeouts=impatient(final=1.0)) as channel:
        assert isinstance(await channel.send(a_mail()), Ambiguous)
        assert await channel.send(a_mail()) == Sent(250, "queued as 1")
    assert sink.connects == 2


async def test_a_refused_connection_is_not_the_mails_fault() -> None:
    sink = Sink()
    await sink.start()
    await sink.stop()
    async with channel_to(sink) as channel:
        first, second = await channel.send(a_mail()), await channel.send(a_mail())
    assert isinstance(first, Broken)
    assert f"no connection to 127.0.0.1:{sink.port}" in first.why
    assert isinstance(second, Broken)
    assert 0 < second.wait_seconds <= first.wait_seconds == 1.0


async def test_a_host_that_does_not_exist_is_not_the_mails_fault(sink: Sink) -> None:
    assert isinstance(await send(sink, host="no such host"), Broken)
    assert isinstance(await send(sink, host="x" * 300), Broken)


async def test_one_refused_recipient_leaves_the_other_alone(sink: Sink) -> None:
    sink.faults = [Fault("RCPT", "550 no such user", recipient="gone@example.org", times=None)]
    async with channel_to(sink, connections=1) as channel:
        outcomes = await asyncio.gather(
            *(channel.send(a_mail(name)) for name in ("gone@example.org", "ann@example.org", "gone@example.org"))
        )
        assert isinstance(await channel.send(a_mail("bob@example.org")), Sent)
    assert [type(outcome) for outcome in outcomes] == [Rejected, Sent, Rejected]
    assert [mail.recipient for mail in sink.mails] == ["ann@example.org", "bob@example.org"]
    assert sink.connects == 1
    assert sink.commands.count("RSET") == 2


@pytest.mark.parametrize("asks", [False, True])
async def test_a_relay_that_asks_for_a_mail_to_nobody_gets_none(asks: bool) -> None:
    relay = Sink(extensions=["PIPELINING"], asks_for_mails_to_nobody=asks, faults=[Fault("RCPT", "550 no such user")])
    async with running(relay) as sink, channel_to(sink, connections=1) as channel:
        assert await channel.send(a_mail()) == Rejected("ann@example.org", 550, "no such user")
        assert await channel.send(a_mail()) == Sent(250, "queued as 1")
    assert (sink.taken, sink.connects) == (1, 1)


async def test_a_relay_that_takes_commands_at_once_gets_them_in_one_write() -> None:
    async with running(Sink(extensions=["PIPELINING"])) as sink, channel_to(sink) as channel:
        await channel.send(a_mail())
        before = sink.reads
        await channel.send(replace(a_mail(), content=b"short\r\n"))
        assert sink.reads - before == 2


async def test_answers_that_come_in_pieces_or_all_at_once_are_the_same() -> None:
    for size in (1, 7, 1_000):
        async with running(Sink(extensions=["PIPELINING"], piece=size)) as sink, channel_to(sink) as channel:
            assert await channel.send(a_mail()) == Sent(250, "queued as 1")


async def test_a_mail_after_one_that_was_refused_goes_over_the_same_connection(sink: Sink) -> None:
    sink.faults = [Fault("body", "550 spam"), Fault("body", "451 later")]
    async with channel_to(sink, connections=1) as channel:
        outcomes = [await channel.send(a_mail()) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Rejected, Retry, Sent]
    assert sink.connects == 1
    assert "RSET" not in sink.commands


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "a b@example.org",
        "ann@example.org\r\nRCPT TO:<eve@example.org>",
        "a@b@c",
        "<a@b>",
    ],
)
async def test_what_is_no_address_is_rejected_without_asking(sink: Sink, address: str) -> None:
    async with channel_to(sink) as channel:
        outcome = await channel.send(a_mail(address))
    assert isinstance(outcome, Rejected)
    assert (outcome.recipient, outcome.code) == (address, None)
    assert sink.connects == 0


async def test_an_address_beyond_ascii_goes_where_the_relay_takes_it(sink: Sink) -> None:
    async with channel_to(sink) as channel:
        assert isinstance(await channel.send(a_mail("łucja@example.org")), Sent)
    assert sink.mails[0].recipient == "łucja@example.org"
    assert "SMTPUTF8" in sink.mails[0].options
    assert "To: łucja@example.org\r\n".encode() in sink.mails[0].content


async def test_an_address_beyond_ascii_is_rejected_where_the_relay_does_not_take_it() -> None:
    async with running(Sink(extensions=["8BITMIME"])) as sink, channel_to(sink, connections=1) as channel:
        outcome = await channel.send(a_mail("łucja@example.org"))
        assert isinstance(outcome, Rejected)
        assert "SMTPUTF8" in outcome.reply
        assert isinstance(await channel.send(a_mail()), Sent)
        assert sink.mails[0].options == ()


async def test_a_sender_that_smuggles_a_command_sends_nothing(sink: Sink) -> None:
    async with channel_to(sink) as channel:
        outcome = await channel.send(replace(a_mail(), sender="a@b>\r\nRCPT TO:<eve@example.org"))
    assert isinstance(outcome, Broken)
    assert not any("eve" in command for command in sink.commands)


async def test_answers_of_any_bytes_are_text() -> None:
    reply = b"550 \xff\xfe\x00 no".decode("utf-8", "surrogateescape")
    async with running(Sink(faults=[Fault("RCPT", reply)])) as sink:
        outcome = await send(sink)
    assert isinstance(outcome, Rejected)
    assert outcome.reply.encode()
    assert "\x00" not in outcome.reply


async def test_starttls_and_a_password(contexts: Contexts) -> None:
    sink = Sink(tls=contexts.server, login=("ann", "sesame"))
    async with running(sink):
        way = {"host": "localhost", "encryption": "starttls", **ANN}
        async with channel_to(sink, contexts.client, **way) as channel:
            assert isinstance(await channel.send(a_mail()), Sent)
            assert isinstance(await channel.send(a_mail()), Sent)
    assert sink.connects == 1
    words = [command.split()[0] for command in sink.commands]
    assert words.index("STARTTLS") < words.index("AUTH") < words.index("MAIL")


async def test_tls_from_the_start(contexts: Contexts) -> None:
    async with (
        running(Sink(tls=contexts.server, tls_from_start=True)) as sink,
        channel_to(sink, contexts.client, encryption="tls") as channel,
    ):
        assert isinstance(await channel.send(a_mail()), Sent)


async def test_nothing_is_sent_where_tls_is_required_and_not_offered(sink: Sink, contexts: Contexts) -> None:
    async with channel_to(sink, contexts.client, encryption="starttls", **ANN) as channel:
        outcome = await channel.send(a_mail())
    assert isinstance(outcome, Broken)
    assert "STARTTLS" in outcome.why
    assert not any(command.startswith(("AUTH", "MAIL")) for command in sink.commands)


@pytest.mark.parametrize("reply", ["454 not now", "502 what"])
async def test_nothing_is_sent_where_tls_is_refused(contexts: Contexts, reply: str) -> None:
    async with (
        running(Sink(tls=contexts.server, faults=[Fault("STARTTLS", reply)])) as sink,
        channel_to(sink, contexts.client, encryption="starttls") as channel,
    ):
        outcome = await channel.send(a_mail())
    assert isinstance(outcome, Broken)
    assert outcome.code == int(reply[:3])
    assert sink.taken == 0


@pytest.mark.parametrize("from_start", [False, True])
async def test_a_certificate_that_nobody_vouches_for_is_refused(contexts: Contexts, from_start: bool) -> None:
    async with running(Sink(tls=contexts.server, tls_from_start=from_start)) as sink:
        outcome = await send(sink, host="localhost", encryption="tls" if from_start else "starttls")
    assert isinstance(outcome, Broken)
    assert "certificate" in outcome.why
    assert sink.taken == 0


async def test_a_certificate_for_another_host_is_refused(contexts: Contexts) -> None:
    async with (
        running(Sink(tls=contexts.server, tls_from_start=True, host="127.0.0.2")) as sink,
        channel_to(sink, contexts.client, encryption="tls") as channel,
    ):
        outcome = await channel.send(a_mail())
    assert isinstance(outcome, Broken)
    assert "127.0.0.2" in outcome.why


async def test_a_wrong_password_is_not_the_mails_fault(contexts: Contexts) -> None:
    sink = Sink(tls=contexts.server, login=("ann", "sesame"))
    async with running(sink):
        way = {"encryption": "starttls", **ANN, "password": "wrong"}
        async with channel_to(sink, contexts.client, **way) as channel:
            outcome = await channel.send(a_mail())
            assert isinstance(await channel.send(a_mail()), Broken)
    assert isinstance(outcome, Broken)
    assert outcome.code == 535
    assert "wrong name or password" in outcome.why
    assert sink.connects == 1


async def test_a_password_that_nobody_asked_for_is_not_sent(sink: Sink) -> None:
    outcome = await send(sink, **ANN)
    assert isinstance(outcome, Broken)
    assert "AUTH" in outcome.why


async def test_connections_are_kept_and_used_again(sink: Sink) -> None:
    async with channel_to(sink, connections=3) as channel:
        for _ in range(4):
            outcomes = await asyncio.gather(*(channel.send(a_mail()) for _ in range(10)))
            assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert (sink.connects, sink.taken) == (3, 40)
    assert sink.commands.count("QUIT") == 3


async def test_an_idle_connection_that_the_relay_closed_is_made_anew(sink: Sink) -> None:
    async with channel_to(sink) as channel:
        assert isinstance(await channel.send(a_mail()), Sent)
        sink.drop_all()
        assert isinstance(await channel.send(a_mail()), Sent)
    assert sink.connects == 2


@pytest.mark.parametrize("fault", [Fault("MAIL", "421 too many mails", after=1), Fault("MAIL", drop=True, after=1)])
async def test_a_kept_connection_that_dies_costs_no_attempt(sink: Sink, fault: Fault) -> None:
    sink.faults = [replace(fault)]
    async with channel_to(sink) as channel:
        assert [type(await channel.send(a_mail())) for _ in range(2)] == [Sent, Sent]
    assert sink.connects == 2


async def test_a_kept_connection_that_dies_after_the_mail_leaves_it_ambiguous(sink: Sink) -> None:
    sink.faults = [Fault("body", drop=True, after=1)]
    async with channel_to(sink) as channel:
        assert [type(await channel.send(a_mail())) for _ in range(2)] == [Sent, Ambiguous]
    assert (sink.connects, sink.taken) == (1, 1)


@pytest.mark.parametrize("fault", [None, Fault("RSET", drop=True), Fault("RSET", hang=True), Fault("RSET", "500 what")])
async def test_a_connection_that_was_idle_is_asked_before_it_is_used(sink: Sink, fault: Fault | None) -> None:
    sink.faults = [] if fault is None else [replace(fault)]
    async with channel_to(sink, timeouts=impatient(idle_check=0.0, probe=1.0)) as channel:
        assert [type(await channel.send(a_mail())) for _ in range(2)] == [Sent, Sent]
    assert sink.connects == (1 if fault is None else 2)
    assert "RSET" in sink.commands


@pytest.mark.parametrize("phase", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "body"])
async def test_a_send_that_is_cancelled_leaves_no_connection_behind(sink: Sink, phase: Phase) -> None:
    sink.faults = [Fault(phase, hang=True)]
    async with channel_to(sink, connections=1) as channel:
        task = asyncio.create_task(channel.send(a_mail()))
        await sink.until(lambda seen: seen.silent > 0)
        await turns(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await channel.send(a_mail("bob@example.org")) == Sent(250, "queued as 1")
    assert sink.connects == 2
    assert [mail.recipient for mail in sink.mails] == ["bob@example.org"]


async def test_a_kept_connection_that_is_cancelled_while_it_is_asked_is_not_used_again(sink: Sink) -> None:
    sink.faults = [Fault("RSET", hang=True)]
    async with channel_to(sink, connections=1, timeouts=impatient(idle_check=0.0)) as channel:
        await channel.send(a_mail())
        task = asyncio.create_task(channel.send(a_mail()))
        await sink.until(lambda seen: seen.silent > 0)
        await turns(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(await channel.send(a_mail()), Sent)
    assert sink.connects == 2


@pytest.mark.parametrize("fault", [Fault("greeting", "554 no"), Fault("MAIL", "550 you may not send")])
async def test_while_nothing_can_be_sent_there_are_no_more_tries_than_connections(sink: Sink, fault: Fault) -> None:
    sink.faults = [replace(fault, times=None)]
    mails = [a_mail() for _ in range(200)]
    began = perf_counter()
    async with channel_to(sink, connections=4) as channel:
        outcomes = await asyncio.gather(*(channel.send(mail) for mail in mails))
    # The first wait is a second, and each step after it longer.
    steps = 1 + int(perf_counter() - began)
    assert all(isinstance(outcome, Broken) for outcome in outcomes)
    assert 1 <= sink.connects <= 4 * steps


async def test_a_relay_that_comes_back_is_used_again(sink: Sink) -> None:
    await sink.stop()
    async with channel_to(sink) as channel:
        broken = await channel.send(a_mail())
        assert isinstance(broken, Broken)
        await sink.start()
        await asyncio.sleep(broken.wait_seconds)
        assert isinstance(await channel.send(a_mail()), Sent)


async def test_one_relay_that_hangs_on_one_mail_lets_others_pass(sink: Sink) -> None:
    sink.faults = [Fault("RCPT", hang=True, recipient="slow@example.org")]
    async with channel_to(sink) as channel:
        slow = asyncio.create_task(channel.send(a_mail("slow@example.org")))
        for _ in range(5):
            assert isinstance(await channel.send(a_mail()), Sent)
        assert not slow.done()
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)


async def test_closing_while_a_mail_is_under_way_lets_it_end(sink: Sink) -> None:
    sink.faults = [Fault("body", delay=0.2)]
    channel = EmailChannel(settings_for(sink))
    task = asyncio.create_task(channel.send(a_mail()))
    await sink.until(lambda seen: seen.silent > 0)
    await channel.close()
    assert isinstance(await task, Sent)
    await sink.until(lambda seen: not seen.open)


async def test_the_list_of_authorities_is_read_once_for_all_connections(contexts: Contexts) -> None:
    made: list[ssl.SSLContext] = []

    def context(*_: object, **__: object) -> ssl.SSLContext:
        made.append(contexts.client)
        return contexts.client

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", context)
        async with running(Sink(tls=contexts.server)) as sink:
            settings = settings_for(sink, host="localhost", encryption="starttls", connections=3)
            channel = EmailChannel(settings)
            outcomes = await asyncio.gather(*(channel.send(a_mail()) for _ in range(9)))
            await channel.close()
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert sink.connects == 3
    assert len(made) == 1
