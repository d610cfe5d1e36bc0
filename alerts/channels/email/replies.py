"""What the relay's answers mean for the mail: pure functions of the phase and of what came back."""

from enum import Enum

from alerts.channels.channel import Ambiguous, Broken, Outcome, Rejected, Retry, Sent

_LENGTH = 500
_OK = range(200, 300)
_LATER = range(400, 500)
_NEVER = range(500, 600)
GO_AHEAD = 354
"""The relay asks for the mail."""

_CLOSING = 421
_TOO_LARGE = 552
# Not understood, out of order, log in first, encrypt first: we and the relay disagree, whatever the mail.
_OF_THE_RELAY = frozenset({500, 502, 503, 530, 534, 535, 538})


class Phase(Enum):
    """How far the mail is."""

    MAIL = "naming the sender"
    RCPT = "naming the recipient"
    DATA = "asking to hand over the mail"
    BODY = "handing over the mail"


def refusal(phase: Phase, code: int, reply: str, recipient: str) -> Outcome | None:
    """What an answer before the mail itself makes of it; None if it goes on."""
    if code == GO_AHEAD if phase is Phase.DATA else code in _OK:
        return None
    why = f"{phase.value}: the relay answered {code} {_said(reply)}".rstrip()
    if code in _OF_THE_RELAY or (phase is Phase.MAIL and (code == _CLOSING or code in _NEVER) and code != _TOO_LARGE):
        return Broken(why, code)
    return Rejected(recipient, code, _said(reply)) if code in _NEVER else Retry(why, code)


def outcome_of(code: int, reply: str, recipient: str) -> Outcome:
    """What the answer to the mail itself makes of it."""
    if code in _OK:
        return Sent(code, _said(reply))
    if code in _NEVER:
        return Rejected(recipient, code, _said(reply))
    why = f"{Phase.BODY.value}: the relay answered {code} {_said(reply)}".rstrip()
    # An answer that the protocol does not have leaves open whether it was taken.
    return Retry(why, code) if code in _LATER else Ambiguous(why)


def outcome_of_loss(phase: Phase, error: BaseException) -> Outcome:
    """What it makes of the mail that no answer came, or none that could be read."""
    why = f"{phase.value}: {reason(error)}"
    match phase:
        case Phase.MAIL:
            return Broken(why)
        case Phase.RCPT | Phase.DATA:
            return Retry(why)
        case Phase.BODY:
            return Ambiguous(why)


def reason(error: BaseException) -> str:
    """An error in words."""
    text = _said(str(getattr(error, "message", "") or error))
    code = getattr(error, "code", None)
    return " ".join(f"{'' if code in (None, -1) else code} {text or type(error).__name__}".split())


def _said(reply: str) -> str:
    """An answer as text that can be stored; relays are free to send any bytes."""
    return " ".join(reply.encode("utf-8", "replace").decode().replace("\x00", "").split())[:_LENGTH]
