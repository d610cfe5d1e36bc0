"""`runledger login`: store the token for a server, once the server has taken it."""

import os
import sys
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import click

from ledger.errors import RefusedError, WorkspaceError
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_SECONDS = 10.0
_OVERRIDING = ("RUNLEDGER_TOKEN", "RUNLEDGER_TOKEN_FILE")


class NoTokenError(RefusedError):
    """No token was given, or the server asks for none."""


@click.command(cls=Verb)
@click.argument("url")
@click.option("--token-stdin", is_flag=True, help="read the token from stdin; for scripts")
@pass_session
def login(session: Session, url: str, token_stdin: bool) -> None:
    """Store the token for a server, so that commands and scripts that name its URL send it."""
    from runledger.credentials import credentials_file, store_token, stored_tokens  # noqa: PLC0415
    from runledger.locating import is_url  # noqa: PLC0415

    if not is_url(url):
        raise WorkspaceError(f"{url} is no URL of a server; write http://HOST:PORT or https://HOST")
    # Before a person types anything: a file that cannot be used is named first.
    stored_tokens(os.environ)
    me = _checked(url, token := _ask(url, from_stdin=token_stdin))
    store_token(url, token, os.environ)
    session.output.write(
        {"url": url, "user": me["user"], "role": me["role"]},
        lambda it: [f"{it['url']} knows you as {it['user']}, {it['role']}."],
    )
    note(f"The token is stored in {credentials_file(os.environ)}; `runledger logout {url}` forgets it.")
    for name in _OVERRIDING:
        if os.environ.get(name):
            note(f"{name} is set and comes first.")


def _ask(url: str, *, from_stdin: bool) -> str:
    if not from_stdin and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: use --token-stdin.", click.get_current_context())
    if urlsplit(url).scheme == "http" and not _is_loopback(urlsplit(url).hostname or ""):
        note(f"{url} is not encrypted: who listens in between reads the token. Put a proxy with TLS before the server.")
    text = sys.stdin.readline() if from_stdin else click.prompt("Token", hide_input=True, err=True)
    token = str(text).strip()
    if not token or not token.isascii() or not token.isprintable():
        raise NoTokenError("that is no token; it looks like rl_..., and an admin gets one by `runledger token create`")
    return token


def _checked(url: str, token: str) -> dict[str, Any]:
    from ledger.remote.client import RemoteClient  # noqa: PLC0415

    with closing(RemoteClient(url, token, seconds=_SECONDS)) as client:
        return client.me()


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
