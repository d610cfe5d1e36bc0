"""What all events have in common: their name, their bytes, and the types of their fields."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self, TypeVar, overload

from pydantic import ConfigDict, Field, StringConstraints

from schemas.model import Model

T = TypeVar("T")

_INT64 = 2**63
# The last second of year 9999, so that every moment is a date of the calendar.
_LAST_SECOND = 253_402_300_799


def _is_none(value: object) -> bool:
    return value is None


# The pattern keeps out NUL, and its presence lone surrogates: see schemas.limits.UNSTORABLE.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""Text that every store can hold."""

Maybe = Annotated[T | None, Field(exclude_if=_is_none)]
"""A field that may be missing: None is its default, says nothing, and is left out of the bytes."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hex."""

Count = Annotated[int, Field(ge=0, lt=_INT64)]
"""A number of things, or a place in an order."""

Step = Annotated[int, Field(ge=-_INT64, lt=_INT64)]
"""A step that a script counts by."""

Milliseconds = Annotated[int, Field(ge=0, lt=(_LAST_SECOND + 1) * 1_000)]
"""A moment, in milliseconds since 1970 UTC: the unit of `recorded_at`."""

Microseconds = Annotated[int, Field(ge=0, lt=(_LAST_SECOND + 1) * 1_000_000)]
"""A moment, in microseconds since 1970 UTC."""


class Part(Model):
    """Part of an event: immutable, strict about types, deaf to fields that came later."""

    model_config = ConfigDict(extra="ignore", serialize_by_alias=True)


class Encrypted(Part):
    """Personal text under a key that can be destroyed: `{"$enc": [key id, nonce, ciphertext]}`."""

    parts: tuple[Text, Text, Text] = Field(alias="$enc")

    @classmethod
    def of(cls, key_id: str, nonce: str, ciphertext: str) -> Self:
        """Name the three parts."""
        return cls.model_validate({"$enc": (key_id, nonce, ciphertext)})


Personal = Text | Encrypted
"""Text about people or by people, which may be encrypted so that it can be erased."""

ENCRYPTED = "(encrypted)"
"""What is shown of a text to whom its key is out of reach."""

ERASED = "(erased)"
"""What is shown of a text whose key was destroyed."""


@dataclass(frozen=True, slots=True)
class _Secrecy:
    """Marks a field that is for the machinery alone."""


Secret = Annotated[Text, _Secrecy()]
"""What no list, history or export shows: who has it can try what it belongs to."""

CONCEALED = "********"
"""What is shown in its place."""


@overload
def readable(value: Personal) -> str: ...


@overload
def readable(value: Personal | None) -> str | None: ...


def readable(value: Personal | None) -> str | None:
    """The text for a person to read."""
    return ENCRYPTED if isinstance(value, Encrypted) else value


class Event(Part):
    """Something that happened, with the command that made it happen.

    `command` is the id that the client chose, `digest` the first 32 hex digits of the SHA-256 of
    what it asked for; it is kept as personal text is, since a short text can be guessed from it.
    `address` is the network address that it came from, if it came over one.
    Fields may be added within a version, with a default that never changes.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1

    command: Maybe[Text] = None
    digest: Maybe[Personal] = None
    reason: Maybe[Personal] = None
    on_behalf_of: Maybe[Personal] = None
    client: Maybe[Text] = None
    address: Maybe[Personal] = None

    @classmethod
    def type_name(cls) -> str:
        """The type in the envelope, such as `runledger.run.status-changed.v1`."""
        return f"runledger.{cls.name}.v{cls.version}"

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """The names of the fields that nobody is shown."""
        fields = cls.model_fields.items()
        return frozenset(name for name, field in fields if any(isinstance(each, _Secrecy) for each in field.metadata))

    @classmethod
    def type_names(cls) -> list[str]:
        """The types in the envelope of every version so far, the newest last."""
        return [f"runledger.{cls.name}.v{version}" for version in range(1, cls.version + 1)]

    def to_value(self) -> bytes:
        """The value of its record: compact JSON in UTF-8, fields and keys in their own order."""
        return self.__pydantic_serializer__.to_json(self)


@dataclass(frozen=True, slots=True)
class OpaqueEvent:
    """An accepted event that this program cannot read: its type, its raw value, and why."""

    type: str
    value: bytes
    why: str
