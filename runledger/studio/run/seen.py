"""What a form was made from: of what others changed since, nothing shall be lost."""

from starlette.datastructures import FormData

from ledger.problems import BadMessageError
from runledger.studio.forms import text_in

_DIGITS = 18


def seen_in(form: FormData) -> int:
    """The position as of which the run was shown to who filled a form; raises BadMessageError."""
    text = text_in(form, "seen")
    if not (text.isdecimal() and len(text) <= _DIGITS):
        raise BadMessageError("the form does not say what it was made from: load the page again")
    return int(text)
