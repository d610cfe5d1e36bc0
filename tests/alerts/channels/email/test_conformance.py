"""The channel speaks to a relay that is not ours: aiosmtpd."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, auth_mechanism

from alerts.channels.channel import Broken, Rejected, Sent
from alerts.channels.email.sending import EmailChannel
from alerts.channels.email.settings import SmtpSettings
from tests.alerts.certificates import Contexts
from tests.alerts.channels.email.mails import a_mail

pytestmark = pytest.mark.asyncio


class Taking:
    """Keeps what came, and refuses one recipient."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802  aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"


@asynccontextmanager
async def relay(make: Callable[[], SMTP]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_mails_arrive_byte_by_byte() -> None:
    taking = Taking()
    async with relay(lambda: SMTP(taking, hostname="relay", enable_SMTPUTF8=True)) as port:
        channel = EmailChannel(SmtpSettings.parse(f"smtp://127.0.0.1:{port}?helo=client&connections=2"))
        outcomes = await asyncio.gather(
            *(channel.send(a_mail(name)) for name in ("ann@example.org", "gone@example.org", "łucja@example.org"))
        )
        await channel.close()
    assert [type(outcome) for outcome in outcomes] == [Sent, Rejected, Sent]
    assert outcomes[1] == Rejected("gone@example.org", 550, "5.1.1 no such user")
    taken = {envelope.rcpt_tos[0]: envelope for envelope in taking.envelopes}
    assert taken["ann@example.org"].content == a_mail().content
    assert taken["łucja@example.org"].smtp_utf8


async def test_starttls_and_login(contexts: Contexts) -> None:
    def check(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"ann", b"sesame"), handled=False)

    taking = Taking()

    def make() -> SMTP:
        return SMTP(
            taking,
            hostname="relay",
            tls_context=contexts.server,
            require_starttls=True,
            authenticator=check,
            auth_required=True,
        )

    async with relay(make) as port:
        url = f"smtp://ann@localhost:{port}?starttls=require&helo=client"
        channel = EmailChannel(SmtpSettings.parse(url, "sesame"), contexts.client)
        assert [type(await channel.send(a_mail())) for _ in range(2)] == [Sent, Sent]
        await channel.close()
        channel = EmailChannel(SmtpSettings.parse(url, "wrong"), contexts.client)
        outcome = await channel.send(a_mail())
        await channel.close()
    assert isinstance(outcome, Broken)
    assert outcome.code == 535
    assert len(taking.envelopes) == 2


class WithCramMd5(SMTP):
    """aiosmtpd leaves this mechanism (RFC 2195) to who wants it."""

    challenge = b"<1896.697170952@relay.example.org>"

    @auth_mechanism("CRAM-MD5")
    async def auth_cram(self, _server: SMTP, _words: list[str]) -> AuthResult:
        line = await self.challenge_auth(self.challenge)
        user, _, proof = (line if isinstance(line, bytes) else b"").partition(b" ")
        good = hmac.new(b"sesame", self.challenge, "md5").hexdigest().encode()
        return AuthResult(success=(user, proof) == (b"ann", good), handled=False)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_each_way_to_log_in(contexts: Contexts, mechanism: str) -> None:
    used: list[str] = []

    def check(_s: SMTP, _session: Session, _e: Envelope, named: str, data: LoginPassword) -> AuthResult:
        used.append(named)
        return AuthResult(success=(data.login, data.password) == (b"ann", b"sesame"), handled=False)

    taking, others = Taking(), {"PLAIN", "LOGIN", "CRAM-MD5"} - {mechanism}

    def make() -> SMTP:
        return WithCramMd5(
            taking,
            hostname="relay",
            tls_context=contexts.server,
            require_starttls=True,
            authenticator=check,
            auth_required=True,
            auth_exclude_mechanism=others,
        )

    async with relay(make) as port:
        url = f"smtp://ann@localhost:{port}?starttls=require&helo=client"
        outcomes = []
        for password in ("sesame", "wrong"):
            channel = EmailChannel(SmtpSettings.parse(url, password), contexts.client)
            outcomes.append(await channel.send(a_mail()))
            await channel.close()
    assert [type(outcome) for outcome in outcomes] == [Sent, Broken]
    assert set(used) == ({mechanism} if mechanism != "CRAM-MD5" else set())
    assert len(taking.envelopes) == 1
