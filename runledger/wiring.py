"""The composition root: the one place where the parts are joined."""

import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.client import Client
from ledger.embedded import EmbeddedClient
from ledger.errors import UnavailableError, WorkspaceError
from ledger.feed import Feed
from ledger.logs.log import Log
from ledger.logs.sqlite import open_sqlite_log
from ledger.sdk.origin import user_name
from ledger.store.database import Database
from ledger.workspace.folder import WorkspaceFolder, open_folder
from projections.answers import Answers
from projections.view import View
from runledger.settings import resolve
from schemas.streams import CONTROL

if TYPE_CHECKING:
    from ledger.logs.kafka.address import KafkaAddress

SQLITE = "sqlite"


def now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


def caller() -> Caller:
    """The operating system's user on this host: who acts in an embedded workspace."""
    return Caller(actor=user_name(), source=f"//{platform.node() or 'localhost'}/runledger")


@dataclass(frozen=True, slots=True)
class Embedded:
    """The parts of a workspace that is opened here, for operators' commands."""

    folder: WorkspaceFolder
    log_address: str
    database: Database
    log: Log
    feed: Feed
    view: View
    client: EmbeddedClient


def connect(location: str) -> Client:
    """A client for a path or URL; closing it closes everything it opened."""
    if "://" in location:
        raise WorkspaceError(f"{location}: workspaces behind a URL come with the server; name a folder")
    with ExitStack() as stack:
        client = stack.enter_context(embedded_workspace(location)).client
        client.on_close(stack.pop_all().close)
    return client


@contextmanager
def embedded_workspace(location: str) -> Iterator[Embedded]:
    """Open a workspace folder with its log and views."""
    folder = open_folder(Path(location))
    address = resolve(os.environ, folder.settings())["log"].value or SQLITE
    with ExitStack() as stack:
        database = Database(folder.ledger_db, durable=address == SQLITE)
        stack.callback(database.close)
        log = _open_log(address, database)
        stack.callback(log.close)
        feed = Feed(log.id, database)
        view = View(folder.views_db)
        stack.callback(view.close)
        ledger = Ledger(LedgerRecorder(log, database), now=now)
        client = EmbeddedClient(str(folder.path.parent), ledger, caller(), log, Answers(feed, view))
        yield Embedded(folder, address, database, log, feed, view, client)


def _open_log(address: str, database: Database) -> Log:
    who = caller()
    if address == SQLITE:
        return open_sqlite_log(database, CONTROL, source=who.source, actor=who.actor, now=now)
    from ledger.logs.kafka.address import parse_address  # noqa: PLC0415

    return _open_kafka(parse_address(address), database, who)


def _open_kafka(address: "KafkaAddress", database: Database, who: Caller) -> Log:
    try:
        from ledger.logs.kafka.opening import Writer  # noqa: PLC0415
        from ledger.logs.kafka.thread import KafkaThread  # noqa: PLC0415
    except ImportError as error:
        raise UnavailableError(f"{address} needs the Kafka client: pip install 'runledger[kafka]'") from error
    return KafkaThread(address, database, Writer(who.source, who.actor, now)).control
