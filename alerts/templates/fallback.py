"""The built-in plain message, for when a template fails: it must not fail itself, whatever the facts hold."""

from collections.abc import Callable
from dataclasses import fields
from html import escape

from alerts.facts import Facts
from alerts.templates.rendered import Rendered
from alerts.templates.words import moment, one_line, plain, tail

_FIELD_BYTES = 10_000
_TIMES = frozenset({"recorded_at", "started_at", "ended_at"})


def fallback(facts: Facts, error: BaseException | str) -> Rendered:
    """The facts, one a line, and the error."""
    why = _safely(lambda: one_line(str(error), 1_000))
    lines = [f"{field.name.replace('_', ' ')}: {_said(facts, field.name)}" for field in fields(Facts)]
    happened = _safely(lambda: f"{facts.old_status or ''} -> {facts.new_status}".removeprefix(" -> "))
    subject = _safely(lambda: f"[{one_line(facts.experiment)}] run {one_line(_title(facts))}: {happened}")
    text = "\n".join(
        [
            subject,
            "",
            "The template of this message could not be used, so this is what is known, in full:",
            "",
            *lines,
            "",
            f"What was wrong with the template: {why}",
            f"Change the templates of the rule {_said(facts, 'rule_name')}.",
            "",
        ]
    )
    return Rendered(one_line(subject, 250), text, f"<pre>{escape(text)}</pre>\n", failure=why)


def _title(facts: Facts) -> str:
    return facts.display_name or facts.run_id


def _said(facts: Facts, name: str) -> str:
    def say() -> str:
        value = getattr(facts, name)
        if name in _TIMES and isinstance(value, int):
            return moment(value)
        if name in ("traceback", "log_lines") and value:
            text = value if isinstance(value, str) else "\n".join(value)
            return "\n" + tail(plain(text), _FIELD_BYTES)
        return tail(plain(str(value)), _FIELD_BYTES)

    return _safely(say)


def _safely(say: Callable[[], str]) -> str:
    try:
        return say()
    except Exception as error:  # noqa: BLE001  one odd fact must not hide the others
        return f"(cannot be shown: {type(error).__name__})"
