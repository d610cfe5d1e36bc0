"""The composition root: the one place where the parts are joined.

Each part is loaded where it is joined: a process whose workspace is a URL loads no store.
"""
# ruff: noqa: PLC0415

import atexit
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.client import Client
from ledger.errors import UnavailableError, WorkspaceError
from ledger.sdk.origin import user_name
from ledger.workspace.folder import WorkspaceFolder, make_folder, open_folder
from ledger.workspace.mounts import MOUNTS
from runledger.credentials import token_of
from runledger.locating import folder_of, is_url
from runledger.settings import resolve
from schemas.errors import LedgerError
from schemas.streams import CONTROL, VALUES

if TYPE_CHECKING:
    from alerts.answers import AlertAnswers
    from alerts.evaluate.facts import Place
    from ledger.application.handling import Caller, Ledger
    from ledger.application.values import Values
    from ledger.artifacts.files import Files
    from ledger.commands import SuppressRecipient
    from ledger.embedded import EmbeddedClient
    from ledger.feed import Feed
    from ledger.logs.kafka.address import KafkaAddress
    from ledger.logs.log import Log
    from ledger.metrics import MetricQueries
    from ledger.queries import AlertQueries, BounceDocument, Bounces, Queries
    from ledger.store.database import Database
    from ledger.users.directory import Users
    from projections.view import View
    from schemas.rules import RuleDefinition

SQLITE = "sqlite"
URLS = ("http://", "https://")

_CANNOT_OPEN = frozenset({"SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_PERM"})


def now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


def caller() -> "Caller":
    """The operating system's user on this host: who acts in an embedded workspace."""
    from ledger.application.handling import Caller

    return Caller(actor=user_name(), source=f"//{platform.node() or 'localhost'}/runledger")


@dataclass(frozen=True, slots=True)
class Embedded:
    """The parts of a workspace that is opened here, for operators' commands."""

    folder: WorkspaceFolder
    log_address: str
    database: "Database"
    log: "Log"
    values_log: "Log"
    feed: "Feed"
    view: "View"
    ledger: "Ledger"
    values: "Values"
    queries: "Queries"
    alerts: "AlertQueries"
    bounces: "Bounces"
    users: "Users"
    metrics: "MetricQueries"
    files: "Files"
    client: "EmbeddedClient"


def connect(location: str, *, mounts: Path = MOUNTS, seconds: float | None = None) -> Client:
    """A client for a path or URL; closing it closes everything it opened.

    `seconds` is how long a call to a URL tries, in all.
    """
    if is_url(location):
        from ledger.remote.client import SECONDS, RemoteClient

        return RemoteClient(location, token_of(location, os.environ), seconds=seconds or SECONDS)
    with ExitStack() as stack:
        client = stack.enter_context(embedded_workspace(location, mounts=mounts)).client
        client.on_close(stack.pop_all().close)
    # A script that never closes its workspace must not be held up by our thread when it ends.
    atexit.register(client.close)
    return client


def make_workspace(path: Path, *, log: str | None, adopt: bool = False, mounts: Path = MOUNTS) -> WorkspaceFolder:
    """Make a workspace in a folder, with its log where the log is a file of its own.

    One that is there already stays as it is.

    Raises:
        WorkspaceError: it cannot be made here, or is there with another log.
    """
    chosen = log or resolve(os.environ, {})["log"].value or SQLITE
    if chosen != SQLITE:
        from ledger.logs.kafka.address import parse_address

        parse_address(chosen)
    folder = make_folder(path, log=chosen, adopt=adopt, mounts=mounts)
    configured = folder.settings().get("log", SQLITE)
    if log is not None and log != configured:
        raise WorkspaceError(
            f"{folder.path.parent} is a workspace already and its log is {configured}. A workspace keeps its log: "
            "make another one in another folder."
        )
    if _log_address(folder) == SQLITE:
        with embedded_workspace(str(path), mounts=mounts):
            pass
    return folder


@contextmanager
def embedded_workspace(location: str, *, mounts: Path = MOUNTS, alone: bool = False) -> Iterator[Embedded]:
    """Open a workspace folder with its log and views.

    One that is `alone` has everything in its folder, whatever the environment says.
    """
    from alerts.answers import AlertAnswers
    from ledger.application.handling import Ledger
    from ledger.application.recorder import LedgerRecorder
    from ledger.application.values import Values
    from ledger.embedded import Answers as EmbeddedAnswers
    from ledger.embedded import EmbeddedClient
    from ledger.feed import Feed
    from ledger.liveness.canceling import CancelRequests
    from ledger.liveness.standings import Standings
    from ledger.store.database import Database
    from ledger.users.directory import Users
    from projections.answers import Answers
    from projections.metrics.queries import Metrics
    from projections.view import View

    folder = open_folder(folder_of(location).path.parent, mounts=mounts)
    environment = {} if alone else os.environ
    address = SQLITE if alone else _log_address(folder)
    with ExitStack() as stack:
        database = Database(folder.ledger_db, durable=address == SQLITE)
        stack.callback(database.close)
        logs = _open_logs(address, database)
        for each in logs:
            stack.callback(each.close)
        control, values_log = logs
        feed = Feed(control.id, database)
        view = View(folder.views_db)
        stack.callback(view.close)
        values = Values(values_log, control, database, now=now)
        check_rule = _rule_check(feed, place_of(folder, address), folder)
        metrics, alerts = Metrics(database, view), AlertAnswers(feed, database, now=now)
        queries = Answers(feed, view, metrics.last_values)
        recorder = LedgerRecorder(control, database)
        files = _files(folder, environment)
        ledger = Ledger(
            recorder,
            now=now,
            seal=values.seal,
            check_rule=check_rule,
            has_runs=queries.has_runs,
            # Alone, its files lie elsewhere, and whoever gives a command has seen to them.
            check_content=None if alone else files.check,
            server=platform.node(),
        )
        users = Users(feed, now=now)
        bounces = _Bounces(folder, control.id, alerts)
        answers = EmbeddedAnswers(queries, metrics, alerts, users, bounces)
        cancel_requests = CancelRequests(Standings(database))
        client = EmbeddedClient(
            str(folder.path.parent), ledger, values, caller(), logs, answers, files, cancel_requests
        )
        opened = (
            folder,
            address,
            database,
            control,
            values_log,
            feed,
            view,
            ledger,
            values,
            queries,
            alerts,
            bounces,
            users,
            metrics,
        )
        yield Embedded(*opened, files, client)


def _files(folder: WorkspaceFolder, environment: Mapping[str, str]) -> "Files":
    from ledger.artifacts.address import open_place
    from ledger.artifacts.contents import Contents
    from ledger.artifacts.files import Files
    from ledger.targets.local.folder import RunFolder

    settings = resolve(environment, folder.settings())
    size = settings["artifact bytes"].value or ""
    if not size.isdecimal():
        raise WorkspaceError(f"RUNLEDGER_ARTIFACT_BYTES must be a number of bytes, not {size!r}")
    place = settings["artifacts"].value or str(folder.artifacts)
    if "://" not in place:
        # Processes of one workspace have different folders of their own.
        place = str(folder.path.parent / Path(place).expanduser())
    contents = Contents(open_place(place), int(size))
    return Files(contents, lambda run_id: RunFolder(folder.runs / run_id).log)


def place_of(folder: WorkspaceFolder, log_address: str) -> "Place":
    """The workspace as a mail names it: by its name on Kafka, else by its folder's."""
    from alerts.evaluate.facts import Place

    name = folder.path.parent.name if log_address == SQLITE else log_address.rpartition("/")[2]
    return Place(name, str(folder.path.parent), os.environ.get("RUNLEDGER_PUBLIC_URL") or None)


class _Bounces:
    """Judges mails that came back; what reads mails is loaded when the first comes."""

    def __init__(self, folder: WorkspaceFolder, log_id: str, alerts: "AlertAnswers") -> None:
        self._folder = folder
        self._log_id = log_id
        self._alerts = alerts

    def judge(self, content: bytes, sent_to: str | None = None) -> "tuple[BounceDocument, SuppressRecipient | None]":
        from alerts.bounces.judging import BounceJudge
        from runledger.keys import signer_of

        judge = BounceJudge(lambda: signer_of(self._folder, self._log_id), self._alerts.recipient_of)
        return judge.judge(content, sent_to)


def _rule_check(feed: "Feed", place: "Place", folder: WorkspaceFolder) -> "Callable[[RuleDefinition], None]":
    def check(definition: "RuleDefinition") -> None:
        # Rules are saved seldom, and templates take long to load.
        from alerts.saving import TemplateCheck
        from alerts.templates.rendering import Renderer
        from runledger.channels import check_channels

        check_channels(definition, folder)
        TemplateCheck(feed, Renderer(), place)(definition)

    return check


class DamagedFileError(LedgerError):
    """A ledger.db that SQLite cannot read, or that holds no ledger."""


@contextmanager
def stored_ledger(location: str) -> Iterator["Database"]:
    """The ledger.db of a workspace as it lies there, at one moment: no log is opened.

    It may be a copy from another host.

    Raises:
        WorkspaceError: there is no such file.
        DamagedFileError: it cannot be read, which may come up late, inside the block.
    """
    import sqlite3

    from ledger.store.database import Database

    file = folder_of(location).ledger_db
    if not file.is_file():
        raise WorkspaceError(f"there is no {file}: nothing was recorded in this workspace yet")
    try:
        _check_is_ledger(file)
        with closing(Database(file, durable=False)) as database:
            # Others may append meanwhile: one read transaction sees the file at one moment.
            database.reading().execute("BEGIN")
            yield database
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # even SQLite's messages may be damaged
        if getattr(error, "sqlite_errorname", "") in _CANNOT_OPEN:
            raise UnavailableError(f"{file} cannot be opened: {error}; check its folder and rights") from error
        raise DamagedFileError(f"{file} is damaged: {error}") from error


def _check_is_ledger(file: Path) -> None:
    import sqlite3

    # `Database` makes its tables where there are none, and a check must not change what it checks.
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            raise sqlite3.DatabaseError("it holds no ledger")


def _log_address(folder: WorkspaceFolder) -> str:
    return resolve(os.environ, folder.settings())["log"].value or SQLITE


def _open_logs(address: str, database: "Database") -> tuple["Log", "Log"]:
    from ledger.logs.sqlite import open_sqlite_log

    who = caller()
    if address == SQLITE:
        control, values = (
            open_sqlite_log(database, name, source=who.source, actor=who.actor, now=now) for name in (CONTROL, VALUES)
        )
        return control, values
    from ledger.logs.kafka.address import parse_address

    return _open_kafka(parse_address(address), database, who)


def _open_kafka(address: "KafkaAddress", database: "Database", who: "Caller") -> tuple["Log", "Log"]:
    try:
        from ledger.logs.kafka.opening import Writer
        from ledger.logs.kafka.thread import KafkaThread
    except ImportError as error:
        raise UnavailableError(f"{address} needs the Kafka client: pip install 'runledger[kafka]'") from error
    thread = KafkaThread(address, database, Writer(who.source, who.actor, now))
    return thread.control, thread.values
