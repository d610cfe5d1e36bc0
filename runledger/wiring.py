"""The composition root: the one place where the parts are joined.

Each part is loaded where it is joined: a process whose workspace is a URL loads no store.
"""
# ruff: noqa: PLC0415

import atexit
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.client import Client
from ledger.errors import UnavailableError, WorkspaceError
from ledger.sdk.origin import user_name
from ledger.workspace.folder import WorkspaceFolder, make_folder, open_folder, set_up_encryption
from ledger.workspace.mounts import MOUNTS
from runledger.credentials import token_of
from runledger.locating import folder_of, is_url
from runledger.settings import KAFKA, resolve
from runledger.stores import open_view, views_address
from schemas.streams import CONTROL, VALUES

if TYPE_CHECKING:
    from alerts.answers import AlertAnswers
    from alerts.evaluate.facts import Place
    from alerts.trial import MailTrial
    from ledger.application.handling import Caller, Ledger
    from ledger.application.saved_views import SavedViews
    from ledger.artifacts.content import Content
    from ledger.artifacts.files import Files
    from ledger.commands import SuppressRecipient
    from ledger.feed import Feed
    from ledger.inspecting import Inspection
    from ledger.liveness.standings import Standings
    from ledger.logs.kafka.address import KafkaAddress
    from ledger.logs.log import Log
    from ledger.queries import BounceDocument, Bounces
    from ledger.store.database import Database
    from ledger.users.directory import Users
    from projections.analytics.asking import ArrowTables
    from projections.answers import Answers
    from projections.metrics.queries import Metrics
    from projections.view import View
    from schemas.rules import RuleDefinition

SQLITE = "sqlite"
URLS = ("http://", "https://")


def now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


def caller() -> "Caller":
    """The operating system's user on this host: who acts in an embedded workspace."""
    from ledger.application.handling import Caller

    return Caller(actor=user_name(), source=f"//{platform.node() or 'localhost'}/runledger")


class Embedded:
    """The parts of a workspace that is opened here, for the client and for operators' commands.

    What only answers questions is made at the first one: who records and asks nothing, such as a
    training script or what is run after its end, loads no view and no rule.
    """

    def __init__(
        self,
        folder: WorkspaceFolder,
        log_address: str,
        opened: ExitStack,
        environment: Mapping[str, str],
        *,
        alone: bool,
    ) -> None:
        """Open ledger.db and the logs; all that is opened, now or later, is closed with `opened`."""
        from ledger.application.values import Values
        from ledger.embedded import EmbeddedClient
        from ledger.logs.measured import MeasuredLog
        from ledger.privacy.cipher import PLAIN
        from ledger.store.database import Database
        from runledger.encrypting import cipher_of, encrypt_where_said

        self.folder, self.log_address, self._opened = folder, log_address, opened
        self._views = None if alone else views_address(folder, environment)
        self._max_bytes, self._place = _max_bytes(folder, environment), _place_of_files(folder, environment)
        self.cipher = PLAIN if alone else cipher_of(folder, environment)
        self.database = Database(folder.ledger_db, durable=log_address == SQLITE, cipher=self.cipher)
        opened.callback(self.database.close)
        for each in (logs := _open_logs(log_address, self.database, folder, environment)):
            opened.callback(each.close)
        self.log, self.values_log = logs = MeasuredLog(logs[0]), MeasuredLog(logs[1])
        self.values = Values(self.values_log, self.log, self.database, now=now)
        self.ledger = self._ledger(alone=alone)
        encrypt_where_said(self, caller(), environment)
        self.client = EmbeddedClient(str(folder.path.parent), self.ledger, self.values, caller(), logs, self)

    def _ledger(self, *, alone: bool) -> "Ledger":
        from ledger.application.handling import Ledger
        from ledger.application.recorder import LedgerRecorder

        return Ledger(
            LedgerRecorder(self.log, self.database),
            now=now,
            seal=self.values.seal,
            check_rule=self._check_rule,
            has_runs=self._has_runs,
            # Alone, its files lie elsewhere, and whoever gives a command has seen to them.
            check_content=None if alone else self._check_content,
            server=platform.node(),
        )

    @cached_property
    def feed(self) -> "Feed":
        """The accepted events."""
        from ledger.feed import Feed

        return Feed(self.log.id, self.database)

    @cached_property
    def view(self) -> "View":
        """The tables of all views."""
        # Raises where the workspace was closed: nobody would close the view.
        self.database.reading()
        view = open_view(self.folder, self._views, self.log.id, replicated=self.log_address != SQLITE)
        self._opened.callback(view.close)
        return view

    @cached_property
    def queries(self) -> "Answers":
        """Who answers questions about runs, experiments and files."""
        from projections.answers import Answers

        metrics = self.metrics
        return Answers(
            self.feed, self.view, metrics.last_values, lambda run_id, as_of: metrics.summaries(run_id, as_of=as_of)
        )

    @cached_property
    def metrics(self) -> "Metrics":
        """Who answers questions about logged values."""
        from projections.metrics.queries import Metrics

        return Metrics(self.database, self.view)

    @cached_property
    def tables(self) -> "ArrowTables":
        """Who answers in columns."""
        from projections.analytics.asking import ArrowTables

        return ArrowTables(self.database)

    @cached_property
    def alerts(self) -> "AlertAnswers":
        """Who answers questions about rules and notifications."""
        from alerts.answers import AlertAnswers

        return AlertAnswers(self.feed, self.database, now=now)

    @cached_property
    def trial(self) -> "MailTrial":
        """Who shows the mail that a rule would make."""
        from alerts.templates.rendering import Renderer
        from alerts.trial import MailTrial

        return MailTrial(self.feed, Renderer(), place_of(self.folder, self.log_address))

    @cached_property
    def saved_views(self) -> "SavedViews":
        """Who knows the saved views."""
        from ledger.application.saved_views import SavedViews

        return SavedViews(self.feed)

    @cached_property
    def bounces(self) -> "Bounces":
        """Who judges mails that came back."""
        return _Bounces(self.folder, self.log.id, self.alerts)

    @cached_property
    def inspection(self) -> "Inspection":
        """Who tells what the logs hold."""
        from ledger.inspecting import Inspection

        return Inspection(self.log.id, self.database)

    @cached_property
    def users(self) -> "Users":
        """Who knows users and tokens."""
        from ledger.users.directory import Users

        return Users(self.feed, now=now)

    @cached_property
    def standings(self) -> "Standings":
        """Who knows where runs stand, from their streams alone."""
        from ledger.liveness.standings import Standings

        return Standings(self.database)

    @cached_property
    def files(self) -> "Files":
        """The files of runs."""
        from ledger.artifacts.address import open_place
        from ledger.artifacts.contents import Contents
        from ledger.artifacts.files import Files
        from ledger.targets.local.folder import RunFolder

        contents = Contents(open_place(self._place), self._max_bytes)
        return Files(contents, lambda run_id: RunFolder(self.folder.runs / run_id).log)

    def _has_runs(self, experiment: str) -> bool:
        return self.queries.has_runs(experiment)

    def _check_content(self, content: "Content") -> None:
        self.files.check(content)

    def _check_rule(self, definition: "RuleDefinition") -> None:
        # Rules are saved seldom, and templates take long to load.
        from alerts.saving import TemplateCheck
        from alerts.templates.rendering import Renderer
        from runledger.channels import check_channels

        check_channels(definition, self.folder)
        TemplateCheck(self.feed, Renderer(), place_of(self.folder, self.log_address))(definition)


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


def make_workspace(
    path: Path, *, log: str | None, adopt: bool = False, encrypt: bool = False, mounts: Path = MOUNTS
) -> WorkspaceFolder:
    """Make a workspace in a folder, with its log where the log is a file of its own.

    One that is there already stays as it is, but that its personal text is encrypted from now on, with `encrypt`.

    Raises:
        WorkspaceError: it cannot be made here, or is there with another log.
        UnavailableError: it is to be encrypted, and the library for that is missing.
    """
    chosen = log or resolve(os.environ, {})["log"].value or SQLITE
    if encrypt:
        from ledger.privacy.cipher import check_library

        check_library()
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
    if encrypt:
        set_up_encryption(folder)
    if _log_address(folder) == SQLITE:
        with embedded_workspace(str(path), mounts=mounts):
            pass
    return folder


@contextmanager
def embedded_workspace(location: str, *, mounts: Path = MOUNTS, alone: bool = False) -> Iterator[Embedded]:
    """Open a workspace folder with its log.

    One that is `alone` has everything in its folder, whatever the environment says.
    """
    folder = open_folder(folder_of(location).path.parent, mounts=mounts)
    address, environment = (SQLITE, {}) if alone else (_log_address(folder), os.environ)
    with ExitStack() as opened:
        yield Embedded(folder, address, opened, environment, alone=alone)


def _max_bytes(folder: WorkspaceFolder, environment: Mapping[str, str]) -> int:
    size = resolve(environment, folder.settings())["artifact bytes"].value or ""
    if not size.isdecimal():
        raise WorkspaceError(f"RUNLEDGER_ARTIFACT_BYTES must be a number of bytes, not {size!r}")
    return int(size)


def _place_of_files(folder: WorkspaceFolder, environment: Mapping[str, str]) -> str:
    place = resolve(environment, folder.settings())["artifacts"].value or str(folder.artifacts)
    # Processes of one workspace have different folders of their own.
    return place if "://" in place else str(folder.path.parent / Path(place).expanduser())


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


def _log_address(folder: WorkspaceFolder) -> str:
    return resolve(os.environ, folder.settings())["log"].value or SQLITE


def kafka_address(
    address: str, environment: Mapping[str, str], folder: WorkspaceFolder | None = None
) -> "KafkaAddress":
    """A log's address with what the settings say of being let in there, those of the workspace's folder too.

    Raises:
        WorkspaceError: it is none, or the settings cannot be used.
    """
    from ledger.logs.kafka.address import parse_address
    from ledger.logs.kafka.security import read_security

    if environment.get("RUNLEDGER_KAFKA_PASSWORD"):
        raise WorkspaceError(
            "RUNLEDGER_KAFKA_PASSWORD is not read, since other programs can see it; put the password into a file that "
            "only you can read, and name the file in RUNLEDGER_KAFKA_PASSWORD_FILE"
        )
    values = resolve(environment, folder.settings() if folder is not None else {})
    base = folder.path if folder is not None else Path()
    named = {name: values[f"kafka {name}"] for name in KAFKA}
    security = {name: str(each.file(base) or "") if "file" in name else each.value for name, each in named.items()}
    return parse_address(address, read_security(security))


def _open_logs(
    address: str, database: "Database", folder: WorkspaceFolder, environment: Mapping[str, str]
) -> tuple["Log", "Log"]:
    from ledger.logs.sqlite import open_sqlite_log

    who = caller()
    if address == SQLITE:
        control, values = (
            open_sqlite_log(database, name, source=who.source, actor=who.actor, now=now) for name in (CONTROL, VALUES)
        )
        return control, values
    return _open_kafka(kafka_address(address, environment, folder), database, who)


def _open_kafka(address: "KafkaAddress", database: "Database", who: "Caller") -> tuple["Log", "Log"]:
    try:
        from ledger.logs.kafka.opening import Writer
        from ledger.logs.kafka.thread import KafkaThread
    except ImportError as error:
        raise UnavailableError(f"{address} needs the Kafka client: pip install 'runledger[kafka]'") from error
    thread = KafkaThread(address, database, Writer(who.source, who.actor, now))
    return thread.control, thread.values
