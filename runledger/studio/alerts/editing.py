"""Writing a rule: as a form or as text, with script or without, and never over what another has just written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import ChangeRule, Command, DefineRule
from ledger.errors import BadRuleError, ChangedSinceError
from ledger.queries import RuleDocument
from ledger.users.rights import Right
from runledger.channels import named_channels
from runledger.server.securing import CONTENT_SECURITY_POLICY
from runledger.studio.alerts import tree
from runledger.studio.alerts.draft import FORM, GENERAL, TEXT, Draft, as_text, draft_in, draft_of, parsed
from runledger.studio.alerts.leaves import GROUPS, LEAVES
from runledger.studio.alerts.previewing import Previews
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import CLIENT, command_in, form_of, reason_in, text_in
from runledger.studio.pages import is_part, position_in, visitor_of
from schemas.addresses import SUBMITTER
from schemas.rules import DEFAULT_TO
from schemas.severities import SEVERITIES
from schemas.statuses import TERMINAL, RunStatus

_SAVE, _PREVIEW = "save", "preview"
# The mail is shown in a frame, from an address of its own where nothing may run.
_WITH_FRAME = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"}
_KEPT = frozenset({"reason", "command", "rule_id", "version"})
_TEMPLATES = ("subject", "text", "html")


@dataclass
class _Shown:
    """What the form shows beside the draft."""

    rule: RuleDocument | None
    address: str
    since: Sequence[dict[str, Any]] = field(default_factory=tuple)
    preview: dict[str, Any] | None = None
    code: int = 200


class Editing:
    """Forms of rules that are to be, and of rules that are."""

    def __init__(self, showing: Showing, previews: Previews) -> None:
        """Show with these; previews are looked at on the way."""
        self._showing = showing
        self._desk = showing.desk
        self._previews = previews

    async def begin(self, request: Request) -> Response:
        """The form of a new rule, or of one that is like another."""
        visitor = visitor_of(request)
        visitor.check(Right.WRITE)
        like = request.query_params.get("like")
        if like:
            rule = await self._desk.ask(lambda: self._desk.parts.alerts.rule(like))
            draft = draft_of(rule["definition"] or {})
            draft.given["name"] = [f"{rule['name']} (2)"]
        else:
            given = {"to": list(map(str, DEFAULT_TO)), "recipients": [visitor.email or SUBMITTER], "experiment": ["*"]}
            draft = Draft({**given, "by": ["experiment"]})
        return self._form(request, draft, _Shown(None, "/alerts/new"))

    async def create(self, request: Request) -> Response:
        """Take what was typed: another condition, another view, or the new rule."""
        form = await form_of(request)
        draft = draft_in(form)
        shown = _Shown(None, "/alerts/new")
        if text_in(form, "do") != _SAVE:
            return await self._step(request, form, draft, shown)
        rule_id = text_in(form, "rule_id") or str(uuid4())

        def command(content: dict[str, Any]) -> Command:
            return DefineRule(
                rule_id=rule_id,
                definition=content,
                command=command_in(form),
                reason=reason_in(form),
                client=CLIENT,
            )

        return await self._save(request, draft, shown, command, rule_id)

    async def edit(self, request: Request) -> Response:
        """The form of a rule as it is."""
        visitor_of(request).check(Right.WRITE)
        rule = await self._rule(request)
        draft = draft_of(rule["definition"] or {})
        return self._form(request, draft, _Shown(rule, f"/alerts/{rule['rule_id']}/edit"))

    async def change(self, request: Request) -> Response:
        """Take what was typed, unless somebody else changed the rule since it was shown."""
        form = await form_of(request)
        draft = draft_in(form)
        rule = await self._rule(request)
        shown = _Shown(rule, f"/alerts/{rule['rule_id']}/edit")
        if text_in(form, "do") != _SAVE:
            return await self._step(request, form, draft, shown)

        version = text_in(form, "version")
        seen = int(version) if version.isdecimal() else 0

        def command(content: dict[str, Any]) -> Command:
            return ChangeRule(
                rule_id=rule["rule_id"],
                definition=content,
                command=command_in(form),
                reason=reason_in(form),
                client=CLIENT,
                as_of=seen,
            )

        try:
            return await self._save(request, draft, shown, command, rule["rule_id"])
        except ChangedSinceError as error:
            await self._desk.ask(lambda: None, error.position)
            shown.rule = await self._rule(request)
            shown.since, shown.code = await self._changes_since(rule["rule_id"], seen), 409
            return self._form(request, draft, shown)

    async def _save(self, request: Request, draft: Draft, shown: _Shown, command: Any, rule_id: str) -> Response:
        content = draft.content()
        if content is not None and not draft.wrong:
            try:
                return await self._showing.changed(request, command(content), f"/alerts/{rule_id}")
            except BadRuleError as error:
                draft.wrong[_beside(str(error), draft.view)] = str(error)
        shown.code = 422
        return self._form(request, draft, shown)

    async def _step(self, request: Request, form: FormData, draft: Draft, shown: _Shown) -> Response:
        """What a button of the form does that does not save it."""
        step, _, what = text_in(form, "do").partition(" ")
        if step == "add":
            draft.nodes = tree.added(draft.nodes, what, text_in(form, f"add.{what}"))
        elif step == "remove":
            draft.nodes = tree.removed(draft.nodes, what)
        elif step in {FORM, TEXT}:
            draft = _in_view(draft, step)
        elif step == _PREVIEW:
            shown.preview = await self._previews.of(draft, text_in(form, "rule"), text_in(form, "about"))
        if step in {"add", "remove"} and is_part(request):
            return self._showing.page(request, "alerts/conditions.html", draft=draft, leaves=LEAVES, groups=GROUPS)
        return self._form(request, draft, shown)

    def _form(self, request: Request, draft: Draft, shown: _Shown) -> Response:
        return self._showing.page(
            request,
            "alerts/edit.html",
            shown.code,
            _WITH_FRAME,
            draft=draft,
            rule=shown.rule,
            address=shown.address,
            since=shown.since,
            preview=shown.preview,
            general=draft.wrong.get(GENERAL),
            leaves=LEAVES,
            groups=GROUPS,
            severities=SEVERITIES,
            unended=[status for status in RunStatus if status not in TERMINAL],
            channels=list(named_channels(self._desk.parts.folder)),
            new_id=str(uuid4()),
        )

    async def _rule(self, request: Request) -> RuleDocument:
        rule_id = request.path_params["rule_id"]
        return await self._desk.ask(lambda: self._desk.parts.alerts.rule(rule_id), position_in(request))

    async def _changes_since(self, rule_id: str, seen: int) -> Sequence[dict[str, Any]]:
        """What others made of the rule since its form was shown."""
        changes = await self._desk.ask(lambda: self._desk.parts.alerts.rule_changes(rule_id))
        return [each for each in changes if each["position"] > seen and each["changes"]]


def _in_view(draft: Draft, view: str) -> Draft:
    """The same draft as a form, or as a text; a text that cannot be read stays one."""
    if view == draft.view:
        return draft
    if view == TEXT:
        content = draft.content() or {}
        return Draft(draft.given, draft.nodes, TEXT, as_text(content))
    try:
        made = draft_of(parsed(draft.written))
    except (ValueError, AttributeError, TypeError) as error:
        draft.wrong["written"] = str(error)
        return draft
    made.given |= {name: texts for name, texts in draft.given.items() if name in _KEPT}
    return made


def _beside(text: str, view: str) -> str:
    """The input that a refusal of the ledger is about."""
    if view == TEXT:
        return "written"
    named = next((part for part in _TEMPLATES if f"the {part} template" in text), None)
    return named or ("recipients" if "channel" in text else GENERAL)
