"""`runledger verify`: was the stored history changed?"""

from collections.abc import Iterator
from typing import Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb


@click.command(cls=Verb)
@click.pass_context
@pass_session
def verify(session: Session, context: click.Context) -> None:
    """Check that the stored history was not changed: every hash is computed again.

    The exit code is 6 if a link is broken. Only ledger.db is read; no log needs to be reached.
    """
    from runledger.verifying import verified  # noqa: PLC0415 - help needs none of it

    with Progress("verifying", "events") as progress:
        result = verified(session.location(), progress.update)
    session.output.write(result, _lines)
    if not result["intact"]:
        context.exit(ExitCode.CHECK_FAILED)


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for log in result["logs"]:
        yield f"{log['log']} log {log['log_id']}"
        if log["intact"]:
            yield f"  {log['events']:,} events in {log['streams']:,} streams, {log['voids']:,} void records"
            yield f"  running hash {log['running_hash']}"
            yield "  chain intact"
        else:
            yield f"  {log['events']:,} events hold, then the first broken link:"
            yield f"  {log['broken']['text']}"
    if result["damage"] is not None:
        yield f"broken: {result['damage']}"
