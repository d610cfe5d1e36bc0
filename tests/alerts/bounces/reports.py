"""Mails as servers send them back."""

from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

USER_UNKNOWN = "smtp; 550 5.1.1 <maria@example.org>: Recipient address rejected: User unknown"


def report(
    to: str,
    *,
    action: str = "failed",
    status: str | None = "5.1.1",
    diagnostic: str | None = USER_UNKNOWN,
    recipient: str = "maria@example.org",
    original: bytes = b"Subject: run failed\n\nbody\n",
) -> bytes:
    """A delivery report (RFC 3464), as Postfix sends it."""
    message = MIMEMultipart("report", report_type="delivery-status")
    message["From"] = "MAILER-DAEMON@mx.example.org (Mail Delivery System)"
    message["To"] = to
    message["Subject"] = "Undelivered Mail Returned to Sender"
    message["Auto-Submitted"] = "auto-replied"
    message.attach(MIMEText("I'm sorry to have to inform you that your message could not be delivered.\n"))
    status_part = Message()
    status_part["Content-Type"] = "message/delivery-status"
    outcome = {
        "Final-Recipient": f"rfc822; {recipient}",
        "Action": action,
        "Status": status,
        "Diagnostic-Code": diagnostic,
    }
    status_part.set_payload([_fields({"Reporting-MTA": "dns; mx.example.org"}), _fields(outcome)])
    message.attach(status_part)
    message.attach(MIMEText(original.decode(), "rfc822-headers"))
    return message.as_bytes()


def vacation(to: str) -> bytes:
    """What somebody's program answers while its owner is away."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "maria@example.org", to, "Out of office"
    message["Auto-Submitted"] = "auto-replied (vacation)"
    message.set_content("550 5.1.1 I am away and read no mail.\n")
    return message.as_bytes()


def _fields(values: dict[str, str | None]) -> Message:
    part = Message()
    for name, value in values.items():
        if value is not None:
            part[name] = value
    return part
