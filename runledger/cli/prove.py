"""`runledger prove`: the history of one run, in a file that can be checked without the ledger."""

from pathlib import Path

import click

from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.argument("run")
@click.argument("file", type=_FILE)
@click.option("--attestation", type=_FILE, metavar="FILE", help="prove it as of this one; else one is made now")
@click.option("--key", type=_FILE, metavar="FILE", help="the key that signs the one made now, as of `runledger attest`")
@pass_session
def prove(session: Session, run: str, file: Path, attestation: Path | None, key: Path | None) -> None:
    """Write one run's history as a file that proves itself.

    It has every event of RUN, and its values up to the seal, with proofs that an attestation covers them.
    Whoever has FILE and the public key can check it without the ledger and without runledger: see
    examples/check_proof.py.
    """
    from runledger import attesting  # noqa: PLC0415 - help needs none of it

    if file.exists():
        raise click.UsageError(f"{file} is there already, and a proof is never overwritten")
    location = session.location()
    if attestation is not None:
        text = attesting.read_note(attestation)
    else:
        with Progress("attesting", "events") as progress:
            _, text = attesting.attest(location, attesting.signer_of(location, key), progress.update)
    lines = attesting.prove(location, run, text)
    # The first line is made before the file is: what cannot be proven leaves nothing behind.
    first = next(lines)
    draft = file.with_name(f"{file.name}.part")
    count = 1
    with draft.open("w", encoding="utf-8") as opened:
        opened.write(first)
        for line in lines:
            opened.write(line)
            count += 1
    draft.replace(file)
    session.output.write({"file": str(file), "run_id": run, "records": count - 1}, lambda made: [_said(made)])
    if attestation is None:
        note("The attestation in it was made now; an earlier one, kept elsewhere, proves more.")


def _said(made: dict[str, object]) -> str:
    return f"{made['records']} records of run {made['run_id']} in {made['file']}"
