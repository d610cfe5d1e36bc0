"""What a workspace holds: its log, its views, and what scripts left that was not delivered."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import WorkspaceError
from ledger.feed import Feed
from ledger.journal.folder import WriterFolder, writer_folders
from ledger.journal.places import fallbacks, offline_home
from projections.status import statuses
from runledger.doctor.finding import Finding, fail, ok, warn
from runledger.stored import DamagedFileError, stored_ledger
from runledger.stores import open_view, postgres_address, views_address
from runledger.tracking import journals_for
from schemas.streams import CONTROL

if TYPE_CHECKING:
    from ledger.store.database import Database
    from ledger.workspace.folder import WorkspaceFolder

# What a question waits for; fewer are read within a second or so.
_MUCH = 10_000


def open_records(location: str, opened: ExitStack) -> "tuple[Database | None, Finding]":
    """The ledger.db of a workspace folder, unless there is none or it is damaged, and what is to be said of it."""
    try:
        database = opened.enter_context(stored_ledger(location))
        events, voids = database.last_place(CONTROL) or 0, database.count_voids()
    except WorkspaceError as error:
        return None, ok("records", str(error))
    except DamagedFileError as error:
        return None, fail("records", str(error), "restore it from a backup; on Kafka delete it, it is filled again")
    size = Path(database.path).stat().st_size
    text = f"{events:,} positions, {voids:,} void records, {size / 1e6:,.1f} MB in {database.path}"
    return database, ok("records", text)


def look_at_views(
    folder: "WorkspaceFolder", database: "Database", environment: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """How far the views are behind what is stored here."""
    address, log = views_address(folder, environment), database.identities().get(CONTROL)
    if log is None or not _are_made(folder, address, log.id):
        yield ok("views", "none were made yet; the first question makes them")
        return
    with closing(open_view(folder, address, log.id, replicated=True)) as view:
        found = statuses(Feed(log.id, database), view)
        if address is not None:
            yield ok("views", f"they are in {view.name}")
    behind = [each for each in found if each.lag]
    for each in behind:
        text = f"{each.name} is {each.lag:,} event(s) behind position {each.end:,}; the next question reads them"
        yield warn("views", text, "`runledger server` keeps it up to date") if each.lag > _MUCH else ok("views", text)
    for each in found:
        if each.opaque:
            text = f"{each.name} passed over {each.opaque:,} event(s) that this version cannot read"
            yield warn("views", text, "upgrade runledger: the view is then built anew")
    if not behind:
        yield ok("views", f"{len(found)} views have read all {found[0].end if found else 0:,} positions")


def _are_made(folder: "WorkspaceFolder", address: str | None, log_id: str) -> bool:
    if address is None:
        return folder.views_db.is_file()
    place = postgres_address(address, log_id)
    from projections.postgres.view import is_made  # noqa: PLC0415 - only where there is PostgreSQL

    return is_made(place)


def look_at_journals(location: str, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """What scripts wrote on this machine that no ledger has yet."""
    own = [each for place in fallbacks(journals_for(location)) for each in _waiting(place)]
    living = [each for each in own if each.holds_lock()]
    left = len(own) - len(living)
    if living:
        yield ok("journals", f"{len(living)} script(s) are writing to their journals")
    if left:
        text = f"{left} journal(s) of scripts that have ended wait to be delivered"
        yield warn("journals", text, "the next command or a running server delivers them; `runledger run list` does")
    home = offline_home(environment)
    offline = [each for place in _folders(home) for each in _waiting(place) if _is_offline(each)]
    if offline:
        text = f"{len(offline)} journal(s) of offline scripts lie in {home}"
        yield warn("journals", text, "`runledger sync` delivers them")
    if not own and not offline:
        yield ok("journals", "nothing waits to be delivered")


def _waiting(place: Path) -> list[WriterFolder]:
    return [each for each in writer_folders(place) if each.identity() is not None]


def _folders(home: Path) -> list[Path]:
    return sorted(each for each in home.iterdir() if each.is_dir()) if home.is_dir() else []


def _is_offline(folder: WriterFolder) -> bool:
    identity = folder.identity()
    return identity is not None and identity.offline
