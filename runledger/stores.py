"""Where the views of a workspace are: in its folder, or in PostgreSQL."""
# ruff: noqa: PLC0415 - only what is chosen is loaded

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ledger.errors import UnavailableError
from ledger.workspace.folder import WorkspaceFolder
from runledger.settings import resolve

if TYPE_CHECKING:
    from projections.postgres.address import Address
    from projections.view import View


def views_address(folder: WorkspaceFolder, environment: Mapping[str, str] = os.environ) -> str | None:
    """What the settings say: the address of a database, None for the folder."""
    return resolve(environment, folder.settings())["views"].value or None


def open_view(folder: WorkspaceFolder, address: str | None, log_id: str, *, replicated: bool) -> "View":
    """The views of a log; it is `replicated` where each server has its own copy of it, some further than others.

    Raises:
        UnavailableError: they cannot be reached, or the driver is not installed.
        WorkspaceError: they cannot be used.
    """
    if address is None:
        from projections.sqlite.view import SqliteView

        return SqliteView(folder.views_db)
    place = postgres_address(address, log_id)
    from projections.postgres.view import PostgresView

    return PostgresView(place, others_fill=replicated)


def postgres_address(address: str, log_id: str) -> "Address":
    """The place of a log's views in PostgreSQL.

    Raises:
        UnavailableError: the driver is not installed.
        WorkspaceError: the address is none.
    """
    try:
        from projections.postgres.address import Address
    except ImportError as error:
        raise UnavailableError(
            f"views in PostgreSQL need its driver: pip install 'runledger[postgres]' ({error})"
        ) from error
    return Address.of_log(address, log_id)
