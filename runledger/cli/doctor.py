"""`runledger doctor`: is everything well with the workspace and what it stands on?"""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb


@click.command(cls=Verb)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RUNLEDGER_DATA",
    metavar="DIR",
    help="the folder that a server serves; else the workspace, as for every command",
)
@click.option("--mail", metavar="ADDRESS", help="send a test mail there; else the relay is only logged in to")
@click.pass_context
@pass_session
def doctor(session: Session, context: click.Context, data: Path | None, mail: str | None) -> None:
    """Look at all that the workspace stands on; say what is not well, and what to do about it.

    Of a folder: Python, libraries, SQLite, disk, rights of files, the Kafka cluster and its topics, lag, clock, views,
    journals that wait, and the relay for mails. Of a URL: what a client can see. Nothing is changed. The exit code is 6
    if something fails; warnings alone leave it 0.
    """
    from runledger.doctor.examining import examine  # noqa: PLC0415 - help needs none of it

    session.hush()
    location = str(data) if data is not None and session.workspace is None else session.location()
    findings = [asdict(found) for found in examine(location, os.environ, mail=mail, mounts=session.mounts)]
    session.output.write(findings, _lines)
    if any(found["level"] == "fail" for found in findings):
        context.exit(ExitCode.CHECK_FAILED)


def _lines(findings: list[dict[str, Any]]) -> Iterator[str]:
    width = max(len(found["what"]) for found in findings)
    for found in findings:
        yield f"{found['level']:<4}  {found['what']:<{width}}  {found['text']}"
        if found["way_out"]:
            yield f"{'':<6}{'':<{width}}  -> {found['way_out']}"
