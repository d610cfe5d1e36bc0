"""`runledger experiment`: the names that runs share."""

import click

from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column

_as_of = click.option("--as-of", metavar="MOMENT", help="as it was: at a position, or at a time in ISO 8601 (UTC)")


@click.group(cls=Noun)
def experiment() -> None:
    """List and show the experiments."""


@experiment.command("list")
@_as_of
@pass_session
def list_experiments(session: Session, as_of: str | None) -> None:
    """List the experiments by name, with the number of their runs, as they are or as they were."""
    with session.client() as client:
        found = list(client.experiments(as_of))
    if not found:
        note("No experiments yet: the first run of one makes it." if as_of is None else "There were none then.")
    session.output.write(found, _COLUMNS)


@experiment.command()
@click.argument("name")
@_as_of
@pass_session
def show(session: Session, name: str, as_of: str | None) -> None:
    """Show one experiment, as it is or as it was: its tags, description, and how many runs have which status."""
    with session.client() as client:
        session.output.write(client.experiment(name, as_of))


_COLUMNS = (
    Column("EXPERIMENT", lambda item: item["name"], whole=True),
    Column("RUNS", lambda item: item["runs"], whole=True),
)
