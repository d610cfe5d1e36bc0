"""What all commands have in common: an id, who asked, and why."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID, uuid4, uuid5

C = TypeVar("C")

Parameter = str | int | float | bool | None


def new_command_id() -> str:
    """An id for a command; sending it again with the same command is harmless."""
    return str(uuid4())


def derived_id(command: str, part: str) -> str:
    """The id of one part of a command that takes several appends."""
    return str(uuid5(UUID(command), part))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def command_class(kind: type[C]) -> type[C]:
    """A frozen dataclass by keywords, whose methods are all inherited: made for each, they cost every start."""
    return dataclass(init=False, eq=False, repr=False)(kind)


@command_class
class Command:
    """One thing to do to one stream; `occurred_at` is the caller's claim of when it was asked.

    `late` says that it comes from a journal: who asked is not there any more to be told of a refusal.
    `as_of` is the position as of which the caller knew what he changes: if somebody has changed the
    same since, the command is refused.
    """

    command: str = field(default_factory=new_command_id)
    reason: str | None = None
    on_behalf_of: str | None = None
    client: str | None = None
    occurred_at: datetime | None = None
    late: bool = False
    as_of: int | None = None

    def __init__(self, **given: Any) -> None:
        """Take a value for each field that has no default."""
        missing = object()
        for item in self.__dataclass_fields__.values():
            value = given.pop(item.name, missing)
            if value is missing:
                value = item.default if item.default_factory is MISSING else item.default_factory()
            if value is MISSING:
                raise TypeError(f"{type(self).__name__} needs {item.name}")
            vars(self)[item.name] = value
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.command))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def digest(self) -> str:
        """32 hex digits that tell this command's content from any other's."""
        from hashlib import sha256  # noqa: PLC0415 - only where commands are decided

        # What has its default is left out, so that a field that comes later changes no digest.
        content = {
            item.name: value
            for item in fields(self)
            if item.name not in {"command", "late"} and (value := getattr(self, item.name)) != item.default
        }
        text = json.dumps([type(self).__name__, content], sort_keys=True, default=_plain, ensure_ascii=True)
        return sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: the position it can be read from, and whether anything changed."""

    position: int
    changed: bool


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
