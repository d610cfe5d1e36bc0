"""What a form sends."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.commands import new_command_id
from runledger.studio.pages import is_part

CLIENT = "studio"
_FIELDS, _BYTES = 2_000, 1_000_000


async def form_of(request: Request) -> FormData:
    """The fields; raises HTTPException when there are too many or they are too large."""
    return await request.form(max_files=0, max_fields=_FIELDS, max_part_size=_BYTES)


def text_in(form: FormData, name: str) -> str:
    """One field, without the blanks around it; empty if it was not sent."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def texts_in(form: FormData, name: str) -> list[str]:
    """Every value of a field."""
    return [value for value in form.getlist(name) if isinstance(value, str) and value]


def command_in(form: FormData) -> str:
    """The id of the command that a form stands for: sent twice, it is done once."""
    return text_in(form, "command") or new_command_id()


def reason_in(form: FormData) -> str | None:
    """Why somebody wants it, if he says."""
    return text_in(form, "reason") or None


def back_to(request: Request, address: str) -> Response:
    """After a form: another page, in whatever way the page's script or the browser goes there."""
    if is_part(request):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)
