"""Commands, pages and histories as plain JSON values, for both ends of a connection."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from ledger import commands
from ledger.commands import Answer, Command
from ledger.filters import joined
from ledger.problems import BadMessageError
from ledger.queries import ANY_VALUE, AuditQuery, Change, HistoryEntry, KeyQuery, RunPage, RunQuery

Json = dict[str, Any]


COMMANDS: Mapping[str, type[Command]] = {
    "create-experiment": commands.CreateExperiment,
    "tag-experiment": commands.TagExperiment,
    "untag-experiment": commands.UntagExperiment,
    "describe-experiment": commands.DescribeExperiment,
    "archive-experiment": commands.ArchiveExperiment,
    "reactivate-experiment": commands.ReactivateExperiment,
    "delete-experiment": commands.DeleteExperiment,
    "start-run": commands.StartRun,
    "tag-run": commands.TagRun,
    "untag-run": commands.UntagRun,
    "add-properties": commands.AddProperties,
    "add-parameters": commands.AddParameters,
    "describe-run": commands.DescribeRun,
    "change-status": commands.ChangeStatus,
    "warn-run": commands.WarnRun,
    "alert-run": commands.AlertRun,
    "add-artifacts": commands.AddArtifacts,
    "resume-run": commands.ResumeRun,
    "archive-run": commands.ArchiveRun,
    "restore-run": commands.RestoreRun,
    "define-rule": commands.DefineRule,
    "change-rule": commands.ChangeRule,
    "enable-rule": commands.EnableRule,
    "disable-rule": commands.DisableRule,
    "delete-rule": commands.DeleteRule,
    "test-rule": commands.TestRule,
    "create-silence": commands.CreateSilence,
    "end-silence": commands.EndSilence,
    "unsubscribe": commands.Unsubscribe,
    "resubscribe": commands.Resubscribe,
    "suppress-recipient": commands.SuppressRecipient,
    "limit-recipient": commands.LimitRecipient,
    "unsuppress-recipient": commands.UnsuppressRecipient,
    "save-view": commands.SaveView,
    "change-view": commands.ChangeView,
    "share-view": commands.ShareView,
    "delete-view": commands.DeleteView,
    "add-user": commands.AddUser,
    "change-user": commands.ChangeUser,
    "disable-user": commands.DisableUser,
    "issue-token": commands.IssueToken,
    "revoke-token": commands.RevokeToken,
    "set-password": commands.SetPassword,
    "begin-session": commands.BeginSession,
    "renew-session": commands.RenewSession,
    "end-sessions": commands.EndSessions,
}
"""The name of each command in its field `type`."""

_NAMES = {kind: name for name, kind in COMMANDS.items()}


def name_of(command: Command) -> str:
    """The name of a command."""
    return _NAMES[type(command)]


def command_to(command: Command) -> Json:
    """A command as JSON; fields that have their default are left out, the id never."""
    content: Json = {"type": name_of(command), "command": command.command}
    for item in fields(command):
        value = getattr(command, item.name)
        if not _is_default(item, value):
            content[item.name] = _plain(value)
    return content


def command_from(content: object) -> Command:
    """The command that JSON describes.

    Raises:
        BadMessageError: it is no command, or has a field that is not known here.
    """
    if not isinstance(content, dict):
        raise BadMessageError('a command is a JSON object such as {"type": "tag-run", "command": "<UUID>", ...}')
    kind = COMMANDS.get(str(content.get("type")))
    if kind is None:
        raise BadMessageError(f"there is no command of type {content.get('type')!r}; there are: {', '.join(COMMANDS)}")
    if "command" not in content:
        raise BadMessageError("a command needs its id in `command`, a UUID: sent again, it is done once")
    hints, required = _fields(content["type"])
    unknown = sorted(set(content) - set(hints) - {"type"})
    if unknown:
        raise BadMessageError(f"{content['type']} has no field {unknown[0]!r}; it has: {', '.join(sorted(hints))}")
    missing = sorted(required - set(content))
    if missing:
        raise BadMessageError(f"{content['type']} needs the field {missing[0]!r}")
    return kind(**{name: _read(content[name], hint, name) for name, hint in hints.items() if name in content})


def answer_from(content: Json) -> Answer:
    """An answer from its JSON, which is `dataclasses.asdict`."""
    return Answer(content["position"], changed=content["changed"])


def page_from(content: Json) -> RunPage:
    """A page of runs from its JSON."""
    return RunPage(**{name: content[name] for name in RunPage.__dataclass_fields__ if name in content})


def query_to(query: RunQuery) -> list[tuple[str, str]]:
    """A query as parameters of a URL: `tag=KEY=VALUE`, `tag=KEY` for any value, `bare_tag=KEY`."""
    found = [("limit", str(query.limit))]
    found += [(name, text) for name in _TEXTS if (text := getattr(query, name)) is not None]
    found += [(name, "true") for name in _FLAGS if getattr(query, name)]
    found += [("status", str(status)) for status in query.statuses]
    found += [("filter", str(chip)) for chip in query.filters]
    found += [] if query.columns is None else [("columns", joined(query.columns))]
    for name, pairs in (("tag", query.tags), ("property", query.properties)):
        for key, value in pairs.items():
            key_text = key.replace("%", "%25").replace("=", "%3D")
            if value is None:
                found.append((f"bare_{name}", key_text))
            else:
                found.append((name, key_text if value == ANY_VALUE else f"{key_text}={value}"))
    return found


def key_query_to(query: KeyQuery) -> list[tuple[str, str]]:
    """A question for names as parameters of a URL."""
    names = ("kind", "key", "prefix", "experiment", "after", "limit")
    return [(name, str(value)) for name in names if (value := getattr(query, name)) is not None]


def audit_query_to(query: AuditQuery) -> list[tuple[str, str]]:
    """A query of the audit as parameters of a URL: its fields by their names, those that are asked for."""
    asked = [(item.name, getattr(query, item.name)) for item in fields(query)]
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in asked
        if value is not None
    ]


def pairs_from(texts: Sequence[str]) -> dict[str, str]:
    """The conditions of parameters such as `KEY=VALUE` and `KEY`; `%3D` is a `=` in a key."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        found[key_from(key)] = value if equals else ANY_VALUE
    return found


def key_from(text: str) -> str:
    """The key that a parameter names."""
    return text.replace("%3D", "=").replace("%25", "%")


_TEXTS = (
    *("experiment", "run_type", "target", "parent_run_id", "root_run_id"),
    *("started_from", "started_before", "search", "order_by", "cursor"),
)
_FLAGS = ("include_children", "include_archived", "count", "family")


def history_to(entries: Sequence[HistoryEntry]) -> list[Json]:
    """A history as JSON."""
    return [asdict(entry) for entry in entries]


def history_from(content: Sequence[Json]) -> list[HistoryEntry]:
    """A history from its JSON."""
    return [HistoryEntry(**entry | {"changes": [Change(**change) for change in entry["changes"]]}) for entry in content]


def _is_default(item: Any, value: object) -> bool:
    if item.default is not MISSING:
        return bool(value == item.default)
    return item.name != "command" and item.default_factory is not MISSING and value == item.default_factory()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


@cache
def _fields(name: str) -> tuple[dict[str, Any], set[str]]:
    """The types of a command's fields, and the names of those that have no default."""
    kind = COMMANDS[name]
    required = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    return get_type_hints(kind), required


def _read(value: Any, hint: Any, where: str) -> Any:
    """A JSON value as the type that a field has."""
    if hint is Any:
        return value
    parts = get_args(hint)
    match get_origin(hint), value:
        case (origin, _) if origin in {UnionType, Union}:
            return _read_one_of(value, parts, where)
        case (origin, dict()) if origin is Mapping:
            return {key: _read(item, parts[1], f"{where}.{key}") for key, item in value.items()}
        case (origin, list()) if origin is Sequence:
            return [_read(item, parts[0], f"{where}[{index}]") for index, item in enumerate(value)]
        case (None, _):
            return _read_plain(value, hint, where)
        case _:
            raise BadMessageError(f"{where} must be {_in_words(hint)}, not {str(value)[:40]!r}")


def _read_plain(value: Any, hint: Any, where: str) -> Any:
    if hint is datetime and isinstance(value, str):
        return _read_moment(value, where)
    if issubclass(hint, StrEnum):
        return _read_word(value, hint, where)
    if type(value) is not hint:
        raise BadMessageError(f"{where} must be {_in_words(hint)}, not {str(value)[:40]!r}")
    return value


def _read_one_of(value: Any, parts: Sequence[Any], where: str) -> Any:
    for part in parts:
        if (part is NoneType and value is None) or type(value) is part:
            return value
    others = [part for part in parts if part not in {NoneType, str, int, float, bool}]
    if others and value is not None:
        return _read(value, others[0], where)
    raise BadMessageError(f"{where} must be {' or '.join(map(_in_words, parts))}, not {str(value)[:40]!r}")


def _read_moment(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMessageError(f"{where} must be a time in ISO 8601, not {text[:40]!r}") from error
    if moment.tzinfo is None:
        raise BadMessageError(f"{where} must name its time zone, such as 2030-01-31T12:00:00Z; got {text[:40]!r}")
    return moment


def _read_word(value: Any, hint: type[StrEnum], where: str) -> Any:
    try:
        return hint(value)
    except ValueError as error:
        raise BadMessageError(f"{where} must be one of {', '.join(hint)}, not {str(value)[:40]!r}") from error


def _in_words(hint: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
    words |= {datetime: "a time"}
    if get_origin(hint) is Mapping:
        return "an object"
    return "a list" if get_origin(hint) is Sequence else words.get(hint, str(hint))
