"""All looks at one workspace, in the order in which one thing stands on another."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from ledger.workspace.folder import WorkspaceFolder, open_folder
from ledger.workspace.mounts import MOUNTS
from runledger.doctor.finding import Finding, fail, looked, ok
from runledger.doctor.folder import look_at_disk, look_at_files
from runledger.doctor.keys import look_at_keys
from runledger.doctor.machine import look_at_machine
from runledger.doctor.mail import look_at_mail
from runledger.doctor.records import look_at_journals, look_at_views, open_records
from runledger.doctor.server import look_at_server
from runledger.locating import folder_of, is_url
from runledger.settings import resolve
from runledger.wiring import SQLITE, kafka_address
from schemas.errors import LedgerError


def examine(
    location: str, environment: Mapping[str, str] = os.environ, *, mail: str | None = None, mounts: Path = MOUNTS
) -> Iterator[Finding]:
    """Look at the workspace of a path or URL; nothing is changed, and nothing is sent unless `mail` says to whom.

    No log is opened: topics that are not there are not made, and nobody is made to wait for a lock.
    """
    if is_url(location):
        yield from look_at_machine(kafka=False)
        yield from looked("server", lambda: look_at_server(location, environment))
        yield from looked("journals", lambda: look_at_journals(location, environment))
        return
    try:
        folder = open_folder(folder_of(location).path.parent, mounts=mounts)
        named = resolve(environment, folder.settings())["log"]
    except LedgerError as error:
        yield from look_at_machine(kafka=False)
        yield fail("workspace", str(error))
        return
    log = named.value or SQLITE
    yield from look_at_machine(kafka=log != SQLITE)
    yield ok("workspace", f"{folder.path}, whose log is {named.shown()}")
    yield from looked("disk", lambda: [look_at_disk(folder.path)])
    yield from looked("file rights", lambda: look_at_files(folder, environment))
    yield from _look_at_log(location, folder, log, environment)
    yield from looked("journals", lambda: look_at_journals(location, environment))
    yield from looked("mail", lambda: look_at_mail(environment, mail))


def _look_at_log(location: str, folder: WorkspaceFolder, log: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    with ExitStack() as opened:
        database, finding = open_records(location, opened)
        yield finding
        if log != SQLITE:
            from runledger.doctor.kafka import look_at_kafka  # noqa: PLC0415 - only where there is Kafka

            yield from looked("kafka", lambda: look_at_kafka(kafka_address(log, environment, folder), database))
        if database is not None:
            known = database
            yield from looked("keys", lambda: look_at_keys(known, folder, environment))
            yield from looked("views", lambda: look_at_views(folder, known, environment))
