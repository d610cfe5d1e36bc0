"""What runs, experiments and their siblings have in common: folding events, deciding new ones."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID, uuid5

from eventsourcing.domain import BaseAggregate, datetime_now_with_tzinfo
from pydantic import ValidationError

from ledger.errors import BadValueError, CommandReusedError, PoisonedError
from schemas.events import Event, OpaqueEvent, PersonalDataErasedEvent, readable
from schemas.events.base import ERASED
from schemas.registry import is_newer
from schemas.streams import key_of, kind_of

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Context:
    """Who commands, when and why; `actor` is proven, `on_behalf_of` is said."""

    command: str
    digest: str
    actor: str
    source: str
    now: datetime
    reason: str | None = None
    on_behalf_of: str | None = None
    client: str | None = None
    address: str | None = None
    as_of: int | None = None

    def fields(self) -> dict[str, Any]:
        """The fields that every event of the command carries."""
        return {
            "command": self.command,
            "digest": self.digest,
            "reason": self.reason,
            "on_behalf_of": self.on_behalf_of,
            "client": self.client,
            "address": self.address,
        }

    def event_id(self, index: int) -> str:
        """The id of the command's event number `index`: the same whenever it is decided again."""
        return str(uuid5(UUID(self.command), str(index)))


@dataclass(frozen=True)
class Decided:
    """An event of an aggregate; without `position` it is decided but not accepted yet."""

    originator_id: str
    originator_version: int
    timestamp: datetime
    body: Event | OpaqueEvent
    prev: str | None
    event_id: str
    source: str
    actor: str
    hash: str = ""
    position: int | None = None
    recorded_at: int | None = None

    @staticmethod
    def create_timestamp() -> datetime:
        """The moment of the decision, unless it is given."""
        return datetime_now_with_tzinfo()

    def mutate(self, aggregate: "LedgerAggregate | None") -> "LedgerAggregate":
        """Fold this event into the aggregate; the first event of a stream makes it."""
        if aggregate is None:
            aggregate = LedgerAggregate.blank(self.originator_id)
        aggregate.fold(self)
        return aggregate


@dataclass(frozen=True, slots=True)
class Answered:
    """What a command came to when it was first handled."""

    digest: str | None
    position: int


class LedgerAggregate(BaseAggregate[str]):
    """An aggregate whose decisions name the head they were folded from.

    The hash is carried from the fold and never looked up at the append, so a decision that
    wins its place was right about everything before it.
    """

    kinds: ClassVar[dict[str, type["LedgerAggregate"]]] = {}
    kind: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the fold find the class by the kind of its streams."""
        super().__init_subclass__(**kwargs)
        if cls.kind:
            LedgerAggregate.kinds[cls.kind] = cls

    @classmethod
    def blank(cls, stream: str) -> "LedgerAggregate":
        """The aggregate of a stream that has no event yet."""
        kind = LedgerAggregate.kinds.get(kind_of(stream), LedgerAggregate)
        aggregate = kind.__new__(kind)
        aggregate.begin(stream)
        return aggregate

    def begin(self, stream: str) -> None:
        """Take the state before the first event."""
        self.__base_init__(stream, 0, datetime.fromtimestamp(0, UTC))
        self.head_hash, self.last_position, self.opaque_events = "", 0, 0
        self.newer = None
        self.answered = {}
        self._context, self._poison = None, ""
        self.begin_state()

    head_hash: str
    answered: dict[str, Answered]
    opaque_events: int
    newer: tuple[str, int] | None
    last_position: int
    _context: Context | None
    _poison: str

    @property
    def key(self) -> str:
        """The id in the stream: a run's id, an experiment's id."""
        return key_of(self.id)

    @property
    def exists(self) -> bool:
        """Whether the stream has an accepted event."""
        return self.version > len(self.pending_events)

    def begin_state(self) -> None:
        """Set the state before the first event."""

    def apply(self, event: Event) -> None:
        """Change the state by an event of any order and content; it must never raise."""

    def fold(self, decided: Decided) -> None:
        """Take in an event, accepted or just decided."""
        if isinstance(decided.body, OpaqueEvent):
            self.opaque_events += 1
            if is_newer(decided.body.type):
                self.newer = decided.body.type, decided.position or 0
        else:
            self.apply(decided.body)
        if self.version == 0:
            self._created_on = decided.timestamp
        self.version = decided.originator_version
        self.modified_on = decided.timestamp
        if decided.position is not None:
            self.head_hash, self.last_position = decided.hash, decided.position
            self._remember(decided)

    def acting(self, context: Context) -> Self:
        """Decide under this command from here on.

        Raises:
            CommandReusedError: the command id was used for another command.
        """
        earlier = self.answered.get(context.command)
        if earlier is not None and earlier.digest not in {context.digest, ERASED}:
            raise CommandReusedError(context.command)
        self._context = context
        return self

    def decide(self, event_type: type[Event], **fields: Any) -> None:
        """Decide that an event happens, and let it take effect here."""
        if self._poison:
            raise PoisonedError(f"{self.id} must be loaded again: {self._poison}")
        context = self._required_context()
        index = len(self.pending_events)
        try:
            body = event_type(**context.fields() | fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise BadValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        self.trigger_event(
            Decided,  # type: ignore[arg-type]
            timestamp=context.now,
            body=body,
            prev=None if index else self.head_hash,
            event_id=context.event_id(index),
            source=context.source,
            actor=context.actor,
        )

    def note_erased(self, keys: Sequence[str]) -> None:
        """Note that the keys of what this is about were destroyed."""
        self.decide(PersonalDataErasedEvent, keys=list(keys))

    def wanted(self) -> list[Event]:
        """What was decided here and is not accepted yet."""
        bodies = [vars(each)["body"] for each in self.pending_events]
        return [body for body in bodies if isinstance(body, Event)]

    def copied(self) -> Self:
        """Another instance with the same state, neither changed with the other.

        What the state holds is immutable, or a dict, list or set of what is.
        """
        twin = copy(self)
        state = vars(twin)
        for name, value in state.items():
            if isinstance(value, dict | list | set):
                state[name] = value.copy()
        return twin

    def poison(self, why: str) -> None:
        """Refuse any further decision: what this instance knows may not be so."""
        self._poison = why

    def _required_context(self) -> Context:
        if self._context is None:
            raise PoisonedError(f"{self.id} decides only under a command")
        return self._context

    def _remember(self, decided: Decided) -> None:
        body = decided.body
        if isinstance(body, Event) and body.command is not None and decided.position is not None:
            self.answered[body.command] = Answered(readable(body.digest), decided.position)


def changed_keys(old: Mapping[str, V], new: Mapping[str, V]) -> dict[str, V]:
    """The pairs of `new` that are not in `old` just so."""
    return {key: value for key, value in new.items() if key not in old or old[key] != value}
