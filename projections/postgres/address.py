"""Where a view in PostgreSQL is: an address, and the schema of one log in its database."""

from dataclasses import dataclass
from typing import Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from ledger.errors import WorkspaceError

SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Address:
    """A database as libpq names it, and the schema in which the tables of one log are.

    What the address does not say, libpq takes from its own places: PGPASSFILE, ~/.pgpass, PGSSLMODE and so on.
    """

    url: str
    schema: str

    @classmethod
    def of_log(cls, url: str, log_id: str) -> Self:
        """The place of a log's tables: several workspaces may share a database.

        Raises:
            WorkspaceError: it is no address; it is not quoted, for it may hold a password.
        """
        if _is_address(url):
            return cls(url, f"runledger_{log_id.replace('-', '')}")
        raise WorkspaceError(
            "RUNLEDGER_VIEWS is no address of a database: write postgresql://USER@HOST:PORT/DATABASE, with what stands "
            "for itself in it, such as / or @ in a password, as %2F and %40"
        )

    @property
    def name(self) -> str:
        """As people are told it: never with a password."""
        found = conninfo_to_dict(self.url)
        user = f"{found['user']}@" if "user" in found else ""
        port = f":{found['port']}" if "port" in found else ""
        return f"postgresql://{user}{found.get('host', 'localhost')}{port}/{found.get('dbname', '')}"


def _is_address(url: str) -> bool:
    try:
        found = conninfo_to_dict(url) if url.startswith(SCHEMES) else {}
    except ProgrammingError:
        return False
    # A password with a / or @ in it is taken for a port or a database.
    ports = str(found.get("port", "1")).replace(",", "")
    return bool(found) and ports.isdecimal() and "@" not in str(found.get("dbname", ""))
