"""A mail as bytes: a fixed set of headers, and the same message as text and as HTML."""

from base64 import encodebytes
from binascii import b2a_qp
from hashlib import sha256
from html import escape

from alerts.channels.channel import Mail
from alerts.channels.email.headers import address_line, date_line, text_line, token_line, unsubscribe_lines, usable_url
from alerts.channels.email.identity import MailIds
from alerts.channels.email.settings import Sender
from alerts.facts import Facts
from alerts.templates.rendered import Rendered
from alerts.templates.words import plain

_BEYOND_ASCII = bytes(range(128, 256))
_SMALL = "max-width:600px;margin:24px auto 0;font:12px sans-serif;color:#707070"


def compose(
    rendered: Rendered,
    facts: Facts,
    recipient: str,
    sender: Sender,
    ids: MailIds,
    *,
    unsubscribe: str | None = None,
) -> Mail:
    """The mail for one recipient, the same bytes for the same arguments; never raises.

    `unsubscribe` is the address that takes the recipient off the rule.
    """
    unsubscribe = usable_url(unsubscribe)
    boundary = f"=_{sha256(ids.message.encode()).hexdigest()[:32]}"
    head = "".join(
        [
            address_line("From", sender.address, sender.name),
            address_line("To", recipient),
            text_line("Subject", rendered.subject),
            date_line(facts.recorded_at),
            token_line("Message-ID", ids.message),
            token_line("In-Reply-To", ids.thread),
            token_line("References", ids.thread),
            "Auto-Submitted: auto-generated\r\n",
            "X-Auto-Response-Suppress: All\r\n",
            _urgency_lines(facts.severity),
            "X-Test: true\r\n" if facts.kind == "test" else "",
            "Precedence: bulk\r\n" if facts.kind == "digest" else "",
            unsubscribe_lines(unsubscribe),
            "MIME-Version: 1.0\r\n",
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n',
        ]
    )
    separator = f"\r\n--{boundary}".encode()
    text, html = _with_way_out(rendered, unsubscribe)
    parts = [separator, _part("plain", text), separator, _part("html", html), separator, b"--\r\n"]
    return Mail(ids.notification, recipient, sender.address, head.encode() + b"".join(parts))


def _urgency_lines(severity: str | None) -> str:
    """RFC 4021 2.1.54 and what older clients read; a mail of ordinary severity has neither."""
    urgency = {"critical": "Importance: high\r\nX-Priority: 1\r\n", "info": "Importance: low\r\nX-Priority: 5\r\n"}
    return urgency.get(severity or "", "")


def _with_way_out(rendered: Rendered, url: str | None) -> tuple[str, str]:
    """Both bodies with the link, for readers whose program shows no button for the header."""
    if url is None:
        return rendered.text, rendered.html
    before, end, after = rendered.html.rpartition("</body>")
    before, after = (before, end + after) if end else (after, "")
    footer = f'<p style="{_SMALL}">No more mails of this rule? <a href="{escape(url)}">Unsubscribe</a></p>\n'
    return f"{rendered.text.rstrip()}\n\n-- \nNo more mails of this rule? {url}\n", before + footer + after


def _part(kind: str, text: str) -> bytes:
    """A body part from the end of its boundary on, in the encoding that keeps it readable or small."""
    lines = plain(text)
    content = (lines if lines.endswith("\n") else lines + "\n").encode()
    # Of every character beyond ASCII quoted-printable makes three for each byte, and base64 4/3.
    beyond = 0 if content.isascii() else len(content) - len(content.translate(None, _BEYOND_ASCII))
    readable = beyond * 6 < len(content)
    body = b2a_qp(content, istext=True) if readable else encodebytes(content)
    encoding = "quoted-printable" if readable else "base64"
    head = f'\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + body.replace(b"\n", b"\r\n")
