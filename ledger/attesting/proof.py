"""One run's history as lines of JSON, with all that is needed to check it where the ledger is not at hand.

The first line names the form, the run and the attestation, with the path of the run's head; then a
line for each of the run's events, with its path to the attested root; then one for each batch of
values up to the seals.
Bytes that are not UTF-8 are written as lone surrogates, so that every text gives its bytes again.
"""

from collections.abc import Iterator
from typing import Any

from ledger.attesting.attestation import Attestation
from ledger.attesting.errors import AttestationError
from ledger.attesting.note import text_of
from ledger.attesting.seals import seal_in
from ledger.attesting.tree import Tree, events_tree, heads_tree, index_of_event, index_of_head
from ledger.errors import RunNotFoundError
from ledger.store.database import Database, Recorded
from schemas.records import Headers
from schemas.streams import VALUES, run_stream, values_stream

FORM = "runledger/proof/1"

Line = dict[str, Any]


def proof_of(database: Database, run_id: str, note: str) -> Iterator[Line]:
    """The lines that prove a run as of an attestation.

    Raises:
        RunNotFoundError: there is no such run.
        AttestationError: the run begins behind the attestation, or it is not this ledger's.
    """
    attested = Attestation.parse(text_of(note))
    stream = run_stream(run_id)
    events = database.stream_events(stream)
    if not events:
        raise RunNotFoundError(run_id)
    proven = [event for event in events if event.place <= attested.position]
    if not proven:
        raise AttestationError(
            f"run {run_id} begins at position {events[0].place}, behind the attestation, which ends at position "
            f"{attested.position}: make a new one with `runledger attest`"
        )
    tree = events_tree(database, size=attested.size)
    if tree.root() != attested.root:
        raise AttestationError(
            "the ledger does not hold what was attested, so nothing can be proven from it: "
            "`runledger verify --against` says more"
        )
    yield {
        "form": FORM,
        "run_id": run_id,
        "events": len(proven),
        "later_events": len(events) - len(proven),
        "attestation": note,
        "values_log_id": attested.values_id,
        "head": _in_tree(heads_tree(database, attested.position), index_of_head(database, stream, attested.position)),
    }
    for event in proven:
        place = {"position": event.place, "recorded_at": event.recorded_at}
        yield _record(event) | place | _in_tree(tree, index_of_event(database, event.place))
    yield from _values(database, run_id, proven)


def _values(database: Database, run_id: str, events: list[Recorded]) -> Iterator[Line]:
    upto: dict[str, int] = {}
    for event in events:
        for writer in (seal_in(event.envelope.value) or {}).get("writers", ()):
            upto[writer["writer"]] = max(writer["seq"], upto.get(writer["writer"], 0))
    for writer, seq in upto.items():
        for batch in database.stream_events(values_stream(run_id, writer), log=VALUES, upto_seq=seq):
            yield _record(batch)


def _in_tree(tree: Tree, index: int) -> Line:
    return {"index": index, "path": [hashed.hex() for hashed in tree.path(index)]}


def _record(event: Recorded) -> Line:
    return {"headers": _texts(event.envelope.record().headers), "value": _text(event.envelope.value)}


def _texts(headers: Headers) -> dict[str, str]:
    return {name: _text(raw) for name, raw in headers if raw is not None and name.startswith("ce_")}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
