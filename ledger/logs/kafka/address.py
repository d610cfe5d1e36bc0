"""Where a ledger's topics are: `kafka://h1:9092,h2:9092/NAME`."""

import re
from dataclasses import dataclass, field

from ledger.errors import WorkspaceError
from ledger.logs.kafka.security import Security
from schemas.streams import LogName

_ADDRESS = re.compile(r"kafka://([^/\s]+)/([A-Za-z0-9][A-Za-z0-9_-]{0,99})")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Brokers and the name of the ledger, and how to be let in there."""

    servers: tuple[str, ...]
    name: str
    security: Security = field(default_factory=Security)

    def topic(self, log: LogName) -> str:
        """The topic of a log (design section 4)."""
        part = {"control": "events", "values": "values"}[log]
        return f"runledger.{self.name}.{part}.v1"

    def __str__(self) -> str:
        """The address without secrets."""
        return f"kafka://{self.bootstrap}/{self.name}"

    @property
    def bootstrap(self) -> str:
        """The brokers as Kafka's own commands name them."""
        return ",".join(self.servers)


def parse_address(text: str, security: Security | None = None) -> KafkaAddress:
    """Read an address, of brokers that let everybody in unless `security` says how.

    Raises:
        WorkspaceError: it is not of the form above.
    """
    if "@" in text:
        # It is not repeated: a password may stand in it.
        raise WorkspaceError(
            "a log address names no user; it is of the form kafka://HOST:PORT[,HOST:PORT...]/NAME, and the user is "
            "named by RUNLEDGER_KAFKA_USERNAME and RUNLEDGER_KAFKA_PASSWORD_FILE"
        )
    match = _ADDRESS.fullmatch(text)
    servers = match.group(1).split(",") if match else []
    if match is None or not all(_SERVER.fullmatch(server) for server in servers):
        raise WorkspaceError(f"log address {text!r} is not of the form kafka://HOST:PORT[,HOST:PORT...]/NAME")
    return KafkaAddress(tuple(servers), match.group(2), security or Security())
