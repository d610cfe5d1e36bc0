"""`runledger verify`: was the stored history changed?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.option("--against", type=_FILE, metavar="FILE", help="an attestation of before: nothing up to it has changed")
@click.option("--public-key", metavar="KEY", help="who signed that, as text or a file; else the workspace's own key")
@click.pass_context
@pass_session
def verify(session: Session, context: click.Context, against: Path | None, public_key: str | None) -> None:
    """Check that the stored history was not changed: every hash is computed again.

    The exit code is 6 if a link is broken. Only ledger.db is read; no log needs to be reached.

    What no chain can show, that the end was cut off or that everything was computed anew, is
    found with `--against` an attestation that was kept elsewhere.
    """
    from runledger.attesting import read_note, verifiers_of  # noqa: PLC0415 - help needs none of it
    from runledger.verifying import verified  # noqa: PLC0415

    if public_key is not None and against is None:
        raise click.UsageError("--public-key says who signed an attestation: name that with --against")
    location = session.location()
    keys = [] if against is None else verifiers_of(location, public_key)
    with Progress("verifying", "events") as progress:
        result = verified(location, progress.update, None if against is None else read_note(against), keys)
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
    for seal in result["seals"]:
        yield f"broken: {seal['text']}"
    if (attested := result["attestation"]) is not None:
        signers = ", ".join(attested["signed_by"])
        yield f"attestation of position {attested['position']}, {attested['recorded_at']}, signed by {signers}"
        yield from (f"  {each}" for each in attested["differences"] or ["nothing up to there has changed"])
    if result["damage"] is not None:
        yield f"broken: {result['damage']}"
