"""Erasing the personal text of a run or a user: what is done, in an order that can be begun again at any point.

First the key is destroyed, so that nobody makes the text again from the log; then the log says so, so that every
server deletes what it had made of it; then what lies here is deleted. A process that is killed has done some of it:
called again, all of it is done again, and what is done already is nothing to do.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from ledger.artifacts.content import key_of as key_of_content
from ledger.commands import DisableUser, new_command_id
from ledger.commands.privacy import NoteErased
from ledger.errors import RefusedError, UnavailableError, UserNotFoundError
from ledger.feed import FeedEvent
from ledger.journal.folder import WriterFolder, writers_of
from ledger.journal.places import fallbacks
from ledger.privacy.cipher import KeyCipher
from ledger.privacy.keys import KeyStore
from ledger.privacy.looking import Stored, stored_text
from ledger.privacy.subjects import told_subject
from ledger.tracking.recovery import UNDELIVERABLE
from runledger.lakes import address_of, known_lakes
from runledger.purging import purge_views
from runledger.replaying import caught_up, needs_parquet
from runledger.tracking import journals_for
from runledger.wiring import Embedded, caller
from schemas.events import (
    PersonalDataErasedEvent,
    RunArtifactAddedEvent,
    UserAddedEvent,
    UserChangedEvent,
    readable,
)
from schemas.events.base import ERASED
from schemas.statuses import TERMINAL
from schemas.streams import VALUES, run_stream, user_stream, values_streams

_AT_ONCE = 5_000
CLIENT = "cli"

NOT_ENCRYPTED = (
    "the personal text of this workspace is not encrypted, so it cannot be erased: the log keeps every byte for ever, "
    "and a byte that is changed breaks the proof of all that follows. To delete the tables and files that were made of "
    "it would be in vain, since they are made again from the log. What can be done: encrypt what comes from now on, "
    "with `runledger init --encrypt-personal`; for what is there, make a new workspace and delete this one as a whole, "
    "with its backups, its topics on Kafka and what was replayed from it (docs/privacy.md)."
)


class Step(NamedTuple):
    """One step: its name, and what it does; it tells how much there was to do."""

    name: str
    do: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Whose text is erased: the stream that says so, the subjects whose keys are destroyed, and what lies where.

    `files` are the SHA-256 of files that no other run has; `before` are events that were stored before there was
    encryption, which keep their text.
    """

    stream: str
    subjects: Sequence[str]
    keys: Sequence[str]
    events: int
    before: int
    run_id: str | None = None
    user: str | None = None
    files: Sequence[str] = ()
    lakes: Sequence[str] = ()
    noted: bool = field(default=False)

    def document(self) -> dict[str, Any]:
        """What would be erased, as JSON."""
        found = asdict(self)
        del found["noted"]
        return {name: value for name, value in found.items() if value is not None} | {"files": len(self.files)}


def erasure_of_run(parts: Embedded, run_id: str, lakes: Sequence[str] = ()) -> Erasure:
    """What is to be erased of a run.

    Raises:
        RunNotFoundError: no such run.
        RefusedError: nothing is encrypted, or the run goes on.
        KeyStoreError: the keys are out of reach.
    """
    keys = _keys_of(parts)
    parts.log.catch_up()
    parts.values_log.catch_up()
    run, stream = parts.ledger.run(run_id), run_stream(run_id)
    if run.status not in TERMINAL:
        raise RefusedError(
            f"run {run_id} is {run.status}: it would go on to log what is to be erased. "
            f"End it first, such as with `runledger run cancel -r {run_id}`."
        )
    writers = parts.database.heads_of(values_streams(run_id))
    values = [each for writer in writers for each in parts.database.stream_events(writer, log=VALUES)]
    stored = stored_text([*parts.database.stream_events(stream), *values])
    return Erasure(
        stream=stream,
        subjects=(stream,),
        keys=_key_ids(keys, stored, (stream,)),
        events=stored.encrypted,
        before=stored.plain,
        run_id=run_id,
        files=_files_of(parts, run_id),
        lakes=tuple(dict.fromkeys([*known_lakes(parts.folder), *map(address_of, lakes)])),
        noted=_is_noted(parts, stream, stored),
    )


def erasure_of_user(parts: Embedded, name: str) -> Erasure:
    """What is to be erased of a user: who it is, from where the user logged in, and what was sent to the address.

    Raises:
        UserNotFoundError: no such user.
        RefusedError: nothing is encrypted.
        KeyStoreError: the keys are out of reach.
    """
    keys = _keys_of(parts)
    parts.log.catch_up()
    log_id = parts.log.id
    stream = user_stream(log_id, name)
    stored = stored_text(parts.database.stream_events(stream))
    if parts.users.named(name) is None:
        raise UserNotFoundError(name)
    subjects = (*(told_subject(log_id, each) for each in _addresses(parts.feed.of_stream(stream))), stream)
    return Erasure(
        stream=stream,
        subjects=subjects,
        keys=_key_ids(keys, stored, subjects),
        events=stored.encrypted,
        before=stored.plain,
        user=name,
        noted=_is_noted(parts, stream, stored),
    )


def steps(parts: Embedded, erasure: Erasure, reason: str) -> Iterator[Step]:
    """What is done, in order."""
    if erasure.user is not None:
        # Whoever could still log in would act under the name "(erased)".
        yield Step("disable", lambda: _disable(parts, erasure, reason))
    yield Step("keys", lambda: _destroy_keys(parts, erasure))
    yield Step("log", lambda: _note(parts, erasure, reason))
    if erasure.run_id is not None:
        run_id = erasure.run_id
        yield Step("files", lambda: _remove_files(parts, erasure))
        yield Step("journals", lambda: _remove_journals(parts, run_id))
        yield Step("lakes", lambda: _rewrite_lakes(parts, erasure, run_id))
    yield Step("views", lambda: purge_views(parts))


def _keys_of(parts: Embedded) -> KeyStore:
    if not isinstance(parts.cipher, KeyCipher) or not parts.cipher.is_on(at_once=True):
        raise RefusedError(NOT_ENCRYPTED)
    return parts.cipher.keys


def _key_ids(keys: KeyStore, stored: Stored, subjects: Sequence[str]) -> list[str]:
    known = [key.id for subject in subjects if (key := keys.of(subject)) is not None]
    return sorted(stored.keys | set(known))


def _is_noted(parts: Embedded, stream: str, stored: Stored) -> bool:
    """Whether the log says of every key that the text of a stream is under that it was destroyed."""
    noted = parts.feed.of_stream(stream, types=PersonalDataErasedEvent.type_names())
    said = {key for each in noted if isinstance(each.event, PersonalDataErasedEvent) for key in each.event.keys}
    return bool(noted) and stored.keys <= said


def _addresses(events: Sequence[FeedEvent]) -> list[str]:
    """The addresses that a user ever had, as far as they can still be read."""
    said = [readable(each.event.email) for each in events if isinstance(each.event, UserAddedEvent | UserChangedEvent)]
    return list(dict.fromkeys(text for text in said if text and text != ERASED))


def _disable(parts: Embedded, erasure: Erasure, reason: str) -> int:
    command = DisableUser(user=erasure.user or "", reason=reason, client=CLIENT)
    return int(parts.ledger.handle(command, caller()).changed)


def _destroy_keys(parts: Embedded, erasure: Erasure) -> int:
    keys = _keys_of(parts)
    for subject in erasure.subjects:
        keys.destroy(subject)
    parts.cipher.forget(erasure.keys)
    return len(erasure.subjects)


def _note(parts: Embedded, erasure: Erasure, reason: str) -> int:
    if erasure.noted:
        return 0
    command = NoteErased(
        command=new_command_id(), stream=erasure.stream, keys=list(erasure.keys), reason=reason, client=CLIENT
    )
    parts.ledger.handle(command, caller())
    return 1


def _files_of(parts: Embedded, run_id: str) -> list[str]:
    """The contents that this run has, and no other whose text was not erased."""
    mine = _contents(parts.feed.of_run(run_id, RunArtifactAddedEvent.type_names()))
    if not mine:
        return []
    feed, position = parts.feed, 0
    erased = {each.envelope.stream for each in _all(parts, PersonalDataErasedEvent.type_names())} | {run_stream(run_id)}
    while events := feed.of_types(RunArtifactAddedEvent.type_names(), position, _AT_ONCE):
        position = events[-1].position
        mine -= _contents([each for each in events if each.envelope.stream not in erased])
    return sorted(mine)


def _all(parts: Embedded, types: Sequence[str]) -> Iterator[FeedEvent]:
    position = 0
    while events := parts.feed.of_types(types, position, _AT_ONCE):
        position = events[-1].position
        yield from events


def _contents(events: Sequence[FeedEvent]) -> set[str]:
    return {each.event.sha256 for each in events if isinstance(each.event, RunArtifactAddedEvent)}


def _remove_files(parts: Embedded, erasure: Erasure) -> int:
    place = parts.files.contents.place
    there = [key for digest in erasure.files if place.size(key := key_of_content(digest)) is not None]
    for key in there:
        place.remove(key)
    folder = parts.folder.runs / (erasure.run_id or "")
    if erasure.run_id and folder.is_dir():
        shutil.rmtree(folder)
        if folder.exists():
            raise UnavailableError(f"{folder} cannot be deleted; check its rights, and erase again")
    return len(there)


def _remove_journals(parts: Embedded, run_id: str) -> int:
    found: list[WriterFolder] = []
    for place in fallbacks(journals_for(str(parts.folder.path.parent))):
        for journals in (place, place / UNDELIVERABLE):
            found += [folder for folder, _ in writers_of(journals, {run_id})]
    for folder in found:
        folder.remove()
        if os.path.lexists(folder.path):
            raise UnavailableError(f"{folder.path} cannot be deleted; check its rights, and erase again")
    return len(found)


def _rewrite_lakes(parts: Embedded, erasure: Erasure, run_id: str) -> int:
    if not erasure.lakes:
        return 0
    with needs_parquet():
        from projections.analytics.erasing import erase_from_lake  # noqa: PLC0415 - pyarrow only where there is a lake
        from projections.analytics.lake import Lake  # noqa: PLC0415

    source = caught_up(parts)
    return sum(erase_from_lake(source, Lake(address), run_id) for address in erasure.lakes)
