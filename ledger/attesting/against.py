"""Does a ledger still hold what an attestation says? To be asked of one whose own chains were found whole."""

from collections.abc import Callable

from ledger.attesting.attestation import Attestation, ValuesMark
from ledger.attesting.tree import events_tree, heads_tree
from ledger.store.database import Database
from ledger.store.fold import NO_RUNNING
from ledger.store.tables import place_of
from schemas.streams import CONTROL, VALUES

_RUNNING_AT = "SELECT running FROM values_events WHERE place >= ? AND place < ? ORDER BY place DESC LIMIT 1"

_REWRITTEN = (
    "are not those that were attested: one of them was changed, removed, put in or moved, and every hash computed anew"
)


def differences(
    database: Database, attested: Attestation, progress: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Every way in which the ledger is not the one that was attested, grown; empty if it is."""
    known = database.identities()
    if CONTROL not in known or known[CONTROL].id != attested.log_id:
        there = known[CONTROL].id if CONTROL in known else "none"
        return [f"the attestation is of log {attested.log_id}, and this is log {there}: it is another ledger"]
    return _of_control(database, attested, progress) + _of_values(database, attested)


def _of_control(database: Database, attested: Attestation, progress: Callable[[int], None]) -> list[str]:
    tree = events_tree(database, size=attested.size, progress=progress)
    if tree.size < attested.size:
        return [f"{attested.size:,} events were attested; the log holds {tree.size:,}: its end was cut off"]
    if tree.root() != attested.root:
        return [f"the events up to position {attested.position} {_REWRITTEN}"]
    heads = heads_tree(database, attested.position)
    if (heads.size, heads.root()) != (attested.heads, attested.heads_root):
        return [f"the heads of the streams at position {attested.position} are not those that were attested"]
    return []


def _of_values(database: Database, attested: Attestation) -> list[str]:
    values = database.identities().get(VALUES)
    if attested.values_id is not None and (values is None or values.id != attested.values_id):
        return [f"the values log that was attested is {attested.values_id}; this is another one"]
    return [found for mark in attested.values if (found := _of_partition(database, mark)) is not None]


def _of_partition(database: Database, mark: ValuesMark) -> str | None:
    where = f"partition {mark.partition} of the values log, before offset {mark.next_offset}"
    if database.progress(VALUES, mark.partition).next_offset < mark.next_offset:
        return f"{where}: its end was cut off"
    bounds = (place_of(mark.partition, 0), place_of(mark.partition, mark.next_offset))
    row = database.reading().execute(_RUNNING_AT, bounds).fetchone()
    if (row[0] if row else NO_RUNNING).hex() != mark.running:
        return f"{where}: what lies there is not what was attested"
    return None
