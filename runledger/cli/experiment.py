"""`runledger experiment`: the names that runs share."""

import click

from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column


@click.group(cls=Noun)
def experiment() -> None:
    """List the experiments."""


@experiment.command("list")
@pass_session
def list_experiments(session: Session) -> None:
    """List the experiments by name, with the number of their runs."""
    with session.client() as client:
        found = list(client.experiments())
    if not found:
        note("No experiments yet: the first run of one makes it.")
    session.output.write(found, _COLUMNS)


_COLUMNS = (
    Column("EXPERIMENT", lambda item: item["name"], whole=True),
    Column("RUNS", lambda item: item["runs"], whole=True),
)
