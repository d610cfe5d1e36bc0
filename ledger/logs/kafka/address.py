"""Where a ledger's topics are: `kafka://h1:9092,h2:9092/NAME`."""

import re
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import WorkspaceError
from schemas.streams import LogName

_ADDRESS = re.compile(r"kafka://([^/\s]+)/([A-Za-z0-9][A-Za-z0-9_-]{0,99})")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Brokers and the name of the ledger; `security` is passed to the client as it is."""

    servers: tuple[str, ...]
    name: str
    security: dict[str, Any] = field(default_factory=dict)

    def topic(self, log: LogName) -> str:
        """The topic of a log (design section 4)."""
        part = {"control": "events", "values": "values"}[log]
        return f"runledger.{self.name}.{part}.v1"

    def __str__(self) -> str:
        """The address without secrets."""
        return f"kafka://{','.join(self.servers)}/{self.name}"


def parse_address(text: str) -> KafkaAddress:
    """Read an address.

    Raises:
        WorkspaceError: it is not of the form above.
    """
    match = _ADDRESS.fullmatch(text)
    servers = match.group(1).split(",") if match else []
    if match is None or not all(_SERVER.fullmatch(server) for server in servers):
        raise WorkspaceError(f"log address {text!r} is not of the form kafka://HOST:PORT[,HOST:PORT...]/NAME")
    return KafkaAddress(tuple(servers), match.group(2))
