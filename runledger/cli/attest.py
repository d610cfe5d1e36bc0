"""`runledger attest`: a signed statement of what the ledger holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.argument("file", type=_FILE, required=False)
@click.option(
    "--key", "key", type=_FILE, metavar="FILE", help="the private key; else RUNLEDGER_ATTEST_KEY_FILE, or one"
)
@click.option("--unsigned", is_flag=True, help="write the text alone, for a key that signs elsewhere")
@click.option("--new-key", type=_FILE, metavar="FILE", help="make a key pair, FILE and FILE.pub, and attest nothing")
@click.option("--name", metavar="NAME", help="whose key the new one is, as notes name it")
@pass_session
def attest(
    session: Session, file: Path | None, key: Path | None, *, unsigned: bool, new_key: Path | None, name: str | None
) -> None:
    """Write a signed note of what the ledger holds now: log, position, and the roots of Merkle trees.

    Keep FILE where whoever could change the ledger cannot change it. `runledger verify --against FILE`
    proves later that nothing before it was changed, removed or put in. Without FILE it goes to stdout.

    The workspace gets a key of its own when none is named: it shows no more than that the note was
    written here. A key that is kept elsewhere shows who wrote it.
    """
    from runledger import attesting  # noqa: PLC0415 - help needs none of it

    if new_key is not None:
        verifier = attesting.make_key(new_key, name or "runledger")
        session.output.write({"key": str(new_key), "public_key": str(verifier)}, lambda made: [made["public_key"]])
        return
    if file is not None and file.exists():
        raise click.UsageError(f"{file} is there already, and an attestation is never overwritten")
    location = session.location()
    signer = None if unsigned else attesting.signer_of(location, key)
    with Progress("attesting", "events") as progress:
        attested, text = attesting.attest(location, signer, progress.update)
    if file is None:
        click.echo(text, nl=False)
        return
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    result = {
        "file": str(file),
        "log_id": attested.log_id,
        "events": attested.size,
        "position": attested.position,
        "recorded_at": attested.recorded_at,
        "root": attested.root.hex(),
        "public_key": None if signer is None else str(signer.verifier()),
    }
    session.output.write(result, _lines)
    if signer is not None and key is None:
        note("Keep the file and the public key where nobody can change them who could change the ledger.")


def _lines(result: dict[str, Any]) -> Iterator[str]:
    yield f"{result['events']:,} events up to position {result['position']}, recorded at {result['recorded_at']}"
    yield f"root {result['root']}"
    if result["public_key"] is not None:
        yield f"public key {result['public_key']}"
    yield f"written to {result['file']}"
