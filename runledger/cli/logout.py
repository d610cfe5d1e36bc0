"""`runledger logout`: forget the token for a server."""

import os

import click

from ledger.errors import NotFoundError
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb


@click.command(cls=Verb)
@click.argument("url")
@pass_session
def logout(session: Session, url: str) -> None:
    """Forget the token for a server; it stays valid until it is revoked or expires."""
    from runledger.credentials import credentials_file, store_token  # noqa: PLC0415

    if not store_token(url, None, os.environ):
        raise NotFoundError(f"no token for {url} is stored in {credentials_file(os.environ)}")
    note("The token is forgotten here. It stays valid: `runledger token revoke` voids it.")
    session.output.write({"url": url}, lambda _: [])
